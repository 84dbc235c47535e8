// Two periods of the ledger beside each other, in all and by group: what `sluice usage explain` and the
// administration's API tell. The arithmetic is difference.h's; here rows are read and sorted into groups.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/price_book.h"
#include "json/json.h"
#include "spend/difference.h"
#include "store/store.h"

namespace sluice::spend {

struct Period {
  std::int64_t from_us = 0;
  std::int64_t to_us = 0;  // before
};

struct Compared {
  std::string group;
  Costs before;
  Costs after;
  Difference difference;
};

struct Comparison {
  std::vector<Compared> groups;  // the largest difference first; none by "all"
  Compared total;
};

struct Asked {
  Period before;
  Period after;
  std::string by = "all";                     // "all", "key", "team", "model", "route", "tag"
  std::optional<store::KeyFilter> keys = {};  // of these only
  std::int64_t most_rows = 0;                 // of a period; 0: however many
};

// Reads every row of both periods. Errors: unavailable; invalid_request when rows of that time are not kept any more,
// or there are too many rows or groups.
Result<Comparison> compare(store::Store& store, const catalog::PriceBook& prices, const Asked& asked);

// The members that say it, into an object that is open.
void write(json::Writer& out, const Compared& one);

}  // namespace sluice::spend
