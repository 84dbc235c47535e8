#include "identity/issuer.h"

#include <algorithm>
#include <span>

#include "base/crypto.h"
#include "base/percent.h"
#include "json/json.h"

namespace sluice::identity {
namespace {

constexpr async::Duration look_again = std::chrono::milliseconds(20);  // whether the one who fetches is done
constexpr std::size_t most_answer_bytes = std::max(Metadata::most_bytes, KeySet::most_bytes);
constexpr std::size_t longest_word_bytes = 100;  // of the issuer's, in an error
constexpr std::string_view discovery = "/.well-known/openid-configuration";

std::unexpected<Error> unavailable(const std::string& why) {
  return fail(ErrorKind::unavailable, "the issuer cannot be asked: " + why,
              "try again; if it stays, see whether this machine reaches the issuer of `admin.oidc`");
}

// Ends the fetch, also when the client leaves in the middle of it.
class Fetching {
 public:
  Fetching(bool& flag, std::mutex& mutex) : flag_(flag), mutex_(mutex) {}
  ~Fetching() {
    const std::lock_guard held(mutex_);
    flag_ = false;
  }
  Fetching(const Fetching&) = delete;
  Fetching& operator=(const Fetching&) = delete;

 private:
  bool& flag_;
  std::mutex& mutex_;
};

// A word as RFC 6749, 5.2 writes errors: for records, so nothing else of the answer.
std::string word(std::string_view text) {
  std::string out(text.substr(0, longest_word_bytes));
  std::erase_if(out, [](char c) { return c <= 0x20 || c >= 0x7f; });
  return out;
}

std::string basic(std::string_view id, const Secret& secret) {
  const std::string pair = percent_encoded(id) + ":" + percent_encoded(secret.reveal());  // RFC 6749, 2.3.1
  return "Basic " + crypto::base64(std::span(reinterpret_cast<const std::uint8_t*>(pair.data()), pair.size()));
}

}  // namespace

std::shared_ptr<const Known> IssuerMemory::known(std::string_view issuer, async::TimePoint now) const {
  const std::lock_guard held(mutex_);
  const bool good = known_ && known_->issuer == issuer && now - known_->since < dead_after;
  return good ? known_ : nullptr;
}

async::Task<Result<std::shared_ptr<const Known>>> Issuer::known(const config::OidcSettings& settings,
                                                                std::optional<Wanted> wanted,
                                                                async::Deadline deadline) {
  const auto is_enough = [&](const Known& known, async::TimePoint now) {
    if (now - known.since >= IssuerMemory::old_after) return false;
    if (!wanted) return true;
    const auto id = wanted->key_id ? std::optional<std::string_view>(*wanted->key_id) : std::nullopt;
    return known.keys.find(id, wanted->kind) != nullptr;
  };
  while (true) {
    const async::TimePoint now = reactor_.now();
    std::shared_ptr<const Known> have = memory_.known(settings.issuer, now);
    if (have && is_enough(*have, now)) co_return have;
    {
      const std::lock_guard held(memory_.mutex_);
      if (memory_.asked_ != settings.issuer && !memory_.fetching_) {
        memory_.asked_ = settings.issuer;
        memory_.not_before_ = {};
        memory_.failure_.reset();
      }
      if (!memory_.fetching_ && now < memory_.not_before_) {
        if (have) co_return have;  // it is what there is; a token that it has no key for is refused
        co_return std::unexpected(*memory_.failure_);
      }
      if (!memory_.fetching_) {
        memory_.fetching_ = true;
        break;
      }
    }
    if (deadline.cancel && deadline.cancel->fired()) co_return fail(ErrorKind::client_gone, "the client has gone");
    if (now >= deadline.at) co_return unavailable("its answer did not come in time");
    co_await reactor_.scheduler().sleep(deadline.earlier(now + look_again));
  }
  const Fetching fetching(memory_.fetching_, memory_.mutex_);
  Result<Known> fetched = co_await fetch(settings, deadline);
  if (!fetched && fetched.error().kind == ErrorKind::client_gone) co_return std::unexpected(fetched.error());
  const async::TimePoint now = reactor_.now();
  std::shared_ptr<const Known> have = memory_.known(settings.issuer, now);
  const std::lock_guard held(memory_.mutex_);
  memory_.asked_ = settings.issuer;
  memory_.not_before_ = now + (fetched ? IssuerMemory::between_fetches : IssuerMemory::after_failure);
  if (!fetched) {
    memory_.failure_ = fetched.error();
    if (have) co_return have;
    co_return std::unexpected(*memory_.failure_);
  }
  fetched->since = now;
  memory_.known_ = std::make_shared<const Known>(*std::move(fetched));
  co_return memory_.known_;
}

async::Task<Result<Issuer::Said>> Issuer::ask(std::string_view method, const Place& place, http::Headers headers,
                                              std::string body, async::Deadline deadline) {
  deadline = deadline.earlier(reactor_.now() + answer_limit);
  headers.add("accept", "application/json");
  const std::string head = http::request_head(method, place.url, place.path(), headers, body.size());
  CO_TRY(http::Call call, co_await connections_.open(place.url.endpoint, deadline, true));
  CO_TRY(const http::Response response, co_await call.send(head, body, deadline));
  Said said{.status = response.status};
  while (true) {
    CO_TRY(const bool more, co_await call.read_some(said.body, deadline));
    if (!more) co_return said;
    if (said.body.size() > most_answer_bytes) co_return unavailable("its answer is larger than 256 KiB");
  }
}

async::Task<Result<std::string>> Issuer::get(const Place& place, async::Deadline deadline) {
  http::Headers headers;  // named, as g++ 12 copies temporaries of a co_await byte by byte
  std::string body;
  Result<Said> said = co_await ask("GET", place, std::move(headers), std::move(body), deadline);
  if (!said && said.error().kind == ErrorKind::client_gone) co_return std::unexpected(said.error());
  if (!said) co_return unavailable(said.error().message);
  // Another place is not followed to: what the configuration names is what counts.
  if (said->status != 200) co_return unavailable("it answered with status " + std::to_string(said->status));
  co_return std::move(said->body);
}

async::Task<Result<Known>> Issuer::fetch(const config::OidcSettings& settings, async::Deadline deadline) {
  Place place{.url = settings.issuer_url, .query = {}};
  place.url.path_prefix += discovery;
  CO_TRY(const std::string document, co_await get(place, deadline));
  Result<Metadata> metadata = Metadata::read(document, settings);
  if (!metadata) co_return unavailable(metadata.error().message);
  CO_TRY(const std::string keys, co_await get(metadata->key_set, deadline));
  Result<KeySet> set = KeySet::read(keys);
  if (!set) co_return unavailable(set.error().message);
  co_return Known{.issuer = settings.issuer, .metadata = *std::move(metadata), .keys = *std::move(set)};
}

async::Task<Result<std::string>> Issuer::redeem(const config::OidcSettings& settings,
                                                std::shared_ptr<const Known> known, std::string code, Secret verifier,
                                                async::Deadline deadline) {
  std::string body = "grant_type=authorization_code&code=" + percent_encoded(code) +
                     "&redirect_uri=" + percent_encoded(settings.redirect_url) + "&code_verifier=" + verifier.reveal();
  http::Headers headers{{"content-type", "application/x-www-form-urlencoded"}};
  const bool post = settings.client_secret.empty() || known->metadata.post_secret;
  if (post) body += "&client_id=" + percent_encoded(settings.client_id);
  if (!settings.client_secret.empty()) {
    if (post)
      body += "&client_secret=" + percent_encoded(settings.client_secret.reveal());
    else
      headers.add("authorization", basic(settings.client_id, settings.client_secret));
  }
  Result<Said> said =
      co_await ask("POST", known->metadata.token_endpoint, std::move(headers), std::move(body), deadline);
  if (!said && said.error().kind == ErrorKind::client_gone) co_return std::unexpected(said.error());
  if (!said) co_return unavailable(said.error().message);
  const auto document = json::Document::parse(said->body);
  const json::Value root = document ? document->root() : json::Value();
  if (const auto token = root["id_token"].string(); said->status == 200 && token) co_return std::string(*token);
  if (said->status >= 500 || said->status == 429)
    co_return unavailable("its token endpoint answered with status " + std::to_string(said->status));
  co_return fail(ErrorKind::unauthenticated,
                 "the issuer's token endpoint gave no ID token: status " + std::to_string(said->status) + " " +
                     word(root["error"].string().value_or("")),
                 "check client_id, client_secret and redirect_url of `admin.oidc`, and sign in again");
}

}  // namespace sluice::identity
