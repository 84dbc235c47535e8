#include "admin/administration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "admin/routes.h"
#include "config/load.h"
#include "json/json.h"
#include "store/ledger_entry.h"
#include "store/testing_directory.h"
#include "store/testing_ledger.h"

namespace sluice::admin {
namespace {

using store::Role;
using store::ScopeKind;
using store::SubjectKind;

constexpr std::int64_t now_us = 1'795'418'415'000'000;  // 2026-11-23 07:20:15 UTC

std::shared_ptr<const config::Snapshot> empty_snapshot() {
  config::Loaded loaded = config::load({});
  if (!loaded.snapshot) throw std::runtime_error(loaded.diagnostics.render());
  return loaded.snapshot;
}

class Api : public ::testing::Test {
 protected:
  store::Store open() {
    auto opened = store::Store::open(directory_.path());
    if (!opened) throw std::runtime_error(opened.error().message);
    return *std::move(opened);
  }

  Answer ask(const std::string& key, std::string method, std::string target, std::string body = {},
             http::Headers headers = {}) {
    Request request{.method = std::move(method),
                    .path = target,
                    .query = {},
                    .headers = std::move(headers),
                    .body = std::move(body)};
    if (const std::size_t mark = target.find('?'); mark != std::string::npos) {
      request.path = target.substr(0, mark);
      request.query = target.substr(mark + 1);
    }
    if (!request.header("host")) request.headers.add("host", "127.0.0.1:8080");
    if (!key.empty()) request.headers.add("authorization", "Bearer " + key);
    return api_.answer(request);
  }

  std::string admin_key(Role role, store::Scope scope = {}) {
    const auto made =
        store_.create_admin_key({.name = "", .grant = {role, std::move(scope)}, .expires_at_us = {}}, now_us);
    if (!made) throw std::runtime_error(made.error().message);
    return made->secret.reveal();
  }

  static std::string member(const Answer& answer, std::string_view name) {
    const auto document = json::Document::parse(answer.body);
    if (!document) throw std::runtime_error(answer.body);
    return std::string(document->root()[name].string().value_or(""));
  }
  static std::size_t count(const Answer& answer) {
    const auto document = json::Document::parse(answer.body);
    if (!document) throw std::runtime_error(answer.body);
    return document->root()["data"].size();
  }

