// All price facts, by provider and model. Built once, then only read.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/price.h"

namespace sluice::catalog {

// The facts for one model: the strongest source first, and the latest day first within it.
struct PriceHistory {
  std::vector<PriceFact> facts;
  // The first fact that holds on `when`; unpriced when none does.
  Quote quote(Date when) const;
};

class PriceBook {
 public:
  // The facts' tiers must be sorted by threshold (the catalogue's reader does it).
  explicit PriceBook(std::vector<PriceFact> facts = {});

  // Null when the book has no fact for it. A row of the model itself hides the provider's "*" row.
  const PriceHistory* find(std::string_view provider, std::string_view model) const;
  Quote quote(const ProviderId& provider, const ModelName& model, Date when) const;
  const std::map<std::pair<std::string, std::string>, PriceHistory, std::less<>>& all() const { return histories_; }

 private:
  std::map<std::pair<std::string, std::string>, PriceHistory, std::less<>> histories_;
};

}  // namespace sluice::catalog
