#include "dialects/gemini/message.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

namespace sluice::dialects::gemini {

std::string snake_case(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z')
      out.append(1, '_').append(1, static_cast<char>(c - 'A' + 'a'));
    else
      out += c;
  }
  return out;
}

std::string camel_case(std::string_view name) {
  std::string out;
  bool upper = false;
  for (const char c : name) {
    if (c == '_' && !out.empty()) {
      upper = true;
      continue;
    }
    out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = false;
  }
  return out;
}

Result<Message> Message::of(json::Value object, std::string path) {
  TRY(const Fields fields, Fields::of(object, std::move(path)));
  return Message(fields, false);
}

Result<Message> Message::once(json::Value object, std::string path) {
  TRY(const Fields fields, Fields::once(object, std::move(path)));
  const auto members = object.members();
  const auto is_snake = [](const auto& member) { return member.first.contains('_'); };
  if (std::ranges::any_of(members, is_snake)) {
    std::unordered_set<std::string> names;
    for (const auto& [name, value] : members)
      if (!names.insert(camel_case(name)).second)
        return bad_field(fields.path(name), "it is there twice, in Google's two spellings", "send it once");
  }
  return Message(fields, true);
}

std::string Message::spelling(std::string_view name) const {
  if (fields_[name].exists()) return std::string(name);
  std::string snake = snake_case(name);
  return fields_[snake].exists() ? snake : std::string(name);
}

Result<std::optional<std::int64_t>> Message::integer(std::string_view name, std::int64_t min, std::int64_t max) const {
  const auto text = (*this)[name].string();
  if (!text) return fields_.integer(spelling(name), min, max);
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (fault != std::errc() || end != text->data() + text->size() || value < min || value > max)
    return bad_field(path(name), "an integer between " + std::to_string(min) + " and " + std::to_string(max) +
                                     " is expected, not '" + std::string(*text) + "'");
  return std::optional(value);
}

std::vector<json::Value> repeated(json::Value field) {
  if (field.is_object()) return {field};
  return field.elements();
}

Result<std::vector<json::Value>> Message::messages(std::string_view name) const {
  if ((*this)[name].is_object()) return repeated((*this)[name]);
  return array(name);
}

Result<std::vector<json::Value>> Message::required_messages(std::string_view name) const {
  if ((*this)[name].is_object()) return repeated((*this)[name]);
  return required_array(name);
}

Result<std::optional<Message>> Message::message(std::string_view name) const {
  const json::Value value = (*this)[name];
  if (!value.exists()) return std::nullopt;
  TRY(Message found, once_ ? once(value, path(name)) : of(value, path(name)));
  return std::optional(std::move(found));
}

std::vector<std::string> Message::others(std::initializer_list<std::string_view> known) const {
  std::vector<std::string> names;
  for (const std::string_view name : fields_.others({})) {
    std::string camel = camel_case(name);
    if (std::ranges::find(known, camel) == known.end()) names.push_back(std::move(camel));
  }
  return names;
}

}  // namespace sluice::dialects::gemini
