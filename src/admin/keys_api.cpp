// Virtual keys. A key's characters are in the answer to its creation and rotation alone.
#include <algorithm>
#include <utility>

#include "admin/handlers.h"
#include "admin/visible.h"
#include "base/crypto.h"
#include "base/utc.h"
#include "store/tags.h"

namespace sluice::admin {
namespace {

using store::KeyReport;
using store::Subject;
using store::SubjectKind;
using store::VirtualKey;

std::string_view state(const KeyReport& report, std::int64_t now_us) {
  const VirtualKey& key = report.key;
  if (key.revoked_at_us) return "revoked";
  if (report.damaged) return "damaged";
  if (key.blocked_at_us) return "blocked";
  return key.expires_at_us && *key.expires_at_us <= now_us ? "expired" : "active";
}

void write_members(json::Writer& out, const KeyReport& report, std::int64_t now_us) {
  const VirtualKey& key = report.key;
  out.member("id", key.id.str()).member("name", key.name).member("state", state(report, now_us));
  write_text(out, "tenant", key.tenant.str());
  write_text(out, "team", key.team);
  write_text(out, "user", key.user);
  out.key("tags").begin_array();
  for (const std::string_view tag : store::split_tags(key.tags)) out.string(tag);
  out.end_array();
  write_text(out, "budget_usd", key.budget ? key.budget->usd() : std::string());
  write_number(out, "rpm", key.rpm);
  write_number(out, "tpm", key.tpm);
  out.member("data_class", name(key.data_class)).member("spent_usd", report.spent.usd());
  out.member("requests", report.requests).member("created_at", utc_text(key.created_at_us));
  write_time(out, "expires_at", key.expires_at_us);
  write_time(out, "blocked_at", key.blocked_at_us);
  write_time(out, "revoked_at", key.revoked_at_us);
  write_time(out, "last_used_at", report.last_used_us);
}

std::string text_of(const KeyReport& report, std::int64_t now_us, const Secret* secret) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  write_members(out, report, now_us);
  if (secret) out.member("key", secret->reveal());
  out.end_object();
  return text;
}

// Of what an administrator can change: what the key spends meanwhile is no change.
std::string tag_of(const VirtualKey& key) {
  std::string said = key.id.str() + '\0' + key.name;
  for (const std::optional<std::int64_t>& one : {key.budget ? std::optional(key.budget->pico()) : std::nullopt, key.rpm,
                                                 key.tpm, key.expires_at_us, key.blocked_at_us, key.revoked_at_us})
    said += '\0' + (one ? std::to_string(*one) : std::string());
  return '"' + crypto::hex(crypto::sha256(said)).substr(0, 16) + '"';
}

// Whose the key will be. Whose scope is a team makes keys of that team.
Result<void> find_owners(Call& call, const Visible& visible, store::NewKey& key) {
  const store::Scope& scope = call.actor.grant.scope;
  if (call.body.has("team")) {
    TRY(const Subject team, visible.subject(SubjectKind::team, call.body.text("team"), "team"));
    key.team = team.id;
  } else if (scope.kind == store::ScopeKind::team) {
    key.team = scope.id;
  }
  if (call.body.has("user")) {
    // A team sees the users that have keys of it; another one of its organisation may get the first.
    const std::string wanted = call.body.text("user");
    TRY(const auto found, call.store.see_subject({}, SubjectKind::user, wanted));
    bool good = found.has_value();
    if (good) {
      TRY(good, visible.may_own(key.team, found->id));
    }
    if (!good)
      return wrong_field("user", "there is no user \"" + wanted + "\"",
                         "GET /admin/v1/users lists those that there are");
    key.user = found->id;
  }
  TRY(const bool owned, visible.may_own(key.team, key.user));
  if (owned) return {};
  return wrong_field("team", "this role counts within an organisation, and the key would belong to none of it",
                     "name a `team` or a `user` of it");
}

Result<std::string> block(Call& call, bool blocked) {
  const Visible visible(call.store, call.actor.grant.scope);
  TRY(KeyReport report, visible.key(call.id));
  TRY(report.key, call.store.block_key(report.key.id.str(), blocked, call.now_us));
  return key_text(report, call.now_us);
}

}  // namespace

Result<store::KeyFilter> keys_of(const Visible& visible, const std::string& team, const std::string& user) {
  store::KeyFilter filter{.scope = visible.scope()};
  if (!team.empty()) {
    TRY(const Subject found, visible.subject(SubjectKind::team, team, "team"));
    filter.team = found.id;
  }
  if (!user.empty()) {
    TRY(const Subject found, visible.subject(SubjectKind::user, user, "user"));
    filter.user = found.id;
  }
  return filter;
}

