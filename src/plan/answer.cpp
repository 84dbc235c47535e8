#include "plan/answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "plan/calibration.h"
#include "plan/capacity.h"
#include "plan/quantity.h"

namespace sluice::plan {
namespace {

// The API with the least bill that the workload may stand at; empty: there is none.
std::optional<std::size_t> cheapest_api(const Problem& problem, std::size_t w) {
  std::optional<std::size_t> best;
  for (std::size_t o = 0; o < problem.options(); ++o)
    if (problem.pool_of[o] < 0 && allowed(problem, {}, w, o) && (!best || problem.bill(w, o) < problem.bill(w, *best)))
      best = o;
  return best;
}

// Nodes, size and break-even of a workload at an own option.
void add_size(WorkloadCost::Line& line, const Problem& problem, std::size_t w, std::size_t o,
              std::optional<std::size_t> api) {
  const Plan& plan = *problem.plan;
  const Pair& pair = problem.pairs[w][o];
  const NodeCost& node = problem.nodes[static_cast<std::size_t>(problem.pool_of[o])];
  line.nodes = pair.nodes_at_full_load * std::ranges::max(problem.hours[w]) / problem.max_utilisation;
  line.usd_per_month = line.nodes * node.usd_per_month();
  line.cost = cents(line.usd_per_month);
  if (!pair.served) return;
  line.capacity =
      fmt::format("{:.0f} output tokens/s a node, batch {:.0f}, bound by {} ({})", pair.served->output_tokens_per_s,
                  pair.served->batch, pair.served->bound_by, pair.served->source);
  line.sizing = pair.sizing;
  if (!api) return;
  line.pays = pays_from(plan, plan.workloads[w], plan.options[o], *pair.served, plan.options[*api]);
  line.pays_against = plan.options[*api].name;
}

std::vector<WorkloadCost> costs_of(const Plan& plan, const ReplayChecks& replays) {
  const Problem problem = make_problem(plan, plan.assumptions);
  const double volume = plan.assumptions["volume.factor"];
  std::vector<WorkloadCost> all;
  for (std::size_t w = 0; w < plan.workloads.size(); ++w) {
    const Workload& workload = plan.workloads[w];
    WorkloadCost one{.workload = workload.name,
                     .eval = workload.quality_floor.empty() ? "" : workload.quality_floor.begin()->first};
    const std::optional<std::size_t> api = cheapest_api(problem, w);
    const auto replayed = replays.find(workload.name);
    for (std::size_t o = 0; o < plan.options.size(); ++o) {
      const Option& option = plan.options[o];
      const Pair& pair = problem.pairs[w][o];
      WorkloadCost::Line line{.option = option.name, .ground = option.ground};
      if (const auto quality = option.quality.find(one.eval); quality != option.quality.end())
        line.quality = quality->second;
      line.out = !pair.possible ? pair.impossible : pair.failed ? pair.reason : "";
      if (option.self_hosted()) {
        add_size(line, problem, w, o, api);
        if (replayed != replays.end())
          if (const auto check = replayed->second.find(option.name); check != replayed->second.end())
            line.replay = check->second;
      } else {
        line.usd_per_month = bill_usd(option, workload, volume);
        line.cost = workload.measured_usd.contains(option.name) ? cents(line.usd_per_month)
                                                                : cents(bill(option, monthly_tokens(workload, volume)));
      }
      one.lines.push_back(std::move(line));
    }
    all.push_back(std::move(one));
  }
  return all;
}

void warn(Answer& answer) {
  const Plan& plan = answer.plan;
  const PeopleCost people = people_cost(plan, plan.assumptions, 1);
  if (!plan.pools.empty() && people.usd_per_month() == 0)
    answer.warnings.emplace_back(
        "people cost nothing in this plan: hosting and upkeep often exceed what hardware saves, so self-hosting looks "
        "cheaper than it is");
  if (plan.lifecycle == Lifecycle::top_down)
    answer.warnings.emplace_back(
        "top-down: upkeep is derived from the build cost, and people and software are not added to it");
  for (const Option& option : plan.options) {
    if (option.calibration) {
      const Calibration& one = *option.calibration;
      const bool off = one.throughput_error > throughput_target || one.ttft_p95_error > ttft_target;
      answer.warnings.push_back(fmt::format(
          "{} is {}{}", option.name, in_words(one),
          off ? fmt::format(
                    "; {:.0f} and {:.0f} % are what a forecast should reach: measure for longer, on a quiet machine",
                    throughput_target * 100, ttft_target * 100)
              : ""));
    }
    if (const catalog::Rates& rates = option.price.rates; !option.self_hosted() && rates[catalog::Unit::output] > 0 &&
                                                          rates[catalog::Unit::output] < rates[catalog::Unit::input])
      answer.warnings.push_back(
          fmt::format("{} has output cheaper than input ({} and {} USD per million): are the two "
                      "exchanged?",
                      option.name, short_number(static_cast<double>(rates[catalog::Unit::output]) / 1e6),
                      short_number(static_cast<double>(rates[catalog::Unit::input]) / 1e6)));
    if (!option.price.tiers.empty())
      answer.warnings.push_back(fmt::format("{} has other prices from {} prompt tokens on; a request's size decides",
                                            option.name, option.price.tiers.front().prompt_tokens));
    if (!option.self_hosted() || option.measured_output_tokens_per_s <= 0) continue;
    const double total = option.measured_output_tokens_per_s * (1 + option.measured_mix);
    if (const double mfu = needed_mfu(option, *plan.pool(option.pool), total); mfu > 0.6)
      answer.warnings.push_back(fmt::format("{}: the measured figure needs MFU {:.2f}{}", option.name, mfu,
                                            mfu > 1 ? ": impossible" : ", more than engines are known to reach"));
  }
}

void look_ahead(Answer& answer) {
  const PlacementResult& placed = *answer.placement;
  std::vector<NamedPlacement> plans = {{"the plan", placed.best}};
  answer.flows.push_back({"the plan", cash_flow(answer.plan, placed.best)});
  for (const Scenario& scenario : placed.scenarios) {
    if (!scenario.placement) continue;
    plans.push_back({scenario.name, *scenario.placement});
    answer.flows.push_back({scenario.name, cash_flow(answer.plan, *scenario.placement)});
    if (scenario.name == "all APIs" && placed.best.capex_usd > 0)
      answer.payback = payback_month(answer.flows.front().flow, answer.flows.back().flow);
  }
  answer.draws = draw(answer.plan, plans);
  answer.tornado = tornado(answer.plan, placed.best);
}

}  // namespace

Result<Answer> answer(Plan plan, const RecordedArrivals& arrivals) {
  Answer out{.plan = std::move(plan)};
  range_by_calibration(out.plan);
  warn(out);
  // A figure that the hardware cannot have is never computed with.
  for (const Option& option : out.plan.options) {
    if (!option.self_hosted() || (option.measured_output_tokens_per_s <= 0 && !option.calibration)) continue;
    const auto checked =
        capacity(option, *out.plan.pool(option.pool), {.input = 683, .output = 683}, out.plan.assumptions);
    if (!checked && checked.error().message.find("impossible") != std::string::npos)
      return fail(ErrorKind::invalid_request, fmt::format("the option `{}`: {}", option.name, checked.error().message),
                  checked.error().hint);
  }
  const ReplayChecks replays = replay_recorded(out.plan, arrivals);
  out.costs = costs_of(out.plan, replays);
  for (const BreakEvenStudy& study : out.plan.break_even) {
    BreakEvenAnswer one{.table = break_even_table(out.plan, study)};
    if (!study.against.empty() && !study.mixes.empty()) {
      one.tornado = break_even_tornado(out.plan, study, study.against.front(), one.table.bills_mix);
      for (const std::string& against : study.against)
        one.bands.push_back(break_even_band(out.plan, study, against, one.table.bills_mix));
    }
    out.break_even.push_back(std::move(one));
  }
  for (const RentOrBuyStudy& study : out.plan.rent_or_buy)
    out.rent_or_buy.push_back(rent_or_buy_table(out.plan, study));
  if (out.plan.workloads.empty()) return out;
  TRY(Settled settled, place_together(out.plan, arrivals));
  out.placement = std::move(settled.placed);
  out.shared = std::move(settled.shared);
  if (!out.placement->feasible) return out;
  look_ahead(out);
  if (out.plan.workloads.size() <= max_flip_workloads) {
    TRY(out.flips, flips(out.plan, out.placement->best));
  }
  return out;
}

}  // namespace sluice::plan
