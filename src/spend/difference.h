// Why does one period cost more than another? The difference is told as five effects that add up to it exactly.
//
// The method is chain substitution, the sequential form of the classical price-volume-mix analysis of variances
// (Horngren, Datar, Rajan: Cost Accounting, "sales-mix and sales-quantity variances"): from the earlier period to the
// later one factor after the other is exchanged, and each effect is what that step changes. As the effects are
// differences of neighbouring sums, they leave no residual. The order is fixed, because another order would give other
// effects:
//   T0  what the earlier period cost
//   T1  with as many tokens as the later one, otherwise the same                          volume = T1 - T0
//   T2  ... of the later one's models, and kinds of token (prompt, output, searches)      mix    = T2 - T1
//   T3  ... and its shares of cached tokens (read, written) in what each model read       cache  = T3 - T2
//   T4  ... and its shares of tiers (by prompt size, and the providers' service tiers)    tier   = T4 - T3
//   T5  ... and its prices: what the later period cost                                    price  = T5 - T4
// What the earlier period has no price for (a new model, the first cached token, a first step over a tier's threshold)
// takes part at the later one's, so that its whole cost is in the step that brought it. Corrections of earlier rows
// have no tokens: they are price.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>

#include "base/money.h"
#include "catalog/price_book.h"
#include "store/ledger_entry.h"

namespace sluice::spend {

// What a period cost, as far as the effects need it. Grows with models, units and tiers, not with rows.
class Costs {
 public:
  // The row's cost is split by the price that `book` has for it. Where the book no longer has what was charged, it is
  // split in the same proportions; the sum stays the ledger's.
  void add(const store::LedgerEntry& entry, const catalog::PriceBook& book);
  void add(const Costs& other);

  std::int64_t requests() const { return requests_; }
  std::int64_t tokens() const { return tokens_; }      // of rows that have a price
  std::int64_t unpriced() const { return unpriced_; }  // rows with tokens and no known price: in no effect
  MoneySum pico() const;

  // Of one model, one unit and one tier.
  struct Leaf {
    std::string model;  // provider/model
    catalog::Unit unit = catalog::Unit::input;
    chat::ServiceTier service_tier = chat::ServiceTier::standard;
    Tokens tier_from = 0;  // the threshold of a tier by prompt size; 0: below all of them
    friend auto operator<=>(const Leaf&, const Leaf&) = default;
  };
  struct Part {
    MoneySum quantity = 0;
    MoneySum pico = 0;
  };
  const std::map<Leaf, Part>& parts() const { return parts_; }
  MoneySum corrections_pico() const { return corrections_; }

 private:
  std::map<Leaf, Part> parts_;
  MoneySum corrections_ = 0;
  std::int64_t requests_ = 0;
  std::int64_t tokens_ = 0;
  std::int64_t unpriced_ = 0;
};

struct Difference {
  MoneySum before = 0;
  MoneySum after = 0;
  MoneySum volume = 0;
  MoneySum mix = 0;
  MoneySum cache = 0;
  MoneySum tier = 0;
  MoneySum price = 0;
  MoneySum sum() const { return volume + mix + cache + tier + price; }  // after - before
};

Difference explain(const Costs& before, const Costs& after);

// "12.5 USD more: volume 10.0, price 2.5": the effects that are not zero, the largest first.
std::string sentence(const Difference& difference);

}  // namespace sluice::spend
