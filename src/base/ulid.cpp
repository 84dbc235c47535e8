#include "base/ulid.h"

#include <cstring>

#include "base/crypto.h"

namespace sluice {

UlidSource::UlidSource() {
  const std::string seed = crypto::random_bytes(sizeof(std::uint64_t));
  std::uint64_t value;
  std::memcpy(&value, seed.data(), sizeof value);
  random_.seed(value);
}

std::string UlidSource::next(std::int64_t unix_ms) {
  static constexpr char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const unsigned __int128 bits = (static_cast<unsigned __int128>(unix_ms & 0xFFFF'FFFF'FFFF) << 80) |
                                 (static_cast<unsigned __int128>(random_() & 0xFFFF) << 64) | random_();
  std::string text(26, '0');
  for (int i = 0; i < 26; ++i)
    text[static_cast<std::size_t>(25 - i)] = alphabet[static_cast<unsigned>(bits >> (5 * i)) & 31];
  return text;
}

}  // namespace sluice
