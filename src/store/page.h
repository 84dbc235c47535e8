// Which part of a list is asked for: of what a scope sees, behind a place, and no more than so many. Keys, subjects,
// limits and administration keys are listed by when they were made and their ids, so that a place stays good whatever
// is made or removed meanwhile.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/crypto.h"
#include "store/grant.h"

namespace sluice::store {

constexpr std::size_t largest_page = 500;

struct Place {
  std::int64_t created_at_us = 0;
  std::string id;
};

struct PageRange {
  std::optional<Place> after;
  std::size_t count = largest_page;  // 1 to largest_page
  std::int64_t skip = 0;             // items behind `after` that are left out; each is read
};

template <class Item>
struct Page {
  std::vector<Item> items;
  std::optional<Place> next;  // behind the last item; empty: there is nothing behind it
};

// The rows that a page of `count` reads: one more than it gives tells whether there are others.
inline std::int64_t rows_to_read(const PageRange& range) {
  return static_cast<std::int64_t>(std::clamp<std::size_t>(range.count, 1, largest_page)) + 1;
}

// `read` is what was read in order, with the place of each.
template <class Item>
Page<Item> page_of(std::vector<std::pair<Place, std::optional<Item>>> read, const PageRange& range) {
  const auto count = static_cast<std::size_t>(rows_to_read(range) - 1);
  Page<Item> page;
  if (read.size() > count) {
    read.resize(count);
    page.next = read.back().first;
  }
  for (auto& [place, item] : read)
    if (item) page.items.push_back(*std::move(item));
  return page;
}

// Which virtual keys. Empty: whichever. All are ids.
struct KeyFilter {
  Scope scope;
  std::string id;
  std::string name;
  std::string team;
  std::string user;
  std::optional<crypto::Sha256> digest;
  bool with_revoked = true;
};

}  // namespace sluice::store
