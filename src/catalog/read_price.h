// Reads one price: the same words in data/prices and under `prices:` of a configuration.
#pragma once

#include "catalog/price.h"
#include "yaml/fields.h"

namespace sluice::catalog {

// Takes kind, the rates in USD per million tokens (what is counted one by one: USD each), tiers, dates, source,
// observed_at and note, and the conditions (service_tier, region, hours) from `fields` into `fact`. Rates are exact
// decimals with at most 6 places.
void read_price(yaml::Fields& fields, const yaml::Node& node, const yaml::Report& report, PriceFact& fact);

}  // namespace sluice::catalog
