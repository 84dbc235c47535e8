// What was answered to requests that carry an Idempotency-Key, so that one that comes again does nothing again. Secrets
// are not in it: whoever asks again learns what was made, not its characters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/result.h"
#include "store/database.h"

namespace sluice::store {

constexpr std::int64_t idempotent_us = 86'400'000'000;  // how long an answer is known: a day
constexpr std::int64_t most_idempotent = 100'000;       // answers of all; beyond it the oldest are forgotten

struct EarlierAnswer {
  crypto::Sha256 request = {};  // of what was asked
  int status = 0;               // 0: it was begun, and nobody knows how it ended
  std::string body;
};

// The answer that `doer` got under that key, or nothing: then this request is the first, and noted as begun.
Result<std::optional<EarlierAnswer>> begin_once(Database& database, std::string_view doer, std::string_view key,
                                                const crypto::Sha256& request, std::int64_t now_us);
Result<void> end_once(Database& database, std::string_view doer, std::string_view key, int status,
                      std::string_view body);
// It came to nothing and may come again.
Result<void> forget_once(Database& database, std::string_view doer, std::string_view key);

}  // namespace sluice::store
