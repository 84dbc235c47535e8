// Public keys of others, and whether one of them has signed something: what JSON Web Tokens need (RFC 7518, RFC 8037).
// What a key may be used with follows from the key alone, never from what a signed text says of itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace sluice::crypto {

enum class SignatureKind : std::uint8_t {
  rs256,  // RSASSA-PKCS1-v1_5 with SHA-256
  ps256,  // RSASSA-PSS with SHA-256 and a salt of its length
  es256,  // ECDSA on P-256 with SHA-256; the signature is r and s, 32 bytes each
  eddsa,  // Ed25519
};

class PublicKey {
 public:
  // All arguments are bytes, big-endian where they are numbers. Errors: invalid_request for what is no such key; for
  // RSA also for a modulus below 2048 or above 8192 bits (its check would take long) and an even or longer exponent
  // than 8 bytes.
  static Result<PublicKey> rsa(std::string_view modulus, std::string_view exponent);
  static Result<PublicKey> p256(std::string_view x, std::string_view y);  // 32 bytes each, a point on the curve
  static Result<PublicKey> ed25519(std::string_view x);                   // 32 bytes
  PublicKey(PublicKey&&) noexcept;
  PublicKey& operator=(PublicKey&&) noexcept;
  ~PublicKey();

  // RSA keys take rs256 and ps256, the others the one of their own.
  bool takes(SignatureKind kind) const;
  // False also for a kind that this key does not take.
  bool has_signed(SignatureKind kind, std::string_view bytes, std::string_view signature) const;

 private:
  struct State;
  explicit PublicKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sluice::crypto
