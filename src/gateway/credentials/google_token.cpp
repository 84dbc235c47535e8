#include "gateway/credentials/google_token.h"

#include <algorithm>
#include <chrono>

#include "base/crypto.h"
#include "base/percent.h"
#include "json/json.h"

namespace sluice::gateway {
namespace {

using std::chrono::seconds;

constexpr std::string_view scope = "https://www.googleapis.com/auth/cloud-platform";
constexpr std::int64_t assertion_seconds = 3'600;        // the most that Google takes
constexpr async::Duration before_expiry = seconds(300);  // a long request must not outlive its token's check
constexpr async::Duration least_use = seconds(1);        // of a token that lives shorter than that margin
constexpr async::Duration refusal_counts = seconds(30);  // somebody must mend it; a wrong clock may be set meanwhile
constexpr async::Duration fetch_limit = seconds(10);     // the issuer answers within one second
constexpr async::Duration look_again = std::chrono::milliseconds(20);  // whether the one who fetches is done
constexpr std::int64_t longest_seconds = 24 * 3'600;                   // nobody's token is good for longer
constexpr std::size_t longest_said_bytes = 300;                        // of the issuer's words

constexpr std::string_view no_token = "no access token can be had for the provider: ";

// The issuer was not reached, or is not well: the next try may succeed.
Error passing(ErrorKind kind, const std::string& what) {
  return {.kind = kind,
          .message = std::string(no_token) + what,
          .hint = "try again; if it stays, the operator must see whether this machine reaches the token's issuer",
          .retry = Retry::anywhere};
}

// The issuer, or the key itself, says no: only the operator can change that.
Error refused(const std::string& what, std::string hint) {
  return {.kind = ErrorKind::provider_unreachable,
          .message = std::string(no_token) + what,
          .hint = std::move(hint),
          .retry = Retry::elsewhere};
}

// What the operator does about a refusal. Source: RFC 6749, 5.2, and what Google's issuer means by these words.
std::string way_out(std::string_view code) {
  if (code == "invalid_grant")
    return "the operator must look whether the service account and its key still exist (make a new key in Google Cloud "
           "and name its file with google_key_file) and whether this machine's clock is right";
  if (code == "invalid_client" || code == "unauthorized_client" || code == "access_denied")
    return "the operator must look whether the service account is enabled and may use the cloud-platform scope";
  return "the operator must check the service account's key file (google_key_file) and its token_uri";
}

bool may_pass(int status) { return status >= 500 || status == 429 || status == 408; }

// Ends the fetch, also when the client leaves in the middle of it.
class Fetching {
 public:
  explicit Fetching(bool& flag) : flag_(flag) { flag_ = true; }
  ~Fetching() { flag_ = false; }
  Fetching(const Fetching&) = delete;
  Fetching& operator=(const Fetching&) = delete;

