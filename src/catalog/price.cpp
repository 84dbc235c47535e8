#include "catalog/price.h"

#include <algorithm>

namespace sluice::catalog {

const Rates& Quote::rates(Tokens prompt_tokens) const {
  const Rates* rates = &fact_->rates;
  for (const Tier& tier : fact_->tiers)
    if (tier.reached(prompt_tokens)) rates = &tier.rates;
  return *rates;
}

std::optional<Money> cost(const Quote& quote, const chat::Usage& usage) {
  if (!quote.priced()) return std::nullopt;
  const Rates& rates = quote.rates(usage.total_input());
  return cost_of(usage.input, rates[Unit::input]) + cost_of(usage.cache_read, rates[Unit::cache_read]) +
         cost_of(usage.cache_write_5m, rates[Unit::cache_write_5m]) +
         cost_of(usage.cache_write_1h, rates[Unit::cache_write_1h]) + cost_of(usage.output, rates[Unit::output]) +
         cost_of(usage.reasoning, rates[Unit::reasoning]) + Money::pico(rates[Unit::request]);
}

std::optional<Money> upper_bound(const Quote& quote, Tokens input_tokens, Tokens max_output_tokens) {
  if (!quote.priced()) return std::nullopt;
  const auto bound = [&](const Rates& rates) {
    const std::int64_t input = std::max(
        {rates[Unit::input], rates[Unit::cache_read], rates[Unit::cache_write_5m], rates[Unit::cache_write_1h]});
    const std::int64_t output = std::max(rates[Unit::output], rates[Unit::reasoning]);
    return cost_of(input_tokens, input) + cost_of(max_output_tokens, output) + Money::pico(rates[Unit::request]);
  };
  Money most = bound(quote.fact()->rates);
  for (const Tier& tier : quote.fact()->tiers)
    if (tier.reached(input_tokens)) most = std::max(most, bound(tier.rates));
  return most;
}

}  // namespace sluice::catalog
