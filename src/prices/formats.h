// Public price catalogues as price facts. Each reader takes what it understands and says what it left out; nothing is
// guessed. Prices become whole picodollars, halves to the even one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "catalog/price_book.h"

namespace sluice::prices {

enum class Format : std::uint8_t { models_dev, genai_prices, litellm };
constexpr std::string_view name(Format format) {
  return format == Format::models_dev ? "models_dev" : format == Format::genai_prices ? "genai_prices" : "litellm";
}
std::optional<Format> format_from_name(std::string_view text);

struct ReadOptions {
  std::string source;    // said by each fact
  std::string observed;  // YYYY-MM-DD
  catalog::SourceKind layer = catalog::SourceKind::community;
  catalog::Date from = {};  // the day on which undated prices begin; what ended before it is left out
  std::vector<std::pair<std::string, std::string>> providers;  // the file's names of providers -> Sluice's, first
};

struct ReadCatalogue {
  Format format = Format::models_dev;
  catalog::PriceFacts prices;
  std::vector<std::string> left_out;  // "openrouter/x: matched by a regular expression"
  std::vector<std::string> negative;  // keys of facts with a price below zero, which is none
};

// Errors: invalid_request: no JSON, or of none of the formats.
Result<ReadCatalogue> read_catalogue(std::string_view text, std::optional<Format> format, const ReadOptions& options);

// A decimal number as JSON writes it ("2e-07") times 10^`power`, as a whole number; halves go to the even one. Empty
// when it is no number or does not fit.
std::optional<std::int64_t> scaled(std::string_view number, int power);

}  // namespace sluice::prices
