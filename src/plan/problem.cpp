#include "plan/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "plan/capacity.h"
#include "plan/quantity.h"

namespace sluice::plan {
namespace {

using catalog::Ground;

std::string joined(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& one : all) text += (text.empty() ? "" : ", ") + one;
  return text.empty() ? "none" : text;
}

const std::vector<std::string>& regions_of(const Plan& plan, const Option& option) {
  const Pool* pool = option.self_hosted() ? plan.pool(option.pool) : nullptr;
  return pool && option.regions.empty() ? pool->regions : option.regions;
}

// The reason why a rule forbids it; empty when it does not.
std::string broken(Rule rule, const Plan& plan, const Workload& workload, const Option& option) {
  const auto has = [](const std::vector<std::string>& all, const std::string& one) {
    return std::ranges::find(all, one) != all.end();
  };
  switch (rule) {
    case Rule::only:
      if (!workload.only.empty() && !has(workload.only, option.name))
        return fmt::format("only {} are allowed", joined(workload.only));
      break;
    case Rule::data_class: {
      const DataClass most =
          option.data_class.value_or(option.self_hosted() ? DataClass::restricted : DataClass::internal);
      if (workload.data_class > most)
        return fmt::format("the data is {}, and {} may get at most {}", name(workload.data_class), option.name,
                           name(most));
      break;
    }
    case Rule::residency: {
      const auto& regions = regions_of(plan, option);
      const auto inside = [&](const std::string& region) { return has(workload.residency, region); };
      if (!workload.residency.empty() && (regions.empty() || !std::ranges::any_of(regions, inside)))
        return fmt::format("the data must stay in {}, and {} works in {}", joined(workload.residency), option.name,
                           regions.empty() ? "no stated region" : joined(regions));
      break;
    }
    case Rule::needs:
      for (const std::string& need : workload.needs)
        if (!has(option.supports, need))
          return fmt::format("it needs {}, which {} does not say to support", need, option.name);
      break;
    case Rule::context: {
      const double longest = std::max(workload.context_tokens, workload.input_tokens + workload.output_tokens);
      if (option.context_tokens > 0 && longest > option.context_tokens)
        return fmt::format("requests have up to {} tokens, and {} takes {}", short_number(longest), option.name,
                           short_number(option.context_tokens));
      break;
    }
    case Rule::quality:
      for (const auto& [eval, least] : workload.quality_floor) {
        const auto result = option.quality.find(eval);
        if (result == option.quality.end())
          return fmt::format("{} has no result in {}; results of other tests are not compared", option.name, eval);
        if (result->second < least)
          return fmt::format("{} in {} is below the floor of {}", short_number(result->second), eval,
                             short_number(least));
      }
      break;
    case Rule::latency:
      if (workload.ttft_p95_ms > 0 && option.ttft_p95_ms > workload.ttft_p95_ms)
        return fmt::format("{} ms to the first token, and {} are allowed", short_number(option.ttft_p95_ms),
                           short_number(workload.ttft_p95_ms));
      if (workload.tpot_ms > 0 && option.tpot_ms > workload.tpot_ms)
        return fmt::format("{} ms per token, and {} are allowed", short_number(option.tpot_ms),
                           short_number(workload.tpot_ms));
      break;
    case Rule::free_price:
      if (option.price.kind == catalog::PriceKind::free && !option.self_hosted() && !has(workload.only, option.name))
        return "it is free, with no promise of service: `only` must name it";
      break;
    case Rule::self_hosting:
      if (!plan.limits.self_hosting && option.self_hosted()) return "the limits say self_hosting: false";
      break;
    default: break;
  }
  return {};
}

void judge(Pair& pair, const Plan& plan, const Workload& workload, const Option& option) {
  for (const Rule rule : workload_rules) {
    pair.reason = broken(rule, plan, workload, option);
    if (pair.reason.empty()) continue;
    pair.failed = rule;
    return;
  }
}

// What the workload takes of the pool at an own option.
void size_pair(Pair& pair, const Workload& workload, const Option& option, const Pool& pool,
               const Assumptions& assumptions, double volume) {
  const auto served = capacity(option, pool, shape_of(workload), assumptions);
  if (!served) {
    pair.possible = false;
    pair.impossible = served.error().message;
    return;
  }
  pair.served = *served;
  pair.nodes_at_full_load = workload.requests_per_month * volume / seconds_per_month / served->requests_per_s;
  pair.sizing = size_of(workload, option, *served, assumptions, volume);
  // The capacity rows have the load of each hour, so what the peak takes beyond it is told as more load.
  const double by_use = pair.sizing->load.offered() / assumptions["load.max_utilisation"] / served->batch;
  if (by_use > 0) pair.nodes_at_full_load *= pair.sizing->nodes / by_use;
  if (const auto replayed = workload.replayed.find(option.name); replayed != workload.replayed.end()) {
    pair.nodes_at_full_load *= replayed->second.together;
    pair.impossible = replayed->second.impossible;
    pair.possible = pair.impossible.empty();
  }
}

bool critical(const Problem& problem, const Ask& ask, std::size_t w) {
  return problem.plan->workloads[w].critical && !ask.without.has(Rule::critical, static_cast<int>(w));
}
bool divisible(const Problem& problem, std::size_t w) { return problem.plan->workloads[w].split; }

double most_nodes(const Problem& problem, const Ask& ask, std::size_t p) {
  return ask.without.has(Rule::most_nodes, -1) ? 10'000 : problem.plan->pools[p].most_nodes;
}

struct Columns {
  std::vector<std::vector<int>> x;  // -1 = not allowed
  std::vector<int> n, y;
  int s = -1;
};

struct Built {
  Milp milp;
  Columns columns;
};

void add_capacity(const Problem& problem, const Columns& at, Milp& milp) {
  for (std::size_t p = 0; p < problem.nodes.size(); ++p) {
    std::set<std::vector<double>> seen;  // hours that ask for the same are one row
    for (std::size_t hour = 0; hour < 24; ++hour) {
      std::vector<double> loads;
      for (std::size_t w = 0; w < problem.workloads(); ++w) loads.push_back(problem.hours[w][hour]);
      if (!seen.insert(loads).second) continue;
      Milp::Row& row = milp.row("capacity", Milp::Sense::at_most, 0);
      for (std::size_t w = 0; w < problem.workloads(); ++w)
        for (std::size_t o = 0; o < problem.options(); ++o)
          if (at.x[w][o] >= 0 && problem.pool_of[o] == static_cast<int>(p)) {
            row.columns.push_back(at.x[w][o]);
            row.factors.push_back(problem.pairs[w][o].nodes_at_full_load * loads[w]);
          }
      row.columns.push_back(at.n[p]);
      row.factors.push_back(-problem.max_utilisation);
      row.columns.push_back(at.y[p]);
      row.factors.push_back(problem.max_utilisation * problem.plan->pools[p].spare);
    }
  }
}

// The bill of an option under its terms is the least of some straight lines (a discount's part each) and of the
// commitment, which is never below its amount. So one of them is chosen, and the whole bill goes to it.
void add_terms(const Problem& problem, std::size_t o, const Columns& at, Milp& milp) {
  const Option& option = problem.plan->options[o];
  double most = 0;  // the list bill when everything stands here
  for (std::size_t w = 0; w < problem.workloads(); ++w)
    if (at.x[w][o] >= 0) most += problem.bill(w, o);
  std::vector<int> chosen;  // binaries: at most one
  std::vector<int> parts;   // the list bill that goes to each
  const auto part = [&](double fixed, double slope, bool must) {
    chosen.push_back(milp.add({.name = "z", .least = must ? 1.0 : 0.0, .cost = fixed, .integer = true}));
    parts.push_back(milp.add({.name = "b", .most = std::max(most, 1.0), .cost = slope}));
    Milp::Row& row = milp.row("chosen", Milp::Sense::at_most, 0);
    row.columns = {parts.back(), chosen.back()};
    row.factors = {1, -std::max(most, 1.0)};
  };
  const bool is_signed = option.commitment && option.commitment->is_signed;
  if (!is_signed) {
    double fixed = 0;
    double before = 0;
    part(0, 1, false);
    for (const VolumeDiscount& one : option.discounts) {
      fixed += one.above_usd * (one.share - before);
      before = one.share;
      part(fixed, 1 - one.share, false);
    }
  }
  if (option.commitment) {
    part(0, 0, is_signed);
    const int paid = milp.add({.name = "c", .most = std::max(most, option.commitment->usd_per_month), .cost = 1});
    Milp::Row& least = milp.row("committed", Milp::Sense::at_least, 0);
    least.columns = {paid, chosen.back()};
    least.factors = {1, -option.commitment->usd_per_month};
    Milp::Row& used = milp.row("used", Milp::Sense::at_least, 0);
    used.columns = {paid, parts.back()};
    used.factors = {1, -(1 - option.commitment->discount)};
  }
  Milp::Row& all = milp.row("list bill", Milp::Sense::equal, 0);
  for (std::size_t w = 0; w < problem.workloads(); ++w)
    if (at.x[w][o] >= 0) {
      all.columns.push_back(at.x[w][o]);
      all.factors.push_back(problem.bill(w, o));
    }
  for (const int one : parts) {
    all.columns.push_back(one);
    all.factors.push_back(-1);
  }
  Milp::Row& once = milp.row("one of the terms", Milp::Sense::at_most, 1);
  once.columns = chosen;
  once.factors.assign(chosen.size(), 1);
}

void add_limits(const Problem& problem, const Ask& ask, const Columns& at, Milp& milp) {
  const Limits& limits = problem.plan->limits;
  if (limits.capex_usd && !ask.without.has(Rule::capex, -1)) {
    Milp::Row& row = milp.row("capex", Milp::Sense::at_most, *limits.capex_usd);
    for (std::size_t p = 0; p < problem.nodes.size(); ++p) {
      row.columns.push_back(at.n[p]);
      row.factors.push_back(problem.nodes[p].capex_usd);
    }
  }
  if (limits.monthly_usd && !ask.without.has(Rule::monthly, -1)) {
    Milp::Row& row = milp.row("monthly", Milp::Sense::at_most, *limits.monthly_usd - problem.evidence_usd);
    for (std::size_t c = 0; c < milp.columns.size(); ++c)
      if (milp.columns[c].cost != 0) {
        row.columns.push_back(static_cast<int>(c));
        row.factors.push_back(milp.columns[c].cost);
      }
  }
  if (limits.staff_usd_per_month && !ask.without.has(Rule::staff, -1) && at.s >= 0) {
    Milp::Row& row = milp.row("staff", Milp::Sense::at_most, *limits.staff_usd_per_month);
    row.columns.push_back(at.s);
    row.factors.push_back(problem.first_pool_usd - problem.further_pool_usd);
    for (const int y : at.y) {
      row.columns.push_back(y);
      row.factors.push_back(problem.further_pool_usd);
    }
  }
  if (!limits.vendor_share || ask.without.has(Rule::vendor_share, -1)) return;
  std::map<std::string, std::vector<std::size_t>> vendors;
  for (std::size_t o = 0; o < problem.options(); ++o)
    if (problem.pool_of[o] < 0) vendors[problem.plan->options[o].vendor].push_back(o);
  for (const auto& [vendor, options] : vendors) {
    Milp::Row& row = milp.row("vendor " + vendor, Milp::Sense::at_most, *limits.vendor_share);
    for (std::size_t w = 0; w < problem.workloads(); ++w)
      for (const std::size_t o : options)
        if (at.x[w][o] >= 0) {
          row.columns.push_back(at.x[w][o]);
          row.factors.push_back(problem.plan->workloads[w].tokens_per_month() / problem.total_tokens);
        }
  }
}

Built build(const Problem& problem, const Ask& ask) {
  Built built;
  Milp& milp = built.milp;
  Columns& at = built.columns;
  at.x.assign(problem.workloads(), std::vector<int>(problem.options(), -1));
  for (std::size_t w = 0; w < problem.workloads(); ++w)
    for (std::size_t o = 0; o < problem.options(); ++o)
      if (allowed(problem, ask, w, o))
        at.x[w][o] = milp.add({.name = "x",
                               .cost = problem.plan->options[o].has_terms()
                                           ? problem.pairs[w][o].usd_per_month - problem.bill(w, o)
                                           : problem.pairs[w][o].usd_per_month,
                               .integer = !divisible(problem, w)});
  if (!problem.nodes.empty()) {
    at.s = milp.add({.name = "s", .cost = problem.first_pool_usd - problem.further_pool_usd, .integer = true});
    for (std::size_t p = 0; p < problem.nodes.size(); ++p) {
      const double most = most_nodes(problem, ask, p);
      at.n.push_back(milp.add({.name = "n", .most = most, .cost = problem.nodes[p].usd_per_month(), .integer = true}));
      at.y.push_back(milp.add({.name = "y", .cost = problem.further_pool_usd, .integer = true}));
      Milp::Row& open = milp.row("open", Milp::Sense::at_most, 0);
      open.columns = {at.n[p], at.y[p]};
      open.factors = {1, -most};
      Milp::Row& any = milp.row("any", Milp::Sense::at_most, 0);
      any.columns = {at.y[p], at.s};
      any.factors = {1, -1};
    }
  }
  for (std::size_t w = 0; w < problem.workloads(); ++w) {
    Milp::Row& row = milp.row("somewhere", Milp::Sense::equal, 1);
    std::map<std::string, std::vector<int>> vendors;
    std::map<int, std::vector<int>> in_pool;
    for (std::size_t o = 0; o < problem.options(); ++o) {
      if (at.x[w][o] < 0) continue;
      row.columns.push_back(at.x[w][o]);
      row.factors.push_back(1);
      vendors[problem.plan->options[o].vendor].push_back(at.x[w][o]);
      if (problem.pool_of[o] >= 0) in_pool[problem.pool_of[o]].push_back(at.x[w][o]);
    }
    // Tighter than the capacity row alone: whoever stands in a pool opens it.
    for (const auto& [pool, columns] : in_pool) {
      Milp::Row& opens = milp.row("opens", Milp::Sense::at_most, 0);
      opens.columns = columns;
      opens.factors.assign(columns.size(), 1);
      opens.columns.push_back(at.y[static_cast<std::size_t>(pool)]);
      opens.factors.push_back(-1);
    }
    if (critical(problem, ask, w))
      for (const auto& [vendor, columns] : vendors) {
        Milp::Row& two = milp.row("two vendors", Milp::Sense::at_most, most_of_critical);
        two.columns = columns;
        two.factors.assign(columns.size(), 1);
      }
  }
  for (std::size_t o = 0; o < problem.options(); ++o)
    if (problem.plan->options[o].has_terms()) add_terms(problem, o, at, milp);
  milp.constant = problem.evidence_usd;
  add_capacity(problem, at, milp);
  add_limits(problem, ask, at, milp);
  return built;
}

}  // namespace

