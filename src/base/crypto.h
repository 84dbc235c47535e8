// The few cryptographic primitives that are needed outside TLS, from OpenSSL's libcrypto.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

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

// For the WebSocket handshake alone, which wants it; broken as a hash for anything else.
std::array<std::uint8_t, 20> sha1(std::string_view bytes);
Sha256 hmac_sha256(std::string_view key, std::string_view bytes);
// RSASSA-PKCS1-v1_5 with SHA-256, as JWT's RS256. `private_key` is PEM; invalid_request when it is no RSA key.
Result<std::string> sign_rs256(const std::string& private_key, std::string_view bytes);

std::string base64(std::span<const std::uint8_t> bytes);  // with padding
std::string base64url(std::string_view bytes);            // without
// Empty for anything but what base64url() writes: no padding, no blanks, no bits set behind the last byte. So no two
// texts stand for the same bytes.
std::optional<std::string> from_base64url(std::string_view text);
std::string hex(std::span<const std::uint8_t> bytes);
// n bytes from the operating system's generator; aborts when it has none.
std::string random_bytes(std::size_t n);
// n characters of 0-9A-Za-z, about 5.95 bits each.
std::string random_alphanumeric(std::size_t n);

}  // namespace sluice::crypto
