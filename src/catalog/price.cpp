#include "catalog/price.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace sluice::catalog {

std::optional<Date> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto number = [&](std::size_t from, std::size_t count) -> std::optional<unsigned> {
    unsigned value = 0;
    const char* const end = text.data() + from + count;
    const auto [stop, error] = std::from_chars(text.data() + from, end, value);
    if (error != std::errc() || stop != end) return std::nullopt;
    return value;
  };
  const auto year = number(0, 4);
  const auto month = number(5, 2);
  const auto day = number(8, 2);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                         std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return Date(date);
}

std::string date_text(Date date) {
  const std::chrono::year_month_day parts(date);
  char text[16];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(parts.year()),
                static_cast<unsigned>(parts.month()), static_cast<unsigned>(parts.day()));
  return text;
}

Date today() { return std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()); }

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
