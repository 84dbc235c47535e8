#include "admin/permissions.h"

#include <algorithm>
#include <iterator>

namespace sluice::admin {
namespace {

using enum Resource;
using enum Verb;

// Who may give rights may take all of them, so only an owner has anything to do with administrators beyond looking. A
// member works with keys and has no say about money. An auditor sees all and touches nothing.
constexpr Permission table[] = {
    // resource, verb, owner, admin, member, viewer, auditor
    {organisations, read, true, true, true, true, true, "See organisations"},
    {organisations, create, true, true, false, false, false, "Make an organisation"},
    {organisations, remove, true, true, false, false, false, "Remove one that has nothing left"},
    {teams, read, true, true, true, true, true, "See teams"},
    {teams, create, true, true, false, false, false, "Make a team"},
    {teams, remove, true, true, false, false, false, "Remove one that has nothing left"},
    {users, read, true, true, true, true, true, "See users"},
    {users, create, true, true, false, false, false, "Make a user"},
    {users, remove, true, true, false, false, false, "Remove one that has nothing left"},
    {keys, read, true, true, true, true, true, "See virtual keys, without their characters"},
    {keys, create, true, true, true, false, false, "Make a key"},
    {keys, change, true, true, true, false, false, "Change, block, unblock a key, or give it new characters"},
    {keys, remove, true, true, true, false, false, "Revoke a key"},
    {limits, read, true, true, true, true, true, "See budgets and limits"},
    {limits, create, true, true, false, false, false, "Set one, or change its amount"},
    {limits, remove, true, true, false, false, false, "Remove one"},
    {usage, read, true, true, true, true, true, "See sums of tokens and money"},
    {ledger, read, true, true, false, false, true, "See each row of the ledger"},
    {prices, read, true, true, true, true, true, "See and explain prices; compare with a catalogue"},
    {models, read, true, true, true, true, true, "See the models of the configuration"},
    {health, read, true, true, true, true, true, "See whether the server and its targets are well"},
    {acts, read, true, true, false, false, true, "See who has changed what"},
    {administrators, read, true, true, false, false, true, "See administration keys, without their characters"},
    {administrators, create, true, false, false, false, false, "Make an administration key"},
    {administrators, remove, true, false, false, false, false, "Revoke one"},
};

}  // namespace

std::string_view name(Resource resource) {
  switch (resource) {
    case organisations: return "organisations";
    case teams: return "teams";
    case users: return "users";
    case keys: return "keys";
    case limits: return "limits";
    case usage: return "usage";
    case ledger: return "ledger";
    case prices: return "prices";
    case models: return "models";
    case health: return "health";
    case acts: return "acts";
    case administrators: return "administrators";
  }
  return "unknown";
}

std::string_view name(Verb verb) {
  switch (verb) {
    case read: return "read";
    case create: return "create";
    case change: return "change";
    case remove: return "remove";
  }
  return "unknown";
}

bool Permission::allows(store::Role role) const {
  switch (role) {
    case store::Role::owner: return owner;
    case store::Role::admin: return admin;
    case store::Role::member: return member;
    case store::Role::viewer: return viewer;
    case store::Role::auditor: return auditor;
  }
  return false;
}

std::span<const Permission> permissions() { return table; }

bool allowed(store::Role role, Resource resource, Verb verb) {
  const auto found =
      std::ranges::find_if(table, [&](const Permission& one) { return one.resource == resource && one.verb == verb; });
  return found != std::end(table) && found->allows(role);
}

std::string permissions_page() {
  std::string page =
      "# Roles\n\n"
      "What each role may do, within its scope (everything, one organisation, one team). What is not in the table "
      "nobody\nmay do. Generated from `src/admin/permissions.cpp`; a test compares.\n\n"
      "| resource | verb | owner | admin | member | viewer | auditor | |\n|---|---|---|---|---|---|---|---|\n";
  for (const Permission& one : table) {
    page += "| " + std::string(name(one.resource)) + " | " + std::string(name(one.verb)) + " |";
    for (const store::Role role : store::roles) page += one.allows(role) ? " yes |" : " - |";
    page += " " + std::string(one.meaning) + " |\n";
  }
  return page;
}

}  // namespace sluice::admin
