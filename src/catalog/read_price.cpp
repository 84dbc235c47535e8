#include "catalog/read_price.h"

#include <algorithm>

namespace sluice::catalog {
namespace {

using yaml::Fields;
using yaml::Member;
using yaml::Node;
using yaml::Report;

// USD per million -> picodollars per token; of what is counted one by one: USD -> picodollars.
std::optional<std::int64_t> rate(const Node& node, Unit unit) {
  const auto usd = node.is_scalar() ? Money::parse_usd(node.text) : std::nullopt;
  if (!usd) return std::nullopt;
  if (!is_per_million(unit)) return usd->pico();
  if (usd->pico() % 1'000'000 != 0) return std::nullopt;  // finer than a picodollar per token
  return usd->pico() / 1'000'000;
}

// The rates that stand in a map; what is not named is filled from what it is a part of.
Rates read_rates(Fields& fields, const Report& report, const Rates* base) {
  GivenRates given;
  for (std::size_t i = 0; i < unit_count; ++i) {
    const Member* member = fields.take(unit_names[i]);
    if (!member) continue;
    given[i] = rate(member->value, static_cast<Unit>(i));
    if (!given[i])
      report.error(member->value,
                   "`" + member->key + "` must be USD with at most 6 decimals, not " + describe(member->value),
                   "write for example `input: 2.50` for 2.50 USD per million tokens");
  }
  return fill(given, base);
}

std::optional<Date> read_date(Fields& fields, const Node& node, const char* name, const Report& report) {
  const auto written = fields.text(name);
  if (!written) return std::nullopt;
  const auto date = parse_date(*written);
  if (!date) report.error(node.find(name)->value, "`" + *written + "` is no date", "write YYYY-MM-DD");
  return date;
}

}  // namespace

void read_price(Fields& fields, const Node& node, const Report& report, PriceFact& fact) {
  const auto kind = fields.text("kind");
  if (kind && *kind != "metered" && *kind != "free" && *kind != "self_hosted")
    report.error(node.find("kind")->value, "a price is never of the kind `" + *kind + "`",
                 "use metered, free or self_hosted");
  fact.kind = kind == "free" ? PriceKind::free : kind == "self_hosted" ? PriceKind::self_hosted : PriceKind::metered;
  fact.rates = read_rates(fields, report, nullptr);
  if (fact.kind == PriceKind::metered) {
    // What is counted one by one (an image, an hour) may be all that a model costs.
    bool counted = false;
    for (std::size_t i = 0; i < unit_count; ++i)
      counted = counted || (!is_per_million(static_cast<Unit>(i)) && node.is_map() && node.find(unit_names[i]));
    for (const Unit unit : {Unit::input, Unit::output})
      if (node.is_map() && !counted && !node.find(name(unit)))
        report.error(node, "a price needs `" + std::string(name(unit)) + "`", "what costs nothing says `kind: free`");
    if (fact.rates == Rates{} && node.is_map() && (node.find("input") || counted))
      report.error(node, "a price of zero must say so",
                   "add `kind: free`, or `kind: self_hosted` for an engine of your own");
  }
  if (fact.kind != PriceKind::metered && fact.rates != Rates{})
    report.error(node, "a price of the kind `" + std::string(name(fact.kind)) + "` has no rates",
                 "remove the rates, or the kind");
  if (const Member* tiers = fields.take("tiers")) {
    if (!tiers->value.is_list())
      report.error(tiers->value, "`tiers` must be a list, not " + describe(tiers->value),
                   "write `tiers: [{ prompt_tokens: 200000, op: gt, input: 4.00 }]`");
    for (const Node& item : tiers->value.items) {
      Fields tier_fields(item, "a tier", report);
      Tier tier;
      tier.prompt_tokens = tier_fields.integer("prompt_tokens", 1, 1'000'000'000).value_or(1);
      const std::string op = tier_fields.required_text("op");
      if (op != "gt" && op != "ge" && item.find("op"))
        report.error(item.find("op")->value, "a tier's `op` is gt (above) or ge (from)", "vendors differ: look it up");
      tier.op = op == "ge" ? Tier::Op::ge : Tier::Op::gt;
      const std::string scope = tier_fields.text("scope").value_or("whole_request");
      if (scope != "whole_request" && scope != "marginal")
        report.error(item.find("scope")->value, "a tier's `scope` is whole_request or marginal",
                     "marginal: the prompt's tokens before the threshold keep their price");
      tier.scope = scope == "marginal" ? Tier::Scope::marginal : Tier::Scope::whole_request;
      tier.counts_cached = tier_fields.boolean("counts_cached").value_or(true);
      tier.rates = read_rates(tier_fields, report, &fact.rates);
      tier_fields.refuse_others();
      fact.tiers.push_back(tier);
    }
    std::ranges::sort(fact.tiers, {}, &Tier::prompt_tokens);
  }
  fact.effective_from = read_date(fields, node, "effective_from", report).value_or(Date());
  fact.effective_to = read_date(fields, node, "effective_to", report);
  const std::string source_kind = fields.text("source_kind").value_or("list");
  if (!source_kind_from_name(source_kind))
    report.error(node.find("source_kind")->value, "a price never comes from a `" + source_kind + "`",
                 "use list, contract or community");
  fact.source_kind = source_kind_from_name(source_kind).value_or(SourceKind::list);
  fact.source = fields.text("source").value_or("");
  fact.observed_at = fields.text("observed_at").value_or("");
  fact.note = fields.text("note").value_or("");
  const std::string tier = fields.text("service_tier").value_or("standard");
  if (!chat::service_tier_from_name(tier))
    report.error(node.find("service_tier")->value, "there is no service tier `" + tier + "`",
                 "use standard, batch, flex, priority, fast or provisioned");
  fact.service_tier = chat::service_tier_from_name(tier).value_or(ServiceTier::standard);
  fact.region = fields.text("region").value_or("");
  if (const auto hours = fields.text("hours")) {
    fact.window = parse_window(*hours);
    if (!fact.window)
      report.error(
          node.find("hours")->value, "`" + *hours + "` are no hours of a day",
          "write `hours: \"16:30-00:30\"` in UTC, with the distance from it as in 16:30-00:30+08:00, or with a time "
          "zone that this machine knows as in 09:00-17:00 Europe/Berlin");
  }
  if (fact.effective_to && *fact.effective_to <= fact.effective_from)
    report.error(node.find("effective_to")->value, "the price ends before it begins",
                 "`effective_to` is the first day on which it no longer holds");
}

}  // namespace sluice::catalog