 private:
  bool& flag_;
};

}  // namespace

Result<std::string> service_account_assertion(const catalog::GoogleServiceAccount& account, std::int64_t now) {
  std::string header;
  json::Writer(header)
      .begin_object()
      .member("alg", "RS256")
      .member("typ", "JWT")
      .member("kid", account.key_id)
      .end_object();
  std::string claims;
  json::Writer(claims)
      .begin_object()
      .member("iss", account.email)
      .member("scope", scope)
      .member("aud", account.token_uri)
      .member("iat", now)
      .member("exp", now + assertion_seconds)
      .end_object();
  std::string text = crypto::base64url(header) + "." + crypto::base64url(claims);
  TRY(const std::string signature, crypto::sign_rs256(account.private_key.reveal(), text));
  return text + "." + crypto::base64url(signature);
}

async::Task<Result<std::string>> GoogleTokens::get(const catalog::GoogleServiceAccount& account,
                                                   async::Deadline deadline) {
  Entry& entry = entries_[account.email + " " + account.key_id];
  const std::uint64_t seen = entry.fetches;
  while (true) {
    const async::TimePoint now = reactor_.now();
    if (now < entry.good_until) co_return entry.token.reveal();
    // For all who waited for it; a refusal also for those who come later.
    if (entry.failure && (entry.fetches != seen || now < entry.refused_until))
      co_return std::unexpected(*entry.failure);
    if (!entry.fetching) break;
    if (deadline.cancel && deadline.cancel->fired())
      co_return fail(ErrorKind::client_gone, "the client closed the connection");
    if (now >= deadline.at) co_return std::unexpected(passing(ErrorKind::provider_timeout, "it did not come in time"));
    co_await reactor_.scheduler().sleep(deadline.earlier(now + look_again));
  }
  const Fetching fetching(entry.fetching);
  const Result<void> fetched = co_await fetch(account, entry, deadline.earlier(reactor_.now() + fetch_limit));
  // Who left tells nothing of the issuer: the next one who waits fetches again.
  if (!fetched && fetched.error().kind == ErrorKind::client_gone) co_return std::unexpected(fetched.error());
  ++entry.fetches;
  if (fetched) co_return entry.token.reveal();
  entry.failure = fetched.error();
  entry.refused_until =
      reactor_.now() + (entry.failure->retry == Retry::elsewhere ? refusal_counts : async::Duration());
  co_return std::unexpected(*entry.failure);
}

async::Task<Result<GoogleTokens::Said>> GoogleTokens::ask(const catalog::GoogleServiceAccount& account,
                                                          std::string_view head, std::string_view body,
                                                          async::Deadline deadline) {
  CO_TRY(http::Call call, co_await connections_.open(account.token_url.endpoint, deadline, true));
  CO_TRY(const http::Response response, co_await call.send(head, body, deadline));
  CO_TRY(std::string answer, co_await call.read_all(deadline));
  co_return Said{.status = response.status, .body = std::move(answer)};
}

async::Task<Result<void>> GoogleTokens::fetch(const catalog::GoogleServiceAccount& account, Entry& entry,
                                              async::Deadline deadline) {
  const std::int64_t now =
      std::chrono::duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const auto assertion = service_account_assertion(account, now);
  if (!assertion) co_return std::unexpected(refused(assertion.error().message, way_out("")));
  const std::string body =
      "grant_type=" + percent_encoded("urn:ietf:params:oauth:grant-type:jwt-bearer") + "&assertion=" + *assertion;
  const std::string head = http::request_head(
      "POST", account.token_url, "",
      {{"content-type", "application/x-www-form-urlencoded"}, {"accept", "application/json"}}, body.size());
  Result<Said> said = co_await ask(account, head, body, deadline);
  if (!said) {
    const Error& error = said.error();
    if (error.kind == ErrorKind::client_gone) co_return std::unexpected(error);
    co_return std::unexpected(passing(error.kind, error.message));
  }
  const auto parsed = json::Document::parse_in_place(said->body);
  const json::Value root = parsed ? parsed->root() : json::Value();
  const std::string_view token = root["access_token"].string().value_or("");
  if (said->status != 200 || token.empty() || !http::is_field_value(token)) {
    const std::string_view code = root["error"].string().value_or("").substr(0, longest_said_bytes);
    const std::string_view text = root["error_description"].string().value_or(code).substr(0, longest_said_bytes);
    const std::string what = "its issuer answered with status " + std::to_string(said->status) +
                             (text.empty() ? "" : ", ") + std::string(text);
    if (may_pass(said->status)) co_return std::unexpected(passing(ErrorKind::provider_unreachable, what));
    co_return std::unexpected(refused(what, way_out(code)));
  }
  const std::int64_t lifetime = std::clamp<std::int64_t>(root["expires_in"].integer().value_or(0), 0, longest_seconds);
  entry.token = Secret(std::string(token));
  // One that lives shorter than the margin serves at least those who wait for it now.
  entry.good_until = reactor_.now() + std::max<async::Duration>(seconds(lifetime) - before_expiry, least_use);
  entry.failure.reset();
  co_return Result<void>();
}

}  // namespace sluice::gateway
