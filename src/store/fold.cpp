#include "store/fold.h"

#include "store/ledger_entry.h"
#include "store/log_reader.h"

namespace sluice::store {
namespace {

// The statements of one transaction's inserts.
class Ledger {
 public:
  static Result<Ledger> prepare(const Database& database) {
    TRY(Statement row, database.prepare(
        "INSERT INTO ledger (request_id, start_us, end_us, key_id, dialect, requested_model, provider, model, ground, stream, "
        "status, outcome, attempt, final, input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, reported, "
        "cost_pico, price_source, ttft_us, total_us, config_hash) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"));
    TRY(Statement spend, database.prepare(
        "INSERT INTO key_spend (key_id, usd, pico, requests, last_used_us) VALUES (?1, ?2, ?3, ?4, ?5) "
        "ON CONFLICT (key_id) DO UPDATE SET "
        "usd = usd + ?2 + (pico + ?3) / 1000000000000, pico = (pico + ?3) % 1000000000000, "
        "requests = requests + ?4, last_used_us = max(last_used_us, ?5)"));
    return Ledger(std::move(row), std::move(spend));
  }

  Result<void> insert(const LedgerEntry& entry) {
    const chat::Usage& usage = entry.usage;
    row_.bind(entry.request_id.str()).bind(entry.start_us).bind(entry.end_us).bind(entry.key_id.str());
    row_.bind(chat::name(entry.client_dialect)).bind(entry.requested_model).bind(entry.provider.str());
    row_.bind(entry.model.str()).bind(catalog::name(entry.ground)).bind(std::int64_t{entry.stream});
    row_.bind(std::int64_t{entry.status}).bind(name(entry.outcome)).bind(std::int64_t{entry.attempt});
    row_.bind(std::int64_t{entry.final}).bind(usage.input).bind(usage.cache_read).bind(usage.cache_write_5m);
    row_.bind(usage.cache_write_1h).bind(usage.output).bind(usage.reasoning).bind(std::int64_t{usage.reported});
    row_.bind(entry.cost ? std::optional(entry.cost->pico()) : std::nullopt).bind(entry.price_source);
    row_.bind(entry.ttft_us).bind(entry.total_us).bind_blob(entry.config_hash);
    CHECK_OK(row_.run());

    const std::int64_t pico = entry.cost.value_or(Money()).pico();
    spend_.bind(entry.key_id.str()).bind(pico / Money::pico_per_usd).bind(pico % Money::pico_per_usd);
    return spend_.bind(std::int64_t{entry.final}).bind(entry.end_us).run();
  }

 private:
  Ledger(Statement row, Statement spend) : row_(std::move(row)), spend_(std::move(spend)) {}
  Statement row_;
  Statement spend_;
};

Result<void> set_state(const Database& database, std::string_view name, std::int64_t value) {
  TRY(Statement update, database.prepare("UPDATE state SET value = ? WHERE name = ?"));
  return update.bind(value).bind(name).run();
}

// One transaction; what it says is also in `report`. True when there may be more.
Result<bool> fold_batch(Database& database, const std::string& directory, LogPosition until, FoldReport& report) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(const LogPosition from, folded_position(database));  // another process may have been here
  report.position = from;
  TRY(LogReader reader, LogReader::open(directory, from, until));
  TRY(Ledger ledger, Ledger::prepare(database));
  std::size_t records = 0;
  std::uint64_t entries = 0;
  std::uint64_t unreadable = 0;
  for (; records < fold_batch_rows; ++records) {
    TRY(const auto record, reader.next());
    if (!record) break;
    const Result<LedgerEntry> entry = decode_ledger_entry(*record);
    if (entry) {
      CHECK_OK(ledger.insert(*entry));
      ++entries;
    } else {
      unreadable += record->size();
    }
  }
  const std::uint64_t damaged = reader.damaged_bytes() + unreadable;
  if (reader.position() == from) return false;
  TRY(const std::int64_t damaged_before, database.integer("SELECT value FROM state WHERE name = 'damaged_bytes'"));
  CHECK_OK(set_state(database, "damaged_bytes", damaged_before + static_cast<std::int64_t>(damaged)));
  CHECK_OK(set_state(database, "folded_position", static_cast<std::int64_t>(reader.position())));
  CHECK_OK(transaction.commit());
  report.entries += entries;
  report.damaged_bytes += damaged;
  report.position = reader.position();
  return records == fold_batch_rows;
}

}  // namespace

Result<LogPosition> folded_position(const Database& database) {
  TRY(const std::int64_t position, database.integer("SELECT value FROM state WHERE name = 'folded_position'"));
  return static_cast<LogPosition>(position);
}

Result<FoldReport> fold(Database& database, const std::string& log_directory, LogPosition until) {
  FoldReport report;
  while (true) {
    TRY(const bool more, fold_batch(database, log_directory, until, report));
    if (!more) return report;
  }
}

}  // namespace sluice::store
