// Access tokens for Google's cloud: a service account signs a statement about itself and gets a token for it. Source:
// Google, "Using OAuth 2.0 for Server to Server Applications"; RFC 7523.
#pragma once

#include <string>
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
  // provider_unreachable with what the issuer said, to be tried elsewhere; client_gone.
  async::Task<Result<std::string>> get(const catalog::GoogleServiceAccount& account, async::Deadline deadline);

 private:
  struct Entry {
    Secret token;
    async::TimePoint good_until{};
    bool fetching = false;
    std::optional<Error> failure;  // of the last try, for those who waited for it
    async::TimePoint failed_until{};
  };
  async::Task<Result<void>> fetch(const catalog::GoogleServiceAccount& account, Entry& entry, async::Deadline deadline);

  net::Reactor& reactor_;
  http::ConnectionPool& connections_;
  std::unordered_map<std::string, Entry> entries_;  // there are as many as service accounts are configured
};

}  // namespace sluice::gateway
