#include "catalog/price_book.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "base/ascii.h"

namespace sluice::catalog {
namespace {

bool matches(const PriceAlias& alias, std::string_view model) {
  switch (alias.match) {
    case PriceAlias::Match::equals: return model == alias.text;
    case PriceAlias::Match::starts_with: return model.starts_with(alias.text);
    case PriceAlias::Match::ends_with: return model.ends_with(alias.text);
    case PriceAlias::Match::contains: return model.find(alias.text) != std::string_view::npos;
  }
  return false;
}

void insert(PriceHistory& history, PriceFact fact) {
  const auto before = [](const PriceFact& a, const PriceFact& b) {
    const auto rank = [](const PriceFact& f) { return std::tuple(f.source_kind, !f.region.empty(), !!f.window); };
    return rank(a) != rank(b) ? rank(a) > rank(b) : a.effective_from > b.effective_from;
  };
  history.has_tiers = history.has_tiers || fact.service_tier != ServiceTier::standard;
  const auto place = std::ranges::upper_bound(history.facts, fact, before);  // of equal ones the first stays first
  history.facts.insert(place, std::move(fact));
}

// The fact as far as it holds under the alias; empty when it does not.
std::optional<PriceFact> under(const PriceAlias& alias, const PriceFact& fact) {
  PriceFact own = fact;
  own.model = ModelName(alias.text);
  own.effective_from = std::max(fact.effective_from, alias.from);
  if (alias.to) own.effective_to = fact.effective_to ? std::min(*fact.effective_to, *alias.to) : *alias.to;
  if (own.effective_to && *own.effective_to <= own.effective_from) return std::nullopt;
  return own;
}

}  // namespace

const PriceFact* PriceHistory::find(Moment when, std::string_view region, ServiceTier tier) const {
  for (const PriceFact& fact : facts)
    if (fact.service_tier == tier && fact.holds(when, region)) return &fact;
  return nullptr;
}

Quote PriceHistory::quote(Moment when, std::string_view region) const {
  const PriceFact* fact = find(when, region, ServiceTier::standard);
  return fact ? Quote(fact, this, when, region) : Quote();
}

PriceBook::PriceBook(PriceFacts facts) : fallbacks_(std::move(facts.fallbacks)) {
  for (PriceFact& fact : facts.facts) {
    PriceHistory& history = histories_[{fact.provider.str(), fact.model.str()}];
    insert(history, std::move(fact));
  }
  // Aliases see the models' own facts alone, so that the order in which they are given does not matter.
  std::vector<PriceFact> aliased;
  std::map<std::string, std::vector<PriceAlias>> patterns;  // by provider, so that a look-up sees its own alone
  for (PriceAlias& alias : facts.aliases) {
    const bool dated = alias.from != Date() || alias.to;
    if (alias.match != PriceAlias::Match::equals || !dated) {
      alias.text = ascii_lowered(alias.text);
      patterns[alias.provider.str()].push_back(std::move(alias));
      continue;
    }
    const auto target = histories_.find(std::pair(alias.provider.str(), alias.model.str()));
    if (target == histories_.end()) continue;
    for (const PriceFact& fact : target->second.facts)
      if (auto own = under(alias, fact)) aliased.push_back(*std::move(own));
  }
  for (auto& [provider, own] : patterns)
    patterns_.insert(patterns_.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  for (PriceFact& fact : aliased) {
    PriceHistory& history = histories_[{fact.provider.str(), fact.model.str()}];
    insert(history, std::move(fact));
  }
}

const PriceHistory* PriceBook::find_own(std::string_view provider, std::string_view model) const {
  const auto exact = [&](std::string_view name) -> const PriceHistory* {
    const auto found = histories_.find(std::pair(std::string(provider), std::string(name)));
    return found == histories_.end() ? nullptr : &found->second;
  };
  if (const PriceHistory* own = exact(model)) return own;
  if (patterns_.empty()) return nullptr;
  const std::string lowered = ascii_lowered(model);
  const auto of_provider = std::ranges::equal_range(
      patterns_, provider, {}, [](const PriceAlias& alias) -> std::string_view { return alias.provider.str(); });
  for (const PriceAlias& alias : of_provider)
    if (matches(alias, lowered))
      if (const PriceHistory* meant = exact(alias.model.str())) return meant;
  return nullptr;
}

const PriceHistory* PriceBook::find(std::string_view provider, std::string_view model) const {
  if (const PriceHistory* own = find_own(provider, model)) return own;
  for (const PriceFallback& fallback : fallbacks_)
    if (fallback.provider.str() == provider)
      if (const PriceHistory* other = find_own(fallback.other.str(), model)) return other;
  return find_own(provider, "*");
}

Quote PriceBook::quote(const ProviderId& provider, const ModelName& model, Moment when, std::string_view region) const {
  const PriceHistory* history = find(provider.str(), model.str());
  return history ? history->quote(when, region) : Quote();
}

}  // namespace sluice::catalog
