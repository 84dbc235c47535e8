// Who may sign in to the administration: an OpenID Connect issuer, and what its claims give. `admin.oidc` in the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/secret.h"

namespace sluice::config {

// One rule: whose claim has the value gets the role.
struct OidcRule {
  std::string claim;  // a member of the token's claims, or a path to one: "realm_access.roles"
  std::string value;
  std::string role;  // one of role_names
  std::string org;   // where it counts: an organisation, ...
  std::string team;  // ... or a team, by name or id; both empty = everything
};

struct OidcSettings {
  std::string issuer = "";  // "" = nobody signs in
  BaseUrl issuer_url = {};  // parsed from `issuer`
  std::string client_id = "";
  std::string redirect_url = "";
  std::string origin = "";  // of `redirect_url`: "https://sluice.example.com"
  bool https = true;        // of `redirect_url`; false on this machine alone
  std::string scopes = "openid email profile";
  std::int64_t session_hours = 8;
  std::int64_t leeway_seconds = 60;
  Secret client_secret = {};  // empty: a public client, which has its PKCE alone
  std::vector<std::string> audience = {};
  std::vector<std::string> allowed_domains = {};  // lower case
  std::vector<OidcRule> roles = {};

  bool configured() const { return !issuer.empty(); }
};

inline constexpr std::string_view role_names[] = {"owner", "admin", "member", "viewer", "auditor"};
// Where the issuer sends browsers back to: the end of `redirect_url`.
inline constexpr std::string_view callback_path = "/admin/v1/auth/callback";
inline constexpr std::size_t most_oidc_rules = 1'000;

}  // namespace sluice::config
