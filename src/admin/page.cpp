#include "admin/page.h"

namespace sluice::admin {

Result<std::size_t> page_limit(const Input& query) {
  const std::int64_t limit = query.integer("limit").value_or(usual_page);
  if (limit < 1 || limit > static_cast<std::int64_t>(largest_page))
    return wrong_field("limit", "`limit` is not between 1 and " + std::to_string(largest_page),
                       "ask for less, and for the next page with `cursor`");
  return static_cast<std::size_t>(limit);
}

std::string write_cursor(const Place& place) { return std::to_string(place.first) + "." + place.second; }

Result<std::optional<Place>> read_cursor(const Input& query) {
  if (!query.has("cursor")) return std::nullopt;
  const std::string text = query.text("cursor");
  const std::size_t point = text.find('.');
  Place place;
  const char* end = text.data() + std::min(point, text.size());
  const auto [stopped, wrong] = std::from_chars(text.data(), end, place.first);
  if (point == std::string::npos || wrong != std::errc() || stopped != end)
    return wrong_field("cursor", "`cursor` is none that a page has given", "begin without one");
  place.second = text.substr(point + 1);
  return place;
}

}  // namespace sluice::admin
