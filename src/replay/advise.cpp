#include "replay/advise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/cost.h"
#include "plan/problem.h"
#include "plan/quantity.h"
#include "replay/reprice.h"

namespace sluice::replay {
namespace {

constexpr int halvings = 10;                // to a part in a thousand of the range
constexpr double nearly_all = 0.99;         // of a workload's calls: the rest is what failed over
constexpr double farthest_months = 120;     // a day beyond that is no plan
constexpr std::size_t most_conditions = 5;  // of the plan's flips, per workload
constexpr double seconds_per_week = 7 * 86'400.0;

// Where the group's calls stand, as shares of the options. Less than all of them where a place is no option.
std::vector<double> shares_now(const plan::Plan& plan, const Group& group) {
  std::vector<double> shares(plan.options.size(), 0);
  for (const auto& [place, calls] : group.places)
    if (const plan::Option* option = option_at(plan, place))
      shares[static_cast<std::size_t>(option - plan.options.data())] +=
          static_cast<double>(calls) / static_cast<double>(group.calls);
  return shares;
}

std::string in_words(const plan::Plan& plan, const std::vector<double>& shares) {
  std::string text;
  for (std::size_t o = 0; o < shares.size(); ++o)
    if (shares[o] > 0.0001)
      text += fmt::format("{}{}{}", text.empty() ? "" : " + ", plan.options[o].name,
                          shares[o] < nearly_all ? fmt::format(" {:.0f} %", shares[o] * 100) : "");
  return text;
}

std::string places_in_words(const Group& group) {
  std::string text;
  for (const auto& [place, calls] : group.places) {
    const double share = static_cast<double>(calls) / static_cast<double>(group.calls);
    text += fmt::format("{}{}{}", text.empty() ? "" : " + ", place,
                        share < nearly_all ? fmt::format(" {:.0f} %", share * 100) : "");
  }
  return text;
}

double overlap(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t o = 0; o < a.size(); ++o) sum += std::min(a[o], b[o]);
  return sum;
}

plan::Plan scaled(const plan::Plan& plan, std::size_t workload, double factor) {
  plan::Plan out = plan;
  out.workloads[workload].requests_per_month *= factor;
  for (auto& [option, usd] : out.workloads[workload].measured_usd) usd *= factor;
  return out;
}

// Whether the best plan has this workload elsewhere than `now` when its volume is that many times today's; with its
// shares there.
Result<std::optional<std::vector<double>>> moves_at(const plan::Plan& plan, std::size_t workload, double factor,
                                                    const std::vector<double>& now) {
  const plan::Plan there = scaled(plan, workload, factor);
  const plan::Problem problem = plan::make_problem(there, there.assumptions);
  TRY(const auto best, plan::optimum(problem, {}));
  if (!best || overlap(best->shares[workload], now) >= nearly_all) return std::optional<std::vector<double>>();
  return std::optional(best->shares[workload]);
}

void find_missing(Advised& one, const plan::Plan& plan, const plan::Workload& workload,
                  const std::vector<double>& target, const Span& span, const Group& group) {
  if (workload.quality_floor.empty())
    one.missing.push_back(fmt::format(
        "no quality is asked for: measure {} and today's place with your eval, and write `quality:` of `{}` "
        "and of the options in the plan file",
        in_words(plan, target), workload.name));
  for (std::size_t o = 0; o < target.size(); ++o) {
    if (target[o] <= 0.0001) continue;
    const plan::Option& option = plan.options[o];
    if (workload.ttft_p95_ms > 0 && option.ttft_p95_ms == 0 && !option.self_hosted())
      one.missing.push_back(fmt::format("the time to the first token at {} is not measured, and `{}` may take {} ms",
                                        option.name, workload.name, plan::short_number(workload.ttft_p95_ms)));
    if (option.self_hosted() && option.measured_output_tokens_per_s == 0)
      one.missing.push_back(
          fmt::format("what {} serves is a forecast: measure it, and write `output_tokens_per_s`", option.name));
  }
  if (span.seconds() < seconds_per_week)
    one.missing.emplace_back("a week of traffic: nights and weekends are not in it yet");
  if (group.unpriced > 0)
    one.missing.push_back(
        fmt::format("the price of {} of its calls: `sluice prices reprice` once it is known", group.unpriced));
}

void find_conditions(Advised& one, const plan::Answer& answer, const plan::Workload& workload) {
  for (const plan::Flip& flip : answer.flips) {
    if (one.must_be_true.size() == most_conditions) break;
    if (flip.becomes.find(workload.name + " to ") == std::string::npos) continue;
    one.must_be_true.push_back(fmt::format(
        "{} stays {} {} {} (today {}); else {}", flip.assumption, flip.flips_at > flip.value ? "below" : "above",
        plan::short_number(flip.flips_at), flip.unit, plan::short_number(flip.value), flip.becomes));
  }
}

// What the recorded arrivals have shown of the own engines that it moves to.
void find_sizes(Advised& one, const plan::Answer& answer, std::size_t workload, const std::vector<double>& target) {
  for (std::size_t o = 0; o < target.size(); ++o) {
    if (target[o] <= 0.0001) continue;
    const std::optional<plan::ReplayCheck>& check = answer.costs[workload].lines[o].replay;
    if (check)
      one.must_be_true.push_back(
          fmt::format("requests come as they did: at {}, {}", answer.plan.options[o].name, check->says));
  }
}

// The smallest factor over 1, or the largest below it, at which the workload's place changes.
Result<std::optional<std::pair<double, std::vector<double>>>> threshold(const plan::Plan& plan, std::size_t workload,
                                                                        const std::vector<double>& stays_at,
                                                                        double far) {
  TRY(auto there, moves_at(plan, workload, far, stays_at));
  if (!there) return std::optional<std::pair<double, std::vector<double>>>();
  double stays = 1;
  double turns = far;
  for (int i = 0; i < halvings; ++i) {
    const double middle = std::sqrt(stays * turns);
    TRY(auto at, moves_at(plan, workload, middle, stays_at));
    if (!at) {
      stays = middle;
    } else {
      turns = middle;
      there = std::move(at);
    }
  }
  return std::optional(std::pair(turns, *std::move(there)));
}

void set_date(Advised& one, const Group& group, double factor, catalog::Date today) {
  if (!group.growth_per_month) {
    one.never = "no day can be said: growth is measured over two weeks of traffic or more";
    return;
  }
  if (*group.growth_per_month <= 0) {
    one.never = "at the growth that was measured it never comes";
    return;
  }
  const double months = std::log(factor) / std::log1p(*group.growth_per_month);
  if (months > farthest_months) {
    one.never = "at the growth that was measured it is more than ten years away";
    return;
  }
  one.on = today + std::chrono::days(static_cast<int>(std::ceil(months * plan::hours_per_month / 24)));
}

}  // namespace

