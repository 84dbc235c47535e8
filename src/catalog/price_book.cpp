#include "catalog/price_book.h"

#include <algorithm>

namespace sluice::catalog {

Quote PriceHistory::quote(Date when) const {
  for (const PriceFact& fact : facts)
    if (fact.effective_from <= when && (!fact.effective_to || when < *fact.effective_to)) return Quote(&fact);
  return Quote();
}

PriceBook::PriceBook(std::vector<PriceFact> facts) {
  for (PriceFact& fact : facts) histories_[{fact.provider.str(), fact.model.str()}].facts.push_back(std::move(fact));
  for (auto& [name, history] : histories_)
    std::ranges::stable_sort(history.facts, [](const PriceFact& a, const PriceFact& b) {
      return a.source_kind != b.source_kind ? a.source_kind > b.source_kind : a.effective_from > b.effective_from;
    });
}

const PriceHistory* PriceBook::find(std::string_view provider, std::string_view model) const {
  for (const std::string_view name : {model, std::string_view("*")})
    if (const auto found = histories_.find(std::pair(std::string(provider), std::string(name))); found != histories_.end()) return &found->second;
  return nullptr;
}

Quote PriceBook::quote(const ProviderId& provider, const ModelName& model, Date when) const {
  const PriceHistory* history = find(provider.str(), model.str());
  return history ? history->quote(when) : Quote();
}

}  // namespace sluice::catalog
