// What was done to keys, subjects, limits and administrators, until the serving process has brought it to the audit
// log: the process that does it is rarely the one that owns that log. The newest acts stay to be looked at.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "store/database.h"

namespace sluice::store {

constexpr std::int64_t most_acts_kept = 100'000;  // for admin_acts(); the audit log has them all

// Within the caller's transaction, as done by the database's doer. `facts` writes the members that say what it was done
// to. Running servers are told that keys, subjects or limits have changed.
Result<void> record_act(Database& database, std::string_view what, std::int64_t now_us,
                        const std::function<void(json::Writer&)>& facts);

// Hands the acts that no audit log has yet to `keep` (as JSON, numbered upwards without reuse), oldest first, and
// notes which it took. What it refuses comes again. An act may come twice when the process dies in between; its
// "act_id" tells.
Result<std::size_t> hand_over_admin_acts(Database& database,
                                         const std::function<bool(std::int64_t number, std::string_view json)>& keep);

// The same of what changes none of these, such as a sign-in: running servers have nothing to load.
Result<void> note_act(Database& database, std::string_view what, std::int64_t now_us,
                      const std::function<void(json::Writer&)>& facts);

struct AdminAct {
  std::int64_t number = 0;
  std::string json;
};
// The newest `count` (<= 1,000) acts, newest first; with `before`, of those with a lower number.
Result<std::vector<AdminAct>> admin_acts(const Database& database, std::optional<std::int64_t> before,
                                         std::size_t count);

// Names of keys, teams and the like: at most 64 bytes without control characters. `what` is "a key", say.
Result<void> check_name(std::string_view name, std::string_view what, std::string_view flag);

}  // namespace sluice::store
