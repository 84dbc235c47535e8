// Prices as effective-dated facts. A price is a whole number of picodollars per unit (1 USD per million tokens is
// 1,000,000 per token); what is not known is unpriced, which is a state of its own and never zero.
#pragma once

#include <array>
#include <chrono>
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

namespace date {
class time_zone;
}

namespace sluice::catalog {

using chat::ServiceTier;

// What a price can be for. A file may name any of them; what an answer's usage does not count (an hour of a GPU) is
// priced where somebody gives its quantity.
enum class Unit : std::uint8_t {
  input,
  output,
  cache_read,
  cache_write_5m,
  cache_write_1h,
  reasoning,
  request,
  input_audio,
  input_image,
  input_video,
  cache_read_audio,
  output_audio,
  output_image,
  cache_storage,  // a token kept for an hour
  search,
  session,
  image,
  video_second,
  audio_second,
  gpu_hour,
  provisioned_hour,
};
constexpr std::size_t unit_count = 21;
constexpr std::array<std::string_view, unit_count> unit_names = {
    "input",           "output",        "cache_read",       "cache_write_5m",
    "cache_write_1h",  "reasoning",     "request",          "input_audio",
    "input_image",     "input_video",   "cache_read_audio", "output_audio",
    "output_image",    "cache_storage", "search",           "session",
    "image",           "video_second",  "audio_second",     "gpu_hour",
    "provisioned_hour"};
constexpr std::string_view name(Unit unit) { return unit_names[static_cast<std::size_t>(unit)]; }
constexpr std::optional<Unit> unit_from_name(std::string_view text) {
  for (std::size_t i = 0; i < unit_count; ++i)
    if (unit_names[i] == text) return static_cast<Unit>(i);
  return std::nullopt;
}
// Written in USD per million; the others in USD each.
constexpr bool is_per_million(Unit unit) {
  switch (unit) {
    case Unit::request:
    case Unit::search:
    case Unit::session:
    case Unit::image:
    case Unit::video_second:
    case Unit::audio_second:
    case Unit::gpu_hour:
    case Unit::provisioned_hour: return false;
    default: return true;
  }
}
// Part of the prompt, so that a tier counts it.
constexpr bool is_prompt(Unit unit) {
  switch (unit) {
    case Unit::input:
    case Unit::cache_read:
    case Unit::cache_write_5m:
    case Unit::cache_write_1h:
    case Unit::input_audio:
    case Unit::input_image:
    case Unit::input_video:
    case Unit::cache_read_audio: return true;
    default: return false;
  }
}
// What a unit costs where its own price is not given: the price of what it is a part of. Itself: nothing.
constexpr Unit whole_of(Unit unit) {
  switch (unit) {
    case Unit::cache_read:
    case Unit::cache_write_5m:
    case Unit::input_audio:
    case Unit::input_image:
    case Unit::input_video: return Unit::input;
    case Unit::cache_write_1h: return Unit::cache_write_5m;
    case Unit::cache_read_audio: return Unit::cache_read;
    case Unit::reasoning:
    case Unit::output_audio:
    case Unit::output_image: return Unit::output;
    default: return unit;
  }
}

// Picodollars per unit. After loading every unit is filled: what a source does not name costs what it is a part of.
struct Rates {
  std::array<std::int64_t, unit_count> pico = {};
  std::int64_t operator[](Unit unit) const { return pico[static_cast<std::size_t>(unit)]; }
  std::int64_t& operator[](Unit unit) { return pico[static_cast<std::size_t>(unit)]; }
  friend bool operator==(const Rates&, const Rates&) = default;
};

// The rates as a source gives them, before they are filled.
using GivenRates = std::array<std::optional<std::int64_t>, unit_count>;
// `base`: of a tier, the rates that hold below it; a unit that the tier does not name keeps them.
Rates fill(const GivenRates& given, const Rates* base = nullptr);

// From a number of prompt tokens on, other rates.
struct Tier {
  enum class Op : std::uint8_t { gt, ge };  // vendors differ: Gemini's starts above 200,000, OpenAI's at 272,000
  enum class Scope : std::uint8_t {
    whole_request,  // everything costs the tier's rates
    marginal,       // the prompt's tokens before the threshold keep theirs; what is generated costs the tier's
  };
  Tokens prompt_tokens = 0;
  Op op = Op::gt;
  Rates rates;
  Scope scope = Scope::whole_request;
  bool counts_cached = true;  // tokens read from the cache count for the threshold
  bool reached(Tokens prompt) const { return op == Op::gt ? prompt > prompt_tokens : prompt >= prompt_tokens; }
  friend bool operator==(const Tier&, const Tier&) = default;
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
constexpr std::string_view name(SourceKind kind) {
  return kind == SourceKind::contract ? "contract" : kind == SourceKind::list ? "list" : "community";
}
constexpr std::optional<SourceKind> source_kind_from_name(std::string_view text) {
  for (const SourceKind kind : {SourceKind::community, SourceKind::list, SourceKind::contract})
    if (name(kind) == text) return kind;
  return std::nullopt;
}

// A moment in UTC, by which prices go. A Date is its midnight.
using Moment = std::chrono::sys_seconds;

// The hours of a day in which a price holds, in UTC, at a fixed distance from it, or by the clocks of a time zone with
// their summer time. `to` before `from` goes over midnight; the first minute is in it, the last is not. On the days on
// which the clocks are set, what they do not show does not hold, and what they show twice holds twice.
struct TimeWindow {
  std::int16_t from_minute = 0;  // 0 to 1439
  std::int16_t to_minute = 0;
  std::int16_t utc_offset_minutes = 0;
  const date::time_zone* zone = nullptr;  // the library's, for as long as the program runs; then there is no offset
  bool holds(Moment when) const;
  friend bool operator==(const TimeWindow&, const TimeWindow&) = default;
};
// "16:30-00:30", "16:30-00:30+08:00", "09:00-17:00 Europe/Berlin" and back. Empty when it is none, and for a zone that
// this machine does not know.
std::optional<TimeWindow> parse_window(std::string_view text);
std::string window_text(const TimeWindow& window);

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
  // The conditions beside the tiers.
  ServiceTier service_tier = ServiceTier::standard;
  std::string region;  // of the provider; empty = each
  std::optional<TimeWindow> window;
  std::string recorded_at;  // YYYY-MM-DD on which it was imported; empty: it came with the program or the configuration

