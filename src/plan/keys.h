// Every key of a plan file, declared once: the section it stands in, what it holds, its bounds and its meaning. The
// reader checks by this table and the JSON Schema is written from it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::plan {

enum class Kind : std::uint8_t {
  text,
  texts,  // a list of texts, or one
  flag,
  word,     // one of `words`
  number,   // a number with a suffix
  share,    // 0 to 1, or a percentage
  usd,      // US dollars
  price,    // USD per million tokens
  tokens,   // a count of tokens
  ms,       // milliseconds
  mixes,    // a list of in:out ratios
  numbers,  // a list of numbers
  shares,
  map,       // of names to numbers
  section,   // one of another section
  sections,  // a list of them
};

struct Key {
  std::string_view section;
  std::string_view name;
  Kind kind;
  double least;
  double most;
  std::string_view meaning;
  std::string_view words = {};  // of a word: separated by blanks; of a section: its name
  bool required = false;
};

std::span<const Key> keys();
const Key& key(std::string_view section, std::string_view name);  // aborts when there is none

}  // namespace sluice::plan
