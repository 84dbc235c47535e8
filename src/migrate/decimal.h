// Decimal numbers as people and programs write prices ("0.00000015", "1.5e-07"), moved by powers of ten without
// rounding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::migrate {

// `text` times 10^power, as plain decimal digits ("0.15"). Empty when it is no number that is at least 0, or one with
// more than max_decimal_digits digits in the result.
constexpr int max_decimal_digits = 30;
std::optional<std::string> times_ten_to(std::string_view text, int power);

}  // namespace sluice::migrate
