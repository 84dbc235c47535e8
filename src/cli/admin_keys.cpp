// `sluice admin-keys create|list|revoke`: who may use the administration's API. Works on the data directory, so the
// first one needs nobody's leave but the operating system's.
#include <ostream>

#include "base/utc.h"
#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

using store::AdminKey;

struct AdminKeyFlags {
  std::string name;  // for revoke: or its id
  std::string role;
  std::string org;
  std::string team;
  std::string expires;
  bool all = false;
};

void write(json::Writer& out, const AdminKey& key) {
  out.member("id", key.id).member("name", key.name).member("role", name(key.grant.role));
  out.member("scope", name(key.grant.scope.kind)).key("scope_id");
  key.grant.scope.id.empty() ? out.null() : out.string(key.grant.scope.id);
  out.member("created_at", utc_text(key.created_at_us));
  for (const auto& [member, at_us] :
       {std::pair("expires_at", key.expires_at_us), std::pair("revoked_at", key.revoked_at_us)}) {
    out.key(member);
    at_us ? out.string(utc_text(*at_us)) : out.null();
  }
}

Result<store::NewAdminKey> new_admin_key(const AdminKeyFlags& flags, std::int64_t now_us) {
  store::NewAdminKey wanted{.name = flags.name, .grant = {}, .expires_at_us = {}};
  if (flags.role.empty())
    return usage_error("which role shall it have?", "--role owner, admin, member, viewer or auditor");
  wanted.grant.role = store::role_from_name(flags.role).value_or(store::Role::viewer);  // one_of has checked it
  if (!flags.org.empty() && !flags.team.empty())
    return usage_error("a scope is one organisation or one team", "give one of --org and --team");
  if (!flags.org.empty()) wanted.grant.scope = {.kind = store::ScopeKind::org, .id = flags.org};
  if (!flags.team.empty()) wanted.grant.scope = {.kind = store::ScopeKind::team, .id = flags.team};
  if (!flags.expires.empty()) {
    TRY(const std::chrono::seconds lifetime, parse_duration(flags.expires, "--expires"));
    wanted.expires_at_us = now_us + std::chrono::microseconds(lifetime).count();
  }
  return wanted;
}

Result<int> create(const AdminKeyFlags& flags, Invocation& invocation) {
  const std::int64_t now_us = store::wall_clock_us();
  TRY(const store::NewAdminKey wanted, new_admin_key(flags, now_us));
  TRY(store::Store store, open_store(invocation, IfMissing::create));
  TRY(const store::CreatedAdminKey created, store.create_admin_key(wanted, now_us));
  if (invocation.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    write(writer, created.key);
    writer.member("key", created.secret.reveal()).end_object();
    invocation.console.out << text << '\n';
    return exit_ok;
  }
  invocation.console.out << created.secret.reveal() << '\n';
  invocation.console.err << "administration key " << created.key.id << " (" << printable_line(created.key.name)
                         << ") made. It is shown this once and kept nowhere: store it now.\n";
  return exit_ok;
}

Result<int> list(const AdminKeyFlags& flags, Invocation& invocation) {
  TRY(store::Store store, open_store(invocation, IfMissing::refuse));
  TRY(const std::vector<AdminKey> keys, store.list_admin_keys(flags.all));
  if (invocation.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object().key("admin_keys").begin_array();
    for (const AdminKey& key : keys) {
      writer.begin_object();
      write(writer, key);
      writer.end_object();
    }
    writer.end_array().end_object();
    invocation.console.out << text << '\n';
    return exit_ok;
  }
  if (keys.empty()) {
    invocation.console.out << "no administration keys; make one: sluice admin-keys create --role owner --name ops\n";
    return exit_ok;
  }
  Table table({{"ID"}, {"NAME"}, {"ROLE"}, {"SCOPE"}, {"STATE"}, {"EXPIRES"}});
  const std::int64_t now_us = store::wall_clock_us();
  for (const AdminKey& key : keys)
    table.add({key.id, key.name, std::string(name(key.grant.role)),
               key.grant.scope.everything() ? "everything" : key.grant.scope.id,
               key.revoked_at_us                                   ? "revoked"
               : key.expires_at_us && *key.expires_at_us <= now_us ? "expired"
                                                                   : "active",
               key.expires_at_us ? utc_text(*key.expires_at_us) : "never"});
  table.print(invocation.console.out, invocation.console.colour());
  return exit_ok;
}

Result<int> revoke(const AdminKeyFlags& flags, Invocation& invocation) {
  TRY(store::Store store, open_store(invocation, IfMissing::refuse));
  TRY(const AdminKey key, store.revoke_admin_key(flags.name, store::wall_clock_us()));
  if (invocation.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    write(writer, key);
    writer.end_object();
    invocation.console.out << text << '\n';
    return exit_ok;
  }
  invocation.console.out << "revoked " << key.id << " (" << printable_line(key.name) << ")\n";
  return exit_ok;
}

}  // namespace

void add_admin_keys(CLI::App& root, Invocation& invocation) {
  CLI::App& group = add_group(root, {"admin-keys", "Create, list and revoke the keys of the administration's API",
                                     "sluice admin-keys create --role owner --name ops"});
  CLI::App& create_verb = add_verb(group, invocation,
                                   {"create", "Make one; its characters are shown this once",
                                    "sluice admin-keys create --role owner --name ops\n"
                                    "sluice admin-keys create --role admin --org acme --expires 90d"});
  auto create_flags = std::make_shared<AdminKeyFlags>();
  create_verb.add_option("--name", create_flags->name, "Name for lists and the record, unique")->type_name("NAME");
  one_of(create_verb.add_option("--role", create_flags->role, "What it may do: docs/reference/roles.md"),
         {"owner", "admin", "member", "viewer", "auditor"});
  create_verb.add_option("--org", create_flags->org, "Only within this organisation")->type_name("ORG");
  create_verb.add_option("--team", create_flags->team, "Only within this team")->type_name("TEAM");
  create_verb.add_option("--expires", create_flags->expires, "Ends after this time: 12h, 90d")->type_name("TIME");
  on_selected(create_verb, invocation, create_flags, create);

  CLI::App& list_verb = add_verb(group, invocation, {"list", "Show them", "sluice admin-keys list"});
  auto list_flags = std::make_shared<AdminKeyFlags>();
  list_verb.add_flag("--all", list_flags->all, "Revoked ones too");
  on_selected(list_verb, invocation, list_flags, list);

  CLI::App& revoke_verb =
      add_verb(group, invocation, {"revoke", "Refuse one from now on", "sluice admin-keys revoke ops"});
  auto revoke_flags = std::make_shared<AdminKeyFlags>();
  revoke_verb.add_option("id", revoke_flags->name, "Its id or its name")->type_name("ID|NAME")->required();
  on_selected(revoke_verb, invocation, revoke_flags, revoke);
}

}  // namespace sluice::cli
