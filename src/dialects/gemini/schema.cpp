#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "dialects/gemini/message.h"
#include "dialects/gemini/parts.h"

namespace sluice::dialects::gemini {
namespace {

constexpr std::array<std::string_view, 7> types = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"};
constexpr std::array<std::string_view, 6> counts = {"minItems",  "maxItems",      "minLength",
                                                    "maxLength", "minProperties", "maxProperties"};

std::string type_of(json::Value schema) {
  const std::string_view type = schema["type"].string().value_or("");
  return std::ranges::find(types, type) != types.end() ? ascii_lowered(type) : std::string(type);
}

bool is_null_type(json::Value schema) { return type_of(schema) == "null"; }

void write_schema(json::Writer& writer, json::Value schema, bool closed);

void write_type(json::Writer& writer, json::Value schema, bool nullable) {
  const json::Value type = schema["type"];
  if (!type.is_string()) {  // JSON Schema's own list of types
    if (type.exists()) writer.key("type").raw(type.text());
    return;
  }
  const std::string name = type_of(schema);
  if (name == "TYPE_UNSPECIFIED") return;
  writer.key("type");
  if (nullable)
    writer.begin_array().string(name).string("null").end_array();
  else
    writer.string(name);
}

void write_enum(json::Writer& writer, json::Value values, bool nullable) {
  writer.key("enum").begin_array();
  for (const json::Value& each : values.elements()) writer.raw(each.text());
  if (nullable && std::ranges::none_of(values.elements(), &json::Value::is_null)) writer.null();
  writer.end_array();
}

// In the order that the schema asks for, and then the others in theirs.
void write_properties(json::Writer& writer, json::Value properties, json::Value ordering, bool closed) {
  const std::vector<std::pair<std::string_view, json::Value>> members = properties.members();
  std::vector<const std::pair<std::string_view, json::Value>*> in_order;
  if (ordering.size() > 0) {
    std::unordered_map<std::string_view, std::size_t> places;
    for (std::size_t i = 0; i < members.size(); ++i) places.emplace(members[i].first, i);
    for (const json::Value& each : ordering.elements())
      if (const auto place = places.extract(each.string().value_or("")); place)
        in_order.push_back(&members[place.mapped()]);
    for (const auto& member : members)
      if (places.contains(member.first)) in_order.push_back(&member);
  } else {
    for (const auto& member : members) in_order.push_back(&member);
  }
  writer.key("properties").begin_object();
  for (const auto* member : in_order) {
    writer.key(member->first);
    write_schema(writer, member->second, closed);
  }
  writer.end_object();
}

json::Value ordering_of(json::Value schema) {
  const json::Value ordering = schema["propertyOrdering"];
  return ordering.exists() ? ordering : schema["property_ordering"];
}

void write_count(json::Writer& writer, std::string_view name, json::Value value) {
  writer.key(name);
  std::int64_t number = 0;
  const std::string_view text = value.string().value_or("");
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!text.empty() && fault == std::errc() && end == text.data() + text.size())
    writer.integer(number);
  else
    writer.raw(value.text());
}

void write_schema(json::Writer& writer, json::Value schema, bool closed) {
  if (!schema.is_object()) {
    writer.raw(schema.text());  // true and false are schemas too
    return;
  }
  const bool nullable = schema["nullable"].boolean().value_or(false);
  writer.begin_object();
  for (const auto& [spelled, value] : schema.members()) {
    const std::string name = camel_case(spelled);
    if (name == "nullable" || name == "propertyOrdering") continue;  // the order of the properties says the latter
    if (name == "type") {
      write_type(writer, schema, nullable);
    } else if (name == "enum" && value.is_array()) {
      write_enum(writer, value, nullable);
    } else if (name == "properties" && value.is_object()) {
      write_properties(writer, value, ordering_of(schema), closed);
    } else if (name == "items") {
      writer.key(name);
      write_schema(writer, value, closed);
    } else if (name == "anyOf" && value.is_array()) {
      writer.key(name).begin_array();
      for (const json::Value& each : value.elements()) write_schema(writer, each, closed);
      if (nullable && std::ranges::none_of(value.elements(), is_null_type))
        writer.begin_object().member("type", "null").end_object();
      writer.end_array();
    } else if (name == "example") {
      writer.key("examples").begin_array().raw(value.text()).end_array();
    } else if (std::ranges::find(counts, name) != counts.end()) {
      write_count(writer, name, value);
    } else if (name == "format" && value.string() == "enum") {
      continue;  // says that there is an `enum`
    } else {
      writer.key(name.starts_with('$') ? std::string_view(spelled) : std::string_view(name)).raw(value.text());
    }
  }
  if (closed && type_of(schema) == "object" && schema["properties"].is_object() &&
      !schema["additionalProperties"].exists())
    writer.member("additionalProperties", false);
  writer.end_object();
}

}  // namespace

std::string json_schema(json::Value schema, bool closed) {
  std::string out;
  json::Writer writer(out);
  write_schema(writer, schema, closed);
  return out;
}

}  // namespace sluice::dialects::gemini
