// Who asks? Finds the virtual key in the request's head and its Principal in the table. Nothing of the request is
// believed before that. It does not look at money or rates (admit does) nor at the data class (guard does).
#pragma once

#include <cstdint>

#include "async/task.h"
#include "base/result.h"
#include "http/parse.h"
#include "net/reactor.h"
#include "store/key_table.h"
#include "store/live_store.h"

namespace sluice::gateway {

// A longer value is not a key of ours and is not hashed.
constexpr std::size_t max_key_bytes = 256;

// The key may stand in `Authorization: Bearer`, `x-api-key`, `api-key`, `x-goog-api-key` or the query's `key`; in
// several of them only when it is the same everywhere, because proxies before us may have checked only one. Empty
// values count as absent. `now_us`: microseconds since 1970 UTC, for keys that expire. Errors: unauthenticated, with
// code "missing_api_key", "invalid_api_key", "revoked_api_key", "blocked_api_key", "expired_api_key" or
// "conflicting_api_keys". About 0.5 us, most of it the sha256.
Result<store::Principal> authenticate(const http::RequestHead& head, const store::KeyTable& keys, std::int64_t now_us);

inline constexpr const char* missing_key_code = "missing_api_key";

// Errors: unauthenticated, for a key that has been revoked or blocked, or has expired.
Result<void> check_usable(const store::VirtualKey& key, std::int64_t now_us);

// Errors: unavailable, while nobody knows what has become of the keys (RequestStore::keys_are_stale()).
Result<void> check_known(const store::RequestStore& store);

// The longest that a request with an unknown key waits for a look at the database; a database that is busy for longer
// means a 401, and another try.
constexpr std::chrono::milliseconds longest_key_look{250};

// The same in the store's current table. A key that is unknown there may have been made a moment ago, so its request
// waits for one look of the store (RequestStore::look_for_keys, which bounds what bad keys can cost) before it is
// refused. Errors: also unavailable, while RequestStore::keys_are_stale(). Borrows all four until it ends: they belong
// to the connection, or outlive it. `client_gone` ends the wait.
async::Task<Result<store::Principal>> authenticate(const http::RequestHead& head, store::RequestStore& store,
                                                   net::Reactor& reactor, async::Cancel& client_gone,
                                                   std::int64_t now_us);

// Until the store has looked for keys that were made a moment ago, longest_key_look at most.
async::Task<> look_for_keys(store::RequestStore& store, net::Reactor& reactor, async::Cancel& client_gone);

}  // namespace sluice::gateway
