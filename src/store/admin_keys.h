// Administration keys: who may use the administration's API, with which role, and where. They are no virtual keys: no
// model answers to them, and virtual keys administrate nothing. Of their characters the sha256 is kept alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "store/database.h"
#include "store/grant.h"
#include "store/page.h"

namespace sluice::store {

constexpr std::string_view admin_key_prefix = "sk-admin-sluice-";
constexpr std::size_t max_admin_key_bytes = 128;  // what is longer is none, and is not hashed
constexpr std::int64_t most_admin_keys = 10'000;  // that are not revoked

struct AdminKey {
  std::string id;    // "adm_" + 12 alphanumerics
  std::string name;  // unique among those that are not revoked
  Grant grant;
  std::int64_t created_at_us = 0;  // since 1970 UTC
  std::optional<std::int64_t> revoked_at_us;
  std::optional<std::int64_t> expires_at_us;
};

struct NewAdminKey {
  std::string name;  // empty: the id is its name
  Grant grant;       // the scope's organisation or team by id or name
  std::optional<std::int64_t> expires_at_us;
};

struct CreatedAdminKey {
  AdminKey key;
  Secret secret;  // the characters; shown once and not kept
};

// Errors: invalid_request for a name in use or a bound passed, not_found for the scope's organisation or team.
Result<CreatedAdminKey> create_admin_key(Database& database, const NewAdminKey& key, std::int64_t now_us);
// By id or name. Holds from the next request on. Errors: not_found; invalid_request for one that has been revoked.
Result<AdminKey> revoke_admin_key(Database& database, std::string_view id_or_name, std::int64_t now_us);
// Oldest first.
Result<std::vector<AdminKey>> list_admin_keys(const Database& database, bool with_revoked);
// A page of those whose grants lie within a scope. Empty: whichever.
struct AdminKeyFilter {
  Scope scope;
  std::string id;
  bool with_revoked = true;
};
Result<Page<AdminKey>> page_of_admin_keys(const Database& database, const AdminKeyFilter& filter,
                                          const PageRange& range);
// Whose characters these are; also of a revoked or expired one: the caller tells them apart. Empty: nobody's.
Result<std::optional<AdminKey>> find_admin_key(const Database& database, std::string_view characters);

}  // namespace sluice::store
