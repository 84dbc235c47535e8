// The placement with its reasons: what was chosen for each workload and what the runner-up would cost, which options
// are out and by which first rule, what each rule costs (by solving again without it), what greed would have chosen,
// and for a plan that cannot be met the smallest set of rules that contradict each other.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plan/problem.h"

namespace sluice::plan {

struct Rejected {
  std::string option;
  std::string rule;  // the first that failed; "hardware" when it is physically impossible
  std::string reason;
};

struct Chosen {
  std::string workload;
  std::vector<std::pair<std::string, double>> shares;  // option, share
  double usd_per_month = 0;                            // bills; nodes and people are shared
  std::string runner_up;                               // empty: there is none
  double runner_up_gap_usd = 0;  // of the whole plan's month, by solving again without the chosen one
  std::string no_runner_up;      // why there is none
  std::vector<Rejected> rejected;
};

struct RulePrice {
  std::string rule;
  std::string workload;  // empty: of the plan
  double usd_per_month = 0;
  std::string effect;
};

// Rules that belong together, left out together: two that forbid the same cost nothing one by one, and much together.
struct RuleGroup {
  std::string name;                // "all rules of `letters`", "quality of all workloads", "all limits", "all rules"
  std::vector<std::string> rules;  // in words
  double usd_per_month = 0;
  double alone_usd = 0;  // the sum of what each costs alone
  std::string effect;
};

struct Scenario {
  std::string name;
  std::string what;
  std::optional<Placement> placement;
  std::string impossible;  // why, when there is none
};

struct PlacementResult {
  bool feasible = false;
  std::vector<std::string> conflict;  // the smallest set, in words
  std::string conflict_says;
  Placement best;
  std::vector<Chosen> workloads;
  double greedy_usd = 0;  // each workload for itself, then shared
  std::vector<RulePrice> rules;
  std::vector<RuleGroup> rule_groups;  // those that cost something, the dearest first; of at most
                                       // max_resolved_workloads workloads
  std::vector<std::string> binding;
  std::vector<Scenario> scenarios;
  std::string solver;
};

// Runner-ups are found by solving again up to this many workloads; beyond it by exchanging one workload in the plan
// found.
constexpr std::size_t max_resolved_workloads = 20;

Result<PlacementResult> place(const Plan& plan, const Assumptions& assumptions);

}  // namespace sluice::plan