  store::TestingDirectory directory_;
  store::Store store_ = open();
  std::shared_ptr<const config::Snapshot> snapshot_ = empty_snapshot();
  std::vector<Told> told_;
  Administration api_{open(),
                      {.snapshot = [this] { return snapshot_; },
                       .readiness_problem = [] { return std::string(); },
                       .targets = [] { return std::vector<TargetHealth>(); },
                       .keys_changed = [] { return Result<void>(); }},
                      {.hosts = {"gateway.example"},
                       .now_us = [] { return now_us; },
                       .tell = [this](const Told& told) { told_.push_back(told); }}};
};

// Ours and LiteLLM's.
std::vector<Route> all_routes() {
  std::vector<Route> all(routes().begin(), routes().end());
  all.insert(all.end(), litellm_routes().begin(), litellm_routes().end());
  return all;
}

// A path that fits the route's pattern.
std::string path_of(const Route& route) {
  std::string path = route.path;
  if (const std::size_t hole = path.find("{id}"); hole != std::string::npos) path.replace(hole, 4, "none");
  return path;
}

TEST_F(Api, Every_route_is_closed_without_a_credential_and_to_a_virtual_key) {
  const auto virtual_key = store_.create_key({.name = "app"}, now_us);
  ASSERT_TRUE(virtual_key);
  for (const Route& route : all_routes()) {
    EXPECT_TRUE(Administration::takes(route.path)) << route.path;
    EXPECT_EQ(ask("", route.method, path_of(route)).status, 401) << route.method << ' ' << route.path;
    EXPECT_EQ(ask(virtual_key->secret.reveal(), route.method, path_of(route)).status, 401)
        << route.method << ' ' << route.path;
  }
  EXPECT_EQ(ask("", "GET", "/admin/v1/nothing").status, 401) << "what is there is told to nobody";
}

TEST_F(Api, Each_role_may_what_the_table_says_and_nothing_else) {
  for (const Role role : store::roles) {
    const std::string key = admin_key(role);
    for (const Route& route : all_routes()) {
      const Answer answer = ask(key, route.method, path_of(route));
      const bool refused =
          answer.status == 403 && answer.body.find("the role " + std::string(name(role))) != std::string::npos;
      EXPECT_NE(refused, allowed(role, route.resource, route.verb))
          << store::name(role) << ' ' << route.method << ' ' << route.path << ": " << answer.body;
    }
  }
}

TEST_F(Api, Every_pair_of_a_route_stands_in_the_table_of_roles) {
  for (const Route& route : all_routes()) EXPECT_TRUE(allowed(Role::owner, route.resource, route.verb)) << route.path;
}

TEST_F(Api, A_revoked_or_expired_administration_key_is_refused_and_the_answer_does_not_say_why) {
  const auto made = store_.create_admin_key({.name = "gone", .grant = {Role::owner, {}}, .expires_at_us = {}}, now_us);
  ASSERT_TRUE(made);
  EXPECT_EQ(ask(made->secret.reveal(), "GET", "/admin/v1/whoami").status, 200);
  ASSERT_TRUE(store_.revoke_admin_key("gone", now_us));
  const Answer revoked = ask(made->secret.reveal(), "GET", "/admin/v1/whoami");
  EXPECT_EQ(revoked.status, 401);
  EXPECT_EQ(revoked.body, ask("sk-admin-sluice-unknown", "GET", "/admin/v1/whoami").body);
}

TEST_F(Api, A_scope_is_an_organisation_and_what_is_in_it) {
  const auto acme = store_.create_subject(SubjectKind::org, "acme", "", now_us);
  const auto other = store_.create_subject(SubjectKind::org, "other", "", now_us);
  ASSERT_TRUE(acme && other);
  ASSERT_TRUE(store_.create_subject(SubjectKind::team, "red", "acme", now_us));
  ASSERT_TRUE(store_.create_subject(SubjectKind::team, "blue", "other", now_us));
  const auto blue_key = store_.create_key({.name = "blues", .team = "blue"}, now_us);
  ASSERT_TRUE(blue_key);
  const std::string key = admin_key(Role::admin, {ScopeKind::org, acme->id});
  EXPECT_EQ(count(ask(key, "GET", "/admin/v1/organisations")), 1u);
  EXPECT_EQ(count(ask(key, "GET", "/admin/v1/teams")), 1u);
  EXPECT_EQ(count(ask(key, "GET", "/admin/v1/keys")), 0u);
  EXPECT_EQ(ask(key, "GET", "/admin/v1/keys/" + blue_key->key.id.str()).status, 404) << "another's is not there";
  EXPECT_EQ(ask(key, "DELETE", "/admin/v1/keys/" + blue_key->key.id.str()).status, 404);
  EXPECT_EQ(ask(key, "POST", "/admin/v1/keys/blues/rotate").status, 404);
  EXPECT_EQ(ask(key, "POST", "/admin/v1/keys", R"({"name":"a"})").status, 400) << "it would be of no team";
  EXPECT_EQ(ask(key, "POST", "/admin/v1/keys", R"({"name":"a","team":"blue"})").status, 400);
  EXPECT_EQ(ask(key, "POST", "/admin/v1/keys", R"({"name":"a","team":"red"})").status, 201);
  EXPECT_EQ(ask(key, "POST", "/admin/v1/keys", R"({"name":"b","team":"red","tenant":"shared"})").status, 400);
  EXPECT_EQ(ask(key, "POST", "/admin/v1/organisations", R"({"name":"mine"})").status, 403);
  const Answer team = ask(key, "POST", "/admin/v1/teams", R"({"name":"green"})");
  EXPECT_EQ(member(team, "organisation"), acme->id) << team.body;
  EXPECT_EQ(ask(key, "POST", "/admin/v1/teams", R"({"name":"x","organisation":"other"})").status, 400);
  EXPECT_EQ(ask(key, "GET", "/admin/v1/acts").status, 403);
}

TEST_F(Api, Nobody_raises_the_limits_of_their_own_scope) {
  const auto acme = store_.create_subject(SubjectKind::org, "acme", "", now_us);
  const auto red = store_.create_subject(SubjectKind::team, "red", "acme", now_us);
  ASSERT_TRUE(acme && red);
  ASSERT_TRUE(store_.create_key({.name = "app", .team = "red"}, now_us));
  const auto of_org = store_.set_limit({.scope = store::LimitScope::org, .subject = "acme", .amount = 1}, now_us);
  ASSERT_TRUE(of_org);
  const std::string of_acme = admin_key(Role::admin, {ScopeKind::org, acme->id});
  const std::string of_red = admin_key(Role::admin, {ScopeKind::team, red->id});
  EXPECT_EQ(ask(of_acme, "POST", "/admin/v1/limits", R"({"scope":"org","subject":"acme","usd":"99"})").status, 403);
  EXPECT_EQ(ask(of_acme, "DELETE", "/admin/v1/limits/" + of_org->id).status, 403);
  EXPECT_EQ(ask(of_acme, "POST", "/admin/v1/limits", R"({"scope":"everybody","usd":"99"})").status, 403);
  EXPECT_EQ(ask(of_acme, "POST", "/admin/v1/limits", R"({"scope":"tag","subject":"x","usd":"99"})").status, 403);
  EXPECT_EQ(ask(of_acme, "POST", "/admin/v1/limits", R"({"scope":"team","subject":"red","usd":"9"})").status, 200);
  EXPECT_EQ(ask(of_red, "POST", "/admin/v1/limits", R"({"scope":"team","subject":"red","usd":"99"})").status, 403);
  EXPECT_EQ(ask(of_red, "POST", "/admin/v1/limits", R"({"scope":"key","subject":"app","rpm":5})").status, 200);
  EXPECT_EQ(ask(of_red, "DELETE", "/admin/v1/teams/red").status, 403);
}

TEST_F(Api, An_owner_of_an_organisation_gives_no_right_beyond_it) {
  const auto acme = store_.create_subject(SubjectKind::org, "acme", "", now_us);
  ASSERT_TRUE(acme);
  ASSERT_TRUE(store_.create_subject(SubjectKind::team, "red", "acme", now_us));
  ASSERT_TRUE(store_.create_subject(SubjectKind::team, "blue", "", now_us));
  const std::string above = admin_key(Role::owner);
  const std::string key = admin_key(Role::owner, {ScopeKind::org, acme->id});
  EXPECT_EQ(ask(key, "POST", "/admin/v1/administrators", R"({"role":"viewer"})").status, 403);
  EXPECT_EQ(ask(key, "POST", "/admin/v1/administrators", R"({"role":"viewer","team":"blue"})").status, 400);
  EXPECT_EQ(ask(key, "POST", "/admin/v1/administrators", R"({"role":"owner","team":"red"})").status, 201);
  EXPECT_EQ(count(ask(key, "GET", "/admin/v1/administrators")), 2u) << "itself, and the team's";
  const std::string above_id = member(ask(above, "GET", "/admin/v1/whoami"), "id");
  EXPECT_EQ(ask(key, "DELETE", "/admin/v1/administrators/" + above_id).status, 404);
}

TEST_F(Api, A_request_that_comes_again_does_nothing_again_and_shows_no_secret_again) {
  const std::string key = admin_key(Role::owner);
  const http::Headers once{{"idempotency-key", "k1"}};
  const Answer first = ask(key, "POST", "/admin/v1/keys", R"({"name":"app"})", once);
  EXPECT_EQ(first.status, 201);
  EXPECT_FALSE(member(first, "key").empty());
  const Answer again = ask(key, "POST", "/admin/v1/keys", R"({"name":"app"})", once);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.headers.get("idempotency-replayed"), "true");
  EXPECT_EQ(member(again, "id"), member(first, "id"));
  EXPECT_TRUE(member(again, "key").empty()) << again.body;
  EXPECT_EQ(store_.list_keys()->size(), 1u);
  EXPECT_EQ(ask(key, "POST", "/admin/v1/keys", R"({"name":"b"})", once).status, 409);
  const http::Headers failing{{"idempotency-key", "k2"}};
  EXPECT_EQ(ask(key, "POST", "/admin/v1/keys", R"({"name":"app"})", failing).status, 400) << "in use";
  EXPECT_EQ(ask(key, "POST", "/admin/v1/keys", R"({"name":"c"})", failing).status, 201) << "nothing was done before";
}

TEST_F(Api, A_page_elsewhere_and_a_foreign_name_are_refused_before_anybody_is_let_in) {
  const std::string key = admin_key(Role::owner);
  const auto status = [&](http::Headers headers) {
    return ask(key, "GET", "/admin/v1/whoami", "", std::move(headers)).status;
  };
  EXPECT_EQ(status({{"host", "localhost:8080"}}), 200);
  EXPECT_EQ(status({{"host", "[::1]:8080"}}), 200);
  EXPECT_EQ(status({{"host", "gateway.example"}}), 200);
  EXPECT_EQ(status({{"host", "evil.example"}}), 403);
  EXPECT_EQ(status({{"host", "127.0.0.1.evil.example"}}), 403);
  EXPECT_EQ(status({{"host", "localhost:8080"}, {"origin", "http://localhost:8080"}}), 200);
  EXPECT_EQ(status({{"host", "localhost:8080"}, {"origin", "http://localhost:9090"}}), 403);
  EXPECT_EQ(status({{"host", "localhost:8080"}, {"origin", "null"}}), 403);
}

TEST_F(Api, An_error_names_the_field_and_says_what_to_do) {
  const std::string key = admin_key(Role::owner);
  const auto field = [&](const char* body) {
    const Answer answer = ask(key, "POST", "/admin/v1/keys", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(answer.headers.get("content-type"), "application/problem+json");
    EXPECT_FALSE(member(answer, "hint").empty()) << answer.body;
    return member(answer, "field");
  };
  EXPECT_EQ(field(R"({"nam":"x"})"), "nam");
  EXPECT_EQ(field(R"({"rpm":"many"})"), "rpm");
  EXPECT_EQ(field(R"({"budget_usd":12})"), "budget_usd");
  EXPECT_EQ(field(R"({"data_class":"secret"})"), "data_class");
  EXPECT_EQ(field(R"({"expires_at":"2026-13-01"})"), "expires_at");
  EXPECT_EQ(field(R"({"name":"a","name":"b"})"), "name");
  EXPECT_EQ(ask(key, "GET", "/admin/v1/keys?limit=0").status, 400);
  EXPECT_EQ(ask(key, "GET", "/admin/v1/keys?limit=5&limit=6").status, 400);
  EXPECT_EQ(ask(key, "GET", "/admin/v1/keys?cursor=x").status, 400);
  EXPECT_EQ(ask(key, "PUT", "/admin/v1/keys").status, 405);
  EXPECT_EQ(ask(key, "GET", "/admin/v1/nothing").status, 404);
}

TEST_F(Api, Pages_have_each_key_once_also_when_one_is_made_meanwhile) {
  const std::string key = admin_key(Role::owner);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store_.create_key({.name = "k" + std::to_string(i)}, now_us + i / 2));
  std::vector<std::string> seen;
  std::string cursor;
  do {
    const Answer page = ask(key, "GET", "/admin/v1/keys?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor));
    ASSERT_EQ(page.status, 200) << page.body;
    const auto document = json::Document::parse(page.body);
    for (const json::Value& one : document->root()["data"].elements()) seen.emplace_back(*one["name"].string());
    cursor = member(page, "next");
    if (seen.size() == 2) {
      ASSERT_TRUE(store_.create_key({.name = "late"}, now_us + 100));
    }
  } while (!cursor.empty());
  EXPECT_EQ(seen.size(), 6u);
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::unique(seen).begin(), seen.end());
}

TEST_F(Api, Every_list_comes_in_pages_of_what_the_role_sees) {
  const auto acme = store_.create_subject(SubjectKind::org, "acme", "", now_us);
  ASSERT_TRUE(acme && store_.create_subject(SubjectKind::org, "other", "", now_us));
  for (const std::string& org : {std::string("acme"), std::string("other")})
    for (int i = 0; i < 5; ++i) {
      const std::string name = org + std::to_string(i);
      ASSERT_TRUE(store_.create_subject(SubjectKind::team, "team-" + name, org, now_us + i / 2));
      ASSERT_TRUE(store_.create_subject(SubjectKind::user, "user-" + name, org, now_us + i / 2));
      const auto key = store_.create_key({.name = "key-" + name, .team = "team-" + name}, now_us + i / 2);
      ASSERT_TRUE(key);
      ASSERT_TRUE(store_.set_limit({.scope = store::LimitScope::key, .subject = "key-" + name, .amount = 1}, now_us));
      ASSERT_TRUE(store_.create_admin_key(
          {.name = "admin-" + name, .grant = {Role::viewer, {ScopeKind::org, acme->id}}, .expires_at_us = {}}, now_us));
    }
  const std::string of_acme = admin_key(Role::owner, {ScopeKind::org, acme->id});
  const std::string of_all = admin_key(Role::owner);
  const auto walk = [&](const std::string& key, const std::string& list) {
    std::vector<std::string> ids;
    std::string cursor;
    do {
      const Answer page =
          ask(key, "GET", "/admin/v1/" + list + "?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor));
      EXPECT_EQ(page.status, 200) << page.body;
      const auto document = json::Document::parse(page.body);
      EXPECT_LE(document->root()["data"].size(), 2u);
      for (const json::Value& one : document->root()["data"].elements()) ids.emplace_back(*one["id"].string());
      cursor = member(page, "next");
    } while (!cursor.empty());
    std::ranges::sort(ids);
    EXPECT_EQ(std::ranges::unique(ids).begin(), ids.end()) << list;
    return ids.size();
  };
  for (const auto& [list, mine, all] : {std::tuple{"organisations", 1u, 2u},
                                        {"teams", 5u, 10u},
                                        {"users", 5u, 10u},
                                        {"keys", 5u, 10u},
                                        {"limits", 5u, 10u},
                                        {"administrators", 11u, 12u}}) {
    EXPECT_EQ(walk(of_acme, list), mine) << list;
    EXPECT_EQ(walk(of_all, list), all) << list;
  }
}

TEST_F(Api, Lists_for_LiteLLMs_tools_have_its_pages_or_say_what_they_leave_out) {
  const auto red = store_.create_subject(SubjectKind::team, "red", "", now_us);
  ASSERT_TRUE(red);
  for (int i = 0; i < 7; ++i)
    ASSERT_TRUE(store_.create_key({.name = "k" + std::to_string(i), .team = i < 5 ? "red" : ""}, now_us + i));
  const std::string key = admin_key(Role::owner);
  const auto page = [&](const std::string& query) {
    const Answer answer = ask(key, "GET", "/key/list?return_full_object=true&size=2" + query);
    EXPECT_EQ(answer.status, 200) << answer.body;
    const auto document = json::Document::parse(answer.body);
    std::string told = std::to_string(document->root()["total_count"].integer().value_or(-1)) + "/" +
                       std::to_string(document->root()["total_pages"].integer().value_or(-1)) + ":";
    for (const json::Value& one : document->root()["keys"].elements())
      told += " " + std::string(*one["key_alias"].string());
    return told;
  };
  EXPECT_EQ(page(""), "7/4: k0 k1");
  EXPECT_EQ(page("&page=4"), "7/4: k6");
  EXPECT_EQ(page("&page=9223372036854775807"), "7/4:");
  EXPECT_EQ(page("&page=3&team_id=red"), "5/3: k4");
  EXPECT_EQ(page("&key_alias=k5"), "1/1: k5");
  EXPECT_EQ(page("&key_alias=k5&team_id=" + red->id), "0/0:");

  for (int i = 0; i < 500; ++i)
    ASSERT_TRUE(store_.create_subject(SubjectKind::team, "t" + std::to_string(i), "", now_us + 1));
  const Answer teams = ask(key, "GET", "/team/list");
  ASSERT_EQ(teams.status, 200);
  EXPECT_EQ(json::Document::parse(teams.body)->root().size(), 500u);
  EXPECT_EQ(teams.headers.get("x-sluice-dropped-params"), "teams beyond the first 500");
}

TEST_F(Api, Every_request_is_told_with_who_asked_and_what_came_of_it) {
  const std::string key = admin_key(Role::viewer);
  (void)ask("", "GET", "/admin/v1/keys");
  (void)ask(key, "POST", "/admin/v1/keys", "{}");
  ASSERT_EQ(told_.size(), 2u);
  EXPECT_EQ(told_[0].status, 401);
  EXPECT_TRUE(told_[0].actor.empty());
  EXPECT_EQ(told_[1].status, 403);
  EXPECT_TRUE(told_[1].actor.starts_with("adm_"));
  EXPECT_EQ(told_[1].path, "/admin/v1/keys");
}

TEST_F(Api, What_LiteLLM_promises_and_nobody_keeps_is_refused_by_its_name_before_anything_is_made) {
  const std::string key = admin_key(Role::owner);
  const auto refused = [&](const char* path, const char* body, std::string_view field) {
    const Answer answer = ask(key, "POST", path, body);
    EXPECT_EQ(answer.status, 400) << answer.body;
    EXPECT_NE(answer.body.find(R"("param":")" + std::string(field) + '"'), std::string::npos) << answer.body;
  };
  refused("/key/generate", R"({"key_alias":"a","models":["gpt-4"]})", "models");
  refused("/key/generate", R"({"key_alias":"a","max_budget":-1})", "max_budget");
  refused("/key/generate", R"({"key_alias":"a","max_budget":1,"budget_duration":"fortnight"})", "budget_duration");
  refused("/key/generate", R"({"key_alias":"a","duration":"soon"})", "duration");
  refused("/team/new", R"({"team_alias":"t","max_budget":1,"models":["gpt-4"]})", "models");
  EXPECT_TRUE(store_.list_keys()->empty());
  EXPECT_TRUE(store_.list_subjects(SubjectKind::team)->empty());
  const Answer made = ask(key, "POST", "/key/generate",
                          R"({"key_alias":"a","models":[],"metadata":{"x":1},"max_budget":2.5,"duration":"1h"})");
  EXPECT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(made.headers.get("x-sluice-dropped-params"), "metadata");
  const store::VirtualKey virtual_key = store_.list_keys()->front().key;
  EXPECT_EQ(virtual_key.budget, Money::parse_usd("2.5"));
  EXPECT_EQ(virtual_key.expires_at_us, now_us + 3'600'000'000);
  EXPECT_EQ(ask(key, "POST", "/model/new", "{}").status, 501);
}

TEST_F(Api, A_scope_counts_for_LiteLLMs_endpoints_too) {
  const auto red = store_.create_subject(SubjectKind::team, "red", "", now_us);
  ASSERT_TRUE(red && store_.create_subject(SubjectKind::team, "blue", "", now_us));
  const auto blue_key = store_.create_key({.name = "blues", .team = "blue"}, now_us);
  ASSERT_TRUE(blue_key);
  const std::string key = admin_key(Role::admin, {ScopeKind::team, red->id});
  EXPECT_EQ(ask(key, "GET", "/key/info?key=blues").status, 404);
  EXPECT_EQ(ask(key, "GET", "/key/info?key=" + blue_key->secret.reveal()).status, 404);
  EXPECT_EQ(ask(key, "POST", "/key/delete", R"({"key_aliases":["blues"]})").status, 404);
  EXPECT_EQ(ask(key, "POST", "/team/update", R"({"team_id":"red","max_budget":99})").status, 403);
  EXPECT_EQ(ask(key, "POST", "/key/generate", R"({"team_id":"blue"})").status, 400);
}

TEST_F(Api, A_null_takes_a_keys_limit_away_and_nothing_else) {
  const auto made = store_.create_key(
      {.name = "app", .expires_at_us = now_us + 1, .budget = Money::pico(5), .rpm = 10, .tpm = 20}, now_us);
  ASSERT_TRUE(made) << made.error().message;
  const std::string owner = admin_key(Role::owner);
  const Answer changed = ask(owner, "PATCH", "/admin/v1/keys/app", R"({"rpm":null,"expires_at":null,"tpm":30})");
  ASSERT_EQ(changed.status, 200) << changed.body;
  store::VirtualKey key = store_.list_keys()->front().key;
  EXPECT_EQ(key.rpm, std::nullopt);
  EXPECT_EQ(key.expires_at_us, std::nullopt);
  EXPECT_EQ(key.tpm, 30);
  EXPECT_EQ(key.budget, Money::pico(5));
  ASSERT_EQ(ask(owner, "PATCH", "/admin/v1/keys/app", R"({"budget_usd":null})").status, 200);
  EXPECT_EQ(store_.list_keys()->front().key.budget, std::nullopt);
}

TEST_F(Api, A_change_of_what_has_changed_since_does_nothing) {
  ASSERT_TRUE(store_.create_key({.name = "app", .rpm = 10}, now_us));
  const std::string owner = admin_key(Role::owner);
  const std::string seen(ask(owner, "GET", "/admin/v1/keys/app").headers.get("etag").value_or(""));
  ASSERT_FALSE(seen.empty());
  const Answer first = ask(owner, "PATCH", "/admin/v1/keys/app", R"({"rpm":11})", {{"if-match", seen}});
  ASSERT_EQ(first.status, 200) << first.body;
  const Answer late = ask(owner, "PATCH", "/admin/v1/keys/app", R"({"rpm":12})", {{"if-match", seen}});
  EXPECT_EQ(late.status, 412) << late.body;
  EXPECT_EQ(store_.list_keys()->front().key.rpm, 11);
  const std::string now(first.headers.get("etag").value_or(""));
  EXPECT_EQ(ask(owner, "GET", "/admin/v1/keys/app").headers.get("etag"), now);
  for (const std::string& tag : {now, std::string("*")})
    EXPECT_EQ(ask(owner, "PATCH", "/admin/v1/keys/app", R"({"tpm":5})", {{"if-match", tag}}).status, 200) << tag;
}

TEST_F(Api, Why_a_period_costs_more_is_told_within_what_the_role_sees) {
  ASSERT_TRUE(store_.create_subject(SubjectKind::team, "red", "", now_us));
  const auto red = store_.create_key({.name = "red-app", .team = "red"}, now_us);
  const auto other = store_.create_key({.name = "other"}, now_us);
  ASSERT_TRUE(red && other);
  constexpr std::int64_t day_us = 86'400'000'000;
  std::vector<store::LedgerEntry> calls;
  for (const auto& [key, days_ago, pico] :
       {std::tuple{red->key.id, 2, 1'000}, {red->key.id, 1, 3'000}, {other->key.id, 1, 50}}) {
    store::LedgerEntry& entry = calls.emplace_back();
    entry.key_id = key;
    entry.provider = ProviderId("acme");
    entry.model = ModelName("m");
    entry.start_us = entry.end_us = now_us - days_ago * day_us;
    entry.usage = {.input = pico / 10, .reported = true};
    entry.cost = Money::pico(pico);
  }
  store::write_ledger(directory_.path(), calls);
  ASSERT_TRUE(store_.fold());
  const std::string periods =
      "/admin/v1/usage/explain?before_since=2026-11-21&before_until=2026-11-22&since=2026-11-22&by=key";
  const Answer all = ask(admin_key(Role::owner), "GET", periods);
  ASSERT_EQ(all.status, 200) << all.body;
  const auto told = json::Document::parse(all.body);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->root()["total"]["difference_usd"].string(), "0.00000000205");
  EXPECT_EQ(told->root()["data"].size(), 2u);
  EXPECT_EQ(told->root()["data"].at(0)["name"].string(), "red-app");
  EXPECT_EQ(told->root()["data"].at(0)["before"]["requests"].integer(), 1);

  const store::Scope of_red{ScopeKind::team, store_.list_subjects(SubjectKind::team)->front().id};
  const Answer part = ask(admin_key(Role::viewer, of_red), "GET", periods);
  ASSERT_EQ(part.status, 200) << part.body;
  EXPECT_EQ(json::Document::parse(part.body)->root()["total"]["difference_usd"].string(), "0.000000002");
  for (const auto& [role, pico, rows] : {std::tuple{admin_key(Role::auditor), "0.00000000405", 3u},
                                         {admin_key(Role::auditor, of_red), "0.000000004", 2u}}) {
    const Answer sums = ask(role, "GET", "/admin/v1/usage");
    EXPECT_EQ(json::Document::parse(sums.body)->root()["total"]["cost_usd"].string(), pico) << sums.body;
    EXPECT_EQ(count(ask(role, "GET", "/admin/v1/ledger")), rows);
    EXPECT_EQ(count(ask(role, "GET", "/admin/v1/ledger?key=red-app")), 2u);
  }
  // A page at a time; the total is that of all.
  for (const auto& [path, total] :
       {std::pair(std::string("/admin/v1/usage?by=key"), "cost_usd"), {periods, "after_usd"}}) {
    const auto page_of = [&](const std::string& rest) {
      return *json::Document::parse(ask(admin_key(Role::owner), "GET", path + rest).body);
    };
    const auto whole = page_of("");
    const auto first = page_of("&limit=1");
    const auto second = page_of("&limit=1&cursor=1");
    EXPECT_EQ(whole.root()["data"].size(), 2u);
    EXPECT_EQ(first.root()["data"].size(), 1u) << path;
    EXPECT_EQ(first.root()["data"].at(0)["name"].string(), "red-app");
    EXPECT_EQ(first.root()["next"].string(), "1");
    EXPECT_EQ(second.root()["data"].at(0)["name"].string(), "other");
    EXPECT_FALSE(second.root()["next"].string());
    for (const auto* page : {&first, &second})
      EXPECT_EQ(page->root()["total"][total].string(), whole.root()["total"][total].string());
  }
  EXPECT_EQ(ask(admin_key(Role::auditor, of_red), "GET", "/admin/v1/ledger?key=other").status, 400);
  EXPECT_EQ(ask(admin_key(Role::owner), "GET",
                "/admin/v1/usage/explain?before_since=2026-11-22&before_until=2026-11-21&since=2026-11-22")
                .status,
            400);
}

// A way to sign in beside administration keys.
class Session : public SignIn {
 public:
  std::optional<Result<Actor>> who_asks(const Request& request, std::int64_t) override {
    const auto cookie = request.header("cookie");
    if (!cookie) return std::nullopt;
    if (*cookie != "session=good") return fail(ErrorKind::unauthenticated, "sign in again");
    return Actor{.doer = {.id = "https://issuer.example#alice", .name = "alice@example.com", .way = "oidc"},
                 .grant = {Role::owner, {}}};
  }
};

TEST_F(Api, Another_way_to_sign_in_is_asked_where_there_is_no_administration_key) {
  Session session;
  Administration api(open(),
                     {.snapshot = [this] { return snapshot_; },
                      .readiness_problem = [] { return std::string(); },
                      .targets = [] { return std::vector<TargetHealth>(); },
                      .keys_changed = [] { return Result<void>(); }},
                     {.hosts = {}, .now_us = [] { return now_us; }, .tell = [](const Told&) {}}, {&session});
  Request request{.method = "POST", .path = "/admin/v1/teams", .query = {}, .headers = {}, .body = R"({"name":"red"})"};
  EXPECT_EQ(api.answer(request).status, 401);
  request.headers.add("cookie", "session=bad");
  EXPECT_EQ(api.answer(request).status, 401);
  request.headers.set("cookie", "session=good");
  EXPECT_EQ(api.answer(request).status, 201);
  const auto acts = store_.admin_acts(std::nullopt, 1);
  ASSERT_TRUE(acts);
  EXPECT_NE(acts->front().json.find(R"("by":"https://issuer.example#alice","by_name":"alice@example.com")"),
            std::string::npos)
      << acts->front().json;
}

}  // namespace
}  // namespace sluice::admin
