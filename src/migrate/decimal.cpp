#include "migrate/decimal.h"

#include <algorithm>
#include <charconv>

namespace sluice::migrate {

std::optional<std::string> times_ten_to(std::string_view text, int power) {
  if (text.starts_with('+')) text.remove_prefix(1);
  int exponent = 0;
  if (const std::size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view digits = text.substr(e + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    if (exponent > 10 * max_decimal_digits || exponent < -10 * max_decimal_digits) return std::nullopt;
    text = text.substr(0, e);
  }
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, point));
  if (point < text.size()) digits += text.substr(point + 1);
  if (digits.empty() || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  const int decimals = static_cast<int>(digits.size() - point) - exponent - power;

  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.empty()) return "0";
  if (static_cast<int>(digits.size()) + std::max(0, -decimals) > max_decimal_digits || decimals > max_decimal_digits)
    return std::nullopt;
  if (decimals <= 0) return digits.append(static_cast<std::size_t>(-decimals), '0');
  const auto behind = static_cast<std::size_t>(decimals);
  if (digits.size() <= behind) digits.insert(0, behind + 1 - digits.size(), '0');
  digits.insert(digits.size() - behind, ".");
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.ends_with('.')) digits.pop_back();
  return digits;
}

}  // namespace sluice::migrate
