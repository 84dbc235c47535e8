// Tokens from bytes, where nobody has counted them: for limits before the call, and for the ledger when the provider
// reported no usage. It does not tokenise: that would double a request's CPU, and the vocabulary is the provider's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/money.h"
#include "chat/usage.h"

namespace sluice::gateway {

// What a request brings to read. An image's bytes say nothing about its tokens.
struct Prompt {
  std::size_t text_bytes = 0;
  std::int64_t images = 0;
};

// English prose has 4.0 to 4.5 bytes per token in current vocabularies, code 3 to 3.5, Chinese about 2.5 to 4.
constexpr std::size_t bytes_per_token = 4;
// Hardly any text has more tokens than one per two bytes: the ceiling for reserving money.
constexpr std::size_t least_bytes_per_token = 2;
// Hardly any text has fewer than one per eight: the floor for refusing what cannot fit a model.
constexpr std::size_t most_bytes_per_token = 8;
// Vendors count 85 to 1,600 tokens for an image, the newest models up to 4,800 for a large one.
constexpr Tokens tokens_per_image = 1'600;
constexpr Tokens most_tokens_per_image = 5'000;

// For Need::tokens and the ledger: what a prompt will probably have. Rounded up.
Tokens expected_tokens(const Prompt& prompt);
// For Need::worst_cost: what a prompt has at most.
Tokens most_tokens(const Prompt& prompt);
// For RouteQuestion: what a prompt has at least; images count nothing.
Tokens least_tokens(const Prompt& prompt);
// An estimate from the texts' bytes, marked as not reported.
chat::Usage estimate_usage(const Prompt& prompt, std::size_t output_bytes);

}  // namespace sluice::gateway
