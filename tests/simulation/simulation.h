// One run of the whole request path over a simulated network, clock and disk: the real Listen, Exchange, pools,
// retries, admission and accounts; clients, vendors and trouble from a seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::simulation {

struct Report {
  std::vector<std::string> violations;  // of what must always hold; empty is good
  std::uint64_t digest = 0;             // of all that clients saw and all that was booked: the same for the same seed
  std::size_t requests = 0;
  std::size_t calls = 0;  // that reached a provider whole
  std::size_t rows = 0;   // of the ledger
};

Report simulate(std::uint64_t seed);

}  // namespace sluice::simulation
