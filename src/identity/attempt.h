// A sign-in that has begun. The browser keeps one random value of it; what goes to the issuer (state, nonce, PKCE
// verifier) is made of that value under a key of this process. So nothing is kept here for who only begins, a state
// from elsewhere fits no browser, and who sees the cookie cannot redeem a code with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace sluice::identity {

struct Attempt {
  std::string state;
  std::string nonce;
  Secret verifier;        // PKCE (RFC 7636): goes to the token endpoint alone
  std::string challenge;  // its SHA-256 in base64url
  std::string return_to;  // a path of this server
};

// Thread-safe: it does not change.
class Attempts {
 public:
  static constexpr std::int64_t longest_s = 600;  // somebody types a password and looks for a second factor

  Attempts();

  struct Begun {
    std::string cookie;
    Attempt attempt;
  };
  // `return_to` must be a local path. `now_s`: Unix time.
  Begun begin(std::string_view return_to, std::int64_t now_s) const;
  // Errors: unauthenticated, for logs: no cookie of this process, too old, or of another sign-in than the state.
  Result<Attempt> resume(std::string_view cookie, std::string_view state, std::int64_t now_s) const;

 private:
  std::string made_of(std::string_view what, std::string_view value) const;
  Attempt attempt(std::string_view value) const;
  Secret key_;
};

}  // namespace sluice::identity
