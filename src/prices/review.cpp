#include "prices/review.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace sluice::prices {
namespace {

using catalog::PriceFact;
using catalog::Rates;
using catalog::Unit;

// The fact of that layer with the same conditions that holds on the day.
const PriceFact* in_layer(const catalog::PriceHistory* history, const PriceFact& like, catalog::SourceKind layer,
                          catalog::Date on) {
  if (!history) return nullptr;
  for (const PriceFact& fact : history->facts)
    if (fact.source_kind == layer && fact.model == like.model && fact.provider == like.provider &&
        fact.service_tier == like.service_tier && fact.region == like.region && fact.window == like.window &&
        fact.effective_from <= on && (!fact.effective_to || on < *fact.effective_to))
      return &fact;
  return nullptr;
}

const PriceFact* in_any_layer(const catalog::PriceHistory* history, const PriceFact& like, catalog::Date on) {
  for (const catalog::SourceKind layer :
       {catalog::SourceKind::contract, catalog::SourceKind::list, catalog::SourceKind::community})
    if (const PriceFact* fact = in_layer(history, like, layer, on)) return fact;
  return nullptr;
}

// It costs what it is a part of, before and after: the whole's change says it.
bool follows(const Rates& before, const Rates& after, Unit unit) {
  const Unit whole = catalog::whole_of(unit);
  return whole != unit && before[unit] == before[whole] && after[unit] == after[whole];
}

std::vector<RateChange> differences(const Rates& before, const Rates& after) {
  std::vector<RateChange> all;
  for (std::size_t i = 0; i < catalog::unit_count; ++i)
    if (before.pico[i] != after.pico[i] && !follows(before, after, static_cast<Unit>(i)))
      all.push_back({static_cast<Unit>(i), before.pico[i], after.pico[i]});
  return all;
}

bool beyond(std::int64_t a, std::int64_t b, std::int64_t factor) {
  const __int128 low = std::min(a, b);
  return low > 0 && low * factor < std::max(a, b);
}

std::string of_unit(Unit unit, std::int64_t pico) {
  return catalog::usd_text(unit, pico) + (catalog::is_per_million(unit) ? " USD/M" : " USD");
}

void doubt_rates(const Rates& rates, const std::string& where, std::vector<std::string>& doubts) {
  const std::int64_t input = rates[Unit::input];
  if (rates[Unit::cache_read] > input && input > 0)
    doubts.push_back("a cached token is dearer than a fresh one" + where + " (" +
                     of_unit(Unit::cache_read, rates[Unit::cache_read]) + " against " + of_unit(Unit::input, input) +
                     ")");
  const std::int64_t output = rates[Unit::output];
  if (output > 0 && beyond(input, output, least_output_share) && output < input)
    doubts.push_back("output costs less than a tenth of input" + where);
  for (std::size_t i = 0; i < catalog::unit_count; ++i)
    if (catalog::is_per_million(static_cast<Unit>(i)) && rates.pico[i] > dearest_token) {
      doubts.push_back(std::string(name(static_cast<Unit>(i))) + " costs " +
                       of_unit(static_cast<Unit>(i), rates.pico[i]) + where +
                       ": a price per token and one per million have been mixed up");
      return;
    }
}

void doubt(const PriceFact& fact, const PriceFact* before, std::vector<std::string>& doubts) {
  if (fact.kind != catalog::PriceKind::metered) return;
  const bool zero = fact.rates == Rates{};
  if (zero) {
    if (!before || before->kind == catalog::PriceKind::metered)
      doubts.emplace_back("it costs nothing; accepted, it counts as free");
    return;
  }
  doubt_rates(fact.rates, "", doubts);
  for (const catalog::Tier& tier : fact.tiers)
    doubt_rates(tier.rates, " from " + std::to_string(tier.prompt_tokens) + " prompt tokens on", doubts);
  if (!before || before->kind != catalog::PriceKind::metered) return;
  for (const RateChange& change : differences(before->rates, fact.rates)) {
    const std::string text = std::string(name(change.unit)) + " goes from " + of_unit(change.unit, change.before) +
                             " (" + before->source + ") to " + of_unit(change.unit, change.after);
    if (change.after == 0 && change.before > 0)
      doubts.push_back(text);
    else if (beyond(change.before, change.after, other_unit))
      doubts.push_back(text + ": these are different units");
    else if (beyond(change.before, change.after, most_jump))
      doubts.push_back(text);
  }
}

// A catalogue's zero is the `free` that it was accepted as.
bool same_price(const PriceFact& a, const PriceFact& b) {
  if (a.kind == catalog::PriceKind::free && b.kind == catalog::PriceKind::metered && b.rates == Rates{}) return true;
  return a.kind == b.kind && a.rates == b.rates && a.tiers == b.tiers;
}

}  // namespace

