// Lists come in pages: each item once, whatever is made meanwhile, and what a scope sees and nothing else.
#include "store/page.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "store/ledger_entry.h"
#include "store/store.h"
#include "store/testing_backends.h"
#include "store/testing_directory.h"
#include "store/testing_ledger.h"

namespace sluice::store {
namespace {

constexpr std::int64_t now_us = 1'795'418'415'000'000;

class Pages : public OnEachBackend {
 protected:
  Store open() {
    auto opened = Store::open(home_of(directory_.path()));
    if (!opened) throw std::runtime_error(opened.error().message);
    return *std::move(opened);
  }

  Subject subject(SubjectKind kind, const std::string& name, const std::string& org = {}) {
    auto made = store_.create_subject(kind, name, org, now_us + made_++ / 3);
    if (!made) throw std::runtime_error(made.error().message);
    return *std::move(made);
  }
  VirtualKey key(const std::string& name, const std::string& team = {}, const std::string& user = {}) {
    NewKey wanted;
    wanted.name = name;
    wanted.team = team;
    wanted.user = user;
    auto made = store_.create_key(wanted, now_us + made_++ / 3);
    if (!made) throw std::runtime_error(made.error().message);
    return made->key;
  }
  LimitLine limit(LimitScope scope, const std::string& subject) {
    NewLimit wanted;
    wanted.scope = scope;
    wanted.subject = subject;
    wanted.amount = 1'000;
    auto made = store_.set_limit(wanted, now_us + made_++ / 3);
    if (!made) throw std::runtime_error(made.error().message);
    return *std::move(made);
  }

