// An issuer over the network: its discovery document and keys, asked for when they are needed and kept for a while, and
// the exchange of a sign-in's code for a token. All reactors share what is known; who needs it fetches it, one at a
// time.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "async/task.h"
#include "config/oidc_settings.h"
#include "http/client.h"
#include "identity/key_set.h"
#include "identity/metadata.h"
#include "net/reactor.h"

namespace sluice::identity {

// What an issuer has said of itself.
struct Known {
  std::string issuer;
  Metadata metadata;
  KeySet keys;
  async::TimePoint since{};
};

// Shared by all reactors. Thread-safe.
class IssuerMemory {
 public:
  // A key that is not known yet, a document that has become old: so long after the last fetch at the soonest. Bounds
  // what anybody who sends tokens can make us ask an issuer.
  static constexpr async::Duration between_fetches = std::chrono::seconds(10);
  static constexpr async::Duration after_failure = std::chrono::seconds(2);
  static constexpr async::Duration old_after = std::chrono::hours(1);  // keys that are withdrawn go with the next fetch
  static constexpr async::Duration dead_after = std::chrono::hours(24);  // while the issuer is not reached

  // Null when nothing is known of that issuer, or only what is too old.
  std::shared_ptr<const Known> known(std::string_view issuer, async::TimePoint now) const;

 private:
  friend class Issuer;
  mutable std::mutex mutex_;
  std::shared_ptr<const Known> known_;
  std::string asked_;  // the issuer that the following is about
  bool fetching_ = false;
  async::TimePoint not_before_{};
  std::optional<Error> failure_;  // of the last fetch
};

// One reactor's way to it.
class Issuer {
 public:
  static constexpr async::Duration answer_limit = std::chrono::seconds(10);  // of each answer

  Issuer(net::Reactor& reactor, http::ConnectionPool& connections, IssuerMemory& memory)
      : reactor_(reactor), connections_(connections), memory_(memory) {}

  // What a token is signed with: a set of keys that lacks it may be older than the issuer's last rotation.
  struct Wanted {
    std::optional<std::string> key_id;
    crypto::SignatureKind kind = crypto::SignatureKind::rs256;
  };
  // Fetches what is not known, or has become old, or lacks the wanted key. What is known stays when the issuer cannot
  // be reached. Borrows the settings until it returns. Errors: unavailable, with the reason for the operator.
  async::Task<Result<std::shared_ptr<const Known>>> known(const config::OidcSettings& settings,
                                                          std::optional<Wanted> wanted, async::Deadline deadline);

  // The ID token for a code. Errors: unavailable when the issuer is not reached or not well; unauthenticated when it
  // refuses, with its error's name.
  async::Task<Result<std::string>> redeem(const config::OidcSettings& settings, std::shared_ptr<const Known> known,
                                          std::string code, Secret verifier, async::Deadline deadline);

 private:
  struct Said {
    int status = 0;
    std::string body;
  };
  async::Task<Result<Said>> ask(std::string_view method, const Place& place, http::Headers headers, std::string body,
                                async::Deadline deadline);
  async::Task<Result<std::string>> get(const Place& place, async::Deadline deadline);
  async::Task<Result<Known>> fetch(const config::OidcSettings& settings, async::Deadline deadline);

  net::Reactor& reactor_;
  http::ConnectionPool& connections_;
  IssuerMemory& memory_;
};

}  // namespace sluice::identity
