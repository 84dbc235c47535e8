// The questions of usage_report.h, put to the database.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/usage_report.h"

namespace sluice::store {

// About 10 MB of entries: what a terminal or a page can want.
constexpr std::size_t max_entries_per_query = 10'000;

Result<UsageReport> usage(const Database& database, const UsageQuery& query);
Result<std::vector<LoggedEntry>> last_entries(const Database& database, std::size_t count);
Result<std::vector<LoggedEntry>> entries_in(const Database& database, const EntryRange& range, std::size_t count);

Result<std::vector<PricedRow>> priced_rows(const Database& database, std::int64_t since_us, std::int64_t until_us,
                                           std::int64_t after, std::size_t count);

}  // namespace sluice::store
