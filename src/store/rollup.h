// The ledger's sums by the hour, and by the day, in which its rows ended (a correction's: began), by key, provider,
// model, ground, tags and workload: what usage is asked of and limits are counted from at a start. They change in the
// transaction that brings the rows in, so that both always tell the same story, to the last picodollar.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "base/money.h"
#include "base/result.h"
#include "store/database.h"
#include "store/ledger_entry.h"

namespace sluice::store {

// What one batch adds.
class Rollup {
 public:
  void add(const LedgerEntry& entry);
  Result<void> write(const Database& database) const;

 private:
  struct Sums {
    std::int64_t requests = 0;  // that ended here
    std::int64_t failed = 0;    // of them, with an outcome other than ok
    std::int64_t extra_attempts = 0;
    Tokens input = 0;
    Tokens cache_read = 0;
    Tokens cache_write = 0;
    Tokens output = 0;  // with reasoning
    std::int64_t estimated = 0;
    std::int64_t unpriced = 0;
    MoneySum pico = 0;  // with the corrections
    std::int64_t corrections = 0;
    MoneySum corrected_pico = 0;  // of them
    Sums& operator+=(const Sums& other);
  };
  using Key = std::tuple<std::int64_t, std::string, std::string, std::string, std::string, std::string, std::string>;
  static Result<void> write(const Database& database, const std::string& table, const std::string& time,
                            const std::map<Key, Sums>& all);
  std::map<Key, Sums> sums_;  // by hours
};

}  // namespace sluice::store
