// Workloads that stand at the same own option share its engines: their recorded arrivals are replayed together, each
// with its own limit. What they need so is less than the sum of what each needs alone, because their bursts seldom
// meet; or more, where long calls of one keep a tight limit of another waiting.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "plan/placement.h"
#include "plan/sizing.h"

namespace sluice::plan {

struct SharedEngines {
  std::string option;
  std::vector<std::string> workloads;  // at least two, in the plan's order
  std::size_t calls = 0;               // replayed, of all of them
  double slots = 0;                    // places that all need together
  double nodes = 0;                    // in the busiest hour, for them together; not rounded
  double nodes_alone = 0;              // the sum of what each takes alone
  double within = 0;                   // the least share of one of them within its limit
  std::string says;                    // in one sentence
};

// A placement and what its shared engines need.
struct Settled {
  PlacementResult placed;
  std::vector<SharedEngines> shared;
};

// Places the plan and replays who stands together; what that shows goes into the workloads' `replayed` and the plan is
// placed again, until nobody moves; at most most_rounds times. Where they still do, none gets less than it takes alone.
// Errors: as place() says.
constexpr int most_rounds = 3;
Result<Settled> place_together(Plan& plan, const RecordedArrivals& arrivals);

}  // namespace sluice::plan
