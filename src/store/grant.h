// What an administrator may do, as it is kept: a role, and where it counts. What each role may is a table of admin/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::store {

enum class Role : std::uint8_t { owner, admin, member, viewer, auditor };
inline constexpr Role roles[] = {Role::owner, Role::admin, Role::member, Role::viewer, Role::auditor};
std::string_view name(Role role);  // "owner", ...
std::optional<Role> role_from_name(std::string_view text);

enum class ScopeKind : std::uint8_t { everything, org, team };
std::string_view name(ScopeKind kind);  // "everything", "org", "team"
std::optional<ScopeKind> scope_kind_from_name(std::string_view text);

struct Scope {
  ScopeKind kind = ScopeKind::everything;
  std::string id;  // of the organisation or team; empty for everything

  bool everything() const { return kind == ScopeKind::everything; }
  friend bool operator==(const Scope&, const Scope&) = default;
};

struct Grant {
  Role role = Role::viewer;
  Scope scope;
  friend bool operator==(const Grant&, const Grant&) = default;
};

// Who does something, for the record of administrative acts. Empty: the operating system's user at the command line.
struct Doer {
  std::string id;    // "adm_4tQ0aBcDeFgH", or whom a sign-in names: "https://issuer.example#subject"
  std::string name;  // for people: the administration key's name, an e-mail address
  std::string way;   // "admin_key", "oidc"
};

}  // namespace sluice::store
