#include "admin/permissions.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <utility>

namespace sluice::admin {
namespace {

using store::Role;

TEST(Permissions, Nobody_but_an_owner_touches_administrators) {
  for (const Role role : store::roles)
    for (const Verb verb : {Verb::create, Verb::change, Verb::remove})
      EXPECT_EQ(allowed(role, Resource::administrators, verb), role == Role::owner && verb != Verb::change)
          << store::name(role) << ' ' << name(verb);
}

TEST(Permissions, Viewers_and_auditors_change_nothing) {
  for (const Permission& one : permissions()) {
    if (one.verb == Verb::read) continue;
    EXPECT_FALSE(one.viewer) << name(one.resource) << ' ' << name(one.verb);
    EXPECT_FALSE(one.auditor) << name(one.resource) << ' ' << name(one.verb);
  }
}

TEST(Permissions, An_auditor_sees_everything_that_can_be_seen) {
  for (const Permission& one : permissions())
    if (one.verb == Verb::read) {
      EXPECT_TRUE(one.auditor) << name(one.resource);
    }
}

TEST(Permissions, A_role_that_may_less_never_may_what_one_that_may_more_may_not) {
  for (const Permission& one : permissions()) {
    EXPECT_TRUE(one.owner) << name(one.resource) << ' ' << name(one.verb);
    EXPECT_TRUE(one.admin || !one.member) << name(one.resource) << ' ' << name(one.verb);
    EXPECT_TRUE(one.member || !one.viewer) << name(one.resource) << ' ' << name(one.verb);
  }
}

TEST(Permissions, Each_pair_stands_in_the_table_once_and_what_is_not_in_it_is_refused) {
  std::set<std::pair<Resource, Verb>> seen;
  for (const Permission& one : permissions())
    EXPECT_TRUE(seen.emplace(one.resource, one.verb).second) << name(one.resource) << ' ' << name(one.verb);
  EXPECT_FALSE(allowed(Role::owner, Resource::acts, Verb::remove));
  EXPECT_FALSE(allowed(Role::owner, Resource::ledger, Verb::change));
}

TEST(Permissions, The_page_in_docs_is_what_the_table_says) {
  const std::string path = std::string(SLUICE_REFERENCE_PAGES) + "/roles.md";
  if (std::getenv("GOLDEN_UPDATE")) std::ofstream(path) << permissions_page();
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), permissions_page())
      << "run GOLDEN_UPDATE=1 ./dev test admin";
}

}  // namespace
}  // namespace sluice::admin
