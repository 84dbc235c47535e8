// The exact answer without a solver: every workload in turn takes each of its options, and a branch ends when what it
// costs so far plus the cheapest of the rest is no better than the best plan found. Nodes, pools and people only ever
// grow with the load, so what they cost so far is a bound, too.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "plan/problem.h"

namespace sluice::plan {
namespace {

class Search {
 public:
  Search(const Problem& problem, const Ask& ask) : problem_(problem), ask_(ask) {
    const std::size_t count = problem.workloads();
    shares_.assign(count, std::vector<double>(problem.options(), 0));
    options_.resize(count);
    cheapest_rest_.assign(count + 1, 0);
    for (std::size_t w = 0; w < count; ++w) {
      for (std::size_t o = 0; o < problem.options(); ++o)
        if (allowed(problem, ask, w, o)) options_[w].push_back(o);
      const auto cost = [&](std::size_t o) { return least(w, o); };
      std::ranges::sort(options_[w], {}, cost);
      drop_dominated(w);
    }
    for (std::size_t w = count; w-- > 0;)
      cheapest_rest_[w] = cheapest_rest_[w + 1] + (options_[w].empty() ? 0 : least(w, options_[w][0]));
  }

  std::optional<Placement> run() {
    descend(0);
    return std::move(best_);
  }

 private:
  // The least that the workload adds at this option. Under a commitment it may be nothing: it is paid already.
  double least(std::size_t w, std::size_t o) const {
    const Option& option = problem_.plan->options[o];
    const Pair& pair = problem_.pairs[w][o];
    if (option.commitment) return pair.usd_per_month - problem_.bill(w, o);
    const double off = option.discounts.empty() ? 0 : option.discounts.back().share;
    return pair.usd_per_month - off * problem_.bill(w, o);
  }

  // Without a limit on vendors all APIs are alike but for their cost; of a pool, an option that costs no less and loads
  // no less is never needed.
  void drop_dominated(std::size_t w) {
    const bool vendors = problem_.plan->limits.vendor_share && !ask_.without.has(Rule::vendor_share, -1);
    std::vector<std::size_t> kept;
    for (const std::size_t o : options_[w]) {
      const auto dominates = [&](std::size_t k) {
        // Terms make a bill depend on what else stands there.
        if (problem_.plan->options[o].has_terms() || problem_.plan->options[k].has_terms()) return false;
        if (problem_.pool_of[k] != problem_.pool_of[o]) return false;
        if (problem_.pool_of[o] < 0)
          return !vendors || problem_.plan->options[k].vendor == problem_.plan->options[o].vendor;
        return problem_.pairs[w][k].nodes_at_full_load <= problem_.pairs[w][o].nodes_at_full_load;
      };
      if (std::ranges::none_of(kept, dominates)) kept.push_back(o);
    }
    options_[w] = std::move(kept);
  }

  bool within_limits(const Placement& placement, bool whole) const {
    const Limits& limits = problem_.plan->limits;
    const auto counts = [&](Rule rule) { return !ask_.without.has(rule, -1); };
    if (limits.capex_usd && counts(Rule::capex) && placement.capex_usd > *limits.capex_usd * (1 + 1e-9)) return false;
    if (limits.monthly_usd && counts(Rule::monthly) && placement.usd_per_month > *limits.monthly_usd * (1 + 1e-9))
      return false;
    if (limits.staff_usd_per_month && counts(Rule::staff) &&
        placement.people_usd > *limits.staff_usd_per_month * (1 + 1e-9))
      return false;
    if (counts(Rule::most_nodes))
      for (std::size_t p = 0; p < placement.nodes.size(); ++p)
        if (placement.nodes[p] > problem_.plan->pools[p].most_nodes) return false;
    if (!whole || !limits.vendor_share || !counts(Rule::vendor_share)) return true;
    std::map<std::string, double> vendors;
    for (std::size_t w = 0; w < problem_.workloads(); ++w)
      for (std::size_t o = 0; o < problem_.options(); ++o)
        if (problem_.pool_of[o] < 0)
          vendors[problem_.plan->options[o].vendor] +=
              shares_[w][o] * problem_.plan->workloads[w].tokens_per_month() / problem_.total_tokens;
    return std::ranges::all_of(vendors, [&](const auto& one) { return one.second <= *limits.vendor_share + 1e-9; });
  }

  void descend(std::size_t w) {
    const Placement so_far = priced(problem_, shares_);
    if (!within_limits(so_far, false)) return;
    if (best_ && so_far.usd_per_month + cheapest_rest_[w] >= best_->usd_per_month - 1e-9) return;
    if (w == problem_.workloads()) {
      if (within_limits(so_far, true)) best_ = so_far;
      return;
    }
    for (const std::size_t o : options_[w]) {
      shares_[w][o] = 1;
      descend(w + 1);
      shares_[w][o] = 0;
    }
  }

  const Problem& problem_;
  const Ask& ask_;
  std::vector<std::vector<std::size_t>> options_;
  std::vector<double> cheapest_rest_;
  std::vector<std::vector<double>> shares_;
  std::optional<Placement> best_;
};

}  // namespace

Result<std::optional<Placement>> enumerate(const Problem& problem, const Ask& ask) {
  if (problem.workloads() > max_enumerated)
    return fail(ErrorKind::unavailable,
                fmt::format("{} workloads are more than the {} that can be planned without CBC", problem.workloads(),
                            max_enumerated),
                "build it where coinor-libcbc-dev is installed, or group workloads that are alike");
  for (const Workload& workload : problem.plan->workloads)
    if (workload.split)
      return fail(ErrorKind::unavailable, fmt::format("dividing the workload `{}` needs CBC", workload.name),
                  "build it where coinor-libcbc-dev is installed, or drop `split` and `critical`");
  return Search(problem, ask).run();
}

}  // namespace sluice::plan
