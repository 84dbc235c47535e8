// What of the ledger is no longer kept: rows beyond a number of days, and the log's segments that held them. The sums
// by the hour and the day stay for ever, so usage and budgets know what was spent. Nothing goes that has not been
// folded, and no row that a budget's window may still ask for. The audit log is not touched.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "store/database.h"
#include "store/log_format.h"

namespace sluice::store {

// From when on all rows are there, since 1970 UTC, the beginning of a day; 0: none was dropped.
Result<std::int64_t> rows_since(const Database& database);

// Works for about `most`, so that folding goes on in between; call it again and again. `folded`: the position up to
// which the database has the log. Errors: unavailable; what was dropped before it stays dropped.
struct Dropped {
  std::int64_t rows = 0;
  std::int64_t segments = 0;
};
Result<Dropped> drop_old(Database& database, const std::string& log_directory, LogPosition folded,
                         std::int64_t keep_days, std::int64_t now_us, std::chrono::milliseconds most);

}  // namespace sluice::store
