#include "store/fold.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/crypto.h"
#include "store/ledger_entry.h"
#include "store/log_reader.h"
#include "store/own_spend.h"
#include "store/rollup.h"
#include "store/window.h"

namespace sluice::store {
namespace {

// What one batch adds to a key's sums.
struct Spend {
  MoneySum pico = 0;
  std::int64_t requests = 0;
  std::int64_t last_used_us = 0;
};
using Spends = std::map<std::string, Spend>;

// What rows say again and again has a number in ledger_words: looked up once a batch. Nobody else writes meanwhile.
class Words {
 public:
  explicit Words(const Database& database) : database_(database) {}

  Result<std::int64_t> number(std::string_view word) {
    if (const auto known = numbers_.find(word); known != numbers_.end()) return known->second;
    TRY(Statement select, database_.prepare("SELECT id FROM ledger_words WHERE word = ?"));
    TRY(const bool there, select.bind(word).step());
    if (there) return numbers_.emplace(word, select.integer(0)).first->second;
    TRY(Statement insert, database_.prepare("INSERT INTO ledger_words (word, last_row) VALUES (?, 0) RETURNING id"));
    TRY(const bool made, insert.bind(word).step());
    if (!made) return fail(ErrorKind::internal, "a word of the ledger got no number", "report this as a bug");
    return numbers_.emplace(word, insert.integer(0)).first->second;
  }

  // None of the rows that have used them so far is behind that one.
  Result<void> note_use(std::int64_t last_row) {
    TRY(Statement update, database_.prepare("UPDATE ledger_words SET last_row = ?1 WHERE id = ?2"));
    for (const auto& [word, number] : numbers_) CHECK_OK(update.bind(last_row).bind(number).queue());
    return {};
  }

 private:
  const Database& database_;
  std::map<std::string, std::int64_t, std::less<>> numbers_;
};

// What rows have in common by the kind of call that they are of has a number in ledger_kinds: looked up once a batch.
// Rows that follow each other mostly are of one kind, so that of the last one is compared before it is looked up.
class Kinds {
 public:
  explicit Kinds(const Database& database, Words& words) : database_(database), words_(words) {}

  Result<std::int64_t> number(const LedgerEntry& entry) {
    TRY(const Kind kind, kind_of(entry));
    if (last_ && last_->first == kind) return last_->second;
    if (const auto known = numbers_.find(kind); known != numbers_.end()) {
      last_ = *known;
      return known->second;
    }
    const std::string columns =
        "dialect_word, requested_word, provider_word, model_word, ground_word, outcome_word, source_word, config_word, "
        "workload_word, status, stream, attempt, final, reported, service_tier, doubts";
    const std::string values = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?";
    TRY(Statement select, database_.prepare("SELECT id FROM ledger_kinds WHERE (" + columns + ") = (" + values + ")"));
    for (const std::int64_t value : kind) select.bind(value);
    TRY(const bool there, select.step());
    if (there) return keep(kind, select.integer(0));
    TRY(Statement insert, database_.prepare("INSERT INTO ledger_kinds (last_row, " + columns + ") VALUES (0, " +
                                            values + ") RETURNING id"));
    for (const std::int64_t value : kind) insert.bind(value);
    TRY(const bool made, insert.step());
    if (!made) return fail(ErrorKind::internal, "a kind of the ledger's rows got no number", "report this as a bug");
    return keep(kind, insert.integer(0));
  }

  // As the words'.
  Result<void> note_use(std::int64_t last_row) {
    TRY(Statement update, database_.prepare("UPDATE ledger_kinds SET last_row = ?1 WHERE id = ?2"));
    for (const auto& [kind, number] : numbers_) CHECK_OK(update.bind(last_row).bind(number).queue());
    return {};
  }

 private:
  static constexpr std::size_t word_count = 9;
  using Kind = std::array<std::int64_t, word_count + 7>;  // in the order of the columns