  TestingDirectory directory_;
  Store store_ = open();
  std::int64_t made_ = 0;  // three have one time
};
SLUICE_ON_EACH_BACKEND(Pages);

// Every page behind another, `count` at a time, and the ids in order.
template <class Item>
std::vector<std::string> walk(std::size_t count, const std::function<Result<Page<Item>>(const PageRange&)>& ask,
                              const std::function<std::string(const Item&)>& id_of) {
  std::vector<std::string> ids;
  PageRange range{.after = {}, .count = count};
  do {
    const auto page = ask(range);
    if (!page) throw std::runtime_error(page.error().message);
    EXPECT_LE(page->items.size(), count);
    EXPECT_FALSE(page->items.empty() && page->next) << "a page without items has none behind it";
    for (const Item& item : page->items) ids.push_back(id_of(item));
    range.after = page->next;
  } while (range.after);
  return ids;
}

std::vector<std::string> keys_in(Store& store, const KeyFilter& filter, std::size_t count) {
  return walk<KeyReport>(
      count, [&](const PageRange& range) { return store.page_of_keys(filter, range); },
      [](const KeyReport& one) { return one.key.id.str(); });
}
std::vector<std::string> subjects_in(Store& store, const SubjectFilter& filter, std::size_t count) {
  return walk<Subject>(
      count, [&](const PageRange& range) { return store.page_of_subjects(filter, range); },
      [](const Subject& one) { return one.id; });
}
std::vector<std::string> limits_in(Store& store, const LimitFilter& filter, std::size_t count) {
  return walk<LimitReport>(
      count, [&](const PageRange& range) { return store.page_of_limits(filter, range, now_us); },
      [](const LimitReport& one) { return one.line.id; });
}

TEST_P(Pages, Have_each_key_once_in_one_order_whatever_their_size) {
  for (int i = 0; i < 25; ++i) key("k" + std::to_string(i));
  const std::vector<std::string> all = keys_in(store_, {}, 500);
  ASSERT_EQ(all.size(), 25u);
  for (const std::size_t count : {1, 2, 3, 7, 24, 25, 26}) EXPECT_EQ(keys_in(store_, {}, count), all) << count;
  EXPECT_EQ(store_.count_keys({}), 25);
}

TEST_P(Pages, Go_on_where_they_were_when_keys_are_made_and_revoked_meanwhile) {
  made_ = 1;  // pages of three end between keys of one time
  std::vector<VirtualKey> made;
  for (int i = 0; i < 9; ++i) made.push_back(key("k" + std::to_string(i)));
  const KeyFilter in_use{.with_revoked = false};
  const auto first = store_.page_of_keys(in_use, {.after = {}, .count = 3});
  ASSERT_TRUE(first && first->next);
  ASSERT_TRUE(store_.revoke_key(first->items.back().key.id.str(), now_us + 1'000));  // where the page ends
  ASSERT_TRUE(store_.revoke_key("k8", now_us + 1'000));
  key("late");
  std::vector<std::string> names;
  PageRange range{.after = first->next, .count = 3};
  do {
    const auto page = store_.page_of_keys(in_use, range);
    ASSERT_TRUE(page);
    for (const KeyReport& one : page->items) names.push_back(one.key.name);
    range.after = page->next;
  } while (range.after);
  EXPECT_EQ(names.size(), 6u) << "five of the nine are behind, and the late one";
  EXPECT_EQ(names.back(), "late");
}

TEST_P(Pages, Skip_what_they_are_told_to) {
  for (int i = 0; i < 7; ++i) key("k" + std::to_string(i));
  const std::vector<std::string> all = keys_in(store_, {}, 500);
  const auto second = store_.page_of_keys({}, {.after = {}, .count = 3, .skip = 3});
  ASSERT_TRUE(second);
  ASSERT_EQ(second->items.size(), 3u);
  EXPECT_EQ(second->items.front().key.id.str(), all[3]);
  EXPECT_TRUE(store_.page_of_keys({}, {.after = {}, .count = 3, .skip = 9})->items.empty());
}

TEST_P(Pages, Are_of_what_a_scope_sees_and_of_nothing_else) {
  // Two organisations with teams, users and keys, and as many that are nobody's. What each scope sees is said again
  // here, one by one.
  std::mt19937 dice(6);
  const auto one_of = [&](const auto& list) { return list[dice() % list.size()]; };
  std::vector<Subject> orgs = {subject(SubjectKind::org, "acme"), subject(SubjectKind::org, "other")};
  std::vector<Subject> teams;
  std::vector<Subject> users;
  for (const std::string& org : {std::string("acme"), std::string("other"), std::string()})
    for (const std::string& number : {std::string("1"), std::string("2")}) {
      teams.push_back(subject(SubjectKind::team, "team-" + org + number, org));
      users.push_back(subject(SubjectKind::user, "user-" + org + number, org));
    }
  std::map<std::string, Subject> by_id;
  for (const auto* list : {&orgs, &teams, &users})
    for (const Subject& one : *list) by_id[one.id] = one;
  std::vector<VirtualKey> keys;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "k" + std::to_string(i);
    const Subject team = one_of(teams);
    const Subject user = one_of(users);
    const bool fit = team.org.empty() || user.org.empty() || team.org == user.org;
    keys.push_back(dice() % 4 == 0 ? key(name) : key(name, team.id, fit && dice() % 2 ? user.id : std::string()));
  }
  std::vector<LimitLine> limits = {limit(LimitScope::everybody, ""), limit(LimitScope::tag, orgs[0].id)};
  for (const Subject& one : orgs) limits.push_back(limit(LimitScope::org, one.id));
  for (const Subject& one : teams) limits.push_back(limit(LimitScope::team, one.id));
  for (const Subject& one : users) limits.push_back(limit(LimitScope::user, one.id));
  for (const VirtualKey& one : keys) limits.push_back(limit(LimitScope::key, one.id.str()));
  std::map<std::string, VirtualKey> keys_by_id;
  for (const VirtualKey& one : keys) keys_by_id[one.id.str()] = one;

  std::vector<Scope> scopes = {Scope{}};
  for (const Subject& one : orgs) scopes.push_back({ScopeKind::org, one.id});
  for (const Subject& one : teams) scopes.push_back({ScopeKind::team, one.id});
  for (const Scope& scope : scopes) {
    const auto sees_key = [&](const VirtualKey& one) {
      if (scope.everything()) return true;
      if (scope.kind == ScopeKind::team) return one.team == scope.id;
      return (!one.team.empty() && by_id[one.team].org == scope.id) ||
             (!one.user.empty() && by_id[one.user].org == scope.id);
    };
    const auto sees = [&](const Subject& one) {
      if (scope.everything() || one.id == scope.id) return true;
      if (scope.kind == ScopeKind::org) return one.org == scope.id;
      return one.kind == SubjectKind::user && std::ranges::any_of(keys, [&](const VirtualKey& its) {
               return its.team == scope.id && its.user == one.id;
             });
    };
    const auto sees_limit = [&](const LimitLine& one) {
      if (scope.everything()) return true;
      if (one.scope == LimitScope::everybody || one.scope == LimitScope::tag) return false;
      return one.scope == LimitScope::key ? sees_key(keys_by_id[one.subject]) : sees(by_id[one.subject]);
    };
    std::set<std::string> expected;
    for (const VirtualKey& one : keys)
      if (sees_key(one)) expected.insert(one.id.str());
    std::vector<std::string> told = keys_in(store_, {.scope = scope}, 4);
    EXPECT_EQ(std::set(told.begin(), told.end()), expected) << name(scope.kind);
    EXPECT_EQ(told.size(), expected.size());
    EXPECT_EQ(store_.count_keys({.scope = scope}), static_cast<std::int64_t>(expected.size()));
    for (const VirtualKey& one : keys) {
      const auto found = store_.see_key(scope, dice() % 2 ? one.id.str() : one.name);
      ASSERT_TRUE(found);
      EXPECT_EQ(found->has_value(), expected.contains(one.id.str()));
    }
    for (const auto& [kind, list] :
         {std::pair(SubjectKind::org, &orgs), {SubjectKind::team, &teams}, {SubjectKind::user, &users}}) {
      expected.clear();
      for (const Subject& one : *list)
        if (sees(one)) expected.insert(one.id);
      told = subjects_in(store_, {.scope = scope, .kind = kind, .org = {}}, 2);
      EXPECT_EQ(std::set(told.begin(), told.end()), expected) << name(scope.kind) << ' ' << name(kind);
      EXPECT_EQ(told.size(), expected.size());
      for (const Subject& one : *list) {
        const auto found = store_.see_subject(scope, kind, dice() % 2 ? one.id : one.name);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->has_value(), expected.contains(one.id));
      }
    }
    expected.clear();
    for (const LimitLine& one : limits)
      if (sees_limit(one)) expected.insert(one.id);
    told = limits_in(store_, {.scope = scope, .id = {}, .of = {}, .subject = {}}, 5);
    EXPECT_EQ(std::set(told.begin(), told.end()), expected) << name(scope.kind);
    EXPECT_EQ(told.size(), expected.size());
  }
}

TEST_P(Pages, Tell_of_a_subject_how_many_keys_in_use_are_its_own) {
  const Subject acme = subject(SubjectKind::org, "acme");
  const Subject red = subject(SubjectKind::team, "red", "acme");
  const Subject eve = subject(SubjectKind::user, "eve", "acme");
  key("both", red.id, eve.id);
  key("of-red", red.id);
  key("of-eve", "", eve.id);
  key("of-nobody");
  key("gone", red.id, eve.id);
  ASSERT_TRUE(store_.revoke_key("gone", now_us + 100));
  const auto count = [&](SubjectKind kind) {
    const auto page = store_.page_of_subjects({.scope = {}, .kind = kind, .org = {}}, {});
    return page && page->items.size() == 1 ? page->items.front().keys : -1;
  };
  EXPECT_EQ(count(SubjectKind::team), 2);
  EXPECT_EQ(count(SubjectKind::user), 2);
  EXPECT_EQ(count(SubjectKind::org), 3) << "one that is both a team's and a user's is one";
}

TEST_P(Pages, Of_limits_say_what_was_spent_of_those_on_them) {
  const Subject red = subject(SubjectKind::team, "red", subject(SubjectKind::org, "acme").id);
  const VirtualKey app = key("app", red.id);
  std::vector<std::string> ids = {limit(LimitScope::everybody, "").id, limit(LimitScope::team, red.id).id,
                                  limit(LimitScope::key, app.id.str()).id};
  LedgerEntry entry;
  entry.key_id = app.id;
  entry.start_us = entry.end_us = now_us;
  entry.cost = Money::pico(30);
  LedgerEntry of_other = entry;
  of_other.key_id = key("other").id;
  write_ledger(directory_.path(), {entry, of_other});
  ASSERT_TRUE(store_.fold());
  const std::string of_org = limit(LimitScope::org, "acme").id;
  for (const auto& [id, pico] : {std::pair(ids[0], 60), {ids[1], 30}, {ids[2], 30}, {of_org, 30}}) {
    const auto page = store_.page_of_limits({.scope = {}, .id = id, .of = {}, .subject = {}}, {}, now_us);
    ASSERT_TRUE(page && page->items.size() == 1);
    EXPECT_EQ(page->items.front().standing.spent.pico(), pico) << name(page->items.front().line.scope);
  }
  EXPECT_EQ(limits_in(store_, {}, 1).size(), 4u);
  EXPECT_EQ(limits_in(store_, {.scope = {}, .id = {}, .of = LimitScope::team, .subject = "red"}, 1),
            (std::vector<std::string>{ids[1]}));
  EXPECT_EQ(limits_in(store_, {.scope = {}, .id = ids[2], .of = {}, .subject = {}}, 1),
            (std::vector<std::string>{ids[2]}));
  EXPECT_TRUE(limits_in(store_, {.scope = {}, .id = {}, .of = LimitScope::org, .subject = "red"}, 1).empty());
}

TEST_P(Pages, Of_administration_keys_are_of_grants_within_a_scope) {
  const Subject acme = subject(SubjectKind::org, "acme");
  const Subject red = subject(SubjectKind::team, "red", "acme");
  const Subject blue = subject(SubjectKind::team, "blue");
  const auto made = [&](const std::string& name, const Scope& scope) {
    EXPECT_TRUE(store_.create_admin_key({.name = name, .grant = {Role::viewer, scope}, .expires_at_us = {}}, now_us));
  };
  made("above", {});
  made("of-acme", {ScopeKind::org, acme.id});
  made("of-red", {ScopeKind::team, red.id});
  made("of-blue", {ScopeKind::team, blue.id});
  made("gone", {ScopeKind::team, red.id});
  ASSERT_TRUE(store_.revoke_admin_key("gone", now_us + 1));
  const auto names = [&](const Scope& scope, bool with_revoked) {
    std::vector<std::string> told = walk<AdminKey>(
        2,
        [&](const PageRange& range) {
          return store_.page_of_admin_keys({.scope = scope, .id = {}, .with_revoked = with_revoked}, range);
        },
        [](const AdminKey& one) { return one.name; });
    std::ranges::sort(told);
    return told;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names({}, false), (Names{"above", "of-acme", "of-blue", "of-red"}));
  EXPECT_EQ(names({ScopeKind::org, acme.id}, false), (Names{"of-acme", "of-red"}));
  EXPECT_EQ(names({ScopeKind::team, red.id}, true), (Names{"gone", "of-red"}));
}

TEST_P(Pages, A_name_is_of_the_key_in_use_before_one_that_was_revoked) {
  const VirtualKey old = key("app");
  ASSERT_TRUE(store_.revoke_key("app", now_us + 50));
  EXPECT_EQ((*store_.see_key({}, "app"))->key.id, old.id);
  made_ += 3;  // later
  const VirtualKey fresh = key("app");
  EXPECT_EQ((*store_.see_key({}, "app"))->key.id, fresh.id);
  EXPECT_EQ((*store_.see_key({}, old.id.str()))->key.id, old.id);
  EXPECT_EQ(store_.see_key({}, "nothing")->has_value(), false);
  EXPECT_EQ(store_.see_key({}, "")->has_value(), false);
}

}  // namespace
}  // namespace sluice::store
