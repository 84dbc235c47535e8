// Brings log records into the database, where they can be asked for. The rows, the sums by key and by hour, and the
// position up to which the log has been read change in one transaction: whatever dies in between, each record comes in
// exactly once.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "store/database.h"
#include "store/log_format.h"
#include "store/store.h"

namespace sluice::store {

// Rows per transaction: about 20 ms, so that other writers (keys create) need not wait long.
constexpr std::size_t fold_batch_rows = 5'000;
// Records per transaction that are only added up: as long.
constexpr std::size_t own_batch_records = 20'000;

// Folds the records of `log_directory` before `until`, in as many transactions as it takes. `instance`: whose log it
// is, where several processes with logs of their own share the database; else empty.
Result<FoldReport> fold(Database& database, const std::string& log_directory, std::string_view instance,
                        LogPosition until);
Result<LogPosition> folded_position(const Database& database, std::string_view instance);

// The same of the corrections' log, which is its own because not the serving process writes it. Adds to `report`.
Result<void> fold_corrections(Database& database, const std::string& log_directory, std::string_view instance,
                              FoldReport& report);
Result<LogPosition> corrections_position(const Database& database, std::string_view instance);

}  // namespace sluice::store
