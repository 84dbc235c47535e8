// The placement's problem: which workload may stand where (with the first rule that forbids it), what each pair costs a
// month, how much of a node it takes in each hour, and what is shared: nodes, pools, people. Two exact solvers answer
// it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plan/cost.h"
#include "plan/milp.h"
#include "plan/plan.h"
#include "plan/sizing.h"

namespace sluice::plan {

enum class Rule : std::uint8_t {
  only,
  data_class,
  residency,
  needs,
  context,
  quality,
  latency,
  free_price,
  self_hosting,  // of one workload
  critical,      // of one workload
  capex,
  monthly,
  vendor_share,
  staff,
  most_nodes,  // of the plan
};
inline constexpr std::array workload_rules = {Rule::only,         Rule::data_class, Rule::residency, Rule::needs,
                                              Rule::context,      Rule::quality,    Rule::latency,   Rule::free_price,
                                              Rule::self_hosting, Rule::critical};
inline constexpr std::array plan_rules = {Rule::capex, Rule::monthly, Rule::vendor_share, Rule::staff,
                                          Rule::most_nodes};
std::string_view name(Rule rule);

// Rules that are left out, to see what they cost. workload -1 = of all workloads, or of the plan.
struct Without {
  std::set<std::pair<Rule, int>> rules;
  bool has(Rule rule, int workload) const { return rules.contains({rule, workload}) || rules.contains({rule, -1}); }
};

struct Pair {
  bool possible = false;           // nothing physical forbids it
  std::string impossible;          // why not: a model that does not fit
  std::optional<Rule> failed;      // the first rule that forbids it
  std::string reason;              // in words, with both numbers
  double usd_per_month = 0;        // the bill and the switching cost over the horizon
  double switching_usd = 0;        // once
  double nodes_at_full_load = 0;   // at the mean of the day; with what waiting and replay ask for beyond it
  std::optional<Capacity> served;  // of an own engine
  std::optional<Sizing> sizing;
};

// No vendor may carry more than this of a critical workload, so that the other one is proven every day.
constexpr double most_of_critical = 0.8;

struct Problem {
  const Plan* plan = nullptr;
  std::vector<std::vector<Pair>> pairs;       // workload, option
  std::vector<std::array<double, 24>> hours;  // workload: share of the day's mean times its peak
  std::vector<NodeCost> nodes;                // pool
  std::vector<int> pool_of;                   // option; -1 = API
  double first_pool_usd = 0;
  double further_pool_usd = 0;
  double max_utilisation = 0.85;
  double evidence_usd = 0;
  double total_tokens = 0;

  // Of the pair, without the switching cost.
  double bill(std::size_t workload, std::size_t option) const;
  std::size_t workloads() const { return pairs.size(); }
  std::size_t options() const { return pool_of.size(); }
};

// At volume.factor times the stated volumes. The capacity of each self-hosted pair is computed here, once.
Problem make_problem(const Plan& plan, const Assumptions& assumptions);

struct Placement {
  double usd_per_month = 0;
  std::vector<std::vector<double>> shares;  // workload, option: sums to 1
  std::vector<double> nodes;                // pool
  double api_usd = 0;
  double node_usd = 0;
  double people_usd = 0;
  double capex_usd = 0;
  double evidence_usd = 0;       // audit evidence: due on any ground, so no reason to prefer one
  std::vector<double> list_usd;  // option: its bills before discounts and commitments
};

// What a division costs: nodes are as many as its busiest hour needs.
Placement priced(const Problem& problem, std::vector<std::vector<double>> shares);

struct Ask {
  Without without = {};
  std::vector<std::pair<int, int>> forbidden = {};        // workload, option
  std::optional<std::set<catalog::Ground>> grounds = {};  // only these
};
Milp milp_of(const Problem& problem, const Ask& ask);

// Empty: there is none. Errors: as solve() says; without CBC also more than max_enumerated workloads or a divided one.
Result<std::optional<Placement>> optimum(const Problem& problem, const Ask& ask);

// Exact by trying, with bounds; no workload may be divided. Refuses more than max_enumerated workloads.
constexpr std::size_t max_enumerated = 12;
Result<std::optional<Placement>> enumerate(const Problem& problem, const Ask& ask);

bool allowed(const Problem& problem, const Ask& ask, std::size_t workload, std::size_t option);

}  // namespace sluice::plan
