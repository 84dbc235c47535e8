// What an option costs a month. A bill from prices is exact: integers, tier by prompt size, cached tokens once. What
// hardware and people cost is a model in doubles, line by line with the assumption behind each line.
#pragma once

#include <string>
#include <vector>

#include "base/money.h"
#include "plan/plan.h"

namespace sluice::plan {

// What a month of tokens costs at an API. `mix` is in:out; output and input are rounded to whole tokens.
struct MonthlyTokens {
  Tokens requests = 0;
  Tokens input = 0;  // not from the cache
  Tokens cached = 0;
  Tokens output = 0;
};
MonthlyTokens monthly_tokens(const Workload& workload, double volume_factor);
// Of a number of tokens with a mix, without tiers.
MonthlyTokens monthly_tokens(double tokens, double mix, double cached);
// Picodollars; zero for a free option, which says so itself.
MoneySum bill(const Option& option, const MonthlyTokens& tokens);
double usd(MoneySum pico);
// What a workload's month costs at an option with a price, at that volume: measured call by call where that is known,
// else by a request of the mean size.
double bill_usd(const Option& option, const Workload& workload, double volume);
// What a month's list bill at an API comes to under its discounts or its commitment, whichever is less; a signed one
// counts also when nothing is used.
double under_terms(const Option& option, double list_usd);
bool takes_commitment(const Option& option, double list_usd);
// Rounded once, half to even, to cents: "41819.13".
std::string cents(double usd_amount);
std::string cents(MoneySum pico);

// (r x input + output) / (r + 1) with cached input at its own rate, in USD per token.
double blended_usd_per_token(const catalog::Rates& rates, double mix, double cached);

struct CostLine {
  std::string name;
  double usd_per_month = 0;
  std::string how;  // "250,141.80 USD over 60 months, resale 0 %"
};

// What one node costs a month, whether it works or not.
struct NodeCost {
  std::vector<CostLine> lines;
  double capex_usd = 0;  // to pay before it works; 0 when rented
  double usd_per_month() const;
  double opex_usd_per_hour = 0;  // without write-off
};
NodeCost node_cost(const Pool& pool, const Assumptions& assumptions);

// What running engines costs a month beyond the hardware; `pools` is how many are run. 0 pools cost nothing.
// In the top-down mode upkeep derived from the build replaces people and software: never both.
struct PeopleCost {
  std::vector<CostLine> lines;
  double one_off_usd = 0;  // build and data preparation
  double usd_per_month() const;
};
PeopleCost people_cost(const Plan& plan, const Assumptions& assumptions, double pools);

}  // namespace sluice::plan
