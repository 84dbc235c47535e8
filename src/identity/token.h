// JSON Web Tokens of an issuer (RFC 7519), read so strictly that no two readers could disagree, and believed only after
// the signature of one of the issuer's own keys. A token says who somebody is; it never says how it is to be checked:
// what it may be signed with follows from the key (RFC 8725). Nothing here is cached, by a part of a token least of
// all.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/public_key.h"
#include "identity/key_set.h"
#include "json/json.h"

namespace sluice::identity {

// What a token must say.
struct Expected {
  std::string_view issuer;                 // exactly
  std::span<const std::string> audiences;  // one of them at least
  std::int64_t now_s = 0;                  // Unix time
  std::int64_t leeway_s = 0;               // by which the issuer's clock may differ
  std::optional<std::string_view> nonce;   // of a sign-in: it must say this one
  // Of a sign-in: who the token was made for. A token with several audiences must name it as `azp`, and an `azp` must
  // be it (OpenID Connect Core, 3.1.3.7).
  std::optional<std::string_view> authorized_party;
};

// The claims of a token that was believed.
class Claims {
 public:
  std::string_view subject() const { return text("sub"); }
  std::int64_t expires_at_s() const;
  // Empty when the claim is missing or no text.
  std::string_view text(std::string_view name) const;
  json::Value root() const { return document_.root(); }

 private:
  friend class Token;
  explicit Claims(json::Document document) : document_(std::move(document)) {}
  json::Document document_;
};

// Its form alone: nothing of it may be believed yet.
class Token {
 public:
  static constexpr std::size_t most_bytes = 16u << 10;  // with 200 groups by their ids a token has about 9 KB
  static constexpr std::size_t most_header_bytes = 2u << 10;
  static constexpr std::size_t most_subject_bytes = 255;  // OpenID Connect Core, 2

  // Borrows the text. Errors: unauthenticated, for logs: a size beyond the bounds, another form than
  // HEADER.CLAIMS.SIGNATURE, a header that names another algorithm than the four or brings its own key (jwk, jku, x5u,
  // x5c), extensions (crit), a member that occurs twice.
  static Result<Token> read(std::string_view text);

  crypto::SignatureKind kind() const { return kind_; }
  std::optional<std::string_view> key_id() const {
    return key_id_ ? std::optional<std::string_view>(*key_id_) : std::nullopt;
  }

  // The signature first, then what it says. Errors: unauthenticated, for logs.
  Result<Claims> claims(const KeySet& keys, const Expected& expected) const;

 private:
  Token() = default;
  crypto::SignatureKind kind_ = crypto::SignatureKind::rs256;
  std::optional<std::string> key_id_;
  std::string_view signed_;  // a part of the text
  std::string signature_;
  std::string claims_;
};

}  // namespace sluice::identity
