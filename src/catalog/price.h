// Prices as effective-dated facts. A price is a whole number of picodollars per token (1 USD per million tokens is
// 1,000,000); what is not known is unpriced, which is a state of its own and never zero.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/money.h"
#include "catalog/date.h"
#include "chat/usage.h"

namespace sluice::catalog {

enum class Unit : std::uint8_t { input, output, cache_read, cache_write_5m, cache_write_1h, reasoning, request };
constexpr std::size_t unit_count = 7;
constexpr std::array<std::string_view, unit_count> unit_names = {
    "input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning", "request"};

// Picodollars per token, and per request for Unit::request. After loading every unit is filled: what a source does not
// name costs what it is a part of (cache units: input; reasoning: output; request: 0).
struct Rates {
  std::array<std::int64_t, unit_count> pico = {};
  std::int64_t operator[](Unit unit) const { return pico[static_cast<std::size_t>(unit)]; }
  std::int64_t& operator[](Unit unit) { return pico[static_cast<std::size_t>(unit)]; }
  friend bool operator==(const Rates&, const Rates&) = default;
};

// From a number of prompt tokens on, the whole request has other rates. Prompt tokens count the cached ones too.
struct Tier {
  enum class Op : std::uint8_t { gt, ge };  // vendors differ: Gemini's starts above 200,000, OpenAI's at 272,000
  Tokens prompt_tokens = 0;
  Op op = Op::gt;
  Rates rates;
  bool reached(Tokens prompt) const { return op == Op::gt ? prompt > prompt_tokens : prompt >= prompt_tokens; }
};

enum class PriceKind : std::uint8_t {
  metered,      // costs its rates
  free,         // the provider says that it costs nothing
  self_hosted,  // no price per token; the hardware is planned and paid elsewhere
};
constexpr std::string_view name(PriceKind kind) {
  return kind == PriceKind::metered ? "metered" : kind == PriceKind::free ? "free" : "self_hosted";
}

// Whose word it is. A later one beats an earlier one, whatever the dates.
enum class SourceKind : std::uint8_t { community, list, contract };

struct PriceFact {
  ProviderId provider;
  ModelName model;  // the provider's own name; "*" = every model of it that has no row
  PriceKind kind = PriceKind::metered;
  Rates rates;
  std::vector<Tier> tiers;  // by rising threshold; the highest one reached counts
  Date effective_from = {};
  std::optional<Date> effective_to;  // the first day on which it no longer holds
  SourceKind source_kind = SourceKind::list;
  std::string source;
  std::string observed_at;  // YYYY-MM-DD
  std::string note;
};

// The price that holds for one model on one day. A borrow of the PriceBook that gave it.
class Quote {
 public:
  Quote() = default;  // unpriced
  explicit Quote(const PriceFact* fact) : fact_(fact) {}
  bool priced() const { return fact_ != nullptr; }
  const PriceFact* fact() const { return fact_; }
  // "metered", "free", "self_hosted" or "unpriced".
  std::string_view state() const { return fact_ ? name(fact_->kind) : "unpriced"; }
  // The rates for a prompt of that many tokens. Only when priced().
  const Rates& rates(Tokens prompt_tokens) const;

 private:
  const PriceFact* fact_ = nullptr;
};

// What an answer cost. Empty when unpriced. Saturates at Money::max().
std::optional<Money> cost(const Quote& quote, const chat::Usage& usage);

// The most that a request with that many prompt tokens and at most that many generated ones can cost: the dearest input
// unit and the dearest output unit of the dearest tier that the prompt may reach. Empty when unpriced.
std::optional<Money> upper_bound(const Quote& quote, Tokens input_tokens, Tokens max_output_tokens);

}  // namespace sluice::catalog
