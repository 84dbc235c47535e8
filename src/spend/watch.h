// Finds the unusual hours of a ledger: reads its sums, and rows where a reason needs them. Blocking; not for a reactor.
#pragma once

#include <cstdint>
#include <vector>

#include "catalog/price_book.h"
#include "spend/anomalies.h"
#include "store/store.h"

namespace sluice::spend {

// The work for one hour: what is beyond is left out, and said.
constexpr std::size_t most_series = 1'000;              // of a team, a provider and a model: 30 MB of hours
constexpr std::int64_t most_rows_of_an_hour = 200'000;  // about a second; busier hours are judged by their sums alone

struct Found {
  std::vector<Anomaly> anomalies;  // by hours
  std::int64_t series_left_out = 0;
  std::int64_t hours_not_explained = 0;  // they had too many rows, or those are no longer kept
};

// Of the hours from `from` to before `to`, since 1970 UTC; the ledger must be folded beyond them.
Result<Found> find_anomalies(store::Store& store, const catalog::PriceBook& book, std::int64_t from, std::int64_t to,
                             const Sensitivity& by);

}  // namespace sluice::spend
