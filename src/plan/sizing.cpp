#include "plan/sizing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "plan/cost.h"
#include "plan/quantity.h"

namespace sluice::plan {
namespace {

constexpr double quantile = 0.95;  // of ttft_p95_ms

double busiest_factor(const Workload& workload) { return std::ranges::max(workload.profile) * workload.peak; }

const Replayed* replayed_at(const Workload& workload, const Option& option) {
  const auto found = workload.replayed.find(option.name);
  return found == workload.replayed.end() ? nullptr : &found->second;
}

// What each recorded call asks of the option's servers, in the order of their coming.
std::vector<Arrival> arrivals_at(const SlotTime& time, const Recorded& recorded, bool first_token) {
  std::vector<Arrival> out;
  out.reserve(recorded.calls.size());
  for (const Recorded::Call& call : recorded.calls)
    out.push_back({.at_s = call.at_s,
                   .service_s = time.seconds(call.input, call.output),
                   .first_s = first_token ? time.prefill_s(call.input) : 0});
  return out;
}

double service_scv(const std::vector<Arrival>& arrivals) {
  double sum = 0;
  double squares = 0;
  for (const Arrival& one : arrivals) {
    sum += one.service_s;
    squares += one.service_s * one.service_s;
  }
  const auto count = static_cast<double>(arrivals.size());
  return sum > 0 ? std::max(0.0, squares * count / (sum * sum) - 1) : 1;
}

double mean_service(const std::vector<Arrival>& arrivals) {
  double sum = 0;
  for (const Arrival& one : arrivals) sum += one.service_s;
  return sum / static_cast<double>(arrivals.size());
}

std::string in_words(const ReplayCheck& check) {
  const std::string what = check.first_token ? "first token" : "wait";
  const std::string limit = fmt::format("{} within {} ms", what, short_number(std::round(check.limit_s * 1e3)));
  const std::string part =
      check.calls < check.of ? fmt::format(" (the busiest {} of {} in a row)", check.calls, check.of) : std::string();
  if (check.needs <= 0)
    return fmt::format("no number of servers has the {}: the prefill alone takes {:.0f} ms at the 95th percentile{}",
                       limit, check.seen.first_p95_s * 1e3, part);
  if (check.raised)
    return fmt::format(
        "the formula's {} servers have the {} for {:.1f} % of the calls: raised to {}, which have it "
        "for {:.1f} %{}",
        short_number(check.by_formula), limit, check.at_formula * 100, short_number(check.slots),
        check.seen.within * 100, part);
  return fmt::format("{} servers have the {} for {:.1f} % of the calls{}; {} would do", short_number(check.slots),
                     limit, check.seen.within * 100, part, short_number(check.needs));
}

// The formula's number tried on the calls, and raised to what they need.
ReplayCheck check_of(const std::vector<Arrival>& arrivals, const Recorded& recorded, const Sizing& sizing,
                     const Workload& workload) {
  const bool first_token = workload.ttft_p95_ms > 0;
  ReplayCheck check{.calls = arrivals.size(),
                    .of = recorded.of,
                    .seconds = arrivals.back().at_s - arrivals.front().at_s,
                    .by_formula = sizing.by_formula,
                    .limit_s = first_token ? workload.ttft_p95_ms / 1e3 : sizing.limit_s,
                    .first_token = first_token,
                    .arrival_scv = dispersion(arrivals, mean_service(arrivals), 0)};
  const auto formula =
      static_cast<std::size_t>(std::clamp(sizing.by_formula, 1.0, static_cast<double>(max_replay_servers)));
  const std::size_t needs = servers_for(arrivals, check.limit_s, formula);
  check.needs = static_cast<double>(needs);
  check.seen = replay(arrivals, formula, check.limit_s);
  check.slots = static_cast<double>(formula);
  check.at_formula = check.seen.within;
  if (needs == 0) {
    check.seen = replay(arrivals, std::min(arrivals.size(), max_replay_servers), check.limit_s);
  } else if (needs > formula) {
    check.raised = true;
    check.slots = check.needs;
    check.seen = replay(arrivals, needs, check.limit_s);
  }
  check.says = in_words(check);
  return check;
}

}  // namespace

std::string_view name(Sizing::By by) {
  switch (by) {
    case Sizing::By::use: return "use";
    case Sizing::By::wait: return "wait";
    case Sizing::By::replay: return "replay";
  }
  return "use";
}

Sizing size_of(const Workload& workload, const Option& option, const Capacity& served, const Assumptions& assumptions,
               double volume) {
  const double most = assumptions["load.max_utilisation"];
  const Replayed* replayed = replayed_at(workload, option);
  Sizing out{.load = {.per_second = workload.requests_per_month * volume / seconds_per_month * busiest_factor(workload),
                      .service_s = served.batch / served.requests_per_s,
                      .arrival_scv = workload.arrival_scv,
                      .service_scv = replayed ? replayed->service_scv : workload.service_scv},
             .limit_s = workload.ttft_p95_ms > 0 ? std::max(0.0, workload.ttft_p95_ms / 1e3 - served.prefill_s)
                                                 : assumptions["load.wait_p95_ms"] / 1e3,
             .prefill_s = served.prefill_s,
             .slots_a_node = served.batch};
  const double by_use = out.load.offered() / most;
  out.by_formula = servers_needed(out.load, quantile, out.limit_s, most);
  out.wait_p95_s = waiting_quantile(out.by_formula, out.load, quantile);
  out.slots = out.by_formula;
  double slots = by_use;  // a part of a server counts as a part: the rest is another workload's
  if (out.by_formula > std::max(1.0, std::ceil(by_use - 1e-9))) {
    out.by = Sizing::By::wait;
    slots = out.by_formula;
  }
  if (replayed && replayed->raise > 1) {
    out.by = Sizing::By::replay;
    out.slots = slots = std::ceil(out.by_formula * replayed->raise - 1e-6);
  }
  out.nodes = slots / served.batch;
  out.utilisation = out.load.offered() / out.slots;
  return out;
}

PaysFrom pays_from(const Plan& plan, const Workload& workload, const Option& own, const Capacity& served,
                   const Option& api) {
  const Pool& pool = *plan.pool(own.pool);
  const double node = node_cost(pool, plan.assumptions).usd_per_month();
  const PeopleCost people = people_cost(plan, plan.assumptions, 1);
  const double fixed = people.usd_per_month() + people.one_off_usd / plan.horizon_months;
  const double month_usd = bill_usd(api, workload, 1);
  if (month_usd <= 0) return {.never = fmt::format("{} costs nothing", api.name)};
  const auto fits = [&](double nodes, double volume) {
    return size_of(workload, own, served, plan.assumptions, volume).nodes + pool.spare <= nodes + 1e-7;
  };
  const auto pays = [&](double nodes) { return (fixed + nodes * node) / month_usd; };  // the volume from which it does
  // More nodes have more places for each request that waits, so what they serve grows faster than they do: from some
  // number on they pay, and with fewer they never do.
  const auto enough = [&](double nodes) { return fits(nodes, pays(nodes)); };
  const double least = std::ceil(pool.spare) + 1;
  const double most = std::floor(pool.most_nodes);
  if (!enough(most))
    return {.never = fmt::format("the {} nodes that can be had serve less than what pays for them",
                                 short_number(pool.most_nodes))};
  double low = least - 1;  // not enough
  double high = most;
  while (high - low > 1) {
    const double middle = std::floor((low + high) / 2);
    (enough(middle) ? high : low) = middle;
  }
  return {.requests_per_month = workload.requests_per_month * pays(high), .nodes = high};
}

ReplayChecks replay_recorded(Plan& plan, const RecordedArrivals& arrivals) {
  ReplayChecks checks;
  for (Workload& workload : plan.workloads) {
    const auto recorded = arrivals.find(workload.name);
    if (recorded == arrivals.end() || recorded->second.calls.empty()) continue;
    for (const Option& option : plan.options) {
      if (!option.self_hosted()) continue;
      const Pool& pool = *plan.pool(option.pool);
      const Shape mean = shape_of(workload);
      const auto served = capacity(option, pool, mean, plan.assumptions);
      if (!served) continue;
      const SlotTime time(option, pool, mean, *served, plan.assumptions);
      const std::vector<Arrival> there = arrivals_at(time, recorded->second, workload.ttft_p95_ms > 0);
      Replayed& found = workload.replayed[option.name];
      found = {.service_scv = service_scv(there)};
      const Sizing sizing = size_of(workload, option, *served, plan.assumptions);
      ReplayCheck check = check_of(there, recorded->second, sizing, workload);
      if (check.needs <= 0)
        found.impossible = check.says;
      else if (check.raised)
        found.raise = check.slots / sizing.by_formula;
      checks[workload.name][option.name] = std::move(check);
    }
  }
  return checks;
}

}  // namespace sluice::plan
