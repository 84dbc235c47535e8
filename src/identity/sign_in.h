// Signing in to the administration: who asks, by a session in a cookie or a token of the issuer; and the endpoints
// below /admin/v1/auth/ with which a browser gets such a session and gives it back (OpenID Connect Core 1.0,
// authorization code flow with PKCE). Every sign-in, sign-out and refusal is in the audit record.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "config/snapshot.h"
#include "http/server.h"
#include "identity/attempt.h"
#include "identity/desk.h"
#include "identity/issuer.h"
#include "json/json.h"
#include "store/request_store.h"
#include "telemetry/log.h"

namespace sluice::identity {

inline constexpr std::string_view auth_path = "/admin/v1/auth/";

// Who has shown who they are, and what that gives.
struct Person {
  std::string issuer;
  std::string subject;
  std::string email;          // may be empty
  config::OidcRule rule;      // the role and where it counts
  std::string session_id;     // empty: by a token
  std::int64_t until_us = 0;  // since 1970 UTC
};

// What a request says of who asks: fields of its head.
struct Asked {
  std::string method;
  std::string authorization;
  std::string cookies;
  std::string origin;
  std::string fetch_site;  // sec-fetch-site

  static Asked of(std::string_view method,
                  const std::function<std::optional<std::string_view>(std::string_view)>& field);
};

// The cookie of a session: bound to the host (__Host-) wherever there is TLS.
std::string session_cookie_name(const config::OidcSettings& settings);
// The claim `email`; empty when it is missing or longer than an address can be.
std::string email_of(const json::Value& claims);
// A page of another site can make a browser send the cookie along; it cannot make it lie about where the page is from.
bool comes_from_here(const config::OidcSettings& settings, const Asked& asked);

// What all reactors share. Thread-safe.
class SignIn {
 public:
  // All of them outlive it. `now_us`: microseconds since 1970 UTC.
  SignIn(std::function<std::shared_ptr<const config::Snapshot>()> snapshots, store::RecordLog& audit,
         telemetry::Log& log, std::function<std::int64_t()> now_us)
      : snapshots_(std::move(snapshots)), audit_(audit), log_(log), now_us_(std::move(now_us)) {}

  // Empty: it carries neither a session nor a token. Errors: unauthenticated, which does not say why (the log and the
  // audit record do); forbidden when nothing gives a role, or another site's page has sent it; unavailable. Reads the
  // database, and does not wait for the network: prepare() before it gets the issuer's keys.
  std::optional<Result<Person>> who_asks(const Asked& asked, store::Store& store);

  // A refusal for the log and, so many a second, for the audit record. `way`: "token", "session", "sign_in".
  void refused(std::string_view way, std::string_view reason, std::string_view subject);

  std::shared_ptr<const config::Snapshot> snapshot() const { return snapshots_(); }
  std::int64_t now_us() const { return now_us_(); }
  const Attempts& attempts() const { return attempts_; }
  IssuerMemory& issuers() { return issuers_; }
  telemetry::Log& log() { return log_; }

 private:
  Result<Person> of_token(const config::OidcSettings& settings, std::string_view token);
  Result<Person> of_session(const config::OidcSettings& settings, const Asked& asked, std::string_view held,
                            store::Store& store);

  const std::function<std::shared_ptr<const config::Snapshot>()> snapshots_;
  store::RecordLog& audit_;
  telemetry::Log& log_;
  const std::function<std::int64_t()> now_us_;
  const Attempts attempts_;
  IssuerMemory issuers_;

  // Who guesses tokens must not fill the disk.
  static constexpr std::int64_t most_recorded_at_once = 100;
  static constexpr std::int64_t recorded_per_second = 10;
  std::mutex recorded_mutex_;
  std::int64_t may_record_ = most_recorded_at_once;
  std::int64_t may_record_since_us_ = 0;
  std::int64_t not_recorded_ = 0;
};

// One reactor's endpoints.
class SignInPages {
 public:
  SignInPages(net::Reactor& reactor, http::ConnectionPool& connections, SignIn& shared, Desk& desk)
      : reactor_(reactor), shared_(shared), desk_(desk), issuer_(reactor, connections, shared.issuers()) {}

  // Whose path begins with auth_path.
  async::Task<> handle(http::Exchange& exchange);
  // Gets the issuer's keys where a token needs them. What fails shows in who_asks().
  async::Task<> prepare(Asked asked, async::Cancel& gone);

 private:
  async::Task<> login(http::Exchange& exchange, std::shared_ptr<const config::Snapshot> snapshot);
  async::Task<> callback(http::Exchange& exchange, std::shared_ptr<const config::Snapshot> snapshot);
  async::Task<> logout(http::Exchange& exchange, std::shared_ptr<const config::Snapshot> snapshot);
  async::Task<> me(http::Exchange& exchange);
  async::Task<Result<Attempt>> finish(http::Exchange& exchange, const config::OidcSettings& settings,
                                      std::string& held);

  net::Reactor& reactor_;
  SignIn& shared_;
  Desk& desk_;
  Issuer issuer_;
};

}  // namespace sluice::identity
