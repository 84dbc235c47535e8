#include "dialects/fields.h"

#include <algorithm>

namespace sluice::dialects {
namespace {

std::string_view type_name(json::Type type) {
  switch (type) {
    case json::Type::missing: return "nothing";
    case json::Type::null: return "null";
    case json::Type::boolean: return "a boolean";
    case json::Type::integer: return "an integer";
    case json::Type::number: return "a number";
    case json::Type::string: return "a string";
    case json::Type::array: return "an array";
    case json::Type::object: return "an object";
  }
  return "something else";
}

std::string shown(double value) {
  std::string out;
  json::Writer writer(out);
  if (value == static_cast<double>(static_cast<std::int64_t>(value)))
    writer.integer(static_cast<std::int64_t>(value));
  else
    writer.number(value);
  return out;
}

}  // namespace

std::string path_of(std::string_view parent, std::string_view member) {
  std::string path(parent);
  if (!path.empty()) path += '.';
  path += member;
  return path;
}

std::string path_of(std::string_view parent, std::size_t index) {
  std::string path(parent);
  path += '[';
  path += std::to_string(index);
  path += ']';
  return path;
}

std::unexpected<Error> bad_field(std::string path, std::string_view what, std::string hint) {
  Error error{.kind = ErrorKind::invalid_request, .hint = std::move(hint)};
  error.message = path.empty() ? std::string(what) : path + ": " + std::string(what);
  error.param = std::move(path);
  return std::unexpected(std::move(error));
}

std::unexpected<Error> beyond_limit(const char* limit, std::unexpected<Error> error) {
  error.error().code = limit;
  return error;
}

Result<Fields> Fields::of(json::Value object, std::string path) {
  if (!object.is_object())
    return bad_field(std::move(path), "an object is expected, not " + std::string(type_name(object.type())));
  return Fields(object, std::move(path));
}

Result<Fields> Fields::once(json::Value object, std::string path) {
  TRY(Fields fields, of(object, std::move(path)));
  if (const auto key = object.repeated_key()) return bad_field(fields.path(*key), "it is there twice", "send it once");
  return fields;
}

json::Value Fields::present(std::string_view name) const {
  const json::Value value = object_[name];
  return value.is_null() ? json::Value() : value;
}

std::unexpected<Error> Fields::wrong_type(std::string_view name, std::string_view expected) const {
  const json::Value value = present(name);
  if (!value.exists())
    return bad_field(path(name), "this field is required", "add it: " + std::string(expected) + " is expected");
  return bad_field(path(name), std::string(expected) + " is expected, not " + std::string(type_name(value.type())));
}

Result<std::optional<bool>> Fields::boolean(std::string_view name) const {
  const json::Value value = present(name);
  if (!value.exists()) return std::nullopt;
  if (const auto found = value.boolean()) return found;
  return wrong_type(name, "a boolean");
}

Result<std::optional<std::int64_t>> Fields::integer(std::string_view name, std::int64_t min, std::int64_t max) const {
  const json::Value value = present(name);
  if (!value.exists()) return std::nullopt;
  const auto found = value.integer();
  if (!found) return wrong_type(name, "an integer");
  if (*found < min || *found > max)
    return bad_field(path(name), "it must be between " + std::to_string(min) + " and " + std::to_string(max) +
                                     ", not " + std::to_string(*found));
  return found;
}

Result<std::optional<double>> Fields::number(std::string_view name, double min, double max) const {
  const json::Value value = present(name);
  if (!value.exists()) return std::nullopt;
  const auto found = value.number();
  if (!found) return wrong_type(name, "a number");
  if (*found < min || *found > max)
    return bad_field(path(name), "it must be between " + shown(min) + " and " + shown(max));
  return found;
}

Result<std::optional<std::string_view>> Fields::string(std::string_view name) const {
  const json::Value value = present(name);
  if (!value.exists()) return std::nullopt;
  if (const auto found = value.string()) return found;
  return wrong_type(name, "a string");
}

Result<std::string_view> Fields::required_string(std::string_view name) const {
  const auto found = present(name).string();
  if (!found) return wrong_type(name, "a string");
  if (found->empty()) return bad_field(path(name), "it must not be empty");
  return *found;
}

Result<std::vector<json::Value>> Fields::array(std::string_view name) const {
  const json::Value value = present(name);
  if (!value.exists()) return std::vector<json::Value>{};
  if (!value.is_array()) return wrong_type(name, "an array");
  return value.elements();
}

Result<std::vector<json::Value>> Fields::required_array(std::string_view name) const {
  const json::Value value = present(name);
  if (!value.is_array()) return wrong_type(name, "an array");
  std::vector<json::Value> elements = value.elements();
  if (elements.empty()) return bad_field(path(name), "it must have at least one element");
  return elements;
}

Result<void> Fields::required_objects(std::string_view name) const {
  TRY(const std::vector<json::Value> elements, required_array(name));
  for (std::size_t i = 0; i < elements.size(); ++i)
    if (!elements[i].is_object()) return bad_field(path(name) + "[" + std::to_string(i) + "]", "it must be an object");
  return {};
}

Result<std::string> Fields::object_text(std::string_view name) const {
  const json::Value value = present(name);
  if (!value.exists()) return std::string();
  if (!value.is_object()) return wrong_type(name, "an object");
  return value.text();
}

std::vector<std::pair<std::string_view, json::Value>> Fields::other_members(
    std::initializer_list<std::string_view> known) const {
  std::vector<std::pair<std::string_view, json::Value>> found;
  for (const auto& [name, value] : object_.members())
    if (!value.is_null() && std::find(known.begin(), known.end(), name) == known.end()) found.emplace_back(name, value);
  return found;
}

std::vector<std::string_view> Fields::others(std::initializer_list<std::string_view> known) const {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : other_members(known)) names.push_back(name);
  return names;
}

}  // namespace sluice::dialects
