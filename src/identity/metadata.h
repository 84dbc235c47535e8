// What an issuer says of itself in its discovery document (OpenID Connect Discovery 1.0).
#pragma once

#include <string>
#include <string_view>

#include "base/address.h"
#include "config/oidc_settings.h"

namespace sluice::identity {

// A URL to ask, which may have a query.
struct Place {
  BaseUrl url;
  std::string query;  // with its '?', or empty

  std::string path() const { return (url.path_prefix.empty() ? "/" : "") + query; }  // behind the prefix
};

struct Metadata {
  static constexpr std::size_t most_bytes = 256u << 10;  // the large vendors' have 2 to 6 KB

  std::string authorization_endpoint;  // for a browser's address line
  Place token_endpoint;
  Place key_set;
  bool post_secret = false;   // the secret goes into the body: the issuer does not take it as Basic
  bool names_itself = false;  // in each answer, as `iss` (RFC 9207)

  // Errors: invalid_request when it is of another issuer than the configured one, lacks an endpoint, or names one that
  // is not as safe as the issuer itself: without TLS, or in a private network when the issuer is in none.
  static Result<Metadata> read(std::string_view json, const config::OidcSettings& settings);
};

}  // namespace sluice::identity
