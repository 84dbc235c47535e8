// What the CLI asks the folded ledger: sums by one dimension, and the last rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/money.h"
#include "store/ledger_entry.h"
#include "store/page.h"

namespace sluice::store {

enum class GroupBy : std::uint8_t { key, model, provider, ground, day, team, user, org, tag, workload };
std::optional<GroupBy> group_by_from_name(std::string_view text);  // "key", "model", ...

struct UsageQuery {
  GroupBy by = GroupBy::key;
  std::optional<std::int64_t> since_us;  // entries that ended at or after
  std::optional<std::int64_t> until_us;  // entries that ended before
  std::optional<KeyId> key;
  std::optional<KeyFilter> keys;  // of these only
  std::string model;              // empty = of all; "model", or "provider/model"
  std::string tag;                // empty = with any or none
  std::string workload;           // empty = of any or none
};

struct UsageRow {
  std::string group;                // key, team, ...: its name; day: "2026-11-23" (UTC); "(none)": without a team, say
  std::string key_id;               // only for GroupBy::key
  std::int64_t requests = 0;        // that ended here; failed-over attempts are not requests
  std::int64_t failed = 0;          // of them, those with an outcome other than ok
  std::int64_t extra_attempts = 0;  // calls that did not end a request: other candidates, or the same one again
  Tokens input = 0;                 // read fresh
  Tokens cache_read = 0;
  Tokens cache_write = 0;
  Tokens output = 0;             // with reasoning
  std::int64_t estimated = 0;    // rows whose tokens the provider did not report
  std::int64_t unpriced = 0;     // rows with tokens and without a price: they are not in the cost
  MoneySum cost_pico = 0;        // with the corrections
  std::string cost_usd() const;  // exact: "12.000000000001"
  std::int64_t corrections = 0;  // rows that mend the cost of others
  MoneySum corrected_pico = 0;   // their sum
};

// Exact decimal USD of a sum, as Money::usd().
std::string usd(MoneySum pico);

struct UsageReport {
  std::vector<UsageRow> rows;  // dearest first, by day: oldest first
  UsageRow total;              // by tag, what has several is in several rows and once in here
};

// A row whose price may have changed.
struct PricedRow {
  std::int64_t row = 0;
  LedgerEntry entry;          // as it was written
  std::optional<Money> cost;  // with its corrections; empty = unpriced still
};

// Which rows of the ledger: those behind a row that have started in a time.
struct EntryRange {
  std::int64_t after_row = 0;
  std::optional<std::int64_t> before_row;  // then the newest first
  std::optional<KeyFilter> keys;           // of these only
  std::string workload;                    // empty = of any or none
  std::optional<std::int64_t> since_us;
  std::optional<std::int64_t> until_us;  // before
};

// A ledger row with its place, which rises with time: pass the last one as `after` to follow.
struct LoggedEntry {
  std::int64_t row = 0;
  std::string key_name;
  LedgerEntry entry;
};

}  // namespace sluice::store