  Result<Kind> kind_of(const LedgerEntry& entry) {
    if (!any_ || entry.config_hash != config_hash_) {
      config_hash_ = entry.config_hash;
      config_ = crypto::hex(config_hash_);
    }
    const std::array<std::string_view, word_count> said = {chat::name(entry.client_dialect),
                                                           entry.requested_model,
                                                           entry.provider.str(),
                                                           entry.model.str(),
                                                           catalog::name(entry.ground),
                                                           name(entry.outcome),
                                                           entry.price_source,
                                                           config_,
                                                           entry.workload};
    for (std::size_t i = 0; i < word_count; ++i) {
      if (any_ && said_[i] == said[i]) continue;
      said_[i] = said[i];
      words_of_last_[i] = 0;  // no workload
      if (i + 1 < word_count || !entry.workload.empty()) {
        TRY(words_of_last_[i], words_.number(said[i]));
      }
    }
    any_ = true;
    Kind kind{};
    std::ranges::copy(words_of_last_, kind.begin());
    const std::array<std::int64_t, 7> rest = {entry.status,         entry.stream,
                                              entry.attempt,        entry.final,
                                              entry.usage.reported, static_cast<std::uint8_t>(entry.usage.service_tier),
                                              entry.usage.doubts};
    std::ranges::copy(rest, kind.begin() + word_count);
    return kind;
  }
  std::int64_t keep(const Kind& kind, std::int64_t number) {
    last_ = {kind, number};
    return numbers_.emplace(kind, number).first->second;
  }

  const Database& database_;
  Words& words_;
  std::map<Kind, std::int64_t> numbers_;
  std::optional<std::pair<Kind, std::int64_t>> last_;
  bool any_ = false;  // there was a row, and the following is of it
  ConfigHash config_hash_{};
  std::string config_;
  std::array<std::string, word_count> said_;
  std::array<std::int64_t, word_count> words_of_last_{};
};

// The value, or NULL where it says that there is none.
std::optional<std::int64_t> unless(std::int64_t value, std::int64_t none) {
  return value == none ? std::nullopt : std::optional(value);
}

// In the order of `insert_row`, which leaves out what is not there.
Result<void> insert(Statement& row, Words& words, Kinds& kinds, const LedgerEntry& entry) {
  const chat::Usage& usage = entry.usage;
  TRY(const std::int64_t key_word, words.number(entry.key_id.str()));
  TRY(const std::int64_t kind, kinds.number(entry));
  row.bind(entry.start_us).bind(entry.end_us).bind(usage.input).bind(usage.output);
  row.bind(entry.cost ? std::optional(entry.cost->pico()) : std::nullopt).bind(entry.total_us);
  row.bind(unless(entry.ttft_us, -1));
  for (const Tokens tokens : {usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.reasoning,
                              usage.input_audio, usage.input_image, usage.input_video, usage.cache_read_audio,
                              usage.output_audio, usage.output_image, usage.searches})
    row.bind(unless(tokens, 0));
  row.bind(key_word).bind(kind).bind(std::int64_t{static_cast<std::uint8_t>(entry.correction)});
  row.bind(entry.request_id.str()).bind(entry.tags).bind(usage.raw.text());
  return row.queue();
}

constexpr const char* insert_row =
    "INSERT INTO ledger_rows (start_us, end_us, input, output, cost_pico, total_us, ttft_us, cache_read, "
    "cache_write_5m, cache_write_1h, reasoning, input_audio, input_image, input_video, cache_read_audio, output_audio, "
    "output_image, searches, key_word, kind, correction, request_id, tags, raw_usage) VALUES "
    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''))";

Result<void> add(const Database& database, const Spends& spends) {
  TRY(Statement upsert,
      database.prepare(
          "INSERT INTO key_spend AS s (key_id, usd, pico, requests, last_used_us) VALUES (?1, ?2, ?3, ?4, ?5) "
          "ON CONFLICT (key_id) DO UPDATE SET "
          "usd = s.usd + ?2 + (s.pico + ?3) / 1000000000000, pico = (s.pico + ?3) % 1000000000000, "
          "requests = s.requests + ?4, "
          "last_used_us = CASE WHEN s.last_used_us < ?5 THEN ?5 ELSE s.last_used_us END"));
  for (const auto& [key_id, spend] : spends) {
    upsert.bind(key_id).bind(static_cast<std::int64_t>(spend.pico / Money::pico_per_usd));
    upsert.bind(static_cast<std::int64_t>(spend.pico % Money::pico_per_usd));
    CHECK_OK(upsert.bind(spend.requests).bind(spend.last_used_us).queue());
  }
  return {};
}

