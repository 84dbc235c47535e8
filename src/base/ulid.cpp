#include "base/ulid.h"

#include <cstddef>
#include <cstring>

#include "base/crypto.h"

namespace sluice {
namespace {

constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t characters = 26;  // of five bits each: two more than a ULID has, which are 0

using Values = std::array<std::uint8_t, 256>;
constexpr std::uint8_t no_value = 255;
constexpr Values values = [] {
  Values all{};
  all.fill(no_value);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    all[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return all;
}();

}  // namespace

std::optional<UlidBytes> ulid_bytes(std::string_view text) {
  if (text.size() != characters || text.front() > '7') return std::nullopt;
  UlidBytes bytes{};
  unsigned pending = 0;  // bits that do not fill a byte yet
  unsigned bits = 0;     // how many they are
  std::size_t at = 0;
  for (std::size_t i = 0; i < characters; ++i) {
    const std::uint8_t value = values[static_cast<std::uint8_t>(text[i])];
    if (value == no_value) return std::nullopt;
    pending = pending << 5 | value;
    bits += i == 0 ? 3 : 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = static_cast<std::uint8_t>(pending >> bits);
    pending &= (1u << bits) - 1;
  }
  return bytes;
}

std::string ulid_text(const UlidBytes& bytes) {
  std::string text(characters, '0');
  unsigned pending = 0;
  unsigned bits = 2;  // the two that are 0
  std::size_t at = 0;
  for (const std::uint8_t byte : bytes) {
    pending = pending << 8 | byte;
    for (bits += 8; bits >= 5;) {
      bits -= 5;
      text[at++] = alphabet[pending >> bits & 31];
      pending &= (1u << bits) - 1;
    }
  }
  return text;
}

UlidSource::UlidSource() {
  const std::string seed = crypto::random_bytes(sizeof(std::uint64_t));
  std::uint64_t value;
  std::memcpy(&value, seed.data(), sizeof value);
  random_.seed(value);
}

std::string UlidSource::next(std::int64_t unix_ms) {
  std::string text(characters, '0');
  const auto write = [&](std::size_t from, std::size_t count, std::uint64_t bits) {
    for (std::size_t i = count; i-- > 0; bits >>= 5) text[from + i] = alphabet[bits & 31];
  };
  write(0, 10, static_cast<std::uint64_t>(unix_ms) & 0xFFFF'FFFF'FFFF);
  write(10, 8, random_());
  write(18, 8, random_());
  return text;
}

}  // namespace sluice
