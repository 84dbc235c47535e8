// Money is an integer number of picodollars (1e-12 USD). One amount fits int64 up to 9.2 million dollars; sums over
// many amounts go through MoneySum (128 bit). No floating point anywhere: the ledger must add up to the last digit.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

using Tokens = std::int64_t;
using MoneySum = __int128;

class Money {
 public:
  static constexpr std::int64_t pico_per_usd = 1'000'000'000'000;

  constexpr Money() = default;
  static constexpr Money pico(std::int64_t amount) { return Money(amount); }
  static constexpr Money max() { return Money(std::numeric_limits<std::int64_t>::max()); }

  // Exact decimal USD such as "2.50" or "0.000000000001"; at most 12 decimals, no sign, no exponent.
  // Empty when it is not such a number or does not fit.
  static std::optional<Money> parse_usd(std::string_view text);

  constexpr std::int64_t pico() const { return pico_; }
  // "0.000123456789": up to 12 decimals, trailing zeros removed, at least one decimal kept ("3.0", "-0.5").
  std::string usd() const;

  friend constexpr auto operator<=>(Money, Money) = default;
  // Saturating: a sum that would overflow stays at the limit, so that a budget check errs on the safe side.
  friend Money operator+(Money a, Money b);
  friend Money operator-(Money a, Money b);
  Money& operator+=(Money other) { return *this = *this + other; }

 private:
  constexpr explicit Money(std::int64_t amount) : pico_(amount) {}
  std::int64_t pico_ = 0;
};

// price_pico_per_token * tokens, saturating at Money::max(). Both >= 0.
Money cost_of(Tokens tokens, std::int64_t price_pico_per_token);

}  // namespace sluice
