// Limits in the database: set, listed, removed; and what the ledger says that each has used up.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/limit_line.h"
#include "store/log_format.h"
#include "store/page.h"

namespace sluice::store {

constexpr std::int64_t most_limits = 10'000;  // a request looks at those of its key only
constexpr std::size_t max_model_pattern_bytes = 255;

// For lists.
struct LimitReport {
  LimitLine line;
  Account::Standing standing;  // of money
};

// What `sluice budgets set` and `sluice limits set` say. `subject`: the id or name of an organisation, team, user or
// key.
struct NewLimit {
  LimitScope scope = LimitScope::everybody;
  std::string subject;
  std::string model{any_model};
  LimitUnit unit = LimitUnit::money;
  std::int64_t amount = 0;
  Window window = {};
  std::string downgrade_to;
  int downgrade_percent = 100;
  std::optional<StoreDown> store_down = {};
};

// A limit of the same scope, subject, model, unit and window is changed; what it has counted stays. Errors: not_found
// for the subject; invalid_request for a bound passed, a wrong tag or pattern.
Result<LimitLine> set_limit(Database& database, const NewLimit& limit, std::int64_t now_us);
// By its id. Errors: not_found.
Result<LimitLine> remove_limit(Database& database, std::string_view id, std::int64_t now_us);
Result<std::vector<LimitLine>> list_limits(const Database& database);
// A page of those that a scope sees. Empty: whichever.
struct LimitFilter {
  Scope scope;
  std::string id;
  std::optional<LimitScope> of;
  std::string subject;  // id or name
};
Result<Page<LimitLine>> page_of_limits(const Database& database, const LimitFilter& filter, const PageRange& range);

// Which lines a row of the ledger counts against: given its key and tags. The models' patterns are not looked at.
using LinesOf = std::function<std::vector<const Line*>(std::string_view key_id, std::string_view tags)>;

// What load_spend() has seen.
struct LoadedSpend {
  LogPosition folded = 0;          // up to where the log of the instance has been folded
  std::int64_t corrected_row = 0;  // as corrected_row()
};
// Whose spend.
struct SpendOf {
  std::string_view instance;  // as in fold.h: its log is the one of which load_spend() tells the position
  // What this instance has spent itself, where the others say themselves what they have; else what all have.
  bool own = false;
  std::string data_directory = {};  // of own spend: where its log is
};
// Brings the accounts of money lines to what the database's ledger says, in one view of it. `lines` are those that
// `lines_of` can give.
Result<LoadedSpend> load_spend(Database& database, const SpendOf& of, const std::vector<const Line*>& lines,
                               const LinesOf& lines_of, std::int64_t now_us);

// The last row of the ledger that may be a correction.
Result<std::int64_t> corrected_row(const Database& database);
// The corrections behind that row, in one view of the ledger; returns its corrected_row(). Of an `instance`: those that
// its own directory had, where others count theirs.
struct CountedCorrection {
  std::int64_t row = 0;
  std::string key_id;
  std::string tags;
  std::string provider;
  std::string model;
  std::int64_t at_us = 0;
  Money cost;  // may be below zero
};
Result<std::int64_t> corrections_behind(Database& database, std::int64_t row, std::string_view instance,
                                        const std::function<void(const CountedCorrection&)>& take);

}  // namespace sluice::store
