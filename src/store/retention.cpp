#include "store/retention.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <vector>

#include "store/file_error.h"
#include "store/limits.h"
#include "store/log_segment.h"
#include "store/row_span.h"
#include "store/window.h"

namespace sluice::store {
namespace {

constexpr std::int64_t us_per_day = 24 * us_per_hour;
constexpr std::int64_t batch_rows = 2'000;  // some milliseconds of a write lock
// A correction is at the time at which its row began, and goes behind every row that may have begun then: no request
// lasts longer than a day.
constexpr std::int64_t corrections_behind_us = 2 * us_per_day;

// The beginning of the day before which nothing is needed any more.
Result<std::int64_t> cutoff(const Database& database, std::int64_t keep_days, std::int64_t now_us) {
  std::int64_t before = now_us - keep_days * us_per_day;
  TRY(const std::vector<LimitLine> limits, list_limits(database));
  for (const LimitLine& limit : limits) {
    if (limit.unit != LimitUnit::money || limit.window.kind == Window::Kind::total) continue;  // sums are enough
    WindowClock clock(limit.window);
    before = std::min(before, clock.first(now_us));
  }
  return std::max<std::int64_t>(before / us_per_day * us_per_day, 0);
}

Result<std::vector<std::int64_t>> numbers(Statement& select) {
  std::vector<std::int64_t> all;
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return all;
    all.push_back(select.integer(0));
  }
}

// Says that rows are gone before the first goes: who reads in between must not take what is left for all.
Result<std::int64_t> drop_rows(Database& database, std::int64_t before_us) {
  TRY(Transaction transaction, Transaction::begin(database, Writing::ledger));
  TRY(const std::int64_t since, rows_since(database));
  if (since < before_us) {
    TRY(Statement mark, database.prepare("INSERT INTO state (name, value) VALUES ('rows_since_us', ?1) "
                                         "ON CONFLICT (name) DO UPDATE SET value = excluded.value"));
    CHECK_OK(mark.bind(before_us).run());
  }
  // The newest row stays, whatever its age: the next one's number is above it.
  TRY(const RowSpan among, rows_ended_in(database, std::numeric_limits<std::int64_t>::min(), before_us));
  TRY(Statement rows, database.prepare("SELECT row FROM ledger_rows WHERE row <= ?1 AND end_us < ?2 AND correction = 0 "
                                       "AND row < (SELECT max(row) FROM ledger_rows) ORDER BY row LIMIT ?3"));
  TRY(std::vector<std::int64_t> old, numbers(rows.bind(among.last).bind(before_us).bind(batch_rows)));
  TRY(Statement corrections, database.prepare("SELECT row FROM ledger_rows WHERE correction > 0 AND start_us < ?1 "
                                              "AND row < (SELECT max(row) FROM ledger_rows) LIMIT ?2"));
  TRY(const std::vector<std::int64_t> old_corrections,
      numbers(corrections.bind(before_us - corrections_behind_us).bind(batch_rows)));
  old.insert(old.end(), old_corrections.begin(), old_corrections.end());
  TRY(Statement remove, database.prepare("DELETE FROM ledger_rows WHERE row = ?"));
  for (const std::int64_t row : old) CHECK_OK(remove.bind(row).queue());
  if (old.empty()) {
    for (const char* sql : {"DELETE FROM ledger_hours WHERE last_row < (SELECT min(row) FROM ledger_rows)",
                            "DELETE FROM ledger_end_hours WHERE last_row < (SELECT min(row) FROM ledger_rows)",
                            "DELETE FROM ledger_kinds WHERE last_row < (SELECT min(row) FROM ledger_rows)",
                            "DELETE FROM ledger_words WHERE last_row < (SELECT min(row) FROM ledger_rows)",
                            "DELETE FROM correction_batches WHERE last_row < (SELECT min(row) FROM ledger_rows)"}) {
      TRY(Statement behind, database.prepare(sql));
      CHECK_OK(behind.run());
    }
  }
  CHECK_OK(transaction.commit());
  return static_cast<std::int64_t>(old.size());
}

// Whole ones, the oldest first, of which the last byte was written before that time. Never the one that is written.
Result<std::int64_t> drop_segments(const std::string& directory, LogPosition folded, std::int64_t before_us) {
  TRY(const std::vector<SegmentFile> segments, list_segments(directory));
  std::int64_t dropped = 0;
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    if (segments[i + 1].base > folded) break;
    struct stat status = {};
    if (::stat(segments[i].path.c_str(), &status) != 0) return file_error("look at", segments[i].path, errno);
    const std::int64_t written_us = std::int64_t{status.st_mtim.tv_sec} * 1'000'000 + status.st_mtim.tv_nsec / 1'000;
    if (written_us >= before_us) break;
    if (::unlink(segments[i].path.c_str()) != 0) return file_error("remove", segments[i].path, errno);
    ++dropped;
  }
  return dropped;
}

}  // namespace

Result<std::int64_t> rows_since(const Database& database) {
  TRY(Statement select, database.prepare("SELECT value FROM state WHERE name = 'rows_since_us'"));
  TRY(const bool row, select.step());
  return row ? select.integer(0) : 0;
}

Result<Dropped> drop_old(Database& database, const std::string& log_directory, LogPosition folded,
                         std::int64_t keep_days, std::int64_t now_us, std::chrono::milliseconds most) {
  Dropped dropped;
  if (keep_days <= 0) return dropped;
  TRY(const std::int64_t before_us, cutoff(database, keep_days, now_us));
  const auto end = std::chrono::steady_clock::now() + most;
  do {
    TRY(const std::int64_t rows, drop_rows(database, before_us));
    dropped.rows += rows;
    if (rows == 0) break;
  } while (std::chrono::steady_clock::now() < end);
  TRY(dropped.segments, drop_segments(log_directory, folded, before_us));
  return dropped;
}

}  // namespace sluice::store
