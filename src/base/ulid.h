// Identifiers that sort by time: ULIDs (48 bits of milliseconds, 80 random bits, 26 characters of Crockford's base 32).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace sluice {

// A ULID's 128 bits, the highest byte first.
using UlidBytes = std::array<std::uint8_t, 16>;
// Empty for what is no ULID as ulid_text() writes it: 26 characters, capitals, 128 bits.
std::optional<UlidBytes> ulid_bytes(std::string_view text);
std::string ulid_text(const UlidBytes& bytes);

// One per thread: not thread-safe. The random part is for uniqueness, not for secrets.
class UlidSource {
 public:
  UlidSource();
  // "01HZX3..." for that moment, milliseconds since 1970.
  std::string next(std::int64_t unix_ms);

 private:
  std::mt19937_64 random_;
};

}  // namespace sluice
