// Who asks? Finds the virtual key in the request's headers and its Principal in the table. Nothing of the request is
// believed before that. It does not look at money or rates (admit does) nor at the data class (guard does).
#pragma once

#include <cstdint>

#include "base/result.h"
#include "http/parse.h"
#include "store/key_table.h"

namespace sluice::gateway {

// A longer value is not a key of ours and is not hashed.
constexpr std::size_t max_key_bytes = 256;

// The key may stand in `Authorization: Bearer`, `x-api-key`, `api-key` or `x-goog-api-key`; in several of them only
// when it is the same everywhere, because proxies before us may have checked only one. Empty values count as absent.
// `now_us`: microseconds since 1970 UTC, for keys that expire.
// Errors: unauthenticated, with code "missing_api_key", "invalid_api_key", "revoked_api_key", "expired_api_key" or
// "conflicting_api_keys". About 0.5 us, most of it the sha256.
Result<store::Principal> authenticate(const http::Head& head, const store::KeyTable& keys, std::int64_t now_us);

}  // namespace sluice::gateway
