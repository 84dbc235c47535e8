// All price facts, by provider and model. Built once, then only read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/price.h"

namespace sluice::catalog {

// The facts for one model: the strongest source first, within it what is said of a region or of hours before what is
// said of all, and the latest day first.
struct PriceHistory {
  std::vector<PriceFact> facts;
  bool has_tiers = false;  // there are facts of another service tier than the standard one
  // The first fact of that tier that holds; null when none does.
  const PriceFact* find(Moment when, std::string_view region, ServiceTier tier) const;
  // The standard tier's. Unpriced when none holds. `region` is borrowed.
  Quote quote(Moment when, std::string_view region = {}) const;
};

// Another name of a model at its provider. One that is spelt out may hold for some days only (an alias that moved from
// one model to the next); a pattern holds always.
struct PriceAlias {
  enum class Match : std::uint8_t { equals, starts_with, ends_with, contains };
  ProviderId provider;
  Match match = Match::equals;
  std::string text;  // patterns are compared without regard to case
  ModelName model;   // whose prices count
  Date from = {};
  std::optional<Date> to;  // the first day on which it no longer holds
};
constexpr std::string_view name(PriceAlias::Match match) {
  switch (match) {
    case PriceAlias::Match::equals: return "equals";
    case PriceAlias::Match::starts_with: return "starts_with";
    case PriceAlias::Match::ends_with: return "ends_with";
    case PriceAlias::Match::contains: return "contains";
  }
  return "equals";
}

// A provider whose models cost what they cost at another one, where it has no price of its own.
struct PriceFallback {
  ProviderId provider;
  ProviderId other;
};

// What a book is made of.
struct PriceFacts {
  std::vector<PriceFact> facts;
  std::vector<PriceAlias> aliases;
  std::vector<PriceFallback> fallbacks;
};

class PriceBook {
 public:
  // The facts' tiers must be sorted by threshold (the catalogue's reader does it).
  explicit PriceBook(std::vector<PriceFact> facts = {}) : PriceBook(PriceFacts{std::move(facts), {}, {}}) {}
  explicit PriceBook(PriceFacts facts);

  // Null when the book has no fact for it. A row of the model itself comes before an alias, that before the row of a
  // provider that it falls back to, and the provider's "*" row comes last.
  const PriceHistory* find(std::string_view provider, std::string_view model) const;
  Quote quote(const ProviderId& provider, const ModelName& model, Moment when, std::string_view region = {}) const;
  const std::map<std::pair<std::string, std::string>, PriceHistory, std::less<>>& all() const { return histories_; }
  const std::vector<PriceAlias>& patterns() const { return patterns_; }

 private:
  const PriceHistory* find_own(std::string_view provider, std::string_view model) const;
  std::map<std::pair<std::string, std::string>, PriceHistory, std::less<>> histories_;
  std::vector<PriceAlias> patterns_;  // text in lower case
  std::vector<PriceFallback> fallbacks_;
};

}  // namespace sluice::catalog
