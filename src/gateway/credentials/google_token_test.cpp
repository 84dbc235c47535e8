// Tokens from an issuer that answers with given bytes.
#include "gateway/credentials/google_token.h"

#include <gtest/gtest.h>

#include "async/scope.h"
#include "base/testing/rsa_key.h"
#include "json/json.h"

namespace sluice::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string decoded(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    bits = (bits << 6) | static_cast<std::uint32_t>(digits.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>((bits >> count) & 0xff));
  }
  return out;
}

std::string answer(std::string_view status, std::string_view body) {
  return "HTTP/1.1 " + std::string(status) +
         "\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

struct GoogleToken : ::testing::Test {
  net::Reactor reactor;
  net::Resolver resolver{reactor};
  net::Connector connector{reactor, resolver, nullptr};
  http::ConnectionPool connections{connector, {}};
  GoogleTokens tokens{reactor, connections};
  std::unique_ptr<net::Listener> listener =
      *net::Listener::listen(reactor, *net::numeric_address("127.0.0.1", 0), false);
  sluice::testing::RsaKey key;
  catalog::GoogleServiceAccount account = [this] {
    const std::string url = "http://" + listener->local_address().text() + "/token";
    return catalog::GoogleServiceAccount{.email = "robot@project.iam.gserviceaccount.com",
                                         .key_id = "k1",
                                         .private_key = Secret(key.pem()),
                                         .token_url = *parse_base_url(url),
                                         .token_uri = url};
  }();
  int fetches = 0;
  milliseconds patience{5'000};
  std::string request;
  async::Scope scope;

  // Answers every request so.
  static async::Task<> issue(GoogleToken* test, std::string bytes) {
    while (true) {
      auto socket = co_await test->listener->accept(async::Deadline::never());
      if (!socket) co_return;
      ++test->fetches;
      char buffer[8192];
      const auto got = co_await (*socket)->read(buffer, async::Deadline::never());
      test->request.assign(buffer, got ? *got : 0);
      co_await test->reactor.scheduler().sleep(test->reactor.within(milliseconds(20)));
      (void)co_await (*socket)->write(bytes, {}, async::Deadline::never());
    }
  }
  static async::Task<> ask(GoogleToken* test, std::vector<std::string>* out) {
    const auto token = co_await test->tokens.get(test->account, test->reactor.within(seconds(5)));
    out->push_back(token ? *token : "error: " + token.error().message);
  }
  // What is said when the issuer answers so; without an argument, as it answers already.
  Error failure(std::optional<std::string> bytes = std::nullopt) {
    async::Scope issuing;
    if (bytes) issuing.spawn(issue, this, *std::move(bytes));
    std::optional<Result<std::string>> token;
    const auto ask_for = [](GoogleToken* test, std::optional<Result<std::string>>* out) -> async::Task<> {
      *out = co_await test->tokens.get(test->account, test->reactor.within(test->patience));
    };
    scope.spawn(ask_for, this, &token);
    const auto give_up = async::Clock::now() + seconds(30);
    while (!token && async::Clock::now() < give_up) reactor.run_once();
    EXPECT_TRUE(token && !*token);
    return token && !*token ? token->error() : Error{};
  }
  // So many at the same time.
  std::vector<std::string> get(std::size_t count) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < count; ++i) scope.spawn(ask, this, &out);
    const auto give_up = async::Clock::now() + seconds(30);
    while (out.size() < count && async::Clock::now() < give_up) reactor.run_once();
    return out;
  }
};

TEST_F(GoogleToken, Is_fetched_once_for_all_who_wait_and_all_who_come_later) {
  scope.spawn(issue, this, answer("200 OK", R"({"access_token":"ya29.t","expires_in":3599,"token_type":"Bearer"})"));
  EXPECT_EQ(get(3), std::vector<std::string>(3, "ya29.t"));
  EXPECT_EQ(get(2), std::vector<std::string>(2, "ya29.t"));
  EXPECT_EQ(fetches, 1);
  EXPECT_TRUE(request.starts_with("POST /token HTTP/1.1\r\n"));
  EXPECT_TRUE(request.contains("\r\n\r\ngrant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="));
}

