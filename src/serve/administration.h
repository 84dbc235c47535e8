// The administration's API as a part of the server: its thread, and, where the configuration wants it, an address of
// its own with a reactor of its own.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "admin/desk.h"
#include "admin/door.h"
#include "async/scope.h"
#include "gateway/shared/gateway.h"
#include "net/reactor.h"
#include "net/socket.h"
#include "serve/client_tls.h"
#include "store/live_store.h"
#include "telemetry/log.h"
#include "telemetry/server_metrics.h"

namespace sluice::serve {

struct AdministrationParts {
  const std::string& data_dir;
  const gateway::SnapshotCell& snapshots;
  const gateway::TimeSource& time;
  const gateway::Health& health;
  store::LiveStore& store;
  telemetry::Log& log;
  telemetry::ServerMetrics& metrics;
  std::function<std::string()> readiness_problem;
};

// The desk, with all that it asks the server for. The parts outlive it. Errors of Store::open.
Result<std::unique_ptr<admin::Desk>> open_administration(const AdministrationParts& parts);

// The API at an address of its own, on a thread of its own. TLS as the server's.
class AdminListener {
 public:
  static Result<std::unique_ptr<AdminListener>> start(const net::SocketAddress& address, admin::Desk& desk,
                                                      const gateway::SnapshotCell& snapshots, ClientTls& tls);
  ~AdminListener();  // stop(), join()
  AdminListener(const AdminListener&) = delete;
  AdminListener& operator=(const AdminListener&) = delete;

  std::string address() const { return address_; }
  void stop();  // no more connections, and an end to those that there are
  void join();

 private:
  AdminListener(admin::Desk& desk, const gateway::SnapshotCell& snapshots, ClientTls& tls)
      : snapshots_(snapshots), tls_(tls), door_(reactor_, desk) {}
  static async::Task<> accept_connections(AdminListener* self);
  static async::Task<> serve_one(AdminListener* self, Fd fd);

  const gateway::SnapshotCell& snapshots_;
  ClientTls& tls_;
  net::Reactor reactor_;
  admin::Door door_;
  std::unique_ptr<net::Listener> listener_;
  std::string address_;
  async::Cancel stop_;
  async::Scope connections_;
  async::Scope accepting_;  // destroyed first
  std::thread thread_;
};

}  // namespace sluice::serve
