#include "plan/break_even.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/quantity.h"

namespace sluice::plan {
namespace {

// The mean request of the Azure conversation trace: with measured throughput only the mix matters, not the size.
constexpr double request_tokens = 1366;

Shape shape_of(double mix) { return {.input = request_tokens * mix / (mix + 1), .output = request_tokens / (mix + 1)}; }

std::string percent(double share) { return fmt::format("{:.3g} %", share * 100); }

// The largest mix at which the API's break-even is at most `tokens`: -1 = none, infinite = any.
double largest_mix(const catalog::Rates& rates, double cached, double fixed, double tokens) {
  const double needed = fixed / tokens;  // USD per token
  const double output = usd(rates[catalog::Unit::output]);
  const double input = usd(rates[catalog::Unit::input]) * (1 - cached) + usd(rates[catalog::Unit::cache_read]) * cached;
  if (std::min(input, output) >= needed) return INFINITY;
  if (output < needed) return -1;
  return (output - needed) / (needed - input);
}

std::string what_rule_says(const RuleOfThumb& rule, const Plan& plan, const BreakEvenTable& table) {
  std::string text = fmt::format("{}: \"{}\" ({}) compares {}.", rule.id, rule.says, rule.source, rule.compares);
  if (rule.against != "proprietary" || table.cells.empty()) return text;
  const double fixed = table.cells.front().fixed_usd_per_month;
  const double limit = rule.high > 0 ? rule.high : rule.low;
  text += fmt::format(" Here, a break-even of at most {} tokens a month is", short_number(limit));
  std::vector<std::string> where;
  for (const std::string& name : table.study.against) {
    const double mix = largest_mix(plan.option(name)->price.rates, table.study.cached, fixed, limit);
    where.push_back(mix < 0           ? fmt::format("never there for {}", name)
                    : std::isinf(mix) ? fmt::format("there for {} at any mix", name)
                                      : fmt::format("there for {} up to {:.1f}:1", name, mix));
  }
  for (std::size_t i = 0; i < where.size(); ++i) text += (i ? "; " : " ") + where[i];
  return text + ".";
}

}  // namespace

const std::vector<RuleOfThumb>& rules_of_thumb() {
  static const std::vector<RuleOfThumb> rules = [] {
    std::vector<RuleOfThumb> read;
    for (const yaml::Node& row : data_file("rules.yaml").items)
      read.push_back({.id = data_text(row, "id"),
                      .says = data_text(row, "says"),
                      .low = data_number(row, "low"),
                      .high = data_number(row, "high", "0"),
                      .compares = data_text(row, "compares"),
                      .against = data_text(row, "against"),
                      .source = data_text(row, "source")});
    return read;
  }();
  return rules;
}

BreakEven break_even(const Plan& plan, const Assumptions& assumptions, const BreakEvenStudy& study,
                     const Option& self_hosted, const Option& api, double mix) {
  const Pool& pool = *plan.pool(self_hosted.pool);
  const double node = node_cost(pool, assumptions).usd_per_month();
  BreakEven out{.against = api.name,
                .ground = api.ground,
                .mix = mix,
                .cached = study.cached,
                .utilisation = study.utilisation,
                .staff_usd_per_month = study.staff ? people_cost(plan, assumptions, 1).usd_per_month() : 0};
  out.fixed_usd_per_month = out.staff_usd_per_month + node;
  const double price = blended_usd_per_token(api.price.rates, mix, study.cached);
  out.usd_per_million = price * 1e6;
  const auto served = capacity(self_hosted, pool, shape_of(mix), assumptions);
  if (served) out.node_ceiling_tokens = served->total_tokens_per_s * seconds_per_month * study.utilisation;
  if (price <= 0) {
    out.verdict = fmt::format("never: {} is free, for as long as it stays free", api.name);
    return out;
  }
  out.tokens_per_month = out.fixed_usd_per_month / price;
  if (!served) {
    out.verdict = "never: " + served.error().message;
    return out;
  }
  const double ceiling = out.node_ceiling_tokens;
  out.needed_utilisation = out.tokens_per_month / (ceiling / study.utilisation);
  // n nodes: staff + n x node <= price x V with V <= n x ceiling.
  if (price * ceiling <= node) {
    out.verdict = fmt::format(
        "never with any number of nodes: a full node's {} tokens a month cost {} USD there, and the node alone costs "
        "{}",
        short_number(ceiling), cents(price * ceiling), cents(node));
    return out;
  }
  out.nodes = std::max(1.0, std::ceil(out.staff_usd_per_month / (price * ceiling - node) - 1e-9));
  out.tokens_with_nodes = (out.staff_usd_per_month + *out.nodes * node) / price;
  if (*out.nodes > pool.most_nodes)
    out.verdict = fmt::format("never with the {} nodes that can be had: it takes {}", short_number(pool.most_nodes),
                              short_number(*out.nodes));
  else if (*out.nodes > 1)
    out.verdict = fmt::format("never with one node, which serves {} a month; {} nodes break even from {} a month",
                              short_number(ceiling), short_number(*out.nodes), short_number(*out.tokens_with_nodes));
  else
    out.verdict = fmt::format("from {} a month, which is {} of what one node serves",
                              short_number(out.tokens_per_month), percent(out.needed_utilisation));
  return out;
}

BreakEvenTable break_even_table(const Plan& plan, const BreakEvenStudy& study) {
  BreakEvenTable table{.study = study};
  const Option& own = *plan.option(study.self_hosted);
  const Pool& pool = *plan.pool(own.pool);
  table.node_usd_per_month = node_cost(pool, plan.assumptions).usd_per_month();
  for (const double mix : study.mixes)
    for (const std::string& name : study.against)
      table.cells.push_back(break_even(plan, plan.assumptions, study, own, *plan.option(name), mix));
  if (!study.mixes.empty())
    table.bills_mix = std::ranges::find(study.mixes, 3.0) != study.mixes.end() ? 3.0 : study.mixes.front();
  const auto served = capacity(own, pool, shape_of(table.bills_mix), plan.assumptions);
  table.capacity_source = served ? served->source : served.error().message;
  const double staff = study.staff ? people_cost(plan, plan.assumptions, 1).usd_per_month() : 0;
  for (const double volume : study.volumes) {
    Bill one{.tokens_per_month = volume};
    for (const std::string& name : study.against)
      one.apis.emplace_back(name, bill(*plan.option(name), monthly_tokens(volume, table.bills_mix, study.cached)));
    if (served)
      one.nodes =
          std::max(1.0, std::ceil(volume / (served->total_tokens_per_s * seconds_per_month * study.utilisation)));
    one.self_hosted_usd = staff + one.nodes * table.node_usd_per_month;
    table.bills.push_back(std::move(one));
  }
  for (const RuleOfThumb& rule : rules_of_thumb()) table.rules.push_back(what_rule_says(rule, plan, table));
  return table;
}

RentOrBuyTable rent_or_buy_table(const Plan& plan, const RentOrBuyStudy& study) {
  const Pool& pool = *plan.pool(study.pool);
  const NodeCost node = node_cost(pool, plan.assumptions);
  RentOrBuyTable table{.study = study, .price_usd = node.capex_usd, .opex_usd_per_hour = node.opex_usd_per_hour};
  const double life_months = plan.assumptions["hardware.life_months"];
  table.life_hours = life_months * hours_per_month;
  const double price = node.capex_usd * (1 - plan.assumptions["hardware.resale_share"]);
  table.owner_usd_per_hour = price / table.life_hours + node.opex_usd_per_hour;
  table.owner_life_usd = price + node.opex_usd_per_hour * table.life_hours;
  for (const auto& [name, rent] : study.rents) {
    table.rented_life_usd.emplace_back(name, rent * table.life_hours);
    for (const double use : study.utilisations) {
      RentRow row{.name = name, .usd_per_hour = rent, .utilisation = use};
      const double saved = use * rent - node.opex_usd_per_hour;  // for each hour that it stands there
      const double hours = price / saved;
      if (saved <= 0) {
        row.verdict = fmt::format("never: running the own node costs {} USD an hour and renting {}",
                                  short_number(node.opex_usd_per_hour), short_number(use * rent));
      } else if (hours > table.life_hours) {
        row.verdict = fmt::format("never within the life of {} hours: it would take {:.0f}",
                                  short_number(table.life_hours), hours);
      } else {
        row.hours = hours;
        row.months = hours / hours_per_month;
        row.verdict = fmt::format("{:.0f} hours, {:.1f} months", hours, *row.months);
      }
      const double daily = table.owner_life_usd / (rent * table.life_hours / 24);
      if (daily <= 24) row.hours_per_day = daily;
      table.rows.push_back(std::move(row));
    }
  }
  if (study.output_tokens_per_s <= 0) return table;
  const double staff = people_cost(plan, plan.assumptions, 1).usd_per_month() / hours_per_month;
  for (const double use : study.utilisations) {
    const double millions = study.output_tokens_per_s * 3600 * use / 1e6;
    RentOrBuyTable::PerMillion row{.utilisation = use,
                                   .usd = table.owner_usd_per_hour / millions,
                                   .usd_with_staff = (table.owner_usd_per_hour + staff) / millions};
    if (study.api_output_usd_per_million) {
      row.api_is_times_dearer = *study.api_output_usd_per_million / row.usd;
      row.with_staff = *study.api_output_usd_per_million / row.usd_with_staff;
    }
    table.per_million.push_back(row);
  }
  return table;
}

}  // namespace sluice::plan
