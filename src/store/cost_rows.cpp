#include "store/cost_rows.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <string>

#include "store/retention.h"
#include "store/row_span.h"
#include "store/sight.h"

namespace sluice::store {
namespace {

constexpr std::int64_t batch_rows = 20'000;  // tens of milliseconds of one reading transaction

#define SLUICE_COST_COLUMNS                                                                                        \
  "SELECT row, start_us, end_us, key_id, requested_model, provider, model, outcome, attempt, final, input, "       \
  "cache_read, cache_write_5m, cache_write_1h, output, reasoning, reported, cost_pico, input_audio, input_image, " \
  "input_video, cache_read_audio, output_audio, output_image, searches, service_tier, correction, tags, workload " \
  "FROM ledger WHERE "

LedgerEntry read(const Statement& row) {
  LedgerEntry entry;
  chat::Usage& usage = entry.usage;
  entry.start_us = row.integer(1);
  entry.end_us = row.integer(2);
  entry.key_id = KeyId(row.text(3));
  entry.requested_model = row.text(4);
  entry.provider = ProviderId(row.text(5));
  entry.model = ModelName(row.text(6));
  const std::string outcome = row.text(7);
  const auto known = std::ranges::find(outcomes, outcome, [](Outcome one) { return std::string(name(one)); });
  entry.outcome = known == outcomes.end() ? Outcome::internal : *known;
  entry.attempt = static_cast<std::uint8_t>(row.integer(8));
  entry.final = row.integer(9) != 0;
  usage.input = row.integer(10);
  usage.cache_read = row.integer(11);
  usage.cache_write_5m = row.integer(12);
  usage.cache_write_1h = row.integer(13);
  usage.output = row.integer(14);
  usage.reasoning = row.integer(15);
  usage.reported = row.integer(16) != 0;
  if (const auto cost = row.optional_integer(17)) entry.cost = Money::pico(*cost);
  usage.input_audio = row.integer(18);
  usage.input_image = row.integer(19);
  usage.input_video = row.integer(20);
  usage.cache_read_audio = row.integer(21);
  usage.output_audio = row.integer(22);
  usage.output_image = row.integer(23);
  usage.searches = row.integer(24);
  const std::int64_t tier = row.integer(25);
  if (tier >= 0 && tier < static_cast<std::int64_t>(chat::service_tier_names.size()))
    usage.service_tier = static_cast<chat::ServiceTier>(tier);
  entry.correction = static_cast<Correction>(std::clamp<std::int64_t>(row.integer(26), 0, 2));
  entry.tags = row.text(27);
  entry.workload = row.text(28);
  return entry;
}

void bind_filters(Statement& select, const CostRange& range) {
  select.bind(range.provider ? std::string_view(range.provider->str()) : "");
  select.bind(range.model ? std::string_view(range.model->str()) : "");
}

// The rows of `next`, which takes up to so many behind the last one, until there are no more or `most` were given.
using NextRows = std::function<Result<Statement>(std::int64_t count)>;
Result<std::int64_t> read_all(std::int64_t most, const NextRows& next,
                              const std::function<Result<void>(const Statement&)>& take) {
  std::int64_t given = 0;
  while (given < most) {
    const std::int64_t count = std::min(batch_rows, most - given);
    TRY(Statement select, next(count));
    std::int64_t read_now = 0;
    while (true) {
      TRY(const bool more, select.step());
      if (!more) break;
      ++read_now;
      CHECK_OK(take(select));
    }
    given += read_now;
    if (read_now < count) break;
  }
  return given;
}

// In the order of the rows, among those that the hours have.
Result<std::int64_t> read_attempts(const Database& database, const CostRange& range, std::int64_t most,
                                   const TakeCost& take) {
  const OfKeys keys(range.keys, 7);
  const std::string sql =
      SLUICE_COST_COLUMNS
      "row >= ?1 AND row <= ?2 AND end_us >= ?3 AND end_us < ?4 AND correction = 0 AND (?5 = '' OR provider = ?5) AND "
      "(?6 = '' OR model = ?6)" +
      keys.text() + " ORDER BY row LIMIT ?7";
  TRY(RowSpan span, rows_ended_in(database, range.from_us, range.to_us));
  const auto next = [&](std::int64_t count) -> Result<Statement> {
    TRY(Statement select, database.prepare(sql));
    bind_filters(select.bind(span.first).bind(span.last).bind(range.from_us).bind(range.to_us), range);
    keys.bind(select.bind(count));
    return select;
  };
  return read_all(most, next, [&](const Statement& row) {
    span.first = row.integer(0) + 1;
    return take(read(row));
  });
}

// Behind (time, row), by both.
Result<std::int64_t> read_corrections(const Database& database, const CostRange& range, std::int64_t most,
                                      const TakeCost& take) {
  const OfKeys keys(range.keys, 6);
  const std::string sql = SLUICE_COST_COLUMNS
                          "correction > 0 AND (start_us, row) > (?1, ?2) AND start_us >= ?1 AND start_us < ?3 AND "
                          "(?4 = '' OR provider = ?4) AND (?5 = '' OR model = ?5)" +
                          keys.text() + " ORDER BY start_us, row LIMIT ?6";
  std::int64_t at_us = range.from_us;
  std::int64_t after = 0;
  const auto next = [&](std::int64_t count) -> Result<Statement> {
    TRY(Statement select, database.prepare(sql));
    bind_filters(select.bind(at_us).bind(after).bind(range.to_us), range);
    keys.bind(select.bind(count));
    return select;
  };
  return read_all(most, next, [&](const Statement& row) {
    const LedgerEntry entry = read(row);
    after = row.integer(0);
    at_us = entry.start_us;
    return take(entry);
  });
}

}  // namespace

Result<std::int64_t> each_cost(const Database& database, const CostRange& range, const TakeCost& take) {
  TRY(const std::int64_t since, rows_since(database));
  if (range.from_us < since)
    return fail(ErrorKind::invalid_request, "the ledger's rows of that time are not kept any more, its sums alone are",
                "ask for a later time, or keep more: `ledger: { keep_days: ... }`");
  const std::int64_t most = range.most > 0 ? range.most : std::numeric_limits<std::int64_t>::max();
  TRY(const std::int64_t rows, read_attempts(database, range, most, take));
  if (rows == most) return rows;
  TRY(const std::int64_t corrections, read_corrections(database, range, most - rows, take));
  return rows + corrections;
}

}  // namespace sluice::store
