// Virtual keys in the database: made, listed, revoked, and loaded for the request path. Each act is kept for the audit
// log in the same transaction (admin_acts), because the process that makes a key is rarely the one that owns that log.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/key.h"
#include "store/page.h"

namespace sluice::store {

constexpr std::size_t max_key_name_bytes = 64;               // fits a table's column
constexpr std::int64_t max_rate_per_minute = 1'000'000'000;  // GCRA's step stays above 60 ns

Result<CreatedKey> create_key(Database& database, const NewKey& key, std::int64_t now_us);
Result<VirtualKey> revoke_key(Database& database, std::string_view id_or_name, std::int64_t now_us);
Result<CreatedKey> rotate_key(Database& database, std::string_view id_or_name, std::int64_t now_us);
Result<VirtualKey> change_key(Database& database, std::string_view id_or_name, const KeyChange& change,
                              std::int64_t now_us);
Result<VirtualKey> block_key(Database& database, std::string_view id_or_name, bool blocked, std::int64_t now_us);
Result<std::vector<KeyReport>> list_keys(const Database& database, bool with_revoked);
Result<Page<KeyReport>> page_of_keys(const Database& database, const KeyFilter& filter, const PageRange& range);
Result<std::int64_t> count_keys(const Database& database, const KeyFilter& filter);
// By id, else by name and one in use before a revoked one, as far as the scope sees it. Empty: it sees none.
Result<std::optional<KeyReport>> see_key(const Database& database, const Scope& scope, std::string_view id_or_name);

// A key that is not revoked, by its id or its name. Errors: not_found.
Result<VirtualKey> find_live_key(const Database& database, std::string_view id_or_name);

}  // namespace sluice::store
