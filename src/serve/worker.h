// One reactor thread with everything that belongs to it: listener, connections, provider connections.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "async/scope.h"
#include "gateway/listen/listen.h"
#include "http/client.h"
#include "http/server.h"
#include "net/connect.h"
#include "serve/admin_front.h"
#include "serve/client_tls.h"
#include "store/live_store.h"
#include "telemetry/log.h"

namespace sluice::serve {

// What all workers share; outlives them.
struct Shared {
  telemetry::Log& log;
  std::shared_ptr<net::TlsContext> tls;
  const dialects::Dialects& dialects;
  const gateway::SnapshotCell& snapshots;
  const gateway::TimeSource& time;
  store::LiveStore& store;
  store::ResourceDesk& desk;
  identity::SignIn& sign_in;
  identity::Desk& sessions;
  gateway::Admission& admission;
  gateway::Health& health;
  gateway::Speeds& speeds;
  gateway::Canaries& canaries;
  gateway::Shadows& shadows;
  gateway::Places& places;
  gateway::IssuerMemory& issuers;
  gateway::Affinity& affinity;
  gateway::Books books;
  std::function<Result<void>(const store::LedgerEntry&)> price_once;
  gateway::Engines engines;
  std::function<void(chat::DialectId)> on_begin;
  std::function<void(const gateway::AuditRecord&, store::Appended, const gateway::Timing&, const Error*)> on_end;
  std::function<std::string()> metrics_page;
  std::function<std::string()> readiness_problem;
  std::function<std::string()> limits_problem;
  std::size_t threads = 1;                             // workers
  std::function<void(std::string_view)> beyond_limit;  // as gateway::Gateway has it
  std::function<void()> no_handshake;                  // a client with which TLS came to nothing
  admin::Desk* administration = nullptr;               // null: its paths are not here
  ClientTls client_tls;
  std::atomic<std::int64_t> connections{0};
  std::atomic<std::int64_t> crowded_out{0};  // idle ones that were closed to make room
};

// Reactors that stand still together.
class Freeze {
 public:
  void arrive_and_wait();                                             // each reactor
  bool wait_for(std::size_t count, std::chrono::milliseconds limit);  // false: not all have come
  void end();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t arrived_ = 0;
  bool over_ = false;
};

class Worker {
 public:
  explicit Worker(Shared& shared);
  ~Worker();

  // Before start(). Errors of net::Listener::listen.
  Result<net::SocketAddress> listen(const net::SocketAddress& address);
  // The same on a socket that another process has made.
  Result<net::SocketAddress> adopt(Fd listening);
  int listening_fd() const { return listener_->fd(); }
  void start();
  // Any thread. From here on each connection's next answer is its last; new connections are taken all the same.
  void leave();
  // Any thread. No new connections and no new requests; ends the thread when the last request is done. After `limit`
  // what still runs is told so in its dialect, settled and recorded.
  void drain(async::Duration limit);
  // Any thread. The reactor stands still from its arrival at `freeze` until that is over.
  void freeze(std::shared_ptr<Freeze> freeze);
  // While it stands still: what its requests have reserved, and who keeps the budgets from then on.
  void tell_reservations(const std::function<void(const gateway::Reservation&)>& tell);
  void succeed_by(gateway::Successor& successor) { gateway_.successor = &successor; }
  // Any thread. Another process accepts at the same socket: no new connections here, and those that there are end with
  // their next answer.
  void leave_to_successor();
  // Any thread. The limit of the drain is now.
  void cut();
  bool ended() const { return ended_.load(std::memory_order_acquire); }
  void join();

 private:
  // A client's connection, for the time that it is served.
  struct Open : async::ListNode {
    explicit Open(net::Stream& s) : stream(s) {}
    net::Stream& stream;
    http::Parting parting;
    bool is_cut = false;
  };
  std::size_t most_connections() const;
  bool make_room();
  static async::Task<> accept_connections(Worker* worker);
  async::Task<Result<std::unique_ptr<net::Stream>>> stream_of(Fd fd);
  static async::Task<> serve_one(Worker* worker, Fd fd);
  static async::Task<> stop_when_idle(Worker* worker);
  // The connections that providers ask for with warm_connections.
  static async::Task<> keep_warm(Worker* worker);

  Shared& shared_;
  net::Reactor reactor_;
  net::Resolver resolver_;
  net::Connector connector_;
  http::ConnectionPool providers_;
  gateway::GoogleTokens google_tokens_;
  std::optional<AdminFront> administration_;
  gateway::Gateway gateway_;
  gateway::Listen handler_;
  gateway::Background background_;
  std::unique_ptr<net::Listener> listener_;
  async::Cancel stop_;
  async::Cancel closed_;  // no more connections are accepted
  bool leaving_ = false;
  async::TimePoint drain_until_ = async::TimePoint::max();
  async::List<Open> open_;
  async::Scope connections_;
  async::Scope control_;  // the accept loop and the drain; destroyed first
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace sluice::serve
