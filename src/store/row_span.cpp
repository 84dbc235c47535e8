#include "store/row_span.h"

#include <string>

#include "store/window.h"

namespace sluice::store {
namespace {

// The table's name is a constant of ours.
Result<RowSpan> rows_of_hours(const Database& database, const std::string& table, std::int64_t first_hour,
                              std::int64_t last_hour) {
  TRY(Statement select, database.prepare("SELECT coalesce(min(first_row), 0), coalesce(max(last_row), 0) FROM " +
                                         table + " WHERE hour >= ? AND hour <= ?"));
  TRY(const bool row, select.bind(first_hour).bind(last_hour).step());
  return row ? RowSpan{select.integer(0), select.integer(1)} : RowSpan{};
}

}  // namespace

Result<RowSpan> rows_started_in(const Database& database, std::optional<std::int64_t> since_us,
                                std::optional<std::int64_t> until_us) {
  constexpr std::int64_t ever = std::numeric_limits<std::int64_t>::max();
  if (!since_us && !until_us) return RowSpan{0, ever};
  return rows_of_hours(database, "ledger_hours", since_us.value_or(0) / us_per_hour,
                       until_us.value_or(ever) / us_per_hour);
}

Result<RowSpan> rows_ended_in(const Database& database, std::int64_t from_us, std::int64_t to_us) {
  if (from_us >= to_us) return RowSpan{};
  return rows_of_hours(database, "ledger_end_hours", from_us / us_per_hour, (to_us - 1) / us_per_hour);
}

}  // namespace sluice::store