std::string_view name(Rule rule) {
  switch (rule) {
    case Rule::only: return "only";
    case Rule::data_class: return "data_class";
    case Rule::residency: return "residency";
    case Rule::needs: return "needs";
    case Rule::context: return "context";
    case Rule::quality: return "quality";
    case Rule::latency: return "latency";
    case Rule::free_price: return "free_price";
    case Rule::self_hosting: return "self_hosting";
    case Rule::critical: return "critical";
    case Rule::capex: return "capex_usd";
    case Rule::monthly: return "monthly_usd";
    case Rule::vendor_share: return "vendor_share";
    case Rule::staff: return "staff_usd_per_month";
    case Rule::most_nodes: return "most_nodes";
  }
  return "unknown";
}

double Problem::bill(std::size_t w, std::size_t o) const {
  const Pair& pair = pairs[w][o];
  return pool_of[o] >= 0 ? 0 : pair.usd_per_month - pair.switching_usd / plan->horizon_months;
}

bool allowed(const Problem& problem, const Ask& ask, std::size_t w, std::size_t o) {
  const Pair& pair = problem.pairs[w][o];
  const Option& option = problem.plan->options[o];
  if (!pair.possible) return false;
  if (ask.grounds && !ask.grounds->contains(option.ground)) return false;
  if (std::ranges::find(ask.forbidden, std::pair(static_cast<int>(w), static_cast<int>(o))) != ask.forbidden.end())
    return false;
  if (!pair.failed) return true;
  for (const Rule rule : workload_rules)
    if (!ask.without.has(rule, static_cast<int>(w)) &&
        !broken(rule, *problem.plan, problem.plan->workloads[w], option).empty())
      return false;
  return true;
}

