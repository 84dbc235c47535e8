#include "admin/fields.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "admin/problem.h"
#include "base/percent.h"
#include "base/query.h"
#include "base/utc.h"

namespace sluice::admin {
namespace {

std::string_view bare(std::string_view type) {
  if (type.ends_with('?')) type.remove_suffix(1);
  return type;
}

std::string words(std::string_view type) {
  if (type == "usd") return "an amount of USD as a text, such as \"12.50\"";
  if (type == "time") return "a time such as \"2026-04-01T12:00:00Z\"";
  if (type == "integer") return "a whole number";
  if (type == "boolean") return "true or false";
  if (type == "[string]") return "a list of texts";
  if (type.starts_with('=')) {
    std::string list(type.substr(1));
    for (std::size_t at = 0; (at = list.find('|', at)) != std::string::npos; at += 2) list.replace(at, 1, ", ");
    return "one of " + list;
  }
  return "a text of at most " + std::to_string(most_string_bytes) + " bytes";
}

std::unexpected<Error> wrong_type(const Field& field) {
  return wrong_field(field.name, "`" + std::string(field.name) + "` is not " + words(bare(field.type)),
                     "give " + words(bare(field.type)) + ", or leave it out");
}

bool is_word_of(std::string_view type, std::string_view word) {
  type.remove_prefix(1);
  while (!type.empty()) {
    const std::string_view one = type.substr(0, type.find('|'));
    if (one == word) return true;
    type.remove_prefix(std::min(type.size(), one.size() + 1));
  }
  return false;
}

// Texts of all the types that are written as texts.
bool fits(std::string_view type, std::string_view text) {
  if (type == "text") return true;
  if (text.size() > most_string_bytes) return false;
  if (type == "usd") return Money::parse_usd(text).has_value();
  if (type == "time") return parse_time(text).has_value();
  if (type.starts_with('=')) return is_word_of(type, text);
  return type == "string";
}

std::unexpected<Error> unknown(std::string_view name, std::span<const Field> fields) {
  std::string known;
  for (const Field& field : fields) known += (known.empty() ? "" : ", ") + std::string(field.name);
  return wrong_field(name, "`" + std::string(name.substr(0, most_string_bytes)) + "` is not known here",
                     known.empty() ? "there is nothing to be given" : "there are: " + known);
}

Result<void> find_missing(std::span<const Field> fields, const Input& input) {
  for (const Field& field : fields)
    if (field.required && !input.has(field.name))
      return wrong_field(field.name, "`" + std::string(field.name) + "` is missing", "give " + words(bare(field.type)));
  return {};
}

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (wrong != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string Input::text(std::string_view name) const {
  const auto found = values_.find(name);
  const std::string* text = found == values_.end() ? nullptr : std::get_if<std::string>(&found->second);
  return text ? *text : std::string();
}

std::optional<std::int64_t> Input::integer(std::string_view name) const {
  const auto found = values_.find(name);
  const std::int64_t* number = found == values_.end() ? nullptr : std::get_if<std::int64_t>(&found->second);
  return number ? std::optional(*number) : std::nullopt;
}

std::optional<bool> Input::flag(std::string_view name) const {
  const auto found = values_.find(name);
  const bool* flag = found == values_.end() ? nullptr : std::get_if<bool>(&found->second);
  return flag ? std::optional(*flag) : std::nullopt;
}

std::vector<std::string> Input::list(std::string_view name) const {
  const auto found = values_.find(name);
  const auto* list = found == values_.end() ? nullptr : std::get_if<std::vector<std::string>>(&found->second);
  return list ? *list : std::vector<std::string>();
}

std::optional<Money> Input::money(std::string_view name) const {
  return has(name) ? Money::parse_usd(text(name)) : std::nullopt;
}

std::optional<std::int64_t> Input::time_us(std::string_view name) const {
  return has(name) ? parse_time(text(name)) : std::nullopt;
}

Result<Input> read_body(std::string_view body, std::span<const Field> fields) {
  Input input;
  if (!body.empty()) {
    TRY(const json::Document document, json::Document::parse(body));
    const json::Value root = document.root();
    if (!root.is_object())
      return fail(ErrorKind::invalid_request, "the body is not a JSON object", "send {\"name\": ...}");
    std::vector<std::string_view> seen;
    for (const auto& [name, value] : root.members()) {
      const auto field = std::ranges::find(fields, name, [](const Field& one) { return std::string_view(one.name); });
      if (field == fields.end()) return unknown(name, fields);
      if (std::ranges::find(seen, name) != seen.end())
        return wrong_field(name, "`" + std::string(name) + "` stands there twice", "leave one of them out");
      seen.push_back(name);
      if (value.is_null()) {
        input.nulls_.emplace(name);
        continue;
      }
      const std::string_view type = bare(field->type);
      if (type == "integer") {
        const auto number = value.integer();
        if (!number) return wrong_type(*field);
        input.values_[field->name] = *number;
      } else if (type == "boolean") {
        const auto flag = value.boolean();
        if (!flag) return wrong_type(*field);
        input.values_[field->name] = *flag;
      } else if (type == "[string]") {
        std::vector<std::string> list;
        if (!value.is_array() || value.size() > most_list_items) return wrong_type(*field);
        for (const json::Value& one : value.elements()) {
          const auto text = one.string();
          if (!text || text->size() > most_string_bytes) return wrong_type(*field);
          list.emplace_back(*text);
        }
        input.values_[field->name] = std::move(list);
      } else {
        const auto text = value.string();
        if (!text || !fits(type, *text)) return wrong_type(*field);
        input.values_[field->name] = std::string(*text);
      }
    }
  }
  CHECK_OK(find_missing(fields, input));
  return input;
}

Result<Input> read_query(std::string_view query, std::span<const Field> fields) {
  Input input;
  while (const auto one = take_parameter(query)) {
    if (one->text.empty()) continue;
    const auto name = percent_decoded(one->name, true);
    const auto text = percent_decoded(one->value, true);
    if (!name || !text)
      return fail(ErrorKind::invalid_request, "a % in the query is not followed by two hexadecimal digits",
                  "write %25 for a %");
    const auto field =
        std::ranges::find(fields, *name, [](const Field& known) { return std::string_view(known.name); });
    if (field == fields.end()) return unknown(*name, fields);
    if (input.has(*name)) return wrong_field(*name, "`" + *name + "` stands there twice", "leave one of them out");
    const std::string_view type = bare(field->type);
    if (type == "integer") {
      const auto number = whole(*text);
      if (!number) return wrong_type(*field);
      input.values_[field->name] = *number;
    } else if (type == "boolean") {
      if (*text != "true" && *text != "false") return wrong_type(*field);
      input.values_[field->name] = *text == "true";
    } else if (!fits(type, *text)) {
      return wrong_type(*field);
    } else {
      input.values_[field->name] = *text;
    }
  }
  CHECK_OK(find_missing(fields, input));
  return input;
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  constexpr std::string_view pattern = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != pattern.size() && text.size() != std::string_view("dddd-dd-dd").size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (pattern[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != pattern[i]) return std::nullopt;
  const auto number = [&](std::size_t from, std::size_t digits) {
    return static_cast<int>(whole(text.substr(from, digits)).value_or(0));
  };
  const std::chrono::year_month_day date(std::chrono::year(number(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2))));
  if (!date.ok() || number(0, 4) < 1970) return std::nullopt;
  auto at = std::chrono::sys_seconds(std::chrono::sys_days(date));
  if (text.size() == pattern.size()) {
    const int hour = number(11, 2);
    const int minute = number(14, 2);
    const int second = number(17, 2);
    if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
    at += std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
  }
  return std::chrono::microseconds(at.time_since_epoch()).count();
}

void write_text(json::Writer& out, std::string_view name, std::string_view value) {
  out.key(name);
  value.empty() ? out.null() : out.string(value);
}

void write_time(json::Writer& out, std::string_view name, const std::optional<std::int64_t>& at_us) {
  out.key(name);
  at_us ? out.string(utc_text(*at_us)) : out.null();
}

void write_number(json::Writer& out, std::string_view name, const std::optional<std::int64_t>& value) {
  out.key(name);
  value ? out.integer(*value) : out.null();
}

}  // namespace sluice::admin
