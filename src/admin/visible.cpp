#include "admin/visible.h"

#include <utility>

#include "store/limit_line.h"

namespace sluice::admin {

using store::LimitScope;
using store::ScopeKind;
using store::Subject;
using store::SubjectKind;

Result<std::optional<Subject>> Visible::known(SubjectKind kind, std::string_view id) const {
  if (id.empty()) return std::nullopt;
  return store_.see_subject({}, kind, id);
}

bool Visible::rules(const Subject& subject) const {
  return everything() || (scope_.kind == ScopeKind::org && subject.org == scope_.id);
}

Result<bool> Visible::rules(const store::LimitLine& limit) const {
  if (everything()) return true;
  SubjectKind kind = SubjectKind::org;
  switch (limit.scope) {
    case LimitScope::everybody:
    case LimitScope::tag: return false;
    case LimitScope::key: {
      TRY(const auto key, store_.see_key(scope_, limit.subject));
      return key && key->key.id.str() == limit.subject;
    }
    case LimitScope::org: break;
    case LimitScope::team: kind = SubjectKind::team; break;
    case LimitScope::user: kind = SubjectKind::user; break;
  }
  TRY(const auto subject, known(kind, limit.subject));
  return subject && rules(*subject);
}

Result<bool> Visible::may_own(std::string_view team, std::string_view user) const {
  if (everything()) return true;
  TRY(const auto of_team, known(SubjectKind::team, team));
  TRY(const auto of_user, known(SubjectKind::user, user));
  std::string org = scope_.id;
  if (scope_.kind == ScopeKind::team) {
    if (team != scope_.id) return false;
    org = of_team ? of_team->org : std::string();
    // Whoever is named beside must be one of its people, or of the same organisation: a key counts against its user's
    // limits, too.
    if (!of_user || (!org.empty() && of_user->org == org)) return true;
    TRY(const auto seen, store_.see_subject(scope_, SubjectKind::user, user));
    return seen.has_value();
  }
  const auto within = [&](const std::optional<Subject>& one) { return !one || one->org == org; };
  return (of_team || of_user) && within(of_team) && within(of_user);
}

Result<bool> Visible::holds(const store::Scope& scope) const {
  if (everything() || scope == scope_) return true;
  if (scope.kind != ScopeKind::team || scope_.kind != ScopeKind::org) return false;
  TRY(const auto team, known(SubjectKind::team, scope.id));
  return team && team->org == scope_.id;
}

Result<Subject> Visible::subject(SubjectKind kind, std::string_view id_or_name, std::string_view field) const {
  TRY(std::optional<Subject> found, store_.see_subject(scope_, kind, id_or_name));
  if (found) return *std::move(found);
  return std::unexpected(
      Error{.kind = field.empty() ? ErrorKind::not_found : ErrorKind::invalid_request,
            .message = "there is no " + std::string(title(kind)) + " \"" + std::string(id_or_name) + "\"",
            .hint = "GET /admin/v1/" + std::string(kind == SubjectKind::org ? "organisations" : name(kind)) +
                    (kind == SubjectKind::org ? "" : "s") + " lists those that there are",
            .param = std::string(field)});
}

Result<store::KeyReport> Visible::key(std::string_view id_or_name, std::string_view field) const {
  TRY(std::optional<store::KeyReport> found, store_.see_key(scope_, id_or_name));
  if (found) return *std::move(found);
  return std::unexpected(Error{.kind = field.empty() ? ErrorKind::not_found : ErrorKind::invalid_request,
                               .message = "there is no key \"" + std::string(id_or_name) + "\"",
                               .hint = "GET /admin/v1/keys lists those that there are",
                               .param = std::string(field)});
}

}  // namespace sluice::admin