std::size_t Review::quarantined() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(findings, [](const Finding& one) { return !one.doubts.empty() && !one.accepted; }));
}

Review review(const catalog::PriceFacts& incoming, const catalog::PriceBook& in_force, catalog::SourceKind layer,
              std::string_view source, const std::vector<std::string>& accept, catalog::Date on) {
  Review review;
  std::set<std::string, std::less<>> brought;
  std::set<std::string, std::less<>> used_accepts;
  // A price of the import that begins later is compared with its own earlier one.
  std::map<std::string, const PriceFact*> earlier;
  for (const PriceFact& fact : incoming.facts) {
    Finding finding{.key = catalog::price_key(fact), .fact = fact, .rates = {}, .before_source = {}, .doubts = {}};
    brought.insert(finding.key);
    const catalog::PriceHistory* history = in_force.find(fact.provider.str(), fact.model.str());
    const PriceFact*& own = earlier[finding.key];
    const PriceFact* before = own ? own : in_layer(history, fact, layer, std::max(on, fact.effective_from));
    const PriceFact* beside = before ? before : in_any_layer(history, fact, std::max(on, fact.effective_from));
    own = &fact;
    if (before && before->effective_from <= fact.effective_from && same_price(*before, fact)) {
      ++review.same;
      continue;
    }
    finding.change = before ? Change::changed : Change::added;
    if (beside) {
      finding.rates = differences(beside->rates, fact.rates);
      finding.before_source = beside->source;
    }
    doubt(fact, beside, finding.doubts);
    finding.accepted = !finding.doubts.empty() && std::ranges::find(accept, finding.key) != accept.end();
    if (finding.accepted) used_accepts.insert(finding.key);
    review.findings.push_back(std::move(finding));
  }
  for (const auto& [name, history] : in_force.all())
    for (const PriceFact& fact : history.facts)
      if (fact.source_kind == layer && !fact.recorded_at.empty() && fact.source == source &&
          fact.holds(on, fact.region) && !brought.contains(catalog::price_key(fact)))
        review.findings.push_back({.key = catalog::price_key(fact),
                                   .change = Change::removed,
                                   .fact = fact,
                                   .rates = {},
                                   .before_source = fact.source,
                                   .doubts = {}});
  std::ranges::sort(review.findings, {}, [](const Finding& one) {
    return std::tuple(std::string_view(one.key), one.fact.effective_from, one.change);
  });
  for (const std::string& key : accept)
    if (!used_accepts.contains(key)) review.unknown_accepts.push_back(key);
  return review;
}

std::vector<PriceFact> accepted_facts(const Review& review) {
  std::vector<PriceFact> facts;
  for (const Finding& finding : review.findings) {
    if (finding.change == Change::removed || finding.change == Change::same) continue;
    if (!finding.doubts.empty() && !finding.accepted) continue;
    facts.push_back(finding.fact);
    if (facts.back().kind == catalog::PriceKind::metered && facts.back().rates == Rates{}) {
      facts.back().kind = catalog::PriceKind::free;
      facts.back().tiers.clear();
    }
  }
  return facts;
}

}  // namespace sluice::prices
