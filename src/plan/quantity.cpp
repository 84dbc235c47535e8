#include "plan/quantity.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace sluice::plan {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Without separators; empty when a comma does not stand before a group of three digits.
std::optional<std::string> without_separators(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_') continue;
    if (text[i] != ',') {
      digits += text[i];
      continue;
    }
    std::size_t group = 0;
    while (i + 1 + group < text.size() && text[i + 1 + group] >= '0' && text[i + 1 + group] <= '9') ++group;
    if (group != 3 || digits.empty()) return std::nullopt;
  }
  return digits;
}

double factor_of(char suffix) {
  switch (suffix) {
    case 'k':
    case 'K': return 1e3;
    case 'M': return 1e6;
    case 'B': return 1e9;
    case 'T': return 1e12;
    default: return 0;
  }
}

}  // namespace

std::optional<Quantity> parse_quantity(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('$')) text.remove_prefix(1);
  Quantity quantity;
  double factor = 1;
  if (text.ends_with('%')) {
    quantity.percent = true;
    factor = 0.01;
    text.remove_suffix(1);
  } else if (!text.empty() && factor_of(text.back()) > 0) {
    factor = factor_of(text.back());
    text.remove_suffix(1);
  }
  const auto digits = without_separators(trimmed(text));
  if (!digits || digits->empty()) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), value);
  if (error != std::errc() || end != digits->data() + digits->size() || !std::isfinite(value * factor))
    return std::nullopt;
  quantity.value = value * factor;
  return quantity;
}

std::optional<double> parse_mix(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto first = parse_quantity(text.substr(0, colon));
  const auto second = colon == std::string_view::npos ? Quantity{.value = 1} : parse_quantity(text.substr(colon + 1));
  if (!first || !second || first->value <= 0 || second->value <= 0) return std::nullopt;
  return first->value / second->value;
}

std::string likely_meant(double value, double least, double most, std::span<const MixUp> known) {
  for (const MixUp& mix_up : known)
    if (const double meant = value * mix_up.factor; meant >= least && meant <= most && meant != 0)
      return fmt::format("it looks like {}: then write {}", mix_up.as, short_number(meant));
  return {};
}

std::string short_number(double value) {
  const double size = std::abs(value);
  if (size >= 1e12) return fmt::format("{:.4g}T", value / 1e12);
  if (size >= 1e9) return fmt::format("{:.4g}B", value / 1e9);
  if (size >= 1e6) return fmt::format("{:.4g}M", value / 1e6);
  if (size != 0 && size < 1e-4) return fmt::format("{:.12f}", value).substr(0, 14);
  return fmt::format("{:.6g}", value);
}

}  // namespace sluice::plan
