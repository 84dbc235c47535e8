#include "dialects/strict_schema.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "json/json.h"

namespace sluice::dialects {
namespace {

constexpr int deepest = 10;                     // levels of nesting that the API takes
constexpr std::size_t most_properties = 5'000;  // of all objects together
constexpr std::array<std::string_view, 21> keywords = {
    "$schema",         "$ref",       "$defs",      "definitions", "title",
    "description",     "type",       "properties", "required",    "additionalProperties",
    "items",           "anyOf",      "enum",       "const",       "pattern",
    "format",          "multipleOf", "minimum",    "maximum",     "exclusiveMinimum",
    "exclusiveMaximum"};
constexpr std::array<std::string_view, 2> counts = {"minItems", "maxItems"};
constexpr std::array<std::string_view, 9> formats = {"date-time", "time", "date", "duration", "email",
                                                     "hostname",  "ipv4", "ipv6", "uuid"};

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

class Check {
 public:
  bool is_root(json::Value schema) {
    return schema["type"].string() == "object" && !schema["anyOf"].exists() && is_strict(schema, 0);
  }

 private:
  bool is_strict(json::Value schema, int level) {
    if (!schema.is_object() || level > deepest) return false;
    for (const auto& [name, value] : schema.members())
      if (!is_one_of(keywords, name) && !is_one_of(counts, name)) return false;
    for (const char* shared : {"$defs", "definitions"})
      for (const auto& [name, part] : schema[shared].members())
        if (!is_strict(part, level)) return false;
    if (schema["$ref"].exists()) return schema["$ref"].string().value_or("").starts_with("#");
    if (const auto format = schema["format"].string(); format && !is_one_of(formats, *format)) return false;
    if (schema["anyOf"].exists()) return is_choice(schema["anyOf"], level);
    if (!schema["type"].exists()) return schema["enum"].is_array() || schema["const"].exists();
    if (has_type(schema, "array") && !is_strict(schema["items"], level + 1)) return false;
    return !has_type(schema, "object") || is_closed(schema, level);
  }

  bool is_choice(json::Value parts, int level) {
    return parts.size() > 0 &&
           std::ranges::all_of(parts.elements(), [&](const json::Value& part) { return is_strict(part, level); });
  }

  static bool has_type(json::Value schema, std::string_view name) {
    if (schema["type"].string() == name) return true;
    return std::ranges::any_of(schema["type"].elements(),
                               [&](const json::Value& each) { return each.string() == name; });
  }

  bool is_closed(json::Value schema, int level) {
    if (schema["additionalProperties"].boolean() != false) return false;
    const auto properties = schema["properties"].members();
    properties_ += properties.size();
    if (properties_ > most_properties) return false;
    std::vector<std::string_view> required;
    for (const json::Value& name : schema["required"].elements())
      if (const auto text = name.string()) required.push_back(*text);
    std::ranges::sort(required);
    return std::ranges::all_of(properties, [&](const auto& property) {
      return std::ranges::binary_search(required, std::string_view(property.first)) &&
             is_strict(property.second, level + 1);
    });
  }

  std::size_t properties_ = 0;
};

}  // namespace

bool is_strict_schema(std::string_view schema) {
  const auto parsed = json::Document::parse(schema);
  return parsed && Check().is_root(parsed->root());
}

}  // namespace sluice::dialects
