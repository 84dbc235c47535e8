#include "plan/cash_flow.h"

#include <algorithm>
#include <cmath>

namespace sluice::plan {

double resale_share(double months, double life_months) {
  if (months >= life_months) return 0;
  struct Point {
    double months, share;
  };
  const std::vector<Point> points = {{0, 0.85}, {12, 0.65}, {24, 0.37}, {36, 0.27}, {std::max(life_months, 37.0), 0}};
  for (std::size_t i = 1; i < points.size(); ++i)
    if (months <= points[i].months) {
      const double part = (months - points[i - 1].months) / (points[i].months - points[i - 1].months);
      return points[i - 1].share + part * (points[i].share - points[i - 1].share);
    }
  return 0;
}

CashFlow cash_flow(const Plan& plan, const Placement& placement) {
  CashFlow flow;
  const Problem problem = make_problem(plan, plan.assumptions);
  const double stated = plan.assumptions["volume.factor"];
  const double drift = plan.assumptions["price.drift_per_month"];
  const double life = plan.assumptions["hardware.life_months"];
  const double discount = std::pow(1 + plan.assumptions["money.discount_per_year"], 1.0 / 12);
  std::vector<double> owned(plan.pools.size(), 0);
  std::vector<std::pair<int, double>> bought;  // month, USD
  double pools = 0;
  for (const double nodes : placement.nodes) pools += nodes > 0;
  const PeopleCost people = people_cost(plan, plan.assumptions, pools);
  for (int number = 1; number <= plan.horizon_months; ++number) {
    Month month{.number = number};
    if (number == 1) month.capex_usd += people.one_off_usd;
    std::vector<std::array<double, 24>> loads(plan.pools.size(), std::array<double, 24>{});
    std::vector<double> list(plan.options.size(), 0);  // bills of those with terms, before these
    for (std::size_t w = 0; w < plan.workloads.size(); ++w) {
      const double grown = std::pow(1 + plan.workloads[w].growth_per_month, number - 1);
      for (std::size_t o = 0; o < plan.options.size(); ++o) {
        const double share = placement.shares[w][o];
        if (share <= 0) continue;
        if (number == 1) month.capex_usd += share * problem.pairs[w][o].switching_usd;
        if (problem.pool_of[o] < 0) {
          const double usd =
              share * bill_usd(plan.options[o], plan.workloads[w], stated * grown) * std::pow(1 + drift, number - 1);
          (plan.options[o].has_terms() ? list[o] : month.apis_usd) += usd;
          continue;
        }
        for (std::size_t hour = 0; hour < 24; ++hour)
          loads[static_cast<std::size_t>(problem.pool_of[o])][hour] +=
              share * problem.pairs[w][o].nodes_at_full_load * grown * problem.hours[w][hour];
      }
    }
    for (std::size_t o = 0; o < plan.options.size(); ++o)
      if (plan.options[o].has_terms()) month.apis_usd += under_terms(plan.options[o], list[o]);
    for (std::size_t p = 0; p < plan.pools.size(); ++p) {
      if (placement.nodes[p] <= 0) continue;
      const double busiest = std::ranges::max(loads[p]);
      const double needed = std::max(1.0, std::ceil(busiest / problem.max_utilisation + plan.pools[p].spare - 1e-7));
      if (needed > owned[p]) {
        const double usd = (needed - owned[p]) * problem.nodes[p].capex_usd;
        if (usd > 0) bought.emplace_back(number, usd);
        month.capex_usd += usd;
        owned[p] = needed;
      }
      month.nodes += owned[p];
      const double write_off = problem.nodes[p].capex_usd > 0 ? problem.nodes[p].lines.front().usd_per_month : 0;
      month.running_usd += owned[p] * (problem.nodes[p].usd_per_month() - write_off);
    }
    month.running_usd += people.usd_per_month() + plan.assumptions["evidence.usd_per_month"];
    if (number == plan.horizon_months)
      for (const auto& [at, usd] : bought) month.resale_usd += usd * resale_share(number - at + 1, life);
    flow.total_usd += month.out_usd();
    flow.present_value_usd += month.out_usd() / std::pow(discount, number - 1);
    flow.months.push_back(month);
  }
  return flow;
}

std::optional<int> payback_month(const CashFlow& plan, const CashFlow& other) {
  double difference = 0;
  for (std::size_t i = 0; i < plan.months.size() && i < other.months.size(); ++i) {
    // What is still worth something counts only when it is sold.
    difference += plan.months[i].out_usd() - other.months[i].out_usd();
    if (difference <= 0) return plan.months[i].number;
  }
  return std::nullopt;
}

}  // namespace sluice::plan
