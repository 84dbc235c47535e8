// From which volume a self-hosted option is cheaper than an API, and from how many hours a bought node is cheaper than
// a rented one. No number comes without the mix, the comparator, the utilisation, the capacity ceiling and the people
// it was computed with; "never" is an answer, and says why.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/capacity.h"
#include "plan/cost.h"
#include "plan/plan.h"

namespace sluice::plan {

struct RuleOfThumb {
  std::string id;
  std::string says;
  double low = 0;
  double high = 0;  // 0 = no upper bound
  std::string compares;
  std::string against;
  std::string source;
};
const std::vector<RuleOfThumb>& rules_of_thumb();

// One cell of the table, with all that it depends on.
struct BreakEven {
  std::string against;
  catalog::Ground ground = catalog::Ground::proprietary;
  double mix = 1;
  double cached = 0;
  double utilisation = 1;
  double staff_usd_per_month = 0;
  double fixed_usd_per_month = 0;  // people and one node
  double usd_per_million = 0;      // the API's, blended
  double tokens_per_month = 0;     // fixed / price, whatever a node can serve
  double node_ceiling_tokens = 0;  // what one node serves in a month at that use
  double needed_utilisation = 0;   // of one node at that volume; over 1: it cannot
  std::optional<double> nodes;     // with which it does break even; empty = with no number of them
  std::optional<double> tokens_with_nodes;
  std::string verdict;  // one sentence
};
struct Bill {
  double tokens_per_month = 0;
  std::vector<std::pair<std::string, MoneySum>> apis;
  double self_hosted_usd = 0;
  double nodes = 1;
};
struct BreakEvenTable {
  BreakEvenStudy study;
  double node_usd_per_month = 0;
  std::string capacity_source;
  std::vector<BreakEven> cells;  // mix by mix
  std::vector<Bill> bills;       // at the first mix named 3:1, else the first
  double bills_mix = 1;
  std::vector<std::string> rules;  // what each rule of thumb says of this table
};
BreakEven break_even(const Plan& plan, const Assumptions& assumptions, const BreakEvenStudy& study,
                     const Option& self_hosted, const Option& api, double mix);
BreakEvenTable break_even_table(const Plan& plan, const BreakEvenStudy& study);

struct RentRow {
  std::string name;
  double usd_per_hour = 0;
  double utilisation = 1;
  std::optional<double> hours;  // empty = never within the life
  std::optional<double> months;
  std::optional<double> hours_per_day;  // that pay back over the life; empty = more than there are
  std::string verdict;
};
struct RentOrBuyTable {
  RentOrBuyStudy study;
  double price_usd = 0;
  double opex_usd_per_hour = 0;
  double life_hours = 0;
  double owner_usd_per_hour = 0;
  double owner_life_usd = 0;
  std::vector<RentRow> rows;
  struct PerMillion {
    double utilisation = 1;
    double usd = 0;  // per million output tokens, hardware alone
    double usd_with_staff = 0;
    std::optional<double> api_is_times_dearer;
    std::optional<double> with_staff;
  };
  std::vector<PerMillion> per_million;
  std::vector<std::pair<std::string, double>> rented_life_usd;
};
RentOrBuyTable rent_or_buy_table(const Plan& plan, const RentOrBuyStudy& study);

}  // namespace sluice::plan
