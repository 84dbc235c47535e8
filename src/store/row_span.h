// Among which rows of the ledger those of a time are, from the fold's own notes by the hour. Rows come in by when they
// end, so these are about the rows of the time itself, however long the ledger is; a clock that jumps, and a process
// that brings its rows in late, make them more.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "base/result.h"
#include "store/database.h"

namespace sluice::store {

// From the first to the last; no row has the number 0.
struct RowSpan {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

// Times in microseconds since 1970 UTC, each at or after the first and before the second.
// What began in it, attempts and corrections alike. Without a time: all rows.
Result<RowSpan> rows_started_in(const Database& database, std::optional<std::int64_t> since_us,
                                std::optional<std::int64_t> until_us);
// The attempts that ended in it; no corrections, which count where they belong.
Result<RowSpan> rows_ended_in(const Database& database, std::int64_t from_us, std::int64_t to_us);

}  // namespace sluice::store
