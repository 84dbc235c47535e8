// write_page of route.h.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "admin/problem.h"
#include "admin/route.h"

namespace sluice::admin {

using Place = std::pair<std::int64_t, std::string>;  // time of creation, id

Result<std::optional<Place>> read_cursor(const Input& query);
std::string write_cursor(const Place& place);

template <class Item, class PlaceOf, class Write>
Result<std::string> write_page(const Input& query, std::vector<Item> items, const PlaceOf& place_of,
                               const Write& write) {
  TRY(const std::size_t limit, page_limit(query));
  TRY(const std::optional<Place> after, read_cursor(query));
  std::ranges::sort(items, {}, place_of);
  if (after) std::erase_if(items, [&](const Item& item) { return place_of(item) <= *after; });
  std::string text;
  json::Writer out(text);
  out.begin_object().key("data").begin_array();
  const std::size_t count = std::min(limit, items.size());
  for (std::size_t i = 0; i < count; ++i) write(out, items[i]);
  out.end_array();
  write_text(out, "next", count < items.size() ? write_cursor(place_of(items[count - 1])) : std::string());
  out.end_object();
  return text;
}

}  // namespace sluice::admin
