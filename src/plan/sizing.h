// How many servers a workload needs at an own option so that its wait keeps its limit: by formula at the peak, with the
// places of the roofline's batch as servers; and where arrivals were recorded, by their replay, which has the last
// word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/capacity.h"
#include "plan/plan.h"
#include "plan/queue.h"

namespace sluice::plan {

// Calls of one workload as they came: those that are replayed, and how many there were.
struct Recorded {
  struct Call {
    double at_s = 0;  // rising
    double input = 0;
    double output = 0;
  };
  std::vector<Call> calls;
  std::size_t of = 0;  // more than calls: these are the busiest ones in a row
};
using RecordedArrivals = std::map<std::string, Recorded, std::less<>>;  // by workload

// A replay takes milliseconds per ten thousand calls and is done some twenty times for each own option.
constexpr std::size_t max_replayed_calls = 400'000;   // of all workloads, in equal parts
constexpr std::size_t least_replayed_calls = 20'000;  // of one, however many there are

struct Sizing {
  enum class By : std::uint8_t {
    use,     // load.max_utilisation bounds it
    wait,    // the wait does
    replay,  // the recorded arrivals do
  };
  Load load;                // at the peak
  double limit_s = 0;       // of the wait
  double prefill_s = 0;     // of the mean request
  double slots_a_node = 0;  // the batch
  double slots = 0;         // servers that it needs
  double by_formula = 0;    // of them
  double wait_p95_s = 0;    // by the formula, with as many as the formula asks for
  double nodes = 0;         // the servers as nodes, not rounded
  double utilisation = 0;   // of the servers, at the peak
  By by = By::use;
};
std::string_view name(Sizing::By by);

// The limit of the wait: ttft_p95_ms less the mean prompt's prefill; load.wait_p95_ms where there is none. `volume`: of
// the stated one.
Sizing size_of(const Workload& workload, const Option& option, const Capacity& served, const Assumptions& assumptions,
               double volume = 1);

// The volume from which the workload alone pays for people and nodes, as many as its size asks for, against one API.
struct PaysFrom {
  double requests_per_month = 0;  // 0: never
  double nodes = 0;
  std::string never;  // why
};
PaysFrom pays_from(const Plan& plan, const Workload& workload, const Option& own, const Capacity& served,
                   const Option& api);

// A replay of recorded arrivals at one own option.
struct ReplayCheck {
  std::size_t calls = 0;
  std::size_t of = 0;
  double seconds = 0;        // from the first to the last
  double by_formula = 0;     // servers
  double slots = 0;          // with which it was done: the chosen ones
  double limit_s = 0;        // of what is checked: wait and prefill, or the wait alone
  bool first_token = false;  // the former
  double arrival_scv = 0;    // as measured, at the scale of a service; 0 = too few to say
  ReplayResult seen;
  double at_formula = 0;  // share within the limit with the formula's number
  double needs = 0;       // the fewest servers that hold; 0 = none does
  bool raised = false;    // the formula's number did not hold
  std::string says;       // in one sentence
};
// By workload and option. Writes what it finds into the workloads of `plan`, so that all that is computed from them
// counts it; workloads without calls stay as they are.
using ReplayChecks = std::map<std::string, std::map<std::string, ReplayCheck, std::less<>>, std::less<>>;
ReplayChecks replay_recorded(Plan& plan, const RecordedArrivals& arrivals);

}  // namespace sluice::plan
