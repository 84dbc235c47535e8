#include "gateway/authenticate/authenticate.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/crypto.h"
#include "base/query.h"

namespace sluice::gateway {
namespace {

constexpr std::array<std::string_view, 3> key_headers = {"x-api-key", "api-key", "x-goog-api-key"};
constexpr std::string_view bearer = "Bearer ";

std::unexpected<Error> refuse(const char* code, std::string message, std::string hint) {
  return std::unexpected(
      Error{.kind = ErrorKind::unauthenticated, .message = std::move(message), .hint = std::move(hint), .code = code});
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The key that this field carries; empty when it carries none. RFC 9110 11.1: the scheme's name compares without case.
std::string_view key_in(const http::Field& field) {
  if (http::equal_ignoring_case(field.name, "authorization")) {
    const std::string_view value = trim(field.value);
    if (value.size() < bearer.size() || !http::equal_ignoring_case(value.substr(0, bearer.size()), bearer)) return {};
    return trim(value.substr(bearer.size()));
  }
  for (std::string_view name : key_headers)
    if (http::equal_ignoring_case(field.name, name)) return trim(field.value);
  return {};
}

// A borrow of the head. `key=` in the query is Google's way.
Result<std::string_view> find_key(const http::RequestHead& head) {
  std::string_view key;
  bool conflict = false;
  const auto consider = [&](std::string_view here) {
    conflict = conflict || (!key.empty() && !here.empty() && key != here);
    if (!here.empty()) key = here;
  };
  for (const http::Field& field : head) consider(key_in(field));
  std::string_view query = head.query;
  while (const auto one = take_parameter(query))
    if (one->name == "key") consider(one->value);
  if (conflict)
    return refuse("conflicting_api_keys", "the request carries two different API keys",
                  "send one key, in `Authorization: Bearer` or in `x-api-key`");
  if (key.empty())
    return refuse(missing_key_code, "the request carries no API key",
                  "send a Sluice key as `Authorization: Bearer sk-sluice-...` or `x-api-key: sk-sluice-...`; "
                  "`sluice keys create` makes one");
  return key;
}

Result<crypto::Sha256> find_digest(const http::RequestHead& head) {
  TRY(const std::string_view key, find_key(head));
  if (!key.starts_with(store::key_prefix) || key.size() > max_key_bytes)
    return refuse(
        "invalid_api_key", "the API key is not one of this gateway: its keys start with \"sk-sluice-\"",
        "use a key that `sluice keys create` has made; keys of providers belong in the gateway's configuration");
  return crypto::sha256(key);
}

Result<store::Principal> principal_of(const crypto::Sha256& digest, const store::KeyTable& keys, std::int64_t now_us) {
  const store::Principal* principal = keys.find(digest);
  if (principal == nullptr)
    return refuse("invalid_api_key", "the API key is unknown",
                  "check it for missing characters, or make a new one with `sluice keys create`");
  CHECK_OK(check_usable(principal->key(), now_us));
  return *principal;
}

}  // namespace

Result<void> check_usable(const store::VirtualKey& key, std::int64_t now_us) {
  if (key.revoked_at_us)
    return refuse("revoked_api_key", "the API key has been revoked", "make a new one with `sluice keys create`");
  if (key.blocked_at_us)
    return refuse("blocked_api_key", "the API key is blocked", "ask whoever administrates this gateway to unblock it");
  if (key.expires_at_us && *key.expires_at_us <= now_us)
    return refuse("expired_api_key", "the API key has expired", "make a new one with `sluice keys create`");
  return {};
}

Result<void> check_known(const store::RequestStore& store) {
  if (!store.keys_are_stale()) return {};
  return fail(ErrorKind::unavailable, std::string(store::keys_unknown),
              "try again later; the operator finds the reason at /health/ready and in `sluice doctor`");
}

Result<store::Principal> authenticate(const http::RequestHead& head, const store::KeyTable& keys, std::int64_t now_us) {
  TRY(const crypto::Sha256 digest, find_digest(head));
  return principal_of(digest, keys, now_us);
}

async::Task<Result<store::Principal>> authenticate(const http::RequestHead& head, store::RequestStore& store,
                                                   net::Reactor& reactor, async::Cancel& client_gone,
                                                   std::int64_t now_us) {
  CO_TRY(const crypto::Sha256 digest, find_digest(head));
  CO_CHECK_OK(check_known(store));
  if (const auto keys = store.keys(); keys->find(digest)) co_return principal_of(digest, *keys, now_us);
  co_await look_for_keys(store, reactor, client_gone);
  co_return principal_of(digest, *store.keys(), now_us);
}

async::Task<> look_for_keys(store::RequestStore& store, net::Reactor& reactor, async::Cancel& client_gone) {
  constexpr std::chrono::milliseconds look_again{2};
  const std::uint64_t look = store.look_for_keys();
  const async::TimePoint give_up = reactor.now() + longest_key_look;
  while (!store.looked_for_keys(look) && reactor.now() < give_up && !client_gone.fired())
    co_await reactor.scheduler().sleep(reactor.within(look_again, &client_gone));
}

}  // namespace sluice::gateway