Problem make_problem(const Plan& plan, const Assumptions& assumptions) {
  const double volume = assumptions["volume.factor"];
  Problem problem{.plan = &plan,
                  .max_utilisation = assumptions["load.max_utilisation"],
                  .evidence_usd = assumptions["evidence.usd_per_month"]};
  for (const Pool& pool : plan.pools) problem.nodes.push_back(node_cost(pool, assumptions));
  for (const Option& option : plan.options) {
    const auto at = std::ranges::find(plan.pools, option.pool, &Pool::name);
    problem.pool_of.push_back(option.self_hosted() ? static_cast<int>(at - plan.pools.begin()) : -1);
  }
  const PeopleCost one = people_cost(plan, assumptions, 1);
  const PeopleCost two = people_cost(plan, assumptions, 2);
  problem.first_pool_usd = one.usd_per_month() + one.one_off_usd / plan.horizon_months;
  problem.further_pool_usd = two.usd_per_month() - one.usd_per_month();
  for (const Workload& workload : plan.workloads) {
    problem.total_tokens += workload.tokens_per_month();
    std::array<double, 24> hours = workload.profile;
    for (double& hour : hours) hour *= workload.peak;
    problem.hours.push_back(hours);
    std::vector<Pair>& row = problem.pairs.emplace_back();
    for (std::size_t o = 0; o < plan.options.size(); ++o) {
      const Option& option = plan.options[o];
      Pair& pair = row.emplace_back();
      pair.possible = true;
      pair.switching_usd = option.switching_usd;
      pair.usd_per_month = option.switching_usd / plan.horizon_months;
      if (option.self_hosted()) {
        size_pair(pair, workload, option, plan.pools[static_cast<std::size_t>(problem.pool_of[o])], assumptions,
                  volume);
      } else {
        pair.usd_per_month += bill_usd(option, workload, volume);
      }
      judge(pair, plan, workload, option);
    }
  }
  return problem;
}

