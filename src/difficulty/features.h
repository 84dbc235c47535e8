// What a difficulty score goes by: a few numbers about a request and which words of its newest message there are, as
// places in a table of 512. A text cannot be read back from that, but whoever has it can test whether a word may have
// been there: it is recorded only where a workload asks for it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::difficulty {

// In the order in which a model has their weights. A change of what one of them means is a new model::version.
enum class Number : std::uint8_t {
  prompt_bytes,
  text_bytes,
  turns,
  code,
  english,
  language_unknown,
  tools,
  images,
  output_limit,
  wants_schema,
  digits,
  symbols,
  word_length,
  lines,
  questions,
  distinct_words,
};
inline constexpr std::size_t numbers = 16;
inline constexpr std::size_t buckets = 512;
inline constexpr std::size_t most_words = 96;  // different ones: a record of the audit log stays below 4 KiB
// Of the newest message: what makes a request hard stands mostly at one of its ends, and 4 KiB take about 20 us.
inline constexpr std::size_t most_text_bytes = std::size_t{4} << 10;

// What is known of a request.
struct Cues {
  std::string_view text = {};  // the user's newest message
  std::size_t prompt_bytes = 0;
  std::int64_t turns = 0;
  std::string_view language = {};      // ISO 639-1; empty: cannot be told
  std::int64_t max_output_tokens = 0;  // 0 = no limit
  bool code = false;
  bool tools = false;
  bool images = false;
  bool wants_schema = false;
};

struct Features {
  std::array<std::uint8_t, numbers> number = {};  // each from 0 to 255
  std::vector<std::uint16_t> words = {};          // ascending, each below `buckets`

  friend bool operator==(const Features&, const Features&) = default;
};

Features features_of(const Cues& cues);

// Hexadecimal, at most 2 * (numbers + 2 * most_words) characters.
std::string pack(const Features& features);
// Errors: invalid_request, for what pack() has not written.
Result<Features> unpack(std::string_view packed);

}  // namespace sluice::difficulty
