// Month by month: bills that follow growth and price drift, nodes bought when growth needs them, people, one-off costs,
// and what the hardware brings at the end. Beside it the cheapest plan of APIs alone.
#pragma once

#include <optional>
#include <vector>

#include "plan/placement.h"

namespace sluice::plan {

struct Month {
  int number = 1;
  double apis_usd = 0;
  double running_usd = 0;  // nodes' running cost or rental, and people
  double capex_usd = 0;    // nodes bought this month, and one-off costs
  double resale_usd = 0;   // at the horizon's end
  double nodes = 0;
  double out_usd() const { return apis_usd + running_usd + capex_usd - resale_usd; }
};
struct CashFlow {
  std::vector<Month> months;
  double total_usd = 0;
  double present_value_usd = 0;  // at money.discount_per_year, month by month
};
// What a used node is worth after so many months, as a share of its price: 65 % after a year, 37 % after two, 27 %
// after three, then falling to nothing at its life's end. Middle of what markets paid.
double resale_share(double months, double life_months);

CashFlow cash_flow(const Plan& plan, const Placement& placement);
// The first month in which the plan has cost no more in all than the other; empty = not within the horizon.
std::optional<int> payback_month(const CashFlow& plan, const CashFlow& other);

}  // namespace sluice::plan
