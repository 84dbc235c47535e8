// What must hold at the end of every run, whatever went wrong in it.
#pragma once

#include <string>
#include <vector>

#include "clients.h"
#include "providers.h"
#include "records.h"

namespace sluice::simulation {

// All that a run has left.
struct Evidence {
  const std::vector<std::unique_ptr<Asked>>& asked;
  const Providers& providers;
  SimulatedStore& store;
  const std::vector<store::LedgerEntry>& rows;  // as they were booked
  const std::vector<std::string>& audits;       // the models that were asked for, as requests ended
  const std::vector<store::Principal>& keys;
  std::int64_t begun = 0;      // requests
  std::int32_t in_flight = 0;  // of admission
};

std::vector<std::string> check(const Evidence& evidence);

}  // namespace sluice::simulation
