// Tokens from bytes, where nobody has counted them: for limits before the call, and for the ledger when the provider
// reported no usage. It does not tokenise: that would double a request's CPU, and the vocabulary is the provider's.
#pragma once

#include <cstddef>

#include "base/money.h"
#include "chat/usage.h"

namespace sluice::gateway {

// English prose has 4.0 to 4.5 bytes per token in current vocabularies, code 3 to 3.5, Chinese about 2.5 to 4.
constexpr std::size_t bytes_per_token = 4;
// Hardly any text has more tokens than one per two bytes: the ceiling for reserving money.
constexpr std::size_t least_bytes_per_token = 2;

// For Need::tokens: what a prompt of that many bytes will probably have. Rounded up.
Tokens estimate_tokens(std::size_t bytes);
// For Need::worst_cost: what a prompt of that many bytes has at most.
Tokens most_tokens(std::size_t bytes);
// An estimate from the texts' bytes, marked as not reported.
chat::Usage estimate_usage(std::size_t input_bytes, std::size_t output_bytes);

}  // namespace sluice::gateway
