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
  std::string text(26, '0');
  const auto write = [&](std::size_t from, std::size_t characters, std::uint64_t bits) {
    for (std::size_t i = characters; i-- > 0; bits >>= 5) text[from + i] = alphabet[bits & 31];
  };
  write(0, 10, static_cast<std::uint64_t>(unix_ms) & 0xFFFF'FFFF'FFFF);
  write(10, 8, random_());
  write(18, 8, random_());
  return text;
}

}  // namespace sluice