// Rows that began (ledger_hours) or ended (ledger_end_hours) in these hours since 1970 are among those that have come
// in just now: nobody else writes meanwhile, and numbers only rise, though a shared database leaves some out.
Result<void> note_hours(const Database& database, const std::string& table, const std::set<std::int64_t>& hours,
                        std::int64_t last_before, std::int64_t last) {
  TRY(Statement upsert, database.prepare("INSERT INTO " + table +
                                         " (hour, first_row, last_row) VALUES (?1, ?2, ?3) "
                                         "ON CONFLICT (hour) DO UPDATE SET last_row = excluded.last_row"));
  for (const std::int64_t hour : hours) CHECK_OK(upsert.bind(hour).bind(last_before + 1).bind(last).queue());
  return {};
}

Result<void> set_state(const Database& database, std::string_view name, std::int64_t value) {
  TRY(Statement update, database.prepare("INSERT INTO state (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE "
                                         "SET value = excluded.value"));
  return update.bind(name).bind(value).run();
}

Result<LogPosition> position(const Database& database, std::string_view name) {
  TRY(Statement select, database.prepare("SELECT value FROM state WHERE name = ?"));
  TRY(const bool row, select.bind(name).step());
  return row ? static_cast<LogPosition>(select.integer(0)) : LogPosition{0};
}

// Of one process's log among those of several.
std::string of_instance(std::string_view name, std::string_view instance) {
  return instance.empty() ? std::string(name) : std::string(name) + ":" + std::string(instance);
}

// Brings what the instance has spent itself up to where its log has been folded: by a program that kept no such sums,
// before this one or beside it. Within a transaction. True when there may be more.
Result<bool> catch_up_own(Database& database, const std::string& directory, std::string_view own_name,
                          std::string_view instance, LogPosition folded) {
  TRY(const LogPosition counted, position(database, own_name));
  if (counted >= folded) return false;
  OwnSpend spend;
  if (counted == 0) CHECK_OK(claim_dropped_hours(database, directory, wall_clock_us(), spend));
  TRY(const std::int64_t since, unclaimed_since(database));
  TRY(const LogPosition reached, count_own(directory, counted, folded, own_batch_records, since, spend));
  CHECK_OK(spend.write(database, instance));
  CHECK_OK(set_state(database, own_name, static_cast<std::int64_t>(reached)));
  return true;
}

// A log of which rows are there under another name would count all of it twice.
Result<void> check_is_new(const Database& database, const std::string& directory, std::string_view instance,
                          const LedgerEntry& first) {
  TRY(Statement there,
      database.prepare("SELECT count(*) FROM ledger WHERE row >= (SELECT first_row FROM ledger_hours WHERE hour = ?1) "
                       "AND row <= (SELECT last_row FROM ledger_hours WHERE hour = ?1) AND request_id = ?2 AND "
                       "start_us = ?3 AND end_us = ?4 AND attempt = ?5 AND correction = 0 AND "
                       "coalesce(cost_pico, -1) = ?6"));
  there.bind(first.start_us / us_per_hour).bind(first.request_id.str()).bind(first.start_us).bind(first.end_us);
  there.bind(std::int64_t{first.attempt}).bind(first.cost ? first.cost->pico() : -1);
  TRY(const bool row, there.step());
  if (!row || there.integer(0) == 0) return {};
  return fail(ErrorKind::unavailable,
              "the rows of " + directory + " are in " + database.name() + " already, under another name than " +
                  std::string(instance),
              "put the file `instance` of the data directory back; of a copied directory, remove the copy's ledger "
              "and corrections folders");
}

