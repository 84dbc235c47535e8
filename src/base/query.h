// The query of a URL, as it stands there: percent-encoded, with names that may come again.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

namespace sluice {

struct QueryParameter {
  std::string_view text;   // the whole of it: name=value, a name alone, or nothing between two &
  std::string_view name;   // what stands before the first =
  std::string_view value;  // what stands behind it
};

// Takes the first parameter off `query`; nothing when none is left.
inline std::optional<QueryParameter> take_parameter(std::string_view& query) {
  if (query.empty()) return std::nullopt;
  const std::string_view text = query.substr(0, query.find('&'));
  query.remove_prefix(std::min(query.size(), text.size() + 1));
  const std::string_view name = text.substr(0, text.find('='));
  return QueryParameter{.text = text, .name = name, .value = text.substr(std::min(text.size(), name.size() + 1))};
}

// The first value under this name; empty when there is none.
inline std::string_view query_value(std::string_view query, std::string_view name) {
  while (const auto one = take_parameter(query))
    if (one->name == name) return one->value;
  return {};
}

}  // namespace sluice
