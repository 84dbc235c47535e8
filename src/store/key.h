// A virtual key as it is kept: who it is for and what it may do. The key's characters are never kept, only their
// sha256.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/data_class.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/result.h"
#include "base/secret.h"

namespace sluice::store {

using TenantId = StrongId<struct TenantIdTag>;

constexpr std::string_view key_prefix = "sk-sluice-";
constexpr std::size_t key_random_characters = 48;  // 285 bits
// How the id of a temporary key begins. No other id does, so the ledger tells them when the key is long forgotten.
constexpr std::string_view temporary_id_prefix = "key_tmp_";

struct VirtualKey {
  KeyId id;                        // "key_", or temporary_id_prefix, + 12 alphanumerics
  std::string name;                // unique among the keys that are not revoked
  std::int64_t created_at_us = 0;  // since 1970 UTC
  std::optional<std::int64_t> revoked_at_us;
  std::optional<std::int64_t> expires_at_us;
  std::optional<std::int64_t> blocked_at_us;  // nobody comes in with it until it is let in again
  std::optional<Money> budget;                // for the key's whole life; empty = none
  std::optional<std::int64_t> rpm;            // requests per minute, >= 1; empty = no limit
  std::optional<std::int64_t> tpm;            // tokens per minute, >= 1; empty = no limit
  DataClass data_class = DataClass::internal;
  TenantId tenant;             // may be empty
  std::string team;            // the id of its team; empty = none
  std::string user;            // the id of its user; empty = none
  std::string tags;            // as tags.h keeps them
  crypto::Sha256 digest = {};  // of the key's characters
};

// What `sluice keys create` says. Bounds: name and tenant at most 64 bytes without control characters; numbers >= 1;
// budget >= 0.
struct NewKey {
  std::string name;  // empty: one is made up from the id
  std::optional<std::int64_t> expires_at_us;
  std::optional<Money> budget;
  std::optional<std::int64_t> rpm;
  std::optional<std::int64_t> tpm;
  DataClass data_class = DataClass::internal;
  TenantId tenant;
  std::string team;        // id or name
  std::string user;        // id or name
  std::string tags;        // "one,two"
  bool temporary = false;  // made by a program for itself: forgotten some time after its end
};

// What becomes different; what is empty stays. Bounds as of a new key. Rates hold from the next request on.
struct KeyChange {
  std::optional<std::string> name;
  std::optional<std::int64_t> expires_at_us;
  std::optional<Money> budget;  // only of a key that has one
  std::optional<std::int64_t> rpm;
  std::optional<std::int64_t> tpm;
  // Taken away; beats a value that is given as well.
  bool no_expiry = false;
  bool no_budget = false;
  bool no_rpm = false;
  bool no_tpm = false;
  // Asked within the change's own transaction, of the key as it is: an error, and nothing changes. Empty: yes.
  std::function<Result<void>(const VirtualKey&)> if_still = {};
};

struct CreatedKey {
  VirtualKey key;
  Secret secret;  // the characters; shown once and not kept
};

// A key and what it has used up so far, for lists.
struct KeyReport {
  VirtualKey key;
  bool damaged = false;  // in the database: nobody comes in with it, and what `key` says of its rights does not count
  Money spent;
  std::int64_t requests = 0;
  std::optional<std::int64_t> last_used_us;
};

}  // namespace sluice::store
