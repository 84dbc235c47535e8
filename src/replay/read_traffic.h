// Recorded traffic from text: the Azure LLM inference traces (CSV), Mooncake's (JSON lines, whose block hashes tell
// what a prompt cache would hold), and the ledger's own rows as `sluice logs export --rows requests` writes them, as
// CSV or JSON lines. A row that cannot be read is left out, counted, and named with its line; never silently.
#pragma once

#include <chrono>
#include <string_view>

#include "base/result.h"
#include "replay/traffic.h"

namespace sluice::replay {

struct ReadOptions {
  // How long a prompt cache keeps a block that nobody reads, for traces that name blocks. Five minutes is what vendors
  // promise by default.
  std::chrono::seconds cache_life{300};
};

constexpr std::size_t max_cached_blocks = 20'000'000;  // about 1 GB of hashes; ten thousand million prompt tokens

// The format shows by the first line. Sorted, ready to price. Errors: no known format, no call that can be read, more
// rows than are kept, or so many faults that it is another file.
Result<Traffic> read_traffic(std::string_view text, const ReadOptions& options = {});

}  // namespace sluice::replay