Placement priced(const Problem& problem, std::vector<std::vector<double>> shares) {
  Placement placement{.nodes = std::vector<double>(problem.nodes.size(), 0),
                      .evidence_usd = problem.evidence_usd,
                      .list_usd = std::vector<double>(problem.options(), 0)};
  std::vector<std::array<double, 24>> loads(problem.nodes.size(), std::array<double, 24>{});
  std::vector<bool> open(problem.nodes.size(), false);
  for (std::size_t w = 0; w < problem.workloads(); ++w)
    for (std::size_t o = 0; o < problem.options(); ++o) {
      const double share = shares[w][o];
      if (share <= 0) continue;
      if (problem.plan->options[o].has_terms()) {  // shared by all workloads that stand there
        placement.api_usd += share * (problem.pairs[w][o].usd_per_month - problem.bill(w, o));
      } else {
        placement.api_usd += share * problem.pairs[w][o].usd_per_month;
      }
      placement.list_usd[o] += share * problem.bill(w, o);
      if (problem.pool_of[o] < 0) continue;
      const auto p = static_cast<std::size_t>(problem.pool_of[o]);
      open[p] = true;
      for (std::size_t hour = 0; hour < 24; ++hour)
        loads[p][hour] += share * problem.pairs[w][o].nodes_at_full_load * problem.hours[w][hour];
    }
  for (std::size_t o = 0; o < problem.options(); ++o)
    if (problem.plan->options[o].has_terms())
      placement.api_usd += under_terms(problem.plan->options[o], placement.list_usd[o]);
  double pools = 0;
  for (std::size_t p = 0; p < problem.nodes.size(); ++p) {
    if (!open[p]) continue;
    ++pools;
    const double busiest = std::ranges::max(loads[p]);
    placement.nodes[p] =
        std::max(1.0, std::ceil(busiest / problem.max_utilisation + problem.plan->pools[p].spare - 1e-7));
    placement.node_usd += placement.nodes[p] * problem.nodes[p].usd_per_month();
    placement.capex_usd += placement.nodes[p] * problem.nodes[p].capex_usd;
  }
  if (pools > 0) placement.people_usd = problem.first_pool_usd + (pools - 1) * problem.further_pool_usd;
  placement.usd_per_month = placement.api_usd + placement.node_usd + placement.people_usd + placement.evidence_usd;
  placement.shares = std::move(shares);
  return placement;
}

Milp milp_of(const Problem& problem, const Ask& ask) { return build(problem, ask).milp; }

Result<std::optional<Placement>> optimum(const Problem& problem, const Ask& ask) {
  if (!have_cbc()) return enumerate(problem, ask);
  const Built built = build(problem, ask);
  for (std::size_t w = 0; w < problem.workloads(); ++w)  // nothing to solve, and CBC takes an empty row for met
    if (std::ranges::all_of(built.columns.x[w], [](int column) { return column < 0; }))
      return std::optional<Placement>();
  TRY(const auto solution, solve(built.milp));
  if (!solution) return std::optional<Placement>();
  std::vector<std::vector<double>> shares(problem.workloads(), std::vector<double>(problem.options(), 0));
  for (std::size_t w = 0; w < problem.workloads(); ++w)
    for (std::size_t o = 0; o < problem.options(); ++o) {
      if (built.columns.x[w][o] < 0) continue;
      const double share = solution->values[static_cast<std::size_t>(built.columns.x[w][o])];
      shares[w][o] = !divisible(problem, w) ? std::round(share) : share < 1e-7 ? 0 : share;
    }
  return std::optional(priced(problem, std::move(shares)));
}

}  // namespace sluice::plan
