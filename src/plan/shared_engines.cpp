#include "plan/shared_engines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <tuple>
#include <utility>

#include "plan/capacity.h"
#include "plan/quantity.h"
#include "plan/queue.h"

namespace sluice::plan {
namespace {

constexpr double whole = 0.999;           // a workload that stands there with all of it
constexpr std::size_t fewest_calls = 20;  // of each, or their 95 % says nothing
constexpr double same = 1e-6;

// The time in which all of them were recorded: of those that were cut, only the busiest calls in a row are known.
struct Window {
  double from_s = -INFINITY;
  double to_s = INFINITY;
  bool has(double at_s) const { return at_s >= from_s && at_s <= to_s; }
};

// Who stands at an own option with all calls, and has arrivals.
std::vector<std::size_t> sharers(const Plan& plan, const Placement& best, std::size_t option,
                                 const RecordedArrivals& arrivals) {
  std::vector<std::size_t> found;
  for (std::size_t w = 0; w < plan.workloads.size(); ++w)
    if (best.shares[w][option] >= whole && arrivals.contains(plan.workloads[w].name)) found.push_back(w);
  return found;
}

// The mean request of all of them, under the tightest of their limits on a step.
Shape common_shape(const Plan& plan, std::span<const std::size_t> who) {
  Shape out;
  double requests = 0;
  for (const std::size_t w : who) {
    const Workload& one = plan.workloads[w];
    requests += one.requests_per_month;
    out.input += one.requests_per_month * one.input_tokens;
    out.output += one.requests_per_month * one.output_tokens;
    if (one.tpot_ms > 0) out.tpot_ms = out.tpot_ms > 0 ? std::min(out.tpot_ms, one.tpot_ms) : one.tpot_ms;
  }
  out.input /= requests;
  out.output /= requests;
  return out;
}

std::vector<Arrival> merged(const Plan& plan, std::span<const std::size_t> who, const SlotTime& time,
                            const RecordedArrivals& arrivals) {
  Window window;
  for (const std::size_t w : who) {
    const Recorded& one = arrivals.find(plan.workloads[w].name)->second;
    if (one.of <= one.calls.size() || one.calls.empty()) continue;
    window.from_s = std::max(window.from_s, one.calls.front().at_s);
    window.to_s = std::min(window.to_s, one.calls.back().at_s);
  }
  std::vector<Arrival> all;
  std::vector<std::size_t> counts(who.size(), 0);
  for (std::size_t i = 0; i < who.size(); ++i) {
    const Workload& workload = plan.workloads[who[i]];
    for (const Recorded::Call& call : arrivals.find(workload.name)->second.calls) {
      if (!window.has(call.at_s)) continue;
      ++counts[i];
      all.push_back({.at_s = call.at_s,
                     .service_s = time.seconds(call.input, call.output),
                     .first_s = workload.ttft_p95_ms > 0 ? time.prefill_s(call.input) : 0,
                     .of = i});
    }
  }
  if (std::ranges::any_of(counts, [](std::size_t count) { return count < fewest_calls; })) return {};
  std::ranges::sort(all, [](const Arrival& a, const Arrival& b) {
    return std::tie(a.at_s, a.of, a.service_s) < std::tie(b.at_s, b.of, b.service_s);
  });
  return all;
}

// Nodes in the busiest hour: as each takes them alone, and as their use alone asks for.
struct Alone {
  double nodes = 0;
  double by_use = 0;
  double slots = 0;
};
Alone alone(const Problem& problem, std::span<const std::size_t> who, std::size_t option) {
  Alone out;
  for (std::size_t hour = 0; hour < 24; ++hour) {
    double nodes = 0;
    double by_use = 0;
    for (const std::size_t w : who) {
      const Pair& pair = problem.pairs[w][option];
      const auto replayed = problem.plan->workloads[w].replayed.find(problem.plan->options[option].name);
      const double together = replayed == problem.plan->workloads[w].replayed.end() ? 1 : replayed->second.together;
      const double taken = pair.nodes_at_full_load / together * problem.hours[w][hour] / problem.max_utilisation;
      const Sizing& size = *pair.sizing;
      nodes += taken;
      by_use += taken * std::min(1.0, size.load.offered() / problem.max_utilisation / size.slots_a_node / size.nodes);
    }
    out.nodes = std::max(out.nodes, nodes);
    out.by_use = std::max(out.by_use, by_use);
  }
  for (const std::size_t w : who) out.slots += problem.pairs[w][option].sizing->slots;
  return out;
}

std::string in_words(const SharedEngines& one) {
  std::string names;
  for (const std::string& name : one.workloads) names += (names.empty() ? "" : ", ") + name;
  return fmt::format(
      "{} share {}: {} recorded calls replayed together need {} places, {:.2f} nodes; each alone would "
      "take {:.2f}. At least {:.1f} % of each are within its limit",
      names, one.option, one.calls, short_number(one.slots), one.nodes, one.nodes_alone, one.within * 100);
}

std::vector<SharedEngines> replay_together(const Plan& plan, const Placement& best, const RecordedArrivals& arrivals) {
  std::vector<SharedEngines> found;
  const Problem problem = make_problem(plan, plan.assumptions);
  for (std::size_t o = 0; o < plan.options.size(); ++o) {
    const Option& option = plan.options[o];
    if (!option.self_hosted()) continue;
    const std::vector<std::size_t> who = sharers(plan, best, o, arrivals);
    if (who.size() < 2) continue;
    const Shape shape = common_shape(plan, who);
    const Pool& pool = *plan.pool(option.pool);
    const auto served = capacity(option, pool, shape, plan.assumptions);
    if (!served) continue;  // not with one mean request: each keeps its own size
    const std::vector<Arrival> calls =
        merged(plan, who, SlotTime(option, pool, shape, *served, plan.assumptions), arrivals);
    if (calls.empty()) continue;
    std::vector<double> limits;
    SharedEngines one{.option = option.name, .calls = calls.size()};
    for (const std::size_t w : who) {
      const Workload& workload = plan.workloads[w];
      one.workloads.push_back(workload.name);
      limits.push_back(workload.ttft_p95_ms > 0 ? workload.ttft_p95_ms / 1e3
                                                : plan.assumptions["load.wait_p95_ms"] / 1e3);
    }
    const Alone each = alone(problem, who, o);
    const std::size_t needs = servers_for(calls, limits, static_cast<std::size_t>(std::max(1.0, each.slots)));
    if (needs == 0) continue;
    one.slots = static_cast<double>(needs);
    one.nodes = std::max(one.slots / served->batch * plan.assumptions["volume.factor"], each.by_use);
    one.nodes_alone = each.nodes;
    one.within = std::ranges::min(shares_within(calls, limits, needs));
    one.says = in_words(one);
    found.push_back(std::move(one));
  }
  return found;
}

// True when a size has changed. `least`: of the factor.
bool note(Plan& plan, const std::vector<SharedEngines>& shared, double least) {
  bool changed = false;
  for (Workload& workload : plan.workloads)
    for (auto& [option, replayed] : workload.replayed) {
      double factor = 1;
      for (const SharedEngines& one : shared)
        if (one.option == option && std::ranges::find(one.workloads, workload.name) != one.workloads.end())
          factor = std::max(least, one.nodes / one.nodes_alone);
      changed = changed || std::abs(factor - replayed.together) > same;
      replayed.together = factor;
    }
  return changed;
}

}  // namespace

Result<Settled> place_together(Plan& plan, const RecordedArrivals& arrivals) {
  Settled out;
  TRY(out.placed, place(plan, plan.assumptions));
  if (arrivals.empty()) return out;
  for (int round = 0; round < most_rounds && out.placed.feasible; ++round) {
    out.shared = replay_together(plan, out.placed.best, arrivals);
    if (!note(plan, out.shared, 0)) return out;
    TRY(out.placed, place(plan, plan.assumptions));
  }
  if (!out.placed.feasible) return out;
  // The last sizes are of those who stood together before; do they still?
  out.shared = replay_together(plan, out.placed.best, arrivals);
  if (!note(plan, out.shared, 0)) return out;
  note(plan, std::exchange(out.shared, {}), 1);
  plan.notes.emplace_back(
      "workloads that share engines move as soon as their common size is known, and back: each has the size that it "
      "takes alone, or the common one where that is larger");
  TRY(out.placed, place(plan, plan.assumptions));
  return out;
}

}  // namespace sluice::plan
