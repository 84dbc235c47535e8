#include "http/headers.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"

namespace sluice::http {
namespace {

constexpr std::uint64_t ones = 0x0101010101010101U;
constexpr std::uint64_t highs = 0x8080808080808080U;

template <class Word>
Word load(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Eight ASCII letters in lower case; what is no letter stays as it is.
std::uint64_t ascii_lower(std::uint64_t bytes) {
  const std::uint64_t low = bytes & ~highs;
  const std::uint64_t from_a = low + ones * (0x80 - 'A');
  const std::uint64_t past_z = low + ones * (0x80 - 'Z' - 1);
  return bytes | ((((from_a & ~past_z) & ~bytes) & highs) >> 2);
}

// Sixteen bytes at once, by the compilers' vector extension: a comparison gives 0xFF where it holds.
using Bytes = std::uint8_t __attribute__((vector_size(16)));
using Halves = std::uint64_t __attribute__((vector_size(16)));

Bytes controls(Bytes bytes) { return reinterpret_cast<Bytes>(((bytes < 0x20) & (bytes != '\t')) | (bytes == 0x7f)); }
bool any(Bytes found) {
  const auto halves = reinterpret_cast<Halves>(found);
  return (halves[0] | halves[1]) != 0;
}

char* copy(std::string_view text, char* to) {
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
  const std::size_t before = out.size();
  const std::size_t after = before + name.size() + value.size() + 4;
  out.resize_and_overwrite(after, [=](char* text, std::size_t) {
    char* at = copy(": ", copy(name, text + before));
    copy("\r\n", copy(value, at));
    return after;
  });
}

}  // namespace

namespace detail {
bool equal_ignoring_case(const char* a, const char* b, std::size_t size) {
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8)
      if (ascii_lower(load<std::uint64_t>(a + at)) != ascii_lower(load<std::uint64_t>(b + at))) return false;
    return ascii_lower(load<std::uint64_t>(a + size - 8)) == ascii_lower(load<std::uint64_t>(b + size - 8));
  }
  // Front and back of a short one, overlapping: "host", "accept".
  if (size >= 4) {
    const auto both = [size](const char* text) {
      return load<std::uint32_t>(text) | std::uint64_t{load<std::uint32_t>(text + size - 4)} << 32;
    };
    return ascii_lower(both(a)) == ascii_lower(both(b));
  }
  for (std::size_t i = 0; i < size; ++i)
    if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  return true;
}
}  // namespace detail

bool is_field_value(std::string_view value) {
  const char* const begin = value.data();
  const char* const end = begin + value.size();
  if (value.size() >= sizeof(Bytes)) {
    Bytes found = controls(load<Bytes>(end - sizeof(Bytes)));
    for (const char* at = begin; end - at > static_cast<std::ptrdiff_t>(sizeof(Bytes)); at += sizeof(Bytes))
      found |= controls(load<Bytes>(at));
    return !any(found);
  }
  // Front and back of a short one, overlapping; names are short.
  if (value.size() >= 8)
    return !any(controls(reinterpret_cast<Bytes>(Halves{load<std::uint64_t>(begin), load<std::uint64_t>(end - 8)})));
  if (value.size() >= 4)
    return !any(controls(reinterpret_cast<Bytes>(
        Halves{load<std::uint32_t>(begin) | std::uint64_t{load<std::uint32_t>(end - 4)} << 32, ones * ' '})));
  return std::ranges::none_of(value,
                              [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  if (is_field_value(name) && is_field_value(value)) append_line(out, name, value);
}

Field Headers::field(const Place& place) const {
  const char* const begin = text_.data() + place.begin;
  return {{begin, place.name_bytes}, {begin + place.name_bytes + 2, place.value_bytes}};
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (const Place& place : places_)
    if (place.name_bytes == name.size() && equal_ignoring_case(field(place).name, name)) return field(place).value;
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(places_, [&](const Place& place) { return equal_ignoring_case(field(place).name, name); }));
}

void Headers::add(std::string_view name, std::string_view value) {
  const bool ours = value.data() >= text_.data() && value.data() < text_.data() + text_.size();
  if (ours) return add(name, std::string(value));  // the text may move
  if (places_.empty()) {
    places_.reserve(usual_count);
    text_.reserve(usual_bytes);
  }
  const std::size_t begin = text_.size();
  append_line(text_, name, value);
  if (!is_field_value(std::string_view(text_).substr(begin, name.size() + value.size() + 2))) {  // looked at once
    text_.resize(begin);
    return;
  }
  places_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(name.size()),
                     static_cast<std::uint32_t>(value.size())});
}

void Headers::set(std::string_view name, std::string_view value) {
  const auto before = get(name);
  if (!before) return add(name, value);
  if (before == value && count(name) == 1) return;
  const std::string kept(value);  // it may be one of ours
  remove(name);
  add(name, kept);
}

void Headers::remove(std::string_view name) {
  if (!get(name)) return;
  std::vector<Place> kept;
  std::string text;
  for (const Place& place : places_) {
    const Field one = field(place);
    if (equal_ignoring_case(one.name, name)) continue;
    kept.push_back({static_cast<std::uint32_t>(text.size()), place.name_bytes, place.value_bytes});
    append_line(text, one.name, one.value);
  }
  places_ = std::move(kept);
  text_ = std::move(text);
}

}  // namespace sluice::http
