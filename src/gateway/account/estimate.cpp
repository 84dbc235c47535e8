#include "gateway/account/estimate.h"

namespace sluice::gateway {
namespace {

Tokens tokens(std::size_t bytes, std::size_t per_token) {
  return static_cast<Tokens>((bytes + per_token - 1) / per_token);
}

}  // namespace

Tokens expected_tokens(const Prompt& prompt) {
  return tokens(prompt.text_bytes, bytes_per_token) + prompt.images * tokens_per_image;
}

Tokens most_tokens(const Prompt& prompt) {
  return tokens(prompt.text_bytes, least_bytes_per_token) + prompt.images * most_tokens_per_image;
}

Tokens least_tokens(const Prompt& prompt) { return static_cast<Tokens>(prompt.text_bytes / most_bytes_per_token); }

chat::Usage estimate_usage(const Prompt& prompt, std::size_t output_bytes) {
  return {.input = expected_tokens(prompt), .output = tokens(output_bytes, bytes_per_token), .reported = false};
}

}  // namespace sluice::gateway