  bool holds(Moment when, std::string_view in_region) const;
};

// The facts for one model.
struct PriceHistory;

// The price that holds for one model at one moment. A borrow of the PriceBook that gave it, and of the region's name.
class Quote {
 public:
  Quote() = default;  // unpriced
  explicit Quote(const PriceFact* fact) : fact_(fact) {}
  Quote(const PriceFact* fact, const PriceHistory* history, Moment when, std::string_view region)
      : fact_(fact), history_(history), when_(when), region_(region) {}
  bool priced() const { return fact_ != nullptr; }
  const PriceFact* fact() const { return fact_; }  // of the standard tier
  // Of another tier; the standard one when it has no price of its own. Null when unpriced.
  const PriceFact* fact(ServiceTier tier) const;
  // "metered", "free", "self_hosted" or "unpriced".
  std::string_view state() const { return fact_ ? name(fact_->kind) : "unpriced"; }
  // The rates for a prompt of that many tokens. Only when priced().
  const Rates& rates(Tokens prompt_tokens) const;

 private:
  friend std::optional<Money> upper_bound(const Quote& quote, Tokens input_tokens, Tokens max_output_tokens);
  const PriceFact* fact_ = nullptr;
  const PriceHistory* history_ = nullptr;
  Moment when_ = {};
  std::string_view region_;
};

// How many of each unit an answer used.
using Quantities = std::array<std::int64_t, unit_count>;
Quantities quantities(const chat::Usage& usage);  // and one request

// What an answer cost. Empty when unpriced. Saturates at Money::max(). A product is exact, so nothing is rounded.
std::optional<Money> cost(const Quote& quote, const chat::Usage& usage);
Money cost(const PriceFact& fact, const Quantities& used);

// One line of a bill; the lines' sum is the cost.
struct CostLine {
  Unit unit = Unit::input;
  std::int64_t quantity = 0;
  std::int64_t pico_per_unit = 0;
  Money amount;
  const Tier* tier = nullptr;  // the one that gave the rate; null: the fact's own
};
// Only units that were used, and the request when it has a price.
std::vector<CostLine> cost_lines(const PriceFact& fact, const Quantities& used);

// The most that a request with that many prompt tokens and at most that many generated ones can cost: the dearest input
// unit and the dearest output unit of the dearest tier that the prompt may reach, whatever service tier the provider
// chooses. What tools of the provider's cost is not in it. Empty when unpriced.
std::optional<Money> upper_bound(const Quote& quote, Tokens input_tokens, Tokens max_output_tokens);

}  // namespace sluice::catalog
