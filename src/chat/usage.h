// What an answer used, in disjoint token classes: no token is in two of them, so their sum is the total and each has
// one price. Dialects that report overlapping counts (OpenAI's prompt_tokens includes the cached ones) are taken apart
// when they are read and put together again when they are written.
#pragma once

#include "base/money.h"

namespace sluice::chat {

struct Usage {
  Tokens input = 0;           // read fresh, at the full input price
  Tokens cache_read = 0;      // read from the provider's prompt cache
  Tokens cache_write_5m = 0;  // written to it, default or 5 minute lifetime
  Tokens cache_write_1h = 0;  // written to it, 1 hour lifetime
  Tokens output = 0;          // generated and visible
  Tokens reasoning = 0;       // generated and not visible

  // The provider said so; otherwise the numbers are Sluice's estimate and marked so in the ledger. While a stream has
  // told its input alone (Anthropic does so at the start), the input classes are set and this is still false.
  bool reported = false;

  Tokens total_input() const { return input + cache_read + cache_write_5m + cache_write_1h; }
  Tokens total_output() const { return output + reasoning; }
  friend bool operator==(const Usage&, const Usage&) = default;
};

}  // namespace sluice::chat
