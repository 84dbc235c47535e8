#include "store/admin_keys.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"
#include "store/testing_backends.h"
#include "store/testing_directory.h"

namespace sluice::store {
namespace {

constexpr std::int64_t now_us = 1'795'418'415'000'000;

class AdminKeys : public OnEachBackend {
 protected:
  TestingDirectory directory_;
  Store store_ = [&] {
    auto opened = Store::open(home_of(directory_.path()));
    if (!opened) throw std::runtime_error(opened.error().message);
    return *std::move(opened);
  }();
};
SLUICE_ON_EACH_BACKEND(AdminKeys);

TEST_P(AdminKeys, An_administration_key_is_found_by_its_characters_until_it_is_revoked) {
  const auto created =
      store_.create_admin_key({.name = "ops", .grant = {Role::owner, {}}, .expires_at_us = {}}, now_us);
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_TRUE(created->secret.reveal().starts_with("sk-admin-sluice-"));
  auto found = store_.find_admin_key(created->secret.reveal());
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->id, created->key.id);
  EXPECT_EQ((*found)->grant, created->key.grant);
  ASSERT_TRUE(store_.revoke_admin_key("ops", now_us + 1));
  found = store_.find_admin_key(created->secret.reveal());
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->revoked_at_us, now_us + 1);
  EXPECT_FALSE(store_.revoke_admin_key(created->key.id, now_us + 2)) << "it has been revoked";
}

TEST_P(AdminKeys, A_virtual_key_is_no_administration_key_and_the_other_way_round) {
  const auto virtual_key = store_.create_key({.name = "app"}, now_us);
  const auto admin_key = store_.create_admin_key({.name = "ops", .grant = {}, .expires_at_us = {}}, now_us);
  ASSERT_TRUE(virtual_key && admin_key);
  const auto found = store_.find_admin_key(virtual_key->secret.reveal());
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
  EXPECT_FALSE(admin_key->secret.reveal().starts_with(key_prefix));
}

TEST_P(AdminKeys, Their_scope_is_an_organisation_or_team_that_there_is) {
  const auto org = store_.create_subject(SubjectKind::org, "acme", "", now_us);
  ASSERT_TRUE(org);
  const auto made = store_.create_admin_key(
      {.name = "a", .grant = {Role::admin, {ScopeKind::org, "acme"}}, .expires_at_us = {}}, now_us);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->key.grant.scope.id, org->id);
  const auto missing = store_.create_admin_key(
      {.name = "b", .grant = {Role::admin, {ScopeKind::team, "none"}}, .expires_at_us = {}}, now_us);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
}

TEST_P(AdminKeys, Acts_say_who_acted_and_stay_to_be_looked_at) {
  ASSERT_TRUE(store_.create_subject(SubjectKind::team, "one", "", now_us));
  store_.act_as({.id = "adm_1", .name = "ops", .way = "admin_key"});
  ASSERT_TRUE(store_.create_subject(SubjectKind::team, "two", "", now_us));
  auto acts = store_.admin_acts(std::nullopt, 10);
  ASSERT_TRUE(acts);
  ASSERT_EQ(acts->size(), 2u);
  EXPECT_NE((*acts)[0].json.find(R"("by":"adm_1","by_name":"ops","by_way":"admin_key")"), std::string::npos)
      << (*acts)[0].json;
  EXPECT_NE((*acts)[1].json.find("os_user_id"), std::string::npos) << (*acts)[1].json;
  acts = store_.admin_acts((*acts)[0].number, 10);
  ASSERT_TRUE(acts);
  EXPECT_EQ(acts->size(), 1u);
}

TEST_P(AdminKeys, What_was_answered_under_an_idempotency_key_is_known_to_whom_it_was_answered) {
  const crypto::Sha256 digest = crypto::sha256("request");
  store_.act_as({.id = "adm_1", .name = "", .way = ""});
  auto first = store_.begin_once("k", digest, now_us);
  ASSERT_TRUE(first);
  EXPECT_FALSE(*first);
  auto unknown = store_.begin_once("k", digest, now_us);
  ASSERT_TRUE(unknown && *unknown);
  EXPECT_EQ((*unknown)->status, 0) << "nobody knows yet how it ends";
  ASSERT_TRUE(store_.end_once("k", 201, "{}"));
  auto again = store_.begin_once("k", digest, now_us);
  ASSERT_TRUE(again && *again);
  EXPECT_EQ((*again)->status, 201);
  EXPECT_EQ((*again)->request, digest);
  store_.act_as({.id = "adm_2", .name = "", .way = ""});
  auto other = store_.begin_once("k", digest, now_us);
  ASSERT_TRUE(other);
  EXPECT_FALSE(*other) << "another's";
  auto late = store_.begin_once("l", digest, now_us + idempotent_us + 1);
  ASSERT_TRUE(late);
  store_.act_as({.id = "adm_1", .name = "", .way = ""});
  auto forgotten = store_.begin_once("k", digest, now_us + idempotent_us + 1);
  ASSERT_TRUE(forgotten);
  EXPECT_FALSE(*forgotten) << "a day has passed";
}

TEST_P(AdminKeys, A_rotated_key_has_other_characters_and_is_the_same_key) {
  const auto made = store_.create_key({.name = "app"}, now_us);
  ASSERT_TRUE(made);
  const auto rotated = store_.rotate_key("app", now_us);
  ASSERT_TRUE(rotated) << rotated.error().message;
  EXPECT_EQ(rotated->key.id, made->key.id);
  EXPECT_NE(rotated->key.digest, made->key.digest);
  const auto keys = store_.list_keys();
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->front().key.digest, crypto::sha256(rotated->secret.reveal()));
  ASSERT_TRUE(store_.revoke_key("app", now_us));
  EXPECT_FALSE(store_.rotate_key(made->key.id.str(), now_us)) << "it has been revoked";
}

TEST_P(AdminKeys, A_key_changes_what_is_named_and_nothing_else) {
  ASSERT_TRUE(store_.create_key({.name = "app", .budget = Money::parse_usd("5"), .rpm = 10}, now_us));
  ASSERT_TRUE(store_.create_key({.name = "free"}, now_us + 1));
  const auto changed = store_.change_key("app", {.name = "shop", .budget = Money::parse_usd("7"), .tpm = 99}, now_us);
  ASSERT_TRUE(changed) << changed.error().message;
  const store::VirtualKey key = store_.list_keys()->front().key;
  EXPECT_EQ(key.name, "shop");
  EXPECT_EQ(key.budget, Money::parse_usd("7"));
  EXPECT_EQ(key.rpm, 10);
  EXPECT_EQ(key.tpm, 99);
  EXPECT_FALSE(store_.change_key("shop", {.name = "free"}, now_us)) << "in use";
  EXPECT_FALSE(store_.change_key("shop", {.rpm = 0}, now_us));
  EXPECT_FALSE(store_.change_key("shop", {.expires_at_us = now_us - 1}, now_us));
  EXPECT_FALSE(store_.change_key("free", {.budget = Money::parse_usd("7")}, now_us)) << "a limit counts what it spent";
}

TEST_P(AdminKeys, A_blocked_key_is_let_in_again) {
  ASSERT_TRUE(store_.create_key({.name = "app"}, now_us));
  ASSERT_TRUE(store_.block_key("app", true, now_us));
  EXPECT_EQ(store_.list_keys()->front().key.blocked_at_us, now_us);
  ASSERT_TRUE(store_.block_key("app", false, now_us));
  EXPECT_FALSE(store_.list_keys()->front().key.blocked_at_us);
}

}  // namespace
}  // namespace sluice::store
