#include "yaml/fields.h"

#include <algorithm>
#include <charconv>

namespace sluice::yaml {

void Report::error(const Node& node, std::string message, std::string help) const {
  diagnostics.add({.source = source,
                   .place = node.place,
                   .length = node.length,
                   .message = std::move(message),
                   .help = std::move(help)});
}
void Report::error_at_key(const Member& member, std::string message, std::string help) const {
  diagnostics.add({.source = source,
                   .place = member.key_place,
                   .length = member.key_length,
                   .message = std::move(message),
                   .help = std::move(help)});
}
void Report::warning_at_key(const Member& member, std::string message, std::string help) const {
  diagnostics.add({.severity = Severity::warning,
                   .source = source,
                   .place = member.key_place,
                   .length = member.key_length,
                   .message = std::move(message),
                   .help = std::move(help)});
}
void Report::warning(const Node& node, std::string message, std::string help) const {
  diagnostics.add({.severity = Severity::warning,
                   .source = source,
                   .place = node.place,
                   .length = node.length,
                   .message = std::move(message),
                   .help = std::move(help)});
}

std::optional<std::int64_t> to_integer(const Node& node) {
  if (!node.is_scalar() || node.quoted) return std::nullopt;
  std::string digits = node.text;
  std::erase(digits, '_');
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

Fields::Fields(const Node& node, std::string what, const Report& report)
    : node_(node), what_(std::move(what)), report_(report) {
  if (!node.is_map() && !node.is_null())
    report.error(node, what_ + " must be a map, not " + describe(node), "write `{}` or `name: value` lines");
}

const Member* Fields::take(std::string_view name) {
  known_.emplace_back(name);
  return node_.find(name);
}

std::optional<std::string> Fields::text(std::string_view name) {
  const Member* member = take(name);
  if (!member || member->value.is_null()) return std::nullopt;
  if (member->value.is_scalar()) return member->value.text;
  report_.error(member->value, "`" + member->key + "` must be a text, not " + describe(member->value));
  return std::nullopt;
}

std::optional<std::int64_t> Fields::integer(std::string_view name, std::int64_t least, std::int64_t most) {
  const Member* member = take(name);
  if (!member || member->value.is_null()) return std::nullopt;
  const auto value = to_integer(member->value);
  if (value && *value >= least && *value <= most) return value;
  report_.error(member->value, "`" + member->key + "` must be a whole number from " + std::to_string(least) + " to " +
                                   std::to_string(most) + ", not " + describe(member->value));
  return std::nullopt;
}

std::optional<bool> Fields::boolean(std::string_view name) {
  const Member* member = take(name);
  if (!member || member->value.is_null()) return std::nullopt;
  if (member->value.is_scalar() && !member->value.quoted &&
      (member->value.text == "true" || member->value.text == "false"))
    return member->value.text == "true";
  report_.error(member->value, "`" + member->key + "` must be true or false, not " + describe(member->value));
  return std::nullopt;
}

std::vector<std::string> Fields::texts(std::string_view name) {
  const Member* member = take(name);
  std::vector<std::string> all;
  if (!member || member->value.is_null()) return all;
  if (member->value.is_scalar()) return {member->value.text};
  if (!member->value.is_list()) {
    report_.error(member->value, "`" + member->key + "` must be a list, not " + describe(member->value));
    return all;
  }
  for (const Node& item : member->value.items) {
    if (item.is_scalar())
      all.push_back(item.text);
    else
      report_.error(item, "an entry of `" + member->key + "` must be a text, not " + describe(item));
  }
  return all;
}

std::string Fields::required_text(std::string_view name) {
  const Member* member = node_.find(name);
  auto value = text(name);
  if (!value && !member && node_.is_map())
    report_.error(node_, what_ + " has no `" + std::string(name) + "`", "add `" + std::string(name) + ": ...`");
  return value.value_or("");
}

void Fields::refuse_others() {
  for (const Member& member : node_.members) {
    if (std::ranges::find(known_, member.key) != known_.end()) continue;
    std::string help;
    if (const std::string near = nearest(member.key, known_); !near.empty()) {
      help = "did you mean `" + near + "`?";
    } else {
      help = "known are ";
      for (std::size_t i = 0; i < known_.size(); ++i) help += (i ? ", `" : "`") + known_[i] + "`";
    }
    report_.error_at_key(member, "unknown key `" + member.key + "` in " + what_, std::move(help));
  }
}

}  // namespace sluice::yaml
