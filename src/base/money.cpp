#include "base/money.h"

#include <charconv>

namespace sluice {
namespace {
Money saturate(MoneySum sum) {
  constexpr MoneySum high = std::numeric_limits<std::int64_t>::max();
  constexpr MoneySum low = std::numeric_limits<std::int64_t>::min();
  return Money::pico(static_cast<std::int64_t>(sum > high ? high : sum < low ? low : sum));
}
}  // namespace

std::optional<Money> Money::parse_usd(std::string_view text) {
  constexpr int decimals = 12;
  MoneySum value = 0;
  int seen_decimals = -1;  // -1 until the point
  bool any_digit = false;
  for (char c : text) {
    if (c == '.' && seen_decimals < 0) {
      seen_decimals = 0;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    if (seen_decimals >= 0 && ++seen_decimals > decimals) return std::nullopt;
    any_digit = true;
    value = value * 10 + (c - '0');
    if (value > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  }
  if (!any_digit) return std::nullopt;
  for (int i = seen_decimals < 0 ? 0 : seen_decimals; i < decimals; ++i) value *= 10;
  if (value > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return Money::pico(static_cast<std::int64_t>(value));
}

std::string Money::usd() const {
  constexpr int decimals = 12;
  const bool negative = pico_ < 0;
  const std::uint64_t magnitude = negative ? ~static_cast<std::uint64_t>(pico_) + 1 : static_cast<std::uint64_t>(pico_);
  char text[40];
  char* at = text;
  if (negative) *at++ = '-';
  at = std::to_chars(at, text + sizeof text, magnitude / pico_per_usd).ptr;
  *at++ = '.';
  std::uint64_t fraction = magnitude % pico_per_usd;
  for (int i = decimals - 1; i >= 0; --i, fraction /= 10) at[i] = static_cast<char>('0' + fraction % 10);
  char* end = at + decimals;
  while (end > at + 1 && end[-1] == '0') --end;
  return {text, end};
}

Money operator+(Money a, Money b) { return saturate(static_cast<MoneySum>(a.pico_) + b.pico_); }
Money operator-(Money a, Money b) { return saturate(static_cast<MoneySum>(a.pico_) - b.pico_); }

Money cost_of(Tokens tokens, std::int64_t price_pico_per_token) {
  return saturate(static_cast<MoneySum>(tokens) * price_pico_per_token);
}

}  // namespace sluice
