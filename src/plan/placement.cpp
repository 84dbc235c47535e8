#include "plan/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>

#include "plan/quantity.h"

namespace sluice::plan {
namespace {

using catalog::Ground;

std::string joined(const std::vector<std::string>& all, std::string_view between) {
  std::string text;
  for (const std::string& one : all) text += (text.empty() ? std::string() : std::string(between)) + one;
  return text;
}

// A rule with a workload, or -1 for the plan, in words.
std::string in_words(const Problem& problem, Rule rule, int workload) {
  const Plan& plan = *problem.plan;
  const Limits& limits = plan.limits;
  if (workload < 0) {
    switch (rule) {
      case Rule::capex: return fmt::format("limits.capex_usd: at most {} USD for hardware", cents(*limits.capex_usd));
      case Rule::monthly: return fmt::format("limits.monthly_usd: at most {} USD a month", cents(*limits.monthly_usd));
      case Rule::vendor_share:
        return fmt::format("limits.vendor_share: at most {:.3g} % of the tokens at one vendor",
                           *limits.vendor_share * 100);
      case Rule::staff:
        return fmt::format("limits.staff_usd_per_month: at most {} USD for people", cents(*limits.staff_usd_per_month));
      case Rule::most_nodes: return "pools.most_nodes: more nodes cannot be had";
      default: return std::string(name(rule));
    }
  }
  const Workload& one = plan.workloads[static_cast<std::size_t>(workload)];
  const auto of = [&](std::string what) { return fmt::format("`{}`: {}", one.name, what); };
  switch (rule) {
    case Rule::only: return of("only " + joined(one.only, ", "));
    case Rule::data_class: return of(fmt::format("data_class {}", name(one.data_class)));
    case Rule::residency: return of("residency " + joined(one.residency, ", "));
    case Rule::needs: return of("needs " + joined(one.needs, ", "));
    case Rule::context: return of("the size of its requests");
    case Rule::quality: {
      std::vector<std::string> floors;
      for (const auto& [eval, least] : one.quality_floor)
        floors.push_back(fmt::format("{} at least {}", eval, short_number(least)));
      return of("quality " + joined(floors, ", "));
    }
    case Rule::latency: return of("its latency limits");
    case Rule::free_price: return of("free options are out unless named");
    case Rule::self_hosting: return "limits.self_hosting: false";
    case Rule::critical: return of("critical: two vendors, neither with more than 80 %");
    default: return of(std::string(name(rule)));
  }
}

// Every rule that forbids something in this plan.
std::vector<std::pair<Rule, int>> rules_in_force(const Problem& problem) {
  std::vector<std::pair<Rule, int>> all;
  const Limits& limits = problem.plan->limits;
  if (limits.capex_usd) all.emplace_back(Rule::capex, -1);
  if (limits.monthly_usd) all.emplace_back(Rule::monthly, -1);
  if (limits.vendor_share) all.emplace_back(Rule::vendor_share, -1);
  if (limits.staff_usd_per_month) all.emplace_back(Rule::staff, -1);
  if (!problem.nodes.empty()) all.emplace_back(Rule::most_nodes, -1);
  for (std::size_t w = 0; w < problem.workloads(); ++w) {
    const Workload& one = problem.plan->workloads[w];
    const int id = static_cast<int>(w);
    for (const Rule rule : workload_rules) {
      if (rule == Rule::critical) {
        if (one.critical) all.emplace_back(rule, id);
        continue;
      }
      // Without every other rule of this workload, does this one still forbid something?
      Ask ask;
      for (const Rule other : workload_rules)
        if (other != rule) ask.without.rules.emplace(other, id);
      for (std::size_t o = 0; o < problem.options(); ++o)
        if (problem.pairs[w][o].possible && !allowed(problem, ask, w, o)) {
          all.emplace_back(rule, id);
          break;
        }
    }
  }
  return all;
}

Result<bool> feasible(const Problem& problem, const Ask& ask) {
  TRY(const auto found, optimum(problem, ask));
  return found.has_value();
}

// Leaves out one rule after the other: one without which it is still impossible is not part of the conflict. What is
// left is minimal: without any of it there is a plan.
Result<std::vector<std::pair<Rule, int>>> smallest_conflict(const Problem& problem) {
  std::vector<std::pair<Rule, int>> rules = rules_in_force(problem);
  // A workload that has no option left by its own rules is a conflict by itself.
  for (std::size_t w = 0; w < problem.workloads(); ++w) {
    bool any = false;
    for (std::size_t o = 0; o < problem.options(); ++o) any = any || allowed(problem, {}, w, o);
    if (any) continue;
    std::vector<std::pair<Rule, int>> needed;
    for (const auto& rule : rules)
      if (rule.second == static_cast<int>(w)) needed.push_back(rule);
    Ask ask;
    for (const auto& rule : std::vector(needed)) {
      Ask tried = ask;
      tried.without.rules.insert(rule);
      bool possible = false;
      for (std::size_t o = 0; o < problem.options(); ++o) possible = possible || allowed(problem, tried, w, o);
      if (possible) continue;
      ask = tried;
      std::erase(needed, rule);
    }
    return needed;
  }
  Ask ask;
  for (const auto& rule : std::vector(rules)) {
    Ask tried = ask;
    tried.without.rules.insert(rule);
    TRY(const bool possible, feasible(problem, tried));
    if (possible) continue;
    ask = tried;
    std::erase(rules, rule);
  }
  return rules;
}

std::vector<Rejected> rejected_of(const Problem& problem, std::size_t w) {
  std::vector<Rejected> all;
  for (std::size_t o = 0; o < problem.options(); ++o) {
    const Pair& pair = problem.pairs[w][o];
    const std::string& option = problem.plan->options[o].name;
    if (!pair.possible)
      all.push_back({option, "hardware", pair.impossible});
    else if (pair.failed)
      all.push_back({option, std::string(name(*pair.failed)), pair.reason});
  }
  return all;
}

// Each workload as if it were alone, with nodes and people of its own; then all of them together.
Result<double> greedy(const Problem& problem) {
  std::vector<std::vector<double>> shares(problem.workloads(), std::vector<double>(problem.options(), 0));
  for (std::size_t w = 0; w < problem.workloads(); ++w) {
    double best = INFINITY;
    std::optional<std::size_t> choice;
    for (std::size_t o = 0; o < problem.options(); ++o) {
      if (!allowed(problem, {}, w, o)) continue;
      std::vector<std::vector<double>> alone(problem.workloads(), std::vector<double>(problem.options(), 0));
      alone[w][o] = 1;
      const double usd = priced(problem, std::move(alone)).usd_per_month;
      if (usd >= best) continue;
      best = usd;
      choice = o;
    }
    if (choice) shares[w][*choice] = 1;
  }
  return priced(problem, std::move(shares)).usd_per_month;
}

void name_shares(const Problem& problem, const Placement& placement, std::size_t w, Chosen& chosen) {
  for (std::size_t o = 0; o < problem.options(); ++o)
    if (const double share = placement.shares[w][o]; share > 0) {
      chosen.shares.emplace_back(problem.plan->options[o].name, share);
      chosen.usd_per_month += share * problem.pairs[w][o].usd_per_month;
    }
}

// The plan's month if this workload stood elsewhere.
Result<void> find_runner_up(const Problem& problem, const Placement& best, std::size_t w, Chosen& chosen) {
  Ask ask;
  std::vector<std::size_t> used;
  for (std::size_t o = 0; o < problem.options(); ++o)
    if (best.shares[w][o] > 0) {
      used.push_back(o);
      ask.forbidden.emplace_back(static_cast<int>(w), static_cast<int>(o));
    }
  if (problem.workloads() <= max_resolved_workloads) {
    TRY(const auto other, optimum(problem, ask));
    if (!other) {
      chosen.no_runner_up = "no other option passes the rules";
      return {};
    }
    chosen.runner_up_gap_usd = other->usd_per_month - best.usd_per_month;
    std::vector<std::string> names;
    for (std::size_t o = 0; o < problem.options(); ++o)
      if (other->shares[w][o] > 0) names.push_back(problem.plan->options[o].name);
    chosen.runner_up = joined(names, " and ");
    return {};
  }
  double least = INFINITY;
  for (std::size_t o = 0; o < problem.options(); ++o) {
    if (!allowed(problem, ask, w, o)) continue;
    auto shares = best.shares;
    std::ranges::fill(shares[w], 0);
    shares[w][o] = 1;
    const double usd = priced(problem, std::move(shares)).usd_per_month;
    if (usd >= least) continue;
    least = usd;
    chosen.runner_up = problem.plan->options[o].name;
    chosen.runner_up_gap_usd = usd - best.usd_per_month;
  }
  if (chosen.runner_up.empty()) chosen.no_runner_up = "no other option passes the rules";
  return {};
}

std::string effect_of(const Problem& problem, const Placement& best, const Placement& without) {
  std::vector<std::string> moves;
  for (std::size_t w = 0; w < problem.workloads(); ++w)
    for (std::size_t o = 0; o < problem.options(); ++o)
      if (without.shares[w][o] > best.shares[w][o] + 1e-6)
        moves.push_back(fmt::format("{} to {}", problem.plan->workloads[w].name, problem.plan->options[o].name));
  return moves.empty() ? "fewer nodes" : "without it: " + joined(moves, ", ");
}

// Each workload's rules, each kind over all workloads, the plan's limits, and everything: left out together. Of fewer
// than two rules there is no group.
Result<void> price_groups(const Problem& problem, const Placement& best, PlacementResult& result) {
  if (problem.workloads() > max_resolved_workloads) return {};
  using Rules = std::vector<std::pair<Rule, int>>;
  const Rules all = rules_in_force(problem);
  std::vector<std::pair<std::string, Rules>> groups;
  const auto add = [&](std::string name, const auto& belongs) {
    Rules group;
    std::ranges::copy_if(all, std::back_inserter(group), belongs);
    if (group.size() < 2) return;
    for (const auto& [known, rules] : groups)
      if (rules == group) return;
    groups.emplace_back(std::move(name), std::move(group));
  };
  for (std::size_t w = 0; w < problem.workloads(); ++w)
    add(fmt::format("all rules of `{}`", problem.plan->workloads[w].name),
        [&](const auto& one) { return one.second == static_cast<int>(w); });
  for (const Rule rule : workload_rules)
    add(std::string(name(rule)) + " of all workloads", [&](const auto& one) { return one.first == rule; });
  add("all limits", [](const auto& one) { return one.second < 0; });
  add("all rules", [](const auto&) { return true; });
  for (const auto& [group_name, rules] : groups) {
    Ask ask;
    RuleGroup one{.name = group_name};
    for (const auto& [rule, workload] : rules) {
      ask.without.rules.emplace(rule, workload);
      one.rules.push_back(in_words(problem, rule, workload));
      const auto alone = std::ranges::find(result.rules, one.rules.back(), &RulePrice::rule);
      if (alone != result.rules.end()) one.alone_usd += alone->usd_per_month;
    }
    TRY(const auto without, optimum(problem, ask));
    if (!without) continue;
    one.usd_per_month = best.usd_per_month - without->usd_per_month;
    if (one.usd_per_month < 0.005) continue;
    one.effect = effect_of(problem, best, *without);
    result.rule_groups.push_back(std::move(one));
  }
  std::ranges::sort(result.rule_groups, std::greater(), &RuleGroup::usd_per_month);
  return {};
}

// Plan-wide rules always; those of one workload one by one in small plans, by kind over all workloads in large ones.
Result<void> price_rules(const Problem& problem, const Placement& best, PlacementResult& result) {
  std::vector<std::pair<Rule, int>> rules = rules_in_force(problem);
  if (problem.workloads() > max_resolved_workloads)
    for (auto& [rule, workload] : rules) workload = -1;
  std::ranges::sort(rules);
  const auto repeated = std::ranges::unique(rules);
  rules.erase(repeated.begin(), repeated.end());
  for (const auto& [rule, workload] : rules) {
    Ask ask;
    ask.without.rules.emplace(rule, workload);
    TRY(const auto without, optimum(problem, ask));
    if (!without) continue;
    const double price = best.usd_per_month - without->usd_per_month;
    const bool of_plan = std::ranges::find(plan_rules, rule) != plan_rules.end();
    RulePrice one{.rule = of_plan || workload >= 0 ? in_words(problem, rule, workload)
                                                   : std::string(name(rule)) + " of all workloads",
                  .workload = workload >= 0 ? problem.plan->workloads[static_cast<std::size_t>(workload)].name : "",
                  .usd_per_month = std::abs(price) < 0.005 ? 0 : price};
    one.effect = one.usd_per_month == 0 ? "nothing would change for less" : effect_of(problem, best, *without);
    if (one.usd_per_month > 0) result.binding.push_back(one.rule);
    result.rules.push_back(std::move(one));
  }
  std::ranges::sort(result.rules, std::greater(), &RulePrice::usd_per_month);
  return {};
}

Result<void> compare_scenarios(const Problem& problem, PlacementResult& result) {
  struct Case {
    const char* name;
    const char* what;
    std::set<Ground> grounds;
  };
  for (const Case& one : {Case{"proprietary APIs", "only vendors' own models", {Ground::proprietary}},
                          Case{"hosted open", "open models at hosts, and nothing else", {Ground::hosted_open}},
                          Case{"all APIs", "no engines of one's own", {Ground::proprietary, Ground::hosted_open}},
                          Case{"self-hosted", "only engines of one's own", {Ground::self_hosted}}}) {
    Scenario scenario{.name = one.name, .what = one.what};
    Ask ask{.grounds = one.grounds};
    TRY(scenario.placement, optimum(problem, ask));
    if (!scenario.placement) {
      std::vector<std::string> lost;
      for (std::size_t w = 0; w < problem.workloads(); ++w) {
        bool any = false;
        for (std::size_t o = 0; o < problem.options(); ++o) any = any || allowed(problem, ask, w, o);
        if (!any) lost.push_back(problem.plan->workloads[w].name);
      }
      scenario.impossible =
          lost.empty() ? "its rules and limits together forbid it" : "no place for " + joined(lost, ", ");
    }
    result.scenarios.push_back(std::move(scenario));
  }
  return {};
}

}  // namespace

Result<PlacementResult> place(const Plan& plan, const Assumptions& assumptions) {
  const Problem problem = make_problem(plan, assumptions);
  PlacementResult result;
  result.solver = have_cbc() ? "CBC" : "enumeration";
  TRY(const auto best, optimum(problem, {}));
  for (std::size_t w = 0; w < problem.workloads(); ++w)
    result.workloads.push_back({.workload = plan.workloads[w].name, .rejected = rejected_of(problem, w)});
  if (!best) {
    TRY(const auto conflict, smallest_conflict(problem));
    for (const auto& [rule, workload] : conflict) result.conflict.push_back(in_words(problem, rule, workload));
    result.conflict_says = result.conflict.empty()
                               ? "no option can serve a workload at all: the hardware is too small, or there is none"
                               : "these rules contradict each other; without any one of them there is a plan: " +
                                     joined(result.conflict, "; ");
    return result;
  }
  result.feasible = true;
  result.best = *best;
  for (std::size_t w = 0; w < problem.workloads(); ++w) {
    name_shares(problem, *best, w, result.workloads[w]);
    CHECK_OK(find_runner_up(problem, *best, w, result.workloads[w]));
  }
  TRY(result.greedy_usd, greedy(problem));
  CHECK_OK(price_rules(problem, *best, result));
  CHECK_OK(price_groups(problem, *best, result));
  CHECK_OK(compare_scenarios(problem, result));
  return result;
}

}  // namespace sluice::plan
