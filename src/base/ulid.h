// Identifiers that sort by time: ULIDs (48 bits of milliseconds, 80 random bits, 26 characters of Crockford's base 32).
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace sluice {

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
