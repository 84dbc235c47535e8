// The public keys with which an issuer signs, as it publishes them (a JSON Web Key Set, RFC 7517).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/public_key.h"

namespace sluice::identity {

class KeySet {
 public:
  static constexpr std::size_t most_bytes = 256u << 10;  // of the document; the large vendors' have about 10 KB
  static constexpr std::size_t most_keys = 64;           // they have two to six
  static constexpr std::size_t most_id_bytes = 256;

  // Keys of other kinds, for encryption, or that are damaged are left out, as RFC 7517, 5 wants it; so are ids that
  // occur twice, both of them. Errors: invalid_request when it is no key set, is beyond a bound, holds a private or
  // symmetric key, or nothing is left.
  static Result<KeySet> read(std::string_view json);

  // The key for a signature of that kind: with that id; or, when the token names none, the only one that takes it. Null
  // when there is none.
  const crypto::PublicKey* find(std::optional<std::string_view> id, crypto::SignatureKind kind) const;
  std::size_t size() const { return keys_.size(); }

 private:
  struct Key {
    std::optional<std::string> id;
    std::optional<crypto::SignatureKind> only;  // what the issuer says that it is for
    crypto::PublicKey key;
  };
  std::vector<Key> keys_;
};

// "RS256", "PS256", "ES256", "EdDSA" and "Ed25519" (RFC 9864); empty for all others.
std::optional<crypto::SignatureKind> signature_kind(std::string_view algorithm);

}  // namespace sluice::identity
