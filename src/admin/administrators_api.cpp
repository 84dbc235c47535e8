// Administration keys, and who the caller is.
#include <algorithm>
#include <utility>

#include "admin/handlers.h"
#include "admin/visible.h"
#include "base/utc.h"

namespace sluice::admin {
namespace {

using store::AdminKey;
using store::ScopeKind;

void write_members(json::Writer& out, const AdminKey& key, std::int64_t now_us) {
  out.member("id", key.id).member("name", key.name).member("role", name(key.grant.role));
  out.member("scope", name(key.grant.scope.kind));
  write_text(out, "scope_id", key.grant.scope.id);
  out.member("state", key.revoked_at_us                                   ? "revoked"
                      : key.expires_at_us && *key.expires_at_us <= now_us ? "expired"
                                                                          : "active");
  out.member("created_at", utc_text(key.created_at_us));
  write_time(out, "expires_at", key.expires_at_us);
  write_time(out, "revoked_at", key.revoked_at_us);
}

std::string text_of(const AdminKey& key, std::int64_t now_us, const Secret* secret = nullptr) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  write_members(out, key, now_us);
  if (secret) out.member("key", secret->reveal());
  out.end_object();
  return text;
}

}  // namespace

Result<std::string> who_am_i(Call& call) {
  const Actor& actor = call.actor;
  std::string text;
  json::Writer out(text);
  out.begin_object().member("id", actor.doer.id);
  write_text(out, "name", actor.doer.name);
  out.member("way", actor.doer.way).member("role", name(actor.grant.role));
  out.member("scope", name(actor.grant.scope.kind));
  write_text(out, "scope_id", actor.grant.scope.id);
  out.key("may").begin_array();
  for (const Permission& one : permissions())
    if (one.allows(actor.grant.role)) out.string(std::string(name(one.resource)) + ":" + std::string(name(one.verb)));
  out.end_array().end_object();
  return text;
}

Result<std::string> list_administrators(Call& call) {
  const store::AdminKeyFilter filter{
      .scope = call.actor.grant.scope, .id = {}, .with_revoked = call.query.flag("revoked").value_or(false)};
  TRY(const store::PageRange range, page_range(call.query));
  TRY(const store::Page<AdminKey> page, call.store.page_of_admin_keys(filter, range));
  return write_page(page, [&](json::Writer& out, const AdminKey& one) {
    out.begin_object();
    write_members(out, one, call.now_us);
    out.end_object();
  });
}

Result<std::string> create_administrator(Call& call) {
  const Visible visible(call.store, call.actor.grant.scope);
  store::NewAdminKey wanted{.name = call.body.text("name"), .grant = {}, .expires_at_us = {}};
  wanted.grant.role = store::role_from_name(call.body.text("role")).value_or(store::Role::viewer);
  wanted.expires_at_us = call.body.time_us("expires_at");
  if (call.body.has("organisation") && call.body.has("team"))
    return wrong_field("team", "a scope is one organisation or one team", "leave one of them out");
  if (call.body.has("organisation")) {
    TRY(const store::Subject org,
        visible.subject(store::SubjectKind::org, call.body.text("organisation"), "organisation"));
    wanted.grant.scope = {.kind = ScopeKind::org, .id = org.id};
  } else if (call.body.has("team")) {
    TRY(const store::Subject team, visible.subject(store::SubjectKind::team, call.body.text("team"), "team"));
    wanted.grant.scope = {.kind = ScopeKind::team, .id = team.id};
  }
  // Nobody gives or takes beyond their own scope.
  TRY(const bool within, visible.holds(wanted.grant.scope));
  if (!within)
    return fail(ErrorKind::forbidden, "nobody gives a right that goes beyond their own scope",
                "name an `organisation` or a `team` within yours");
  TRY(const store::CreatedAdminKey created, call.store.create_admin_key(wanted, call.now_us));
  return text_of(created.key, call.now_us, &created.secret);
}

Result<std::string> revoke_administrator(Call& call) {
  const store::AdminKeyFilter filter{.scope = call.actor.grant.scope, .id = call.id};
  TRY(const store::Page<AdminKey> found, call.store.page_of_admin_keys(filter, {.after = {}, .count = 1}));
  if (call.id.empty() || found.items.empty())
    return fail(ErrorKind::not_found, "there is no administration key \"" + call.id + "\"",
                "GET /admin/v1/administrators lists those that there are");
  TRY(const AdminKey revoked, call.store.revoke_admin_key(call.id, call.now_us));
  return text_of(revoked, call.now_us);
}

}  // namespace sluice::admin
