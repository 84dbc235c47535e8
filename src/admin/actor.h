// Who administrates, and how that is found out: by an administration key, or by a way to sign in that the composition
// root adds. What an actor may do is permissions.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "admin/message.h"
#include "base/result.h"
#include "store/grant.h"

namespace sluice::admin {

struct Actor {
  store::Doer doer;    // for the record
  store::Grant grant;  // what it may, and where
};

// A way to say who asks, beside administration keys: a session in a cookie, a token of an issuer.
class SignIn {
 public:
  virtual ~SignIn() = default;
  // Empty: the request carries nothing of this kind, so another way is asked. An error (unauthenticated) refuses the
  // request; its message goes to the client, so it must not say why a token is wrong. On the administration's thread,
  // one call at a time: it may read a file or a database, and must not wait for the network. `now_us`: microseconds
  // since 1970 UTC.
  virtual std::optional<Result<Actor>> who_asks(const Request& request, std::int64_t now_us) = 0;
};

}  // namespace sluice::admin
