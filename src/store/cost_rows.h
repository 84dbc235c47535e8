// The ledger's rows of a time, one after the other, with what their costs are made of: for whoever adds up what the
// sums by the hour do not tell apart (units, tiers, routes).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/result.h"
#include "store/database.h"
#include "store/ledger_entry.h"
#include "store/page.h"

namespace sluice::store {

// As usage sees time: rows that ended in it, and corrections of rows that began in it. Of one model only, if one is
// named.
struct CostRange {
  std::int64_t from_us = 0;
  std::int64_t to_us = 0;  // before
  std::optional<ProviderId> provider;
  std::optional<ModelName> model;
  std::int64_t most = 0;          // rows; 0 = all
  std::optional<KeyFilter> keys;  // of these only
};

// Of the entry there are: times, key, requested model, provider, model, outcome, attempt, usage, cost, correction,
// tags. Reads in batches, so that the database's writers are not held up for long. Returns how many it gave. Errors:
// `take`'s, and unavailable.
using TakeCost = std::function<Result<void>(const LedgerEntry&)>;
Result<std::int64_t> each_cost(const Database& database, const CostRange& range, const TakeCost& take);

}  // namespace sluice::store
