// What the process of one data directory has spent itself, where others bring their rows into the same database: what
// it says of itself to the store of shared limits. The sums change in the transaction that brings the rows in. Where an
// hour is too coarse, the process's own log is read: the rows do not say whose they are.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "base/money.h"
#include "base/result.h"
#include "store/database.h"
#include "store/ledger_entry.h"
#include "store/log_format.h"

namespace sluice::store {

struct OwnSum {
  std::int64_t hour = 0;  // since 1970 UTC, in which rows ended; a correction's began
  std::string key_id;
  std::string tags;
  std::string provider;
  std::string model;
  Money cost;  // may be below zero
};
// What one batch adds.
class OwnSpend {
 public:
  void add(const LedgerEntry& entry);
  void add(const OwnSum& sum);
  Result<void> write(const Database& database, std::string_view instance) const;

 private:
  // hour, key, provider, model, tags
  std::map<std::tuple<std::int64_t, std::string, std::string, std::string, std::string>, MoneySum> hours_;
  std::map<std::string, MoneySum> keys_;
};

// Adds the records from `from` to before `until`, at most `most` of them, that count in `since_hour` or later; returns
// up to where it has come.
Result<LogPosition> count_own(const std::string& log_directory, LogPosition from, LogPosition until, std::size_t most,
                              std::int64_t since_hour, OwnSpend& spend);

// For a log of which retention has dropped the beginning before anybody kept these sums: what the hours of it had that
// is in no process's sums is this one's from now on. Whoever comes later counts from unclaimed_since() on, so that each
// row counts once. Within a transaction.
Result<void> claim_dropped_hours(Database& database, const std::string& log_directory, std::int64_t now_us,
                                 OwnSpend& spend);
// The first hour, since 1970 UTC, that nobody has claimed.
Result<std::int64_t> unclaimed_since(const Database& database);

// From that hour on.
Result<void> each_own_sum(const Database& database, std::string_view instance, std::int64_t from_hour,
                          const std::function<void(const OwnSum&)>& take);
// By the key's id.
Result<std::map<std::string, Money, std::less<>>> own_key_spend(const Database& database, std::string_view instance);

// When it counts: an entry when it ended, a correction when what it mends began.
std::int64_t counted_at_us(const LedgerEntry& entry);

// The log's entries before `until` that count in one of these hours. Segments that were written before are passed over;
// who set the clock back by more than an hour may miss some.
Result<void> each_entry_of(const std::string& log_directory, LogPosition until, const std::set<std::int64_t>& hours,
                           const std::function<void(const LedgerEntry&)>& take);

}  // namespace sluice::store
