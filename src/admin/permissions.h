// Which role may do what: one table, from which the answers of the API, the page of the reference and the generated
// tests come. Where a role counts (everything, one organisation, one team) is visible.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "store/grant.h"

namespace sluice::admin {

enum class Resource : std::uint8_t {
  organisations,
  teams,
  users,
  keys,
  limits,
  usage,
  ledger,
  prices,
  models,
  health,
  acts,
  administrators,
};
std::string_view name(Resource resource);  // "organisations", ...

enum class Verb : std::uint8_t { read, create, change, remove };
std::string_view name(Verb verb);  // "read", ...

struct Permission {
  Resource resource;
  Verb verb;
  bool owner, admin, member, viewer, auditor;
  const char* meaning;  // for the reference

  bool allows(store::Role role) const;
};

// What is not in it nobody may do.
std::span<const Permission> permissions();
bool allowed(store::Role role, Resource resource, Verb verb);

// The table as a page of the reference.
std::string permissions_page();

}  // namespace sluice::admin