Result<Advice> advise(const plan::Answer& answer, const Traffic& traffic, const Span& span,
                      const std::vector<Group>& groups, catalog::Date today) {
  const plan::Plan& plan = answer.plan;
  if (!answer.placement || !answer.placement->feasible)
    return fail(ErrorKind::invalid_request,
                answer.placement ? "no plan keeps all rules: " + answer.placement->conflict_says
                                 : std::string("there are no workloads in the traffic"),
                "change the rules in the plan file; `sluice plan` says what each of them costs");
  const Recorded was = recorded(traffic);
  Advice out{.recorded_pico = was.pico, .calls = was.calls, .unpriced = was.unpriced};
  out.usd_per_month = plan::usd(was.pico) * span.per_month();
  const plan::Placement& best = answer.placement->best;
  out.plan_usd_per_month = best.usd_per_month;
  const plan::Problem problem = plan::make_problem(plan, plan.assumptions);
  const double volume = plan.assumptions["volume.factor"];  // of what was recorded, as everything planned is
  for (const Group& group : groups) {
    Advised one{.workload = group.name, .recorded_pico = group.recorded_pico, .unpriced = group.unpriced};
    one.usd_per_month = plan::usd(group.recorded_pico) * span.per_month();
    const auto at = std::ranges::find(plan.workloads, group.name, &plan::Workload::name);
    if (group.calls == 0 || at == plan.workloads.end()) {
      one.never = "corrections and calls that cost nothing: no work to place";
      out.workloads.push_back(std::move(one));
      continue;
    }
    const auto w = static_cast<std::size_t>(at - plan.workloads.begin());
    one.requests_per_month = at->requests_per_month;
    one.from = places_in_words(group);
    const std::vector<double> now = shares_now(plan, group);
    double known = 0;
    double there_usd = 0;
    for (std::size_t o = 0; o < now.size(); ++o) {
      known += now[o];
      if (now[o] > 0 && !plan.options[o].self_hosted())
        there_usd += now[o] * plan::bill_usd(plan.options[o], *at, volume);
    }
    // Calls at a place that is no option cost what they did.
    out.stay_usd_per_month += there_usd + std::max(0.0, 1 - known) * one.usd_per_month * volume;
    const std::vector<double>& target = best.shares[w];
    if (overlap(target, now) >= nearly_all) {
      if (plan.workloads.size() <= plan::max_flip_workloads) {
        TRY(const auto turn, threshold(plan, w, now, most_times));
        if (turn) {
          one.when = Advised::When::later;
          one.to = in_words(plan, turn->second);
          one.from_requests = at->requests_per_month * turn->first;
          set_date(one, group, turn->first, today);
          find_missing(one, plan, *at, turn->second, span, group);
          find_sizes(one, answer, w, turn->second);
        } else {
          one.never =
              fmt::format("nothing compared is cheaper up to {} times today's volume", plan::short_number(most_times));
        }
      }
      find_conditions(one, answer, *at);
      out.workloads.push_back(std::move(one));
      continue;
    }
    one.to = in_words(plan, target);
    // All others where the plan has them, this one where it stands.
    if (known >= nearly_all) {
      auto shares = best.shares;
      shares[w] = now;
      one.saves_usd_per_month = plan::priced(problem, std::move(shares)).usd_per_month - best.usd_per_month;
    } else {
      auto shares = best.shares;
      std::ranges::fill(shares[w], 0);
      one.saves_usd_per_month =
          plan::priced(problem, std::move(shares)).usd_per_month + one.usd_per_month * volume - best.usd_per_month;
    }
    if (one.saves_usd_per_month <= 0)
      one.must_be_true.emplace_back(
          "a rule of the plan sends it away: it costs more there, and may not stay where it is");
    if (plan.workloads.size() <= plan::max_flip_workloads) {
      TRY(const auto turn, threshold(plan, w, target, 1 / most_times));
      if (turn)
        one.must_be_true.push_back(fmt::format("it stays above {} requests a month (today {}); below, {} is cheaper",
                                               plan::short_number(std::round(at->requests_per_month * turn->first)),
                                               plan::short_number(std::round(at->requests_per_month)),
                                               in_words(plan, turn->second)));
    }
    double api_usd = 0;
    bool all_api = true;
    for (std::size_t o = 0; o < target.size(); ++o) {
      if (target[o] <= 0.0001) continue;
      all_api = all_api && !plan.options[o].self_hosted();
      api_usd += target[o] * problem.pairs[w][o].usd_per_month;
    }
    if (all_api && api_usd > 0 && one.saves_usd_per_month > 0)
      one.must_be_true.push_back(fmt::format("{} costs less than {:.2f} times what it costs today", one.to,
                                             1 + one.saves_usd_per_month / api_usd));
    find_conditions(one, answer, *at);
    find_sizes(one, answer, w, target);
    find_missing(one, plan, *at, target, span, group);
    one.when = one.missing.empty() ? Advised::When::now : Advised::When::if_shown;
    out.workloads.push_back(std::move(one));
  }
  std::ranges::sort(out.workloads, [](const Advised& a, const Advised& b) {
    return a.recorded_pico != b.recorded_pico ? a.recorded_pico > b.recorded_pico : a.workload < b.workload;
  });
  out.flips = answer.flips;
  out.notes = plan.notes;
  return out;
}

}  // namespace sluice::replay