std::string key_text(const KeyReport& report, std::int64_t now_us) { return text_of(report, now_us, nullptr); }

Result<std::string> list_keys(Call& call) {
  const Visible visible(call.store, call.actor.grant.scope);
  TRY(store::KeyFilter filter, keys_of(visible, call.query.text("team"), call.query.text("user")));
  filter.with_revoked = call.query.flag("revoked").value_or(false);
  TRY(const store::PageRange range, page_range(call.query));
  TRY(const store::Page<KeyReport> page, call.store.page_of_keys(filter, range));
  return write_page(page, [&](json::Writer& out, const KeyReport& one) {
    out.begin_object();
    write_members(out, one, call.now_us);
    out.end_object();
  });
}

Result<std::string> create_key(Call& call) {
  const Visible visible(call.store, call.actor.grant.scope);
  const config::KeyDefaults& defaults = call.around.snapshot()->key_defaults();
  store::NewKey wanted;
  wanted.name = call.body.text("name");
  wanted.budget = call.body.money("budget_usd");
  if (!call.body.has("budget_usd") && !defaults.budget_usd.empty())
    wanted.budget = Money::parse_usd(defaults.budget_usd);
  wanted.rpm = call.body.integer("rpm");
  if (!wanted.rpm && defaults.requests_per_minute > 0) wanted.rpm = defaults.requests_per_minute;
  wanted.tpm = call.body.integer("tpm");
  if (!wanted.tpm && defaults.tokens_per_minute > 0) wanted.tpm = defaults.tokens_per_minute;
  wanted.data_class = data_class_from_name(call.body.text("data_class")).value_or(defaults.data_class_value);
  wanted.expires_at_us = call.body.time_us("expires_at");
  // Keys of one tenant share what is kept for them, so only who sees everything may put keys together.
  wanted.tenant = store::TenantId(call.body.text("tenant"));
  if (!wanted.tenant.empty() && !visible.everything())
    return wrong_field("tenant", "only an administrator of everything names a tenant", "leave `tenant` out");
  for (const std::string& tag : call.body.list("tags")) wanted.tags += (wanted.tags.empty() ? "" : ",") + tag;
  CHECK_OK(find_owners(call, visible, wanted));
  TRY(const store::CreatedKey created, call.store.create_key(wanted, call.now_us));
  KeyReport report;
  report.key = created.key;
  return text_of(report, call.now_us, &created.secret);
}

Result<std::string> get_key(Call& call) {
  const Visible visible(call.store, call.actor.grant.scope);
  TRY(const KeyReport report, visible.key(call.id));
  call.etag = tag_of(report.key);
  return key_text(report, call.now_us);
}

Result<std::string> change_key(Call& call) {
  const Visible visible(call.store, call.actor.grant.scope);
  TRY(KeyReport report, visible.key(call.id));
  store::KeyChange change;
  if (call.body.has("name")) change.name = call.body.text("name");
  change.expires_at_us = call.body.time_us("expires_at");
  change.budget = call.body.money("budget_usd");
  change.rpm = call.body.integer("rpm");
  change.tpm = call.body.integer("tpm");
  change.no_expiry = call.body.is_null("expires_at");
  change.no_budget = call.body.is_null("budget_usd");
  change.no_rpm = call.body.is_null("rpm");
  change.no_tpm = call.body.is_null("tpm");
  if (call.if_match && *call.if_match != "*")
    change.if_still = [&](const VirtualKey& key) -> Result<void> {
      if (tag_of(key) == *call.if_match) return {};
      return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                                   .message = "the key has been changed since: it is " + tag_of(key) + " now",
                                   .hint = "look at it again, and send the change with its new ETag",
                                   .param = "If-Match",
                                   .code = "changed_since"});
    };
  TRY(report.key, call.store.change_key(report.key.id.str(), change, call.now_us));
  call.etag = tag_of(report.key);
  return key_text(report, call.now_us);
}

Result<std::string> revoke_key(Call& call) {
  const Visible visible(call.store, call.actor.grant.scope);
  TRY(KeyReport report, visible.key(call.id));
  TRY(report.key, call.store.revoke_key(report.key.id.str(), call.now_us));
  return key_text(report, call.now_us);
}

Result<std::string> rotate_key(Call& call) {
  const Visible visible(call.store, call.actor.grant.scope);
  TRY(KeyReport report, visible.key(call.id));
  TRY(const store::CreatedKey rotated, call.store.rotate_key(report.key.id.str(), call.now_us));
  report.key = rotated.key;
  return text_of(report, call.now_us, &rotated.secret);
}

Result<std::string> block_key(Call& call) { return block(call, true); }
Result<std::string> unblock_key(Call& call) { return block(call, false); }

}  // namespace sluice::admin
