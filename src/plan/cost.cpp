#include "plan/cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/quantity.h"

namespace sluice::plan {
namespace {

constexpr double pico_per_usd = 1e12;

double sum(const std::vector<CostLine>& lines) {
  double total = 0;
  for (const CostLine& line : lines) total += line.usd_per_month;
  return total;
}

double with_discounts(const Option& option, double list_usd) {
  double usd = list_usd;
  double before = 0;
  for (const VolumeDiscount& one : option.discounts) {
    usd -= std::max(0.0, list_usd - one.above_usd) * (one.share - before);
    before = one.share;
  }
  return usd;
}

double with_commitment(const Commitment& commitment, double list_usd) {
  return std::max(commitment.usd_per_month, list_usd * (1 - commitment.discount));
}

}  // namespace

bool takes_commitment(const Option& option, double list_usd) {
  if (!option.commitment) return false;
  return option.commitment->is_signed ||
         with_commitment(*option.commitment, list_usd) < with_discounts(option, list_usd);
}

double under_terms(const Option& option, double list_usd) {
  return takes_commitment(option, list_usd) ? with_commitment(*option.commitment, list_usd)
                                            : with_discounts(option, list_usd);
}

MonthlyTokens monthly_tokens(const Workload& workload, double volume_factor) {
  const double requests = workload.requests_per_month * volume_factor;
  const double input = requests * workload.input_tokens;
  return {.requests = std::llround(requests),
          .input = std::llround(input * (1 - workload.cached)),
          .cached = std::llround(input * workload.cached),
          .output = std::llround(requests * workload.output_tokens)};
}

MonthlyTokens monthly_tokens(double tokens, double mix, double cached) {
  const double input = tokens * mix / (mix + 1);
  return {.input = std::llround(input * (1 - cached)),
          .cached = std::llround(input * cached),
          .output = std::llround(tokens / (mix + 1))};
}

MoneySum bill(const Option& option, const MonthlyTokens& tokens) {
  if (option.price.kind == catalog::PriceKind::free) return 0;
  if (!option.price.tiers.empty() &&
      tokens.requests > 0) {  // by a request of the mean size: its prompt decides the tier
    catalog::Quantities used = {};
    const auto set = [&](catalog::Unit unit, Tokens count) {
      used[static_cast<std::size_t>(unit)] =
          std::llround(static_cast<double>(count) / static_cast<double>(tokens.requests));
    };
    set(catalog::Unit::input, tokens.input);
    set(catalog::Unit::cache_read, tokens.cached);
    set(catalog::Unit::output, tokens.output);
    used[static_cast<std::size_t>(catalog::Unit::request)] = 1;
    return static_cast<MoneySum>(catalog::cost(option.price, used).pico()) * tokens.requests;
  }
  const catalog::Rates& rates = option.price.rates;
  const auto part = [](Tokens count, std::int64_t rate) { return static_cast<MoneySum>(count) * rate; };
  return part(tokens.input, rates[catalog::Unit::input]) + part(tokens.cached, rates[catalog::Unit::cache_read]) +
         part(tokens.output, rates[catalog::Unit::output]) + part(tokens.requests, rates[catalog::Unit::request]);
}

double usd(MoneySum pico) { return static_cast<double>(pico) / pico_per_usd; }

double bill_usd(const Option& option, const Workload& workload, double volume) {
  const auto measured = workload.measured_usd.find(option.name);
  if (measured != workload.measured_usd.end()) return measured->second * volume;
  return usd(bill(option, monthly_tokens(workload, volume)));
}

std::string cents(double amount) { return fmt::format("{:.2f}", amount == 0 ? 0.0 : amount); }

std::string cents(MoneySum pico) {
  constexpr MoneySum per_cent = 10'000'000'000;
  const bool negative = pico < 0;
  MoneySum size = negative ? -pico : pico;
  MoneySum whole = size / per_cent;
  const MoneySum rest = size % per_cent;
  if (rest * 2 > per_cent || (rest * 2 == per_cent && whole % 2 == 1)) ++whole;
  return fmt::format("{}{}.{:02}", negative && whole > 0 ? "-" : "", static_cast<std::int64_t>(whole / 100),
                     static_cast<int>(whole % 100));
}

double blended_usd_per_token(const catalog::Rates& rates, double mix, double cached) {
  const double input = static_cast<double>(rates[catalog::Unit::input]) * (1 - cached) +
                       static_cast<double>(rates[catalog::Unit::cache_read]) * cached;
  return (mix * input + static_cast<double>(rates[catalog::Unit::output])) / (mix + 1) / pico_per_usd;
}

double NodeCost::usd_per_month() const { return sum(lines); }
double PeopleCost::usd_per_month() const { return sum(lines); }

NodeCost node_cost(const Pool& pool, const Assumptions& assumptions) {
  NodeCost cost;
  const double price = pool.price_usd * assumptions["hardware.price_factor"];
  const double opex = assumptions["hardware.opex_factor"];
  if (pool.price_usd > 0) {
    const double life = assumptions["hardware.life_months"];
    const double resale = assumptions["hardware.resale_share"];
    cost.capex_usd = price;
    cost.lines.push_back({"write-off", price * (1 - resale) / life,
                          fmt::format("{} USD over {} months, resale {} %", cents(price), short_number(life),
                                      short_number(resale * 100))});
  } else {
    cost.lines.push_back(
        {"rental", pool.rent_usd_per_hour * hours_per_month * opex,
         fmt::format("{} USD an hour, all {} hours of the month", pool.rent_usd_per_hour, hours_per_month)});
    return cost;
  }
  if (pool.opex_usd_per_hour) {
    cost.opex_usd_per_hour = *pool.opex_usd_per_hour * opex;
    cost.lines.push_back({"running cost", cost.opex_usd_per_hour * hours_per_month,
                          fmt::format("{} USD an hour: maintenance, power, cooling and colocation as stated",
                                      short_number(cost.opex_usd_per_hour))});
    return cost;
  }
  const double kw = pool.power_kw > 0 ? pool.power_kw : pool.gpu ? pool.gpu->watts * pool.gpus * 1.5 / 1000 : 0;
  const double maintenance = price * assumptions["hardware.maintenance_share_per_year"] / 12 * opex;
  const double power = kw * hours_per_month * assumptions["power.usd_per_kwh"] * opex;
  const double cooling = kw * hours_per_month * assumptions["cooling.usd_per_kwh"] * opex;
  const double racks = pool.racks * assumptions["colocation.usd_per_rack_month"] * opex;
  cost.lines.push_back({"maintenance", maintenance,
                        fmt::format("{} % of the price a year",
                                    short_number(assumptions["hardware.maintenance_share_per_year"] * 100))});
  cost.lines.push_back(
      {"power", power,
       fmt::format("{} kW{}", short_number(kw), pool.power_kw > 0 ? "" : " (1.5 times the GPUs' rated power)")});
  cost.lines.push_back({"cooling", cooling, fmt::format("{} USD per kWh", assumptions["cooling.usd_per_kwh"])});
  cost.lines.push_back({"colocation", racks, fmt::format("{} racks", short_number(pool.racks))});
  cost.opex_usd_per_hour = (maintenance + power + cooling + racks) / hours_per_month;
  return cost;
}

PeopleCost people_cost(const Plan& plan, const Assumptions& assumptions, double pools) {
  PeopleCost cost;
  if (pools <= 0) return cost;
  const double build = assumptions["build.one_off_usd"];
  const double preparation = build * assumptions["build.data_preparation_share"];
  cost.one_off_usd = build + preparation;
  if (plan.lifecycle == Lifecycle::top_down) {
    const double share = assumptions["lifecycle.share_after_build"];
    const double upkeep = build * share / (1 - share) / 36;
    cost.lines.push_back({"upkeep, top-down", upkeep,
                          fmt::format("{} % of 3 years' total after a build of {} USD; people and software are in it",
                                      short_number(share * 100), cents(build))});
    return cost;
  }
  const double fte = assumptions["staff.fte"];
  const double team = fte > 0 ? fte * assumptions["staff.salary_usd_per_year"] * assumptions["staff.load"] / 12
                              : assumptions["staff.self_host_usd_per_month"];
  cost.lines.push_back({"people", team,
                        fte > 0 ? fmt::format("{} FTE x {} USD a year x {}", short_number(fte),
                                              short_number(assumptions["staff.salary_usd_per_year"]),
                                              short_number(assumptions["staff.load"]))
                                : std::string("the monthly sum of the basic team")});
  if (pools > 1)
    cost.lines.push_back({"people for further pools", (pools - 1) * assumptions["staff.further_pool_usd_per_month"],
                          fmt::format("{} pools after the first", short_number(pools - 1))});
  if (const double software = assumptions["software.usd_per_month"]; software > 0)
    cost.lines.push_back({"software", software, "licences and support"});
  return cost;
}

}  // namespace sluice::plan
