// What an answer used, in disjoint token classes: no token is in two of them, so their sum is the total and each has
// one price. Dialects that report overlapping counts (OpenAI's prompt_tokens includes the cached ones) are taken apart
// when they are read and put together again when they are written.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/money.h"

namespace sluice::chat {

// The kind of processing that a provider says it has billed. The ledger keeps the numbers: new ones come at the end.
enum class ServiceTier : std::uint8_t { standard, batch, flex, priority, fast, provisioned };
inline constexpr std::array service_tier_names = {std::string_view("standard"), std::string_view("batch"),
                                                  std::string_view("flex"),     std::string_view("priority"),
                                                  std::string_view("fast"),     std::string_view("provisioned")};
constexpr std::string_view name(ServiceTier tier) { return service_tier_names[static_cast<std::size_t>(tier)]; }
// Empty for a word that is none of them.
constexpr std::optional<ServiceTier> service_tier_from_name(std::string_view text) {
  for (std::size_t i = 0; i < service_tier_names.size(); ++i)
    if (service_tier_names[i] == text) return static_cast<ServiceTier>(i);
  return std::nullopt;
}

// What is wrong with the counts that a provider reported. They are bounded, priced as far as they make sense, and kept
// as they came (RawUsage).
enum class Doubt : std::uint8_t {
  negative = 1,      // a count below zero was taken for zero
  overflow = 2,      // a count beyond any answer was cut
  inconsistent = 4,  // a part was larger than its whole, or no whole number
  second_model = 8,  // another model worked within the answer: its tokens are in no class here, and so not in the cost
};

// The provider's own words about usage that is in doubt, at most max_raw_usage_bytes of them; empty as a rule.
constexpr std::size_t max_raw_usage_bytes = 1'024;
class RawUsage {
 public:
  void keep(std::string_view text) { text_ = std::make_shared<const std::string>(text.substr(0, max_raw_usage_bytes)); }
  std::string_view text() const { return text_ ? std::string_view(*text_) : std::string_view(); }
  friend bool operator==(const RawUsage& a, const RawUsage& b) { return a.text() == b.text(); }

 private:
  std::shared_ptr<const std::string> text_;
};

struct Usage {
  Tokens input = 0;           // read fresh, at the full input price
  Tokens cache_read = 0;      // read from the provider's prompt cache
  Tokens cache_write_5m = 0;  // written to it, default or 5 minute lifetime
  Tokens cache_write_1h = 0;  // written to it, 1 hour lifetime
  Tokens output = 0;          // generated and visible
  Tokens reasoning = 0;       // generated and not visible

  // The provider said so; otherwise the numbers are Sluice's estimate and marked so in the ledger. While a stream has
  // told its input alone (Anthropic does so at the start), the input classes are set and this is still false.
  bool reported = false;

  // What is no text, where the provider counts it apart; also in none of the classes above.
  Tokens input_audio = 0;  // read fresh
  Tokens input_image = 0;
  Tokens input_video = 0;
  Tokens cache_read_audio = 0;
  Tokens output_audio = 0;
  Tokens output_image = 0;
  std::int64_t searches = 0;  // of the web, by a tool of the provider's; no tokens
  ServiceTier service_tier = ServiceTier::standard;
  std::uint8_t doubts = 0;  // a set of Doubt
  RawUsage raw = {};        // only with doubts

  bool has(Doubt doubt) const { return (doubts & static_cast<std::uint8_t>(doubt)) != 0; }
  void add(Doubt doubt) { doubts |= static_cast<std::uint8_t>(doubt); }
  Tokens fresh_input() const { return input + input_audio + input_image + input_video; }
  Tokens cached_input() const { return cache_read + cache_read_audio; }
  Tokens visible_output() const { return output + output_audio + output_image; }
  bool has_other_than_text() const {
    return input_audio + input_image + input_video + cache_read_audio + output_audio + output_image > 0;
  }
  Tokens total_input() const { return fresh_input() + cached_input() + cache_write_5m + cache_write_1h; }
  Tokens total_output() const { return visible_output() + reasoning; }
  friend bool operator==(const Usage&, const Usage&) = default;
};

}  // namespace sluice::chat
