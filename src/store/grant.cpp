#include "store/grant.h"

namespace sluice::store {

std::string_view name(Role role) {
  switch (role) {
    case Role::owner: return "owner";
    case Role::admin: return "admin";
    case Role::member: return "member";
    case Role::viewer: return "viewer";
    case Role::auditor: return "auditor";
  }
  return "unknown";
}

std::optional<Role> role_from_name(std::string_view text) {
  for (const Role role : roles)
    if (name(role) == text) return role;
  return std::nullopt;
}

std::string_view name(ScopeKind kind) {
  switch (kind) {
    case ScopeKind::everything: return "everything";
    case ScopeKind::org: return "org";
    case ScopeKind::team: return "team";
  }
  return "unknown";
}

std::optional<ScopeKind> scope_kind_from_name(std::string_view text) {
  for (const ScopeKind kind : {ScopeKind::everything, ScopeKind::org, ScopeKind::team})
    if (name(kind) == text) return kind;
  return std::nullopt;
}

}  // namespace sluice::store
