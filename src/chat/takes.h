// How long a model may be asked to think, in the vendors' words, and what a model takes of a request beside its
// messages. It is the model's own wherever it is offered.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace sluice::chat {

enum class Effort : std::uint8_t { none, minimal, low, medium, high, xhigh, max };
inline constexpr std::array<std::string_view, 7> effort_names = {"none", "minimal", "low", "medium",
                                                                 "high", "xhigh",   "max"};

constexpr std::string_view name(Effort effort) { return effort_names[static_cast<std::size_t>(effort)]; }

constexpr std::optional<Effort> effort_from_name(std::string_view text) {
  const auto found = std::ranges::find(effort_names, text);
  if (found == effort_names.end()) return std::nullopt;
  return static_cast<Effort>(found - effort_names.begin());
}

// A set of them.
class Efforts {
 public:
  constexpr Efforts() = default;
  constexpr Efforts(std::initializer_list<Effort> efforts) {
    for (const Effort one : efforts) add(one);
  }
  constexpr void add(Effort one) { bits_ = static_cast<std::uint8_t>(bits_ | bit(one)); }
  constexpr bool contains(Effort one) const { return (bits_ & bit(one)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  bool operator==(const Efforts&) const = default;

  // The one in the set that comes nearest: the next below with which the model still thinks, else the next above.
  // Empty where thinking is asked for and the set has none, or where the set is empty.
  constexpr std::optional<Effort> nearest(Effort wanted) const {
    if (contains(wanted)) return wanted;
    for (int below = static_cast<int>(wanted) - 1; below > static_cast<int>(Effort::none); --below)
      if (contains(static_cast<Effort>(below))) return static_cast<Effort>(below);
    for (int above = static_cast<int>(wanted) + 1; above <= static_cast<int>(Effort::max); ++above)
      if (contains(static_cast<Effort>(above))) return static_cast<Effort>(above);
    return std::nullopt;
  }

 private:
  static constexpr std::uint8_t bit(Effort one) {
    return static_cast<std::uint8_t>(1U << static_cast<std::uint8_t>(one));
  }
  std::uint8_t bits_ = 0;
};

inline constexpr std::array every_effort = {Effort::none, Effort::minimal, Effort::low, Effort::medium,
                                            Effort::high, Effort::xhigh,   Effort::max};
inline constexpr Efforts all_efforts = {Effort::none, Effort::minimal, Effort::low, Effort::medium,
                                        Effort::high, Effort::xhigh,   Effort::max};

// temperature, top_p, top_k, penalties and log probabilities.
enum class Sampling : std::uint8_t {
  taken,
  without_effort,  // while it does not think
  refused,         // whatever their values; so is a budget for thinking, by Anthropic's models
};
constexpr std::string_view name(Sampling sampling) {
  constexpr std::array<std::string_view, 3> names = {"taken", "without_effort", "refused"};
  return names[static_cast<std::size_t>(sampling)];
}

struct Takes {
  Sampling sampling = Sampling::taken;
  Efforts efforts = {};                    // that it knows; none: nothing is said of them
  std::optional<Effort> unasked = {};      // when no effort is asked for; empty: it thinks, or nothing is said
  bool chat_tools_without_effort = false;  // its maker's Chat Completions takes tools only while it does not think
  bool system_within = false;              // system messages within a conversation (Anthropic, Bedrock)
  bool operator==(const Takes&) const = default;
};

}  // namespace sluice::chat
