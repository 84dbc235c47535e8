#include "difficulty/features.h"

#include <algorithm>
#include <bitset>
#include <cmath>

#include "base/ascii.h"

namespace sluice::difficulty {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_word(char c) {
  return is_digit(c) || is_upper(c) || (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}
constexpr bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

std::uint8_t scaled(double value, double most) {
  return static_cast<std::uint8_t>(std::lround(std::clamp(value / most, 0.0, 1.0) * 255));
}
std::uint8_t logarithm(std::int64_t value, double most_bits) {
  return scaled(std::log2(1.0 + static_cast<double>(std::max<std::int64_t>(value, 0))), most_bits);
}
std::uint8_t flag(bool is) { return is ? 255 : 0; }

// FNV-1a: the same on every machine, as a model outlives the process that trained it.
constexpr std::uint32_t fnv_begin = 2166136261u;
constexpr std::uint32_t fnv_prime = 16777619u;

// The two ends of a text that is too long.
std::string ends_of(std::string_view text) {
  if (text.size() <= most_text_bytes) return std::string(text);
  constexpr std::size_t half = most_text_bytes / 2;
  return std::string(text.substr(0, half)) + "\n" + std::string(text.substr(text.size() - half));
}

constexpr char hex_digits[] = "0123456789abcdef";

}  // namespace

Features features_of(const Cues& cues) {
  const std::string text = ends_of(cues.text);
  std::bitset<buckets> seen;
  std::size_t words = 0;
  std::size_t word_bytes = 0;
  std::size_t digits = 0;
  std::size_t symbols = 0;
  std::size_t lines = 0;
  std::size_t questions = 0;
  std::uint32_t hash = fnv_begin;
  std::size_t length = 0;
  const auto end_word = [&] {
    if (length == 0) return;
    ++words;
    word_bytes += length;
    seen.set((hash ^ (hash >> 16)) % buckets);
    hash = fnv_begin;
    length = 0;
  };
  for (const char c : text) {
    if (is_word(c)) {
      digits += is_digit(c) ? 1 : 0;
      hash = (hash ^ static_cast<unsigned char>(ascii_lower(c))) * fnv_prime;
      ++length;
      continue;
    }
    end_word();
    lines += c == '\n' ? 1 : 0;
    questions += c == '?' ? 1 : 0;
    symbols += is_blank(c) ? 0 : 1;
  }
  end_word();

  Features features;
  const auto set = [&](Number which, std::uint8_t value) { features.number[static_cast<std::size_t>(which)] = value; };
  const auto bytes = static_cast<double>(std::max<std::size_t>(text.size(), 1));
  const auto count = static_cast<double>(std::max<std::size_t>(words, 1));
  constexpr double most_share = 0.25;  // digits or symbols; what has more is full of them
  set(Number::prompt_bytes, logarithm(static_cast<std::int64_t>(cues.prompt_bytes), 24));
  set(Number::text_bytes, logarithm(static_cast<std::int64_t>(cues.text.size()), 16));
  set(Number::turns, logarithm(cues.turns, 8));
  set(Number::code, flag(cues.code));
  set(Number::english, flag(cues.language == "en"));
  set(Number::language_unknown, flag(cues.language.empty()));
  set(Number::tools, flag(cues.tools));
  set(Number::images, flag(cues.images));
  set(Number::output_limit, logarithm(cues.max_output_tokens, 17));
  set(Number::wants_schema, flag(cues.wants_schema));
  set(Number::digits, scaled(static_cast<double>(digits) / bytes, most_share));
  set(Number::symbols, scaled(static_cast<double>(symbols) / bytes, most_share));
  set(Number::word_length, scaled(static_cast<double>(word_bytes) / count, 12));
  set(Number::lines, logarithm(static_cast<std::int64_t>(lines), 10));
  set(Number::questions, scaled(static_cast<double>(questions), 8));
  set(Number::distinct_words, scaled(static_cast<double>(seen.count()) / count, 1));
  for (std::size_t i = 0; i < buckets && features.words.size() < most_words; ++i)
    if (seen[i]) features.words.push_back(static_cast<std::uint16_t>(i));
  return features;
}

std::string pack(const Features& features) {
  std::string packed;
  packed.reserve(2 * numbers + 4 * features.words.size());
  const auto add = [&](unsigned value, int digits) {
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) packed.push_back(hex_digits[(value >> shift) & 15u]);
  };
  for (const std::uint8_t value : features.number) add(value, 2);
  for (std::size_t i = 0; i < features.words.size() && i < most_words; ++i) add(features.words[i], 4);
  return packed;
}

Result<Features> unpack(std::string_view packed) {
  const auto wrong = [] {
    return fail(ErrorKind::invalid_request, "these are no features of a request", "they are written by `learn: true`");
  };
  if (packed.size() < 2 * numbers || (packed.size() - 2 * numbers) % 4 != 0 ||
      packed.size() > 2 * numbers + 4 * most_words)
    return wrong();
  bool good = true;
  const auto read = [&](std::size_t at, std::size_t digits) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const int digit = hex_digit(packed[at + i]);
      good = good && digit >= 0;
      value = value * 16 + std::max(digit, 0);
    }
    return value;
  };
  Features features;
  for (std::size_t i = 0; i < numbers; ++i) features.number[i] = static_cast<std::uint8_t>(read(2 * i, 2));
  for (std::size_t at = 2 * numbers; at < packed.size(); at += 4) {
    const int word = read(at, 4);
    const bool ascends = features.words.empty() || features.words.back() < word;
    good = good && ascends && word < static_cast<int>(buckets);
    features.words.push_back(static_cast<std::uint16_t>(word));
  }
  if (!good) return wrong();
  return features;
}

}  // namespace sluice::difficulty