TEST_F(GoogleToken, A_refusal_is_told_to_all_who_wait_and_tried_once) {
  scope.spawn(issue, this,
              answer("400 Bad Request", R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})"));
  EXPECT_EQ(get(3), std::vector<std::string>(3,
                                             "error: no access token can be had for the provider: its issuer answered "
                                             "with status 400, Invalid JWT Signature."));
  EXPECT_EQ(get(1).size(), 1u);
  EXPECT_EQ(fetches, 1) << "who comes later is told the same without asking again";
}

TEST_F(GoogleToken, A_refusal_is_not_tried_again_and_tells_the_operator_what_to_do) {
  const std::pair<const char*, const char*> refusals[] = {{R"({"error":"invalid_grant"})", "google_key_file"},
                                                          {R"({"error":"unauthorized_client"})", "is enabled"},
                                                          {"<html>no</html>", "token_uri"}};
  for (const char* status : {"400 Bad Request", "401 Unauthorized", "403 Forbidden", "200 OK"})
    for (const auto& [body, todo] : refusals) {
      account.key_id += "x";  // another key: what is known of the last one does not count
      const Error error = failure(answer(status, body));
      EXPECT_EQ(error.retry, Retry::elsewhere) << status;
      EXPECT_TRUE(error.hint.contains(todo)) << status << ": " << error.hint;
    }
}

TEST_F(GoogleToken, An_issuer_that_is_not_well_may_be_asked_again_at_once) {
  for (const char* status : {"500 Oops", "503 Service Unavailable", "429 Too Many Requests", "408 Request Timeout"}) {
    const Error error = failure(answer(status, R"({"error":"internal_failure"})"));
    EXPECT_EQ(error.retry, Retry::anywhere) << status;
    EXPECT_FALSE(error.hint.empty());
  }
  EXPECT_EQ(fetches, 4);
  EXPECT_EQ(failure("").retry, Retry::anywhere) << "it closes without a word";
  scope.spawn(issue, this, answer("200 OK", R"({"access_token":"ya29.t","expires_in":3599})"));
  EXPECT_EQ(get(1), std::vector<std::string>(1, "ya29.t"));
}

TEST_F(GoogleToken, That_does_not_come_in_time_is_a_timeout) {
  scope.spawn(issue, this, "never");  // no HTTP, and the connection stays open
  patience = milliseconds(100);
  const Error error = failure();
  EXPECT_EQ(error.retry, Retry::anywhere);
  EXPECT_NE(error.message.find("no access token"), std::string::npos) << error.message;
}

TEST_F(GoogleToken, An_issuer_that_nobody_reaches_may_be_reached_the_next_time) {
  const auto nobody = parse_base_url("http://" + listener->local_address().text() + "/token");
  listener.reset();
  account.token_url = *nobody;
  const Error error = failure();
  EXPECT_EQ(error.kind, ErrorKind::provider_unreachable);
  EXPECT_EQ(error.retry, Retry::anywhere);
}

TEST_F(GoogleToken, A_key_that_cannot_sign_asks_nobody) {
  account.private_key = Secret("hush");
  const auto said = get(1);
  EXPECT_TRUE(said[0].contains("no RSA key")) << said[0];
  EXPECT_FALSE(said[0].contains("hush"));
}

TEST_F(GoogleToken, The_statement_says_who_asks_for_what_and_is_signed) {
  const auto text = service_account_assertion(account, 1'700'000'000);
  ASSERT_TRUE(text);
  const std::size_t first = text->find('.');
  const std::size_t second = text->find('.', first + 1);
  EXPECT_EQ(decoded(text->substr(0, first)), R"({"alg":"RS256","typ":"JWT","kid":"k1"})");
  const auto claims = json::Document::parse(decoded(text->substr(first + 1, second - first - 1)));
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->root()["iss"].string(), account.email);
  EXPECT_EQ(claims->root()["aud"].string(), account.token_uri);
  EXPECT_EQ(claims->root()["exp"].integer(), 1'700'003'600);
  EXPECT_TRUE(key.has_signed(text->substr(0, second), decoded(text->substr(second + 1))));
}

}  // namespace
}  // namespace sluice::gateway
