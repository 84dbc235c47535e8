// What an import would change, and which of it must be confirmed first: catalogues have slips (a price per token where
// the others are per million, the price of storage in the place of a cache read), and no slip may become a bill.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/imported_prices.h"

namespace sluice::prices {

// Factors on a price between which a change is believed without a question.
constexpr std::int64_t most_jump = 2;
// Output is dearer than input nearly everywhere; below a tenth of it something is in the wrong place.
constexpr std::int64_t least_output_share = 10;
// No model costs more than this, in picodollars per token (10,000 USD per million): a price per million was taken for
// one per token.
constexpr std::int64_t dearest_token = 10'000'000'000;
// A thousand times cheaper or dearer than it was is no change of a price, but another unit.
constexpr std::int64_t other_unit = 1'000;

enum class Change : std::uint8_t { added, changed, removed, same };
constexpr std::string_view name(Change change) {
  switch (change) {
    case Change::added: return "added";
    case Change::changed: return "changed";
    case Change::removed: return "removed";
    case Change::same: return "same";
  }
  return "same";
}

struct RateChange {
  catalog::Unit unit = catalog::Unit::input;
  std::int64_t before = 0;  // picodollars
  std::int64_t after = 0;
  double ratio() const { return before > 0 ? static_cast<double>(after) / static_cast<double>(before) : 0; }
};

struct Finding {
  std::string key;  // catalog::price_key
  Change change = Change::same;
  catalog::PriceFact fact;          // that the import brings; of a removed one: the one in force
  std::vector<RateChange> rates;    // that differ from the layer's price in force
  std::string before_source;        // of the price that it is compared with
  std::vector<std::string> doubts;  // in words; not empty: in quarantine until it is accepted
  bool accepted = false;
};

struct Review {
  std::vector<Finding> findings;  // by key; those that stay the same are counted only
  std::size_t same = 0;
  std::size_t quarantined() const;
  std::vector<std::string> unknown_accepts;  // that name no finding in quarantine
};

// `in_force`: the book of what holds now; facts of the import's layer are compared with that layer, and doubted beside
// whatever is in force. `accept`: keys that somebody has confirmed. `on`: the import's first day.
Review review(const catalog::PriceFacts& incoming, const catalog::PriceBook& in_force, catalog::SourceKind layer,
              std::string_view source, const std::vector<std::string>& accept, catalog::Date on);

// What of it may be written: what is added or changed and not in quarantine. An accepted price of zero becomes `free`.
std::vector<catalog::PriceFact> accepted_facts(const Review& review);

}  // namespace sluice::prices
