#include "store/own_spend.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <vector>

#include "store/file_error.h"
#include "store/log_reader.h"
#include "store/log_segment.h"
#include "store/window.h"

namespace sluice::store {
namespace {

// Between an entry's end and the moment at which it is written, and of clocks that are set.
constexpr std::int64_t slack_us = us_per_hour;

std::int64_t hour_of(std::int64_t at_us) {
  return at_us >= 0 ? at_us / us_per_hour : -((-at_us + us_per_hour - 1) / us_per_hour);
}

Money whole(const Statement& row, int usd) {
  return cost_of(row.integer(usd), Money::pico_per_usd) + Money::pico(row.integer(usd + 1));
}

// Where the first segment begins that may have what was written at that time or later.
Result<LogPosition> written_since(const std::string& directory, std::int64_t at_us) {
  TRY(const std::vector<SegmentFile> segments, list_segments(directory));
  for (const SegmentFile& segment : segments) {
    struct stat status = {};
    if (::stat(segment.path.c_str(), &status) != 0) {
      if (errno == ENOENT) continue;  // retention was faster
      return file_error("look at", segment.path, errno);
    }
    const std::int64_t written_us = std::int64_t{status.st_mtim.tv_sec} * 1'000'000 + status.st_mtim.tv_nsec / 1'000;
    if (written_us >= at_us) return segment.base;
  }
  return segments.empty() ? LogPosition{0} : segments.back().base;
}

}  // namespace

std::int64_t counted_at_us(const LedgerEntry& entry) {
  return entry.correction == Correction::none ? entry.end_us : entry.start_us;
}

void OwnSpend::add(const LedgerEntry& entry) {
  if (!entry.cost || *entry.cost == Money()) return;
  hours_[{hour_of(counted_at_us(entry)), entry.key_id.str(), entry.provider.str(), entry.model.str(), entry.tags}] +=
      entry.cost->pico();
  keys_[entry.key_id.str()] += entry.cost->pico();
}

void OwnSpend::add(const OwnSum& sum) {
  hours_[{sum.hour, sum.key_id, sum.provider, sum.model, sum.tags}] += sum.cost.pico();
  keys_[sum.key_id] += sum.cost.pico();
}

Result<void> OwnSpend::write(const Database& database, std::string_view instance) const {
  TRY(Statement hours,
      database.prepare("INSERT INTO instance_spend_hourly AS s (instance, hour, key_id, provider, model, tags, usd, "
                       "pico) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
                       "ON CONFLICT (instance, hour, key_id, provider, model, tags) DO UPDATE SET "
                       "usd = s.usd + ?7 + (s.pico + ?8) / 1000000000000, pico = (s.pico + ?8) % 1000000000000"));
  for (const auto& [key, sum] : hours_) {
    const auto& [hour, key_id, provider, model, tags] = key;
    hours.bind(instance).bind(hour).bind(key_id).bind(provider).bind(model).bind(tags);
    hours.bind(static_cast<std::int64_t>(sum / Money::pico_per_usd));
    CHECK_OK(hours.bind(static_cast<std::int64_t>(sum % Money::pico_per_usd)).queue());
  }
  TRY(Statement keys,
      database.prepare("INSERT INTO instance_key_spend AS s (instance, key_id, usd, pico) VALUES (?1, ?2, ?3, ?4) "
                       "ON CONFLICT (instance, key_id) DO UPDATE SET "
                       "usd = s.usd + ?3 + (s.pico + ?4) / 1000000000000, pico = (s.pico + ?4) % 1000000000000"));
  for (const auto& [key_id, sum] : keys_) {
    keys.bind(instance).bind(key_id).bind(static_cast<std::int64_t>(sum / Money::pico_per_usd));
    CHECK_OK(keys.bind(static_cast<std::int64_t>(sum % Money::pico_per_usd)).queue());
  }
  return {};
}

Result<LogPosition> count_own(const std::string& log_directory, LogPosition from, LogPosition until, std::size_t most,
                              std::int64_t since_hour, OwnSpend& spend) {
  TRY(LogReader reader, LogReader::open(log_directory, from, until));
  for (std::size_t records = 0; records < most; ++records) {
    TRY(const auto record, reader.next());
    if (!record) return until;  // what is left of it is damaged, or retention has dropped it
    const Result<LedgerEntry> entry = decode_ledger_entry(*record);
    if (entry && hour_of(counted_at_us(*entry)) >= since_hour) spend.add(*entry);
  }
  return reader.position();
}

Result<void> claim_dropped_hours(Database& database, const std::string& log_directory, std::int64_t now_us,
                                 OwnSpend& spend) {
  TRY(const std::vector<SegmentFile> segments, list_segments(log_directory));
  if (segments.empty() || segments.front().base == 0) return {};
  TRY(LogReader reader, LogReader::open(log_directory, 0));
  TRY(const auto record, reader.next());
  std::int64_t until = hour_of(now_us) - 23;  // retention drops what is older than a day
  if (record)
    if (const Result<LedgerEntry> entry = decode_ledger_entry(*record))
      until = std::min(until, hour_of(counted_at_us(*entry)) + 1);
  TRY(const std::int64_t claimed, unclaimed_since(database));
  if (until <= claimed) return {};

  using Key = std::tuple<std::int64_t, std::string, std::string, std::string, std::string>;
  std::map<Key, Money> left;
  TRY(Statement all,
      database.prepare("SELECT hour, key_id, provider, model, tags, usd, pico FROM usage_hourly WHERE hour < ?1 "
                       "UNION ALL SELECT hour, key_id, provider, model, tags, -usd, -pico FROM "
                       "instance_spend_hourly WHERE hour < ?1"));
  all.bind(until);
  while (true) {
    TRY(const bool row, all.step());
    if (!row) break;
    left[{all.integer(0), all.text(1), all.text(2), all.text(3), all.text(4)}] += whole(all, 5);
  }
  for (const auto& [key, cost] : left) {
    const auto& [hour, key_id, provider, model, tags] = key;
    if (cost > Money())
      spend.add({.hour = hour, .key_id = key_id, .tags = tags, .provider = provider, .model = model, .cost = cost});
  }
  TRY(Statement mark, database.prepare("INSERT INTO state (name, value) VALUES ('own_spend_since', ?1) "
                                       "ON CONFLICT (name) DO UPDATE SET value = excluded.value"));
  return mark.bind(until).run();
}

Result<std::int64_t> unclaimed_since(const Database& database) {
  TRY(Statement select, database.prepare("SELECT value FROM state WHERE name = 'own_spend_since'"));
  TRY(const bool row, select.step());
  return row ? select.integer(0) : std::numeric_limits<std::int64_t>::min();
}

Result<void> each_own_sum(const Database& database, std::string_view instance, std::int64_t from_hour,
                          const std::function<void(const OwnSum&)>& take) {
  TRY(Statement sums, database.prepare("SELECT hour, key_id, tags, provider, model, usd, pico FROM "
                                       "instance_spend_hourly WHERE instance = ? AND hour >= ?"));
  sums.bind(instance).bind(from_hour);
  while (true) {
    TRY(const bool row, sums.step());
    if (!row) return {};
    take({.hour = sums.integer(0),
          .key_id = sums.text(1),
          .tags = sums.text(2),
          .provider = sums.text(3),
          .model = sums.text(4),
          .cost = whole(sums, 5)});
  }
}

Result<std::map<std::string, Money, std::less<>>> own_key_spend(const Database& database, std::string_view instance) {
  TRY(Statement sums, database.prepare("SELECT key_id, usd, pico FROM instance_key_spend WHERE instance = ?"));
  sums.bind(instance);
  std::map<std::string, Money, std::less<>> spent;
  while (true) {
    TRY(const bool row, sums.step());
    if (!row) return spent;
    spent[sums.text(0)] = whole(sums, 1);
  }
}

Result<void> each_entry_of(const std::string& log_directory, LogPosition until, const std::set<std::int64_t>& hours,
                           const std::function<void(const LedgerEntry&)>& take) {
  // Hours that follow each other are read at once.
  for (auto hour = hours.begin(); hour != hours.end();) {
    const std::int64_t first = *hour;
    std::int64_t last = first;
    while (++hour != hours.end() && *hour - last <= 1) last = *hour;
    TRY(const LogPosition from, written_since(log_directory, first * us_per_hour - slack_us));
    const std::int64_t end_us = (last + 1) * us_per_hour + slack_us;
    constexpr int most_later = 1'000;  // in a row: the hours are over; fewer are a clock that was set for a while
    int later = 0;
    TRY(LogReader reader, LogReader::open(log_directory, from, until));
    while (later < most_later) {
      TRY(const auto record, reader.next());
      if (!record) break;
      const Result<LedgerEntry> entry = decode_ledger_entry(*record);
      if (!entry) continue;
      const std::int64_t at = hour_of(counted_at_us(*entry));
      if (at >= first && at <= last && hours.contains(at)) take(*entry);
      later = entry->correction == Correction::none && entry->end_us > end_us ? later + 1 : 0;
    }
  }
  return {};
}

}  // namespace sluice::store
