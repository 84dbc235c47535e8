// Organisations, teams and users: one implementation for the three.
#include <utility>

#include "admin/handlers.h"
#include "admin/visible.h"
#include "base/utc.h"

namespace sluice::admin {
namespace {

using store::Subject;
using store::SubjectKind;

void write(json::Writer& out, const Subject& subject) {
  out.begin_object().member("id", subject.id).member("name", subject.name);
  if (subject.kind != SubjectKind::org) write_text(out, "organisation", subject.org);
  out.member("keys", subject.keys).member("created_at", utc_text(subject.created_at_us)).end_object();
}

std::string text_of(const Subject& subject) {
  std::string text;
  json::Writer out(text);
  write(out, subject);
  return text;
}

Result<std::string> list(Call& call, SubjectKind kind) {
  const Visible visible(call.store, call.actor.grant.scope);
  store::SubjectFilter filter{.scope = visible.scope(), .kind = kind, .org = {}};
  if (call.query.has("organisation")) {
    TRY(const Subject found, visible.subject(SubjectKind::org, call.query.text("organisation"), "organisation"));
    filter.org = found.id;
  }
  TRY(const store::PageRange range, page_range(call.query));
  TRY(const store::Page<Subject> page, call.store.page_of_subjects(filter, range));
  return write_page(page, write);
}

Result<std::string> get(Call& call, SubjectKind kind) {
  const Visible visible(call.store, call.actor.grant.scope);
  TRY(const Subject subject, visible.subject(kind, call.id));
  return text_of(subject);
}

Result<std::string> create(Call& call, SubjectKind kind) {
  const store::Scope& scope = call.actor.grant.scope;
  std::string org = call.body.text("organisation");
  if (!scope.everything()) {
    if (scope.kind != store::ScopeKind::org || kind == SubjectKind::org)
      return fail(ErrorKind::forbidden, "this role counts within one " + std::string(name(scope.kind)) + " only",
                  "ask an administrator of everything to make it");
    if (!org.empty()) CHECK_OK(Visible(call.store, scope).subject(SubjectKind::org, org, "organisation"));
    org = scope.id;  // what is seen of organisations is this one
  } else if (!org.empty()) {
    const Visible visible(call.store, scope);
    TRY(const Subject found, visible.subject(SubjectKind::org, org, "organisation"));
    org = found.id;
  }
  TRY(const Subject subject, call.store.create_subject(kind, call.body.text("name"), org, call.now_us));
  return text_of(subject);
}

Result<std::string> remove(Call& call, SubjectKind kind) {
  const Visible visible(call.store, call.actor.grant.scope);
  TRY(const Subject subject, visible.subject(kind, call.id));
  if (!visible.rules(subject))
    return fail(ErrorKind::forbidden, "this role counts within " + subject.name + " and does not remove it",
                "ask an administrator of what is above it");
  TRY(const Subject removed, call.store.remove_subject(kind, subject.id, call.now_us));
  return text_of(removed);
}

}  // namespace

Result<std::string> list_organisations(Call& call) { return list(call, SubjectKind::org); }
Result<std::string> create_organisation(Call& call) { return create(call, SubjectKind::org); }
Result<std::string> get_organisation(Call& call) { return get(call, SubjectKind::org); }
Result<std::string> remove_organisation(Call& call) { return remove(call, SubjectKind::org); }
Result<std::string> list_teams(Call& call) { return list(call, SubjectKind::team); }
Result<std::string> create_team(Call& call) { return create(call, SubjectKind::team); }
Result<std::string> get_team(Call& call) { return get(call, SubjectKind::team); }
Result<std::string> remove_team(Call& call) { return remove(call, SubjectKind::team); }
Result<std::string> list_users(Call& call) { return list(call, SubjectKind::user); }
Result<std::string> create_user(Call& call) { return create(call, SubjectKind::user); }
Result<std::string> get_user(Call& call) { return get(call, SubjectKind::user); }
Result<std::string> remove_user(Call& call) { return remove(call, SubjectKind::user); }

}  // namespace sluice::admin
