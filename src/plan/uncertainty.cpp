#include "plan/uncertainty.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "plan/quantity.h"

namespace sluice::plan {
namespace {

// What Monte Carlo draws. The rest of the assumptions is fixed: rates and shares that only matter together with these.
constexpr std::array drawn = {"staff.self_host_usd_per_month", "hardware.price_factor", "hardware.opex_factor",
                              "hardware.throughput_factor",    "hardware.life_months",  "hardware.resale_share",
                              "price.drift_per_month",         "volume.factor",         "load.max_utilisation",
                              "evidence.usd_per_month"};

// Mean of the API price over the horizon when it changes by `drift` each month.
double mean_drift(double drift, int months) {
  if (std::abs(drift) < 1e-12) return 1;
  return (std::pow(1 + drift, months) - 1) / (drift * months);
}

double quantile(const std::vector<double>& sorted, double p) {
  return sorted[static_cast<std::size_t>(p * static_cast<double>(sorted.size() - 1) + 0.5)];
}

// A placement reduced to what draws change.
struct Reduced {
  double api_usd = 0;            // bills at today's prices and volumes, of options without terms
  std::vector<double> list_usd;  // option: the same of those with terms, before these
  double switching_usd = 0;      // a month's part
  std::vector<double> busiest;   // pool: nodes' worth of load in its busiest hour
  std::vector<bool> open;
};

Reduced reduced(const Problem& problem, const Placement& placement) {
  Reduced out{.list_usd = std::vector<double>(problem.options(), 0),
              .busiest = std::vector<double>(problem.nodes.size(), 0),
              .open = std::vector<bool>(problem.nodes.size(), false)};
  std::vector<std::array<double, 24>> loads(problem.nodes.size(), std::array<double, 24>{});
  for (std::size_t w = 0; w < problem.workloads(); ++w)
    for (std::size_t o = 0; o < problem.options(); ++o) {
      const double share = placement.shares[w][o];
      if (share <= 0) continue;
      const Pair& pair = problem.pairs[w][o];
      const double switching = pair.switching_usd / problem.plan->horizon_months;
      out.switching_usd += share * switching;
      if (problem.plan->options[o].has_terms())
        out.list_usd[o] += share * problem.bill(w, o);
      else
        out.api_usd += share * (pair.usd_per_month - switching);
      if (problem.pool_of[o] < 0) continue;
      const auto p = static_cast<std::size_t>(problem.pool_of[o]);
      out.open[p] = true;
      for (std::size_t hour = 0; hour < 24; ++hour)
        loads[p][hour] += share * pair.nodes_at_full_load * problem.hours[w][hour];
    }
  for (std::size_t p = 0; p < problem.nodes.size(); ++p) out.busiest[p] = std::ranges::max(loads[p]);
  return out;
}

double month_of(const Plan& plan, const Assumptions& world, const Reduced& one) {
  // Bills and load were computed with the plan's own volumes.
  const double volume = world["volume.factor"] / plan.assumptions["volume.factor"];
  const double drift = mean_drift(world["price.drift_per_month"], plan.horizon_months);
  double usd = one.switching_usd + world["evidence.usd_per_month"] + one.api_usd * volume * drift;
  for (std::size_t o = 0; o < plan.options.size(); ++o)
    if (plan.options[o].has_terms()) usd += under_terms(plan.options[o], one.list_usd[o] * volume * drift);
  double pools = 0;
  for (std::size_t p = 0; p < one.busiest.size(); ++p) {
    if (!one.open[p]) continue;
    ++pools;
    // The load was computed with the plan's own throughput.
    const double load =
        one.busiest[p] * volume * plan.assumptions["hardware.throughput_factor"] / world["hardware.throughput_factor"];
    const double nodes = std::max(1.0, std::ceil(load / world["load.max_utilisation"] + plan.pools[p].spare - 1e-7));
    usd += nodes * node_cost(plan.pools[p], world).usd_per_month();
  }
  const PeopleCost people = people_cost(plan, world, pools);
  return usd + people.usd_per_month() + people.one_off_usd / plan.horizon_months;
}

Assumptions drawn_world(const Plan& plan, Random& random) {
  Assumptions world = plan.assumptions;
  for (const char* id : drawn) {
    Assumption& one = *world.find(id);
    one.value = triangular(random.uniform(), one.low, one.value, one.high);
  }
  return world;
}

std::string with_unit(double value, const std::string& unit) { return short_number(value) + " " + unit; }

bool same(const Placement& a, const Placement& b) {
  for (std::size_t w = 0; w < a.shares.size(); ++w)
    for (std::size_t o = 0; o < a.shares[w].size(); ++o)
      if (std::abs(a.shares[w][o] - b.shares[w][o]) > 0.01) return false;
  return true;
}

std::string moves(const Plan& plan, const Placement& from, const Placement& to) {
  std::string text;
  for (std::size_t w = 0; w < from.shares.size(); ++w)
    for (std::size_t o = 0; o < from.shares[w].size(); ++o)
      if (to.shares[w][o] > from.shares[w][o] + 0.01)
        text += fmt::format("{}{} to {}", text.empty() ? "" : ", ", plan.workloads[w].name, plan.options[o].name);
  return text;
}

}  // namespace

double Random::uniform() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

double normal(double u, double v) { return std::sqrt(-2 * std::log(1 - u)) * std::cos(2 * std::numbers::pi * v); }

double triangular(double u, double low, double peak, double high) {
  if (high <= low) return peak;
  const double before = (peak - low) / (high - low);
  return u < before ? low + std::sqrt(u * (high - low) * (peak - low))
                    : high - std::sqrt((1 - u) * (high - low) * (high - peak));
}

Draws draw(const Plan& plan, const std::vector<NamedPlacement>& placements) {
  Draws result{.count = plan.draws, .seed = plan.seed};
  const Problem problem = make_problem(plan, plan.assumptions);
  std::vector<Reduced> all;
  for (const NamedPlacement& one : placements) all.push_back(reduced(problem, one.placement));
  std::vector<std::vector<double>> costs(all.size());
  std::vector<double> regret(all.size(), 0);
  std::vector<double> most(all.size(), 0);
  std::vector<int> best(all.size(), 0);
  Random random(plan.seed);
  for (int i = 0; i < plan.draws; ++i) {
    const Assumptions world = drawn_world(plan, random);
    double least = INFINITY;
    for (std::size_t k = 0; k < all.size(); ++k) {
      costs[k].push_back(month_of(plan, world, all[k]));
      least = std::min(least, costs[k].back());
    }
    for (std::size_t k = 0; k < all.size(); ++k) {
      const double over = costs[k].back() - least;
      regret[k] += over;
      most[k] = std::max(most[k], over);
      if (over <= 1e-9 * least) ++best[k];
    }
  }
  for (std::size_t k = 0; k < all.size(); ++k) {
    Spread one{.name = placements[k].name, .most_regret = most[k]};
    for (const double usd : costs[k]) one.mean += usd / plan.draws;
    std::ranges::sort(costs[k]);
    one.p5 = quantile(costs[k], 0.05);
    one.p50 = quantile(costs[k], 0.50);
    one.p95 = quantile(costs[k], 0.95);
    one.best_share = static_cast<double>(best[k]) / plan.draws;
    one.expected_regret = regret[k] / plan.draws;
    result.plans.push_back(std::move(one));
  }
  if (!result.plans.empty())
    result.least_most_regret = std::ranges::min_element(result.plans, {}, &Spread::most_regret)->name;
  return result;
}

std::vector<Bar> tornado(const Plan& plan, const Placement& placement) {
  const Problem problem = make_problem(plan, plan.assumptions);
  const Reduced one = reduced(problem, placement);
  std::vector<Bar> bars;
  for (const char* id : drawn) {
    const Assumption& assumption = plan.assumptions.at(id);
    Bar bar{.what = assumption.meaning,
            .low_is = with_unit(assumption.low, assumption.unit),
            .high_is = with_unit(assumption.high, assumption.unit),
            .low = month_of(plan, plan.assumptions.with(id, assumption.low), one),
            .high = month_of(plan, plan.assumptions.with(id, assumption.high), one)};
    if (bar.swing() > 0.005) bars.push_back(std::move(bar));
  }
  std::ranges::sort(bars, std::greater(), &Bar::swing);
  return bars;
}

std::vector<Bar> break_even_tornado(const Plan& plan, const BreakEvenStudy& study, const std::string& against,
                                    double mix) {
  const Option& own = *plan.option(study.self_hosted);
  const Option& api = *plan.option(against);
  const auto tokens = [&](const Assumptions& world, double at_mix, double cached, double price) {
    BreakEvenStudy changed = study;
    changed.cached = cached;
    return break_even(plan, world, changed, own, api, at_mix).tokens_per_month / price;
  };
  const Assumptions& base = plan.assumptions;
  const auto usual = [&](const Assumptions& world) { return tokens(world, mix, study.cached, 1); };
  const auto scaled = [&](const char* id, double factor) { return base.with(id, base[id] * factor); };
  std::vector<Bar> bars;
  if (!study.mixes.empty()) {
    const auto [least, most] = std::ranges::minmax(study.mixes);
    bars.push_back({"mix of input to output", short_number(least) + ":1", short_number(most) + ":1",
                    tokens(base, least, study.cached, 1), tokens(base, most, study.cached, 1)});
  }
  bars.push_back(
      {"API price", "-50 %", "+50 %", tokens(base, mix, study.cached, 0.5), tokens(base, mix, study.cached, 1.5)});
  if (study.staff)
    bars.push_back({"people", "half", "double", usual(scaled("staff.self_host_usd_per_month", 0.5)),
                    usual(scaled("staff.self_host_usd_per_month", 2))});
  if (api.price.rates[catalog::Unit::cache_read] != api.price.rates[catalog::Unit::input])
    bars.push_back(
        {"input from the provider's cache", "0 %", "80 %", tokens(base, mix, 0, 1), tokens(base, mix, 0.8, 1)});
  for (const auto& [what, id] :
       {std::pair{"running cost", "hardware.opex_factor"}, std::pair{"life of the hardware", "hardware.life_months"},
        std::pair{"price of the hardware", "hardware.price_factor"}}) {
    const Assumption& one = base.at(id);
    bars.push_back({what, with_unit(one.low, one.unit), with_unit(one.high, one.unit), usual(base.with(id, one.low)),
                    usual(base.with(id, one.high))});
  }
  std::ranges::sort(bars, std::greater(), &Bar::swing);
  return bars;
}

Band break_even_band(const Plan& plan, const BreakEvenStudy& study, const std::string& against, double mix) {
  const Option& api = *plan.option(against);
  const Pool& pool = *plan.pool(plan.option(study.self_hosted)->pool);
  const double price = blended_usd_per_token(api.price.rates, mix, study.cached);
  Band band{.against = against, .mix = mix};
  if (price <= 0) return band;
  std::vector<double> all;
  Random random(plan.seed);
  for (int i = 0; i < plan.draws; ++i) {
    const Assumptions world = drawn_world(plan, random);
    const double fixed =
        node_cost(pool, world).usd_per_month() + (study.staff ? people_cost(plan, world, 1).usd_per_month() : 0);
    const double u = random.uniform();  // in a fixed order, or a seed would name two answers
    // Prices are a factor of today's, lognormal: a break-even has no months over which a drift could be taken.
    const double factor = std::exp(world["price.log_mean"] + world["price.log_sigma"] * normal(u, random.uniform()));
    all.push_back(fixed / (price * factor));
  }
  std::ranges::sort(all);
  band.p5 = quantile(all, 0.05);
  band.p50 = quantile(all, 0.50);
  band.p95 = quantile(all, 0.95);
  return band;
}

Result<std::vector<Flip>> flips(const Plan& plan, const Placement& best) {
  constexpr int halvings = 12;  // to a part in 4,000
  std::vector<Flip> found;
  for (const char* id :
       {"volume.factor", "staff.self_host_usd_per_month", "hardware.price_factor", "hardware.throughput_factor"}) {
    const double value = plan.assumptions[id];
    const auto solved = [&](double at) -> Result<std::optional<Placement>> {
      return optimum(make_problem(plan, plan.assumptions.with(id, at)), {});
    };
    for (const double factor : {0.1, 10.0}) {
      double stays = value;
      double turns = value * factor;
      TRY(auto there, solved(turns));
      if (!there || same(*there, best)) continue;
      for (int i = 0; i < halvings; ++i) {
        const double middle = std::sqrt(stays * turns);
        TRY(auto at, solved(middle));
        if (at && same(*at, best)) {
          stays = middle;
        } else {
          turns = middle;
          if (at) there = std::move(at);
        }
      }
      found.push_back({.assumption = id,
                       .unit = plan.assumptions.at(id).unit,
                       .value = value,
                       .flips_at = turns,
                       .becomes = moves(plan, best, *there)});
    }
  }
  std::ranges::sort(found, {}, [](const Flip& flip) { return std::abs(std::log(flip.flips_at / flip.value)); });
  return found;
}

}  // namespace sluice::plan