// One transaction; what it says is also in `report`. True when there may be more.
Result<bool> fold_batch(Database& database, const std::string& directory, std::string_view position_of,
                        std::string_view instance, LogPosition until, FoldReport& report) {
  const std::string position_name = of_instance(position_of, instance);
  const std::string damage_name = of_instance("damaged_bytes", instance);
  const std::string own_name = of_instance("own_" + std::string(position_of), instance);
  TRY(Transaction transaction, Transaction::begin(database, Writing::ledger));
  TRY(const LogPosition from, position(database, position_name));  // another process may have been here
  if (!instance.empty()) {
    TRY(const bool caught_up, catch_up_own(database, directory, own_name, instance, from));
    if (caught_up) {
      CHECK_OK(transaction.commit());
      return true;
    }
  }
  report.position = from;
  TRY(LogReader reader, LogReader::open(directory, from, until));
  TRY(Statement row, database.prepare(insert_row));
  Words words(database);
  Kinds kinds(database, words);
  TRY(const std::int64_t last_before, database.integer("SELECT coalesce(max(row), 0) FROM ledger_rows"));
  std::set<std::int64_t> start_hours;
  std::set<std::int64_t> end_hours;
  Spends spends;
  Rollup rollup;
  OwnSpend own;
  std::size_t records = 0;
  std::uint64_t entries = 0;
  std::uint64_t unreadable = 0;
  bool corrects = false;
  for (; records < fold_batch_rows; ++records) {
    TRY(const auto record, reader.next());
    if (!record) break;
    const Result<LedgerEntry> entry = decode_ledger_entry(*record);
    if (entry) {
      if (!instance.empty() && from == 0 && entries == 0 && entry->correction == Correction::none)
        CHECK_OK(check_is_new(database, directory, instance, *entry));
      CHECK_OK(insert(row, words, kinds, *entry));
      start_hours.insert(entry->start_us / us_per_hour);
      if (entry->correction == Correction::none) end_hours.insert(entry->end_us / us_per_hour);
      rollup.add(*entry);
      if (!instance.empty()) own.add(*entry);
      corrects = corrects || entry->correction != Correction::none;
      Spend& spend = spends[entry->key_id.str()];
      spend.pico += entry->cost.value_or(Money()).pico();
      spend.requests += entry->final ? 1 : 0;
      if (entry->correction == Correction::none) spend.last_used_us = std::max(spend.last_used_us, entry->end_us);
      ++entries;
    } else {
      unreadable += record->size();
    }
  }
  const std::uint64_t damaged = reader.damaged_bytes() + unreadable;
  if (reader.position() == from) return false;
  TRY(const std::int64_t last, database.integer("SELECT coalesce(max(row), 0) FROM ledger_rows"));
  CHECK_OK(words.note_use(last));
  CHECK_OK(kinds.note_use(last));
  CHECK_OK(note_hours(database, "ledger_hours", start_hours, last_before, last));
  CHECK_OK(note_hours(database, "ledger_end_hours", end_hours, last_before, last));
  if (corrects) {
    TRY(Statement note,
        database.prepare("INSERT INTO correction_batches (last_row, first_row, instance) VALUES (?, ?, ?)"));
    CHECK_OK(note.bind(last).bind(last_before + 1).bind(instance).run());
  }
  CHECK_OK(add(database, spends));
  CHECK_OK(rollup.write(database));
  if (!instance.empty()) {
    CHECK_OK(own.write(database, instance));
    CHECK_OK(set_state(database, own_name, static_cast<std::int64_t>(reader.position())));
  }
  TRY(const LogPosition damaged_before, position(database, damage_name));
  CHECK_OK(set_state(database, damage_name, static_cast<std::int64_t>(damaged_before + damaged)));
  CHECK_OK(set_state(database, position_name, static_cast<std::int64_t>(reader.position())));
  CHECK_OK(transaction.commit());
  report.entries += entries;
  report.damaged_bytes += damaged;
  report.position = reader.position();
  return records == fold_batch_rows;
}

}  // namespace

Result<LogPosition> folded_position(const Database& database, std::string_view instance) {
  return position(database, of_instance("folded_position", instance));
}

Result<LogPosition> corrections_position(const Database& database, std::string_view instance) {
  return position(database, of_instance("corrections_position", instance));
}

Result<FoldReport> fold(Database& database, const std::string& log_directory, std::string_view instance,
                        LogPosition until) {
  FoldReport report;
  while (true) {
    TRY(const bool more, fold_batch(database, log_directory, "folded_position", instance, until, report));
    if (!more) return report;
  }
}

Result<void> fold_corrections(Database& database, const std::string& log_directory, std::string_view instance,
                              FoldReport& report) {
  FoldReport own;
  while (true) {
    TRY(const bool more, fold_batch(database, log_directory, "corrections_position", instance, no_position, own));
    if (more) continue;
    report.entries += own.entries;
    report.damaged_bytes += own.damaged_bytes;
    return {};
  }
}

}  // namespace sluice::store
