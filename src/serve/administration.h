// The administration's API as a part of the server: its thread, and, where the configuration wants it, an address of
// its own with a reactor of its own.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "admin/desk.h"
#include "async/scope.h"
#include "gateway/shared/gateway.h"
#include "http/client.h"
#include "identity/actors.h"
#include "net/connect.h"
#include "net/reactor.h"
#include "net/socket.h"
#include "serve/admin_front.h"
#include "serve/client_tls.h"
#include "store/home.h"
#include "store/live_store.h"
#include "telemetry/log.h"
#include "telemetry/server_metrics.h"

namespace sluice::serve {

struct AdministrationParts {
  const store::Home& home;
  const gateway::SnapshotCell& snapshots;
  const gateway::TimeSource& time;
  const gateway::Health& health;
  store::LiveStore& store;
  telemetry::Log& log;
  telemetry::ServerMetrics& metrics;
  std::function<std::string()> readiness_problem;
  std::vector<admin::SignIn*> sign_ins;
};

// The desk, with all that it asks the server for. The parts outlive it. Errors of Store::open.
Result<std::unique_ptr<admin::Desk>> open_administration(const AdministrationParts& parts);

// What the API at an address of its own shares with the server, which outlives it.
struct AdminShared {
  admin::Desk& desk;
  identity::SignIn& sign_in;
  identity::Desk& sessions;
  std::shared_ptr<net::TlsContext> tls;  // to the issuer
  const gateway::SnapshotCell& snapshots;
  ClientTls& client_tls;
};

// The API at an address of its own, on a thread of its own. TLS as the server's.
class AdminListener {
 public:
  static Result<std::unique_ptr<AdminListener>> start(const net::SocketAddress& address, const AdminShared& shared);
  ~AdminListener();  // stop(), join()
  AdminListener(const AdminListener&) = delete;
  AdminListener& operator=(const AdminListener&) = delete;

  std::string address() const { return address_; }
  void stop();  // no more connections, and an end to those that there are
  void join();

 private:
  explicit AdminListener(const AdminShared& shared)
      : snapshots_(shared.snapshots),
        tls_(shared.client_tls),
        resolver_(reactor_),
        connector_{reactor_, resolver_, shared.tls},
        issuers_(connector_, http::ClientLimits{}),
        front_(reactor_, issuers_, shared.desk, shared.sign_in, shared.sessions) {}
  static async::Task<> accept_connections(AdminListener* self);
  static async::Task<> serve_one(AdminListener* self, Fd fd);

  const gateway::SnapshotCell& snapshots_;
  ClientTls& tls_;
  net::Reactor reactor_;
  net::Resolver resolver_;
  net::Connector connector_;
  http::ConnectionPool issuers_;
  AdminFront front_;
  std::unique_ptr<net::Listener> listener_;
  std::string address_;
  async::Cancel stop_;
  async::Scope connections_;
  async::Scope accepting_;  // destroyed first
  std::thread thread_;
};

}  // namespace sluice::serve
