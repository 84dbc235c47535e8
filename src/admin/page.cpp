#include "admin/page.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace sluice::admin {

Result<std::size_t> page_limit(const Input& query) {
  const std::int64_t limit = query.integer("limit").value_or(usual_page);
  if (limit < 1 || limit > static_cast<std::int64_t>(store::largest_page))
    return wrong_field("limit", "`limit` is not between 1 and " + std::to_string(store::largest_page),
                       "ask for less, and for the next page with `cursor`");
  return static_cast<std::size_t>(limit);
}

std::string write_cursor(const store::Place& place) { return std::to_string(place.created_at_us) + "." + place.id; }

Result<store::PageRange> page_range(const Input& query) {
  store::PageRange range;
  TRY(range.count, page_limit(query));
  if (!query.has("cursor")) return range;
  const std::string text = query.text("cursor");
  const std::size_t point = text.find('.');
  store::Place place;
  const char* end = text.data() + std::min(point, text.size());
  const auto [stopped, wrong] = std::from_chars(text.data(), end, place.created_at_us);
  if (point == std::string::npos || wrong != std::errc() || stopped != end)
    return wrong_field("cursor", "`cursor` is none that a page has given", "begin without one");
  place.id = text.substr(point + 1);
  range.after = std::move(place);
  return range;
}

}  // namespace sluice::admin
