// The few cryptographic primitives that are needed outside TLS, from OpenSSL's libcrypto.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sluice::crypto {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view bytes);
// The same of bytes that come in pieces, such as a file's.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  void update(std::string_view bytes);
  Sha256 finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hex(std::span<const std::uint8_t> bytes);
// n bytes from the operating system's generator; aborts when it has none.
std::string random_bytes(std::size_t n);
// n characters of 0-9A-Za-z, about 5.95 bits each.
std::string random_alphanumeric(std::size_t n);

}  // namespace sluice::crypto
