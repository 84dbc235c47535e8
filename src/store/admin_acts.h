// What was done to keys, subjects and limits, until the serving process has brought it to the audit log: the process
// that does it is rarely the one that owns that log.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"
#include "json/json.h"
#include "store/sqlite.h"

namespace sluice::store {

// Within the caller's transaction. `facts` writes the members that say what it was done to. Running servers are told
// that keys, subjects or limits have changed.
Result<void> record_act(Database& database, std::string_view what, std::int64_t now_us,
                        const std::function<void(json::Writer&)>& facts);

// Hands the acts that no audit log has yet to `keep` (as JSON, numbered upwards without reuse), oldest first, and
// forgets those that it took. What it refuses comes again. An act may come twice when the process dies in between; its
// "act_id" tells.
Result<std::size_t> hand_over_admin_acts(Database& database,
                                         const std::function<bool(std::int64_t number, std::string_view json)>& keep);

// Names of keys, teams and the like: at most 64 bytes without control characters. `what` is "a key", say.
Result<void> check_name(std::string_view name, std::string_view what, std::string_view flag);

}  // namespace sluice::store
