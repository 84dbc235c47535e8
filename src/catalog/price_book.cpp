#include "catalog/price_book.h"

#include <algorithm>

namespace sluice::catalog {

Quote PriceHistory::quote(Date when) const {
  for (const PriceFact& fact : facts)
    if (fact.effective_from <= when && (!fact.effective_to || when < *fact.effective_to)) return Quote(&fact);
  return Quote();
}

PriceBook::PriceBook(std::vector<PriceFact> facts) {
  const auto before = [](const PriceFact& a, const PriceFact& b) {
    return a.source_kind != b.source_kind ? a.source_kind > b.source_kind : a.effective_from > b.effective_from;
  };
  for (PriceFact& fact : facts) {
    std::vector<PriceFact>& history = histories_[{fact.provider.str(), fact.model.str()}].facts;
    const auto place = std::ranges::upper_bound(history, fact, before);  // of equal ones the first stays first
    history.insert(place, std::move(fact));
  }
}

const PriceHistory* PriceBook::find(std::string_view provider, std::string_view model) const {
  for (const std::string_view name : {model, std::string_view("*")})
    if (const auto found = histories_.find(std::pair(std::string(provider), std::string(name)));
        found != histories_.end())
      return &found->second;
  return nullptr;
}

Quote PriceBook::quote(const ProviderId& provider, const ModelName& model, Date when) const {
  const PriceHistory* history = find(provider.str(), model.str());
  return history ? history->quote(when) : Quote();
}

}  // namespace sluice::catalog
