// Access tokens for Google's cloud: a service account signs a statement about itself and gets a token for it. Source:
// Google, "Using OAuth 2.0 for Server to Server Applications"; RFC 7523.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/secret.h"
#include "catalog/provider.h"
#include "http/client.h"
#include "net/reactor.h"

namespace sluice::gateway {

// The statement, signed. `now` in Unix seconds. invalid_request when the key is no RSA key.
Result<std::string> service_account_assertion(const catalog::GoogleServiceAccount& account, std::int64_t now);

// The tokens of one reactor, by service account.
class GoogleTokens {
 public:
  GoogleTokens(net::Reactor& reactor, http::ConnectionPool& connections)
      : reactor_(reactor), connections_(connections) {}

  // A token that is good for some minutes at least; fetched when there is none, by one at a time. Errors:
  // provider_unreachable or provider_timeout, to be tried anywhere, when the issuer was not reached or is not well
  // (408, 429, 5xx); provider_unreachable, to be tried elsewhere, with what the operator must do, when the issuer
  // refuses; client_gone.
  async::Task<Result<std::string>> get(const catalog::GoogleServiceAccount& account, async::Deadline deadline);

 private:
  struct Entry {
    Secret token;
    async::TimePoint good_until{};
    bool fetching = false;
    std::uint64_t fetches = 0;     // that have ended
    std::optional<Error> failure;  // of the last of them
    async::TimePoint refused_until{};
  };
  struct Said {
    int status = 0;
    std::string body;
  };
  async::Task<Result<Said>> ask(const catalog::GoogleServiceAccount& account, std::string_view head,
                                std::string_view body, async::Deadline deadline);
  async::Task<Result<void>> fetch(const catalog::GoogleServiceAccount& account, Entry& entry, async::Deadline deadline);

  net::Reactor& reactor_;
  http::ConnectionPool& connections_;
  std::unordered_map<std::string, Entry> entries_;  // there are as many as service accounts are configured
};

}  // namespace sluice::gateway
