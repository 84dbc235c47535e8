// Numbers as people write them in a plan: 10B, 250k, 1_000, 33,000, $2.50, 30 %, 3:1. And what a number that cannot be
// right was probably meant to be, so that the message can say it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::plan {

struct Quantity {
  double value = 0;      // with its suffix and % applied
  bool percent = false;  // it was written with a %
};

// Suffixes k, M, B and T are 1e3, 1e6, 1e9 and 1e12; a leading $ and separators `_` and `,` between groups of three
// digits are allowed. Empty when it is no number, or not finite.
std::optional<Quantity> parse_quantity(std::string_view text);

// "3:1" -> 3; also a plain number. Empty when it is no ratio of positive numbers.
std::optional<double> parse_mix(std::string_view text);

// A mix-up of units: the value times `factor` is what was meant, because it was written as `as`.
struct MixUp {
  double factor;
  std::string_view as;  // "USD per token"
};

// The first of these that brings the value between the bounds: "it looks like USD per token: then write 2.5".
// Empty when none does.
std::string likely_meant(double value, double least, double most, std::span<const MixUp> known);

// The shortest text that people read back: "41819.13", "10B", "0.000003".
std::string short_number(double value);

}  // namespace sluice::plan
