#include "gateway/account/estimate.h"

namespace sluice::gateway {

Tokens estimate_tokens(std::size_t bytes) {
  return static_cast<Tokens>((bytes + bytes_per_token - 1) / bytes_per_token);
}

Tokens most_tokens(std::size_t bytes) {
  return static_cast<Tokens>((bytes + least_bytes_per_token - 1) / least_bytes_per_token);
}

chat::Usage estimate_usage(std::size_t input_bytes, std::size_t output_bytes) {
  return {.input = estimate_tokens(input_bytes), .output = estimate_tokens(output_bytes), .reported = false};
}

}  // namespace sluice::gateway
