// What all exchanges of one reactor share. The composition root (serve/) builds one for each reactor and keeps
// everything in it alive until the reactor has ended.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>

#include "async/scheduler.h"
#include "async/scope.h"
#include "base/address.h"
#include "base/ulid.h"
#include "config/snapshot.h"
#include "dialects/dialects.h"
#include "gateway/account/account.h"
#include "gateway/admit/admit.h"
#include "gateway/admit/places.h"
#include "gateway/audit/audit.h"
#include "gateway/credentials/google_token.h"
#include "gateway/health/health.h"
#include "gateway/health/speeds.h"
#include "gateway/route/affinity.h"
#include "gateway/route/canaries.h"
#include "gateway/route/route.h"
#include "gateway/route/shadows.h"
#include "gateway/shared/issuer_memory.h"
#include "gateway/shared/successor.h"
#include "http/client.h"
#include "http/server.h"
#include "net/reactor.h"
#include "store/request_store.h"
#include "store/resource_desk.h"
#include "store/store.h"

namespace sluice::gateway {

// The place where the current Snapshot is exchanged. A request takes it once and keeps it to its end.
class SnapshotCell {
 public:
  explicit SnapshotCell(std::shared_ptr<const config::Snapshot> snapshot) : snapshot_(std::move(snapshot)) {}
  std::shared_ptr<const config::Snapshot> load() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
  }
  void store(std::shared_ptr<const config::Snapshot> snapshot) {
    const std::lock_guard lock(mutex_);
    snapshot_.swap(snapshot);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const config::Snapshot> snapshot_;
};

// What is measured of a request and is not part of its audit record.
struct Timing {
  std::int64_t total_us = 0;
  std::int64_t first_token_us = -1;  // -1: there was none
  std::int64_t overhead_us = 0;      // until the answer or its first token, without waiting for providers or the client
};

// The engines as the request path sees them; any thread.
struct Engines {
  EngineStates state;                                                  // for route
  std::function<std::optional<Endpoint>(const ProviderId&)> endpoint;  // empty while it cannot be called
};

// Where the request path takes the time from: this machine, or a simulation.
class TimeSource {
 public:
  virtual ~TimeSource() = default;
  virtual async::TimePoint now() const { return async::Clock::now(); }
  virtual std::int64_t unix_us() const { return store::wall_clock_us(); }
};

// What goes on when the request that it comes from is over. It ends with the reactor, and a moment before that is told
// to.
struct Background {
  async::Cancel cut;
  async::Scope jobs = {};  // last: they use the above
};

struct Gateway {
  net::Reactor& reactor;
  http::ConnectionPool& providers;
  const dialects::Dialects& dialects;
  const SnapshotCell& snapshots;
  const TimeSource& time;
  store::RequestStore& store;
  store::ResourceDesk& desk;
  Admission& admission;
  Health& health;
  Speeds& speeds;
  Canaries& canaries;
  Shadows& shadows;
  Places& places;
  Books books;
  // Store::price_once(), for the desk's thread. Empty: nothing is settled later.
  std::function<Result<void>(const store::LedgerEntry&)> price_once = {};
  Engines engines;
  GoogleTokens& google_tokens;
  IssuerMemory& issuers;
  Affinity& affinity;
  // Called when a request begins; each one that has begun comes to on_end, except when the process ends before.
  std::function<void(chat::DialectId)> on_begin;
  // Called at the end of each request with its audit record and what became of that, for metrics and the log line. Must
  // not block.
  std::function<void(const AuditRecord&, store::Appended, const Timing&, const Error*)> on_end;
  std::function<std::string()> metrics_page;           // Prometheus text
  std::function<std::string()> readiness_problem;      // empty: ready; else one sentence
  std::function<std::string()> limits_problem = {};    // of the store of shared limits, as a sentence; empty: none
  std::function<void(std::string_view)> beyond_limit;  // somebody met the bound of this name; may be empty

  // Whose paths these are when they are not the gateway's; null: they are. Outlives the reactor; may be empty.
  std::function<http::Handler*(std::string_view path)> beside;

  Background* background = nullptr;  // null: nothing goes on

  Successor* successor = nullptr;  // set once another process keeps the budgets
  async::List<Underway> underway = {};

  UlidSource ids = {};
  std::minstd_rand jitter{std::random_device{}()};
};

}  // namespace sluice::gateway
