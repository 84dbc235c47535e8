#include "identity/actors.h"

#include <algorithm>

namespace sluice::identity {

Result<std::unique_ptr<Actors>> Actors::open(const store::Home& home, identity::SignIn& sign_in) {
  TRY(store::Store store, store::Store::open(home));
  return std::unique_ptr<Actors>(new Actors(std::move(store), sign_in));
}

Result<store::Scope> Actors::scope_of(const config::OidcRule& rule) {
  if (rule.org.empty() && rule.team.empty()) return store::Scope{};
  const bool team = !rule.team.empty();
  const std::string& wanted = team ? rule.team : rule.org;
  TRY(const std::vector<store::Subject> subjects,
      store_.list_subjects(team ? store::SubjectKind::team : store::SubjectKind::org));
  const auto found =
      std::ranges::find_if(subjects, [&](const store::Subject& one) { return one.id == wanted || one.name == wanted; });
  if (found == subjects.end())
    return fail(ErrorKind::forbidden,
                std::string("your role is for the ") + (team ? "team" : "organisation") + " `" + wanted +
                    "`, and there is none of that name",
                "ask an administrator to make it, or to change `admin.oidc.roles`");
  return store::Scope{.kind = team ? store::ScopeKind::team : store::ScopeKind::org, .id = found->id};
}

std::optional<Result<admin::Actor>> Actors::who_asks(const admin::Request& request, std::int64_t /*now_us*/) {
  const Asked asked = Asked::of(request.method, [&](std::string_view name) { return request.header(name); });
  const std::optional<Result<Person>> person = sign_in_.who_asks(asked, store_);
  if (!person) return std::nullopt;
  if (!*person) return Result<admin::Actor>(std::unexpected(person->error()));
  const Person& who = **person;
  Result<store::Scope> scope = scope_of(who.rule);
  if (!scope) {
    sign_in_.refused(who.session_id.empty() ? "token" : "session", scope.error().message, who.subject);
    return Result<admin::Actor>(std::unexpected(scope.error()));
  }
  const std::optional<store::Role> role = store::role_from_name(who.rule.role);
  if (!role)
    return Result<admin::Actor>(
        fail(ErrorKind::forbidden, "there is no role `" + who.rule.role + "`", "mend `admin.oidc.roles`"));
  return admin::Actor{.doer = {.id = who.issuer + "#" + who.subject, .name = who.email, .way = "oidc"},
                      .grant = {.role = *role, .scope = *std::move(scope)}};
}

}  // namespace sluice::identity
