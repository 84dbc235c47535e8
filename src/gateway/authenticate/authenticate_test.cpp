#include "gateway/authenticate/authenticate.h"

#include <gtest/gtest.h>

#include "async/scope.h"
#include "store/testing_directory.h"

namespace sluice::gateway {
namespace {

constexpr std::int64_t now_us = 1'795'418'415'000'000;
const std::string good = "sk-sluice-" + std::string(48, 'g');
const std::string other = "sk-sluice-" + std::string(48, 'o');
const std::string revoked = "sk-sluice-" + std::string(48, 'r');
const std::string expiring = "sk-sluice-" + std::string(48, 'e');

store::KeyTable table() {
  const auto principal = [](const std::string& secret, const char* name, auto revoked_at, auto expires_at) {
    store::VirtualKey key;
    key.id = KeyId(std::string("key_") + name);
    key.name = name;
    key.revoked_at_us = revoked_at;
    key.expires_at_us = expires_at;
    key.digest = crypto::sha256(secret);
    return store::Principal(std::make_shared<const store::VirtualKey>(key), std::make_shared<store::KeyState>());
  };
  return store::KeyTable(
      {principal(good, "good", std::nullopt, std::nullopt), principal(other, "other", std::nullopt, std::nullopt),
       principal(revoked, "revoked", now_us - 1, std::nullopt), principal(expiring, "expiring", std::nullopt, now_us)});
}

std::string code_of(const http::Headers& headers, std::int64_t at_us = now_us, const std::string& target = "/") {
  std::string text = "GET " + target + " HTTP/1.1\r\nhost: a\r\n";
  for (const http::Field& field : headers) http::append_field(text, field.name, field.value);
  text += "\r\n";
  http::RequestHead head;
  if (http::parse_request_head(text, {}, head).state != http::HeadOutcome::State::complete) return "no HTTP";
  const auto principal = authenticate(head, table(), at_us);
  if (principal) return "let in: " + principal->name();
  EXPECT_EQ(principal.error().kind, ErrorKind::unauthenticated);
  EXPECT_FALSE(principal.error().hint.empty());
  for (const std::string& secret : {good, other, revoked, expiring}) {
    EXPECT_EQ(principal.error().message.find(secret.substr(10)), std::string::npos);
    EXPECT_EQ(principal.error().hint.find(secret.substr(10)), std::string::npos);
  }
  return principal.error().code;
}

TEST(Authenticate, Finds_the_key_in_each_header_that_clients_use) {
  for (const char* name : {"x-api-key", "X-Api-Key", "api-key", "x-goog-api-key"})
    EXPECT_EQ(code_of({{name, good}}), "let in: good") << name;
  for (const char* scheme : {"Bearer ", "bearer ", "BEARER   "})
    EXPECT_EQ(code_of({{"Authorization", scheme + good}}), "let in: good") << scheme;
}

TEST(Authenticate, Takes_the_same_key_in_several_headers_but_not_two_keys) {
  EXPECT_EQ(code_of({{"authorization", "Bearer " + good}, {"x-api-key", good}}), "let in: good");
  EXPECT_EQ(code_of({{"authorization", "Bearer " + good}, {"x-api-key", other}}), "conflicting_api_keys");
  EXPECT_EQ(code_of({{"x-api-key", good}, {"x-api-key", other}}), "conflicting_api_keys");
  EXPECT_EQ(code_of({{"authorization", "Bearer " + good}, {"x-api-key", "dummy"}}), "conflicting_api_keys");
}

TEST(Authenticate, Finds_the_key_in_the_query_too) {
  const auto with = [](const std::string& query, const http::Headers& headers = {}) {
    return code_of(headers, now_us, "/v1beta/models?" + query);
  };
  EXPECT_EQ(with("key=" + good), "let in: good");
  EXPECT_EQ(with("alt=sse&key=" + good + "&x=1"), "let in: good");
  EXPECT_EQ(with("key=" + good, {{"x-goog-api-key", good}}), "let in: good");
  EXPECT_EQ(with("key=" + good, {{"x-goog-api-key", other}}), "conflicting_api_keys");
  EXPECT_EQ(with("key=" + good + "&key=" + other), "conflicting_api_keys");
  EXPECT_EQ(with("key="), "missing_api_key");
  EXPECT_EQ(with("monkey=" + good), "missing_api_key");
}

TEST(Authenticate, Takes_an_empty_value_for_no_key) {
  EXPECT_EQ(code_of({{"x-api-key", " "}, {"authorization", "Bearer " + good}}), "let in: good");
  EXPECT_EQ(code_of({}), "missing_api_key");
  EXPECT_EQ(code_of({{"authorization", "Bearer "}}), "missing_api_key");
  EXPECT_EQ(code_of({{"authorization", "Basic dXNlcjpwYXNz"}}), "missing_api_key");
  EXPECT_EQ(code_of({{"authorization", good}}), "missing_api_key");
}

TEST(Authenticate, Tells_unknown_revoked_and_expired_apart) {
  EXPECT_EQ(code_of({{"x-api-key", "sk-proj-somebody-else"}}), "invalid_api_key");
  EXPECT_EQ(code_of({{"x-api-key", "sk-sluice-unknown"}}), "invalid_api_key");
  EXPECT_EQ(code_of({{"x-api-key", "sk-sluice-" + std::string(10'000, 'x')}}), "invalid_api_key");
  EXPECT_EQ(code_of({{"x-api-key", revoked}}), "revoked_api_key");
  EXPECT_EQ(code_of({{"x-api-key", expiring}}), "expired_api_key");
  EXPECT_EQ(code_of({{"x-api-key", expiring}}, now_us - 1), "let in: expiring");
}

TEST(Authenticate, Does_not_take_a_key_with_anything_missing_or_added) {
  EXPECT_EQ(code_of({{"x-api-key", good.substr(0, good.size() - 1)}}), "invalid_api_key");
  EXPECT_EQ(code_of({{"x-api-key", good + "g"}}), "invalid_api_key");
  EXPECT_EQ(code_of({{"x-api-key", good + "' OR 1=1 --"}}), "invalid_api_key");
}

TEST(Authenticate, Gives_a_principal_that_outlives_its_table) {
  auto keys = std::make_unique<store::KeyTable>(table());
  http::RequestHead head;
  const std::string text = "GET / HTTP/1.1\r\nhost: a\r\nx-api-key: " + good + "\r\n\r\n";
  ASSERT_EQ(http::parse_request_head(text, {}, head).state, http::HeadOutcome::State::complete);
  const auto principal = authenticate(head, *keys, now_us);
  ASSERT_TRUE(principal);
  keys.reset();
  EXPECT_EQ(principal->id(), KeyId("key_good"));
}

// A store that looks for keys only when it is asked, and a reactor on which requests come.
struct Live : testing::Test {
  store::TestingDirectory directory;
  std::unique_ptr<store::LiveStore> live =
      *store::LiveStore::start(directory.path(), {.key_poll_ms = std::chrono::hours(1)});
  net::Reactor reactor;
  async::Cancel client_gone;

  std::string ask(const std::string& key) {
    const std::string text = "GET / HTTP/1.1\r\nhost: a\r\nx-api-key: " + key + "\r\n\r\n";
    http::RequestHead head;
    http::parse_request_head(text, {}, head);
    std::optional<Result<store::Principal>> answer;
    async::Scope scope;
    scope.spawn([this](http::RequestHead* h, auto* a) { return ask_for(h, a); }, &head, &answer);
    while (!answer) reactor.run_once();
    return *answer ? "let in: " + (*answer)->name() : answer->error().code;
  }
  async::Task<> ask_for(http::RequestHead* head, std::optional<Result<store::Principal>>* answer) {
    answer->emplace(co_await authenticate(*head, *live, reactor, client_gone, now_us));
  }
};

TEST_F(Live, Knows_a_key_that_another_process_has_just_made) {
  auto cli = store::Store::open(directory.path());
  for (const char* name : {"first", "second"}) {
    const auto created = cli->create_key({.name = name}, now_us);
    ASSERT_TRUE(created);
    EXPECT_EQ(ask(created->secret.reveal()), std::string("let in: ") + name);
  }
  EXPECT_EQ(ask(good), "invalid_api_key");
}

}  // namespace
}  // namespace sluice::gateway
