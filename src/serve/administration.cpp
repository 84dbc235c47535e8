#include "serve/administration.h"

#include <chrono>
#include <exception>
#include <utility>
#include <vector>

namespace sluice::serve {
namespace {

using std::chrono::milliseconds;

// Few ask here, and each may hold a connection: beyond it the kernel's queue holds who comes.
constexpr std::size_t most_connections = 256;

void tell(telemetry::Log& log, telemetry::ServerMetrics& metrics, const admin::Told& told) {
  const std::string_view route = told.path.empty() ? "none" : std::string_view(told.path);
  metrics.admin_requests.with(route, std::to_string(told.status)).add();
  const std::string_view actor = told.actor.empty() ? "nobody" : std::string_view(told.actor);
  if (told.status >= 400)
    log.warn("administration refused",
             {{"method", told.method}, {"route", route}, {"actor", actor}, {"status", told.status}, {"why", told.why}});
  else if (told.method != "GET")
    log.info("administration", {{"method", told.method}, {"route", route}, {"actor", actor}, {"status", told.status}});
}

}  // namespace

Result<std::unique_ptr<admin::Desk>> open_administration(const AdministrationParts& parts) {
  TRY(store::Store store, store::Store::open(parts.home));
  admin::Surroundings around{.snapshot = [&snapshots = parts.snapshots] { return snapshots.load(); },
                             .readiness_problem = parts.readiness_problem,
                             .targets =
                                 [&health = parts.health, &time = parts.time] {
                                   std::vector<admin::TargetHealth> targets;
                                   for (const gateway::Health::Report& one : health.report(time.now()))
                                     targets.push_back({.target = one.target,
                                                        .state = std::string(gateway::name(one.state.kind)),
                                                        .again_in_ms = one.state.again_in.count(),
                                                        .calls = static_cast<std::int64_t>(one.calls),
                                                        .failures = static_cast<std::int64_t>(one.failures)});
                                   return targets;
                                 },
                             .keys_changed = [&store = parts.store] { return store.reload_keys(); }};
  admin::Administration::Options options{
      .hosts = parts.snapshots.load()->admin().host_names,
      .now_us = [&time = parts.time] { return time.unix_us(); },
      .tell = [&log = parts.log, &metrics = parts.metrics](const admin::Told& told) { tell(log, metrics, told); }};
  return std::make_unique<admin::Desk>(
      admin::Administration(std::move(store), std::move(around), std::move(options), parts.sign_ins));
}

Result<std::unique_ptr<AdminListener>> AdminListener::start(const net::SocketAddress& address,
                                                            const AdminShared& shared) {
  std::unique_ptr<AdminListener> self(new AdminListener(shared));
  TRY(self->listener_, net::Listener::listen(self->reactor_, address, address.family() != AF_UNIX));
  self->address_ = self->listener_->local_address().text();
  self->thread_ = std::thread([raw = self.get()] {
    raw->accepting_.spawn(accept_connections, raw);
    raw->reactor_.run();
  });
  return self;
}

AdminListener::~AdminListener() {
  stop();
  join();
}

void AdminListener::stop() {
  reactor_.post([this] {
    stop_.fire();
    reactor_.stop();
  });
}

void AdminListener::join() {
  if (thread_.joinable()) thread_.join();
}

async::Task<> AdminListener::accept_connections(AdminListener* self) {
  constexpr milliseconds pause{20};
  while (!self->stop_.fired()) {
    Result<Fd> socket = co_await self->listener_->accept_fd({async::TimePoint::max(), &self->stop_});
    if (!socket) {
      co_await self->reactor_.scheduler().sleep(self->reactor_.within(pause, &self->stop_));
      continue;
    }
    self->connections_.spawn(serve_one, self, *std::move(socket));
    while (self->connections_.size() >= most_connections && !self->stop_.fired())
      co_await self->reactor_.scheduler().sleep(self->reactor_.within(pause, &self->stop_));
  }
}

async::Task<> AdminListener::serve_one(AdminListener* self, Fd fd) {
  const std::shared_ptr<const config::Snapshot> snapshot = self->snapshots_.load();
  const config::ServerSettings& server = snapshot->server();
  const http::ServerLimits limits{.header_bytes = static_cast<std::size_t>(server.max_header_bytes),
                                  .body_bytes = admin::max_document_bytes,
                                  .header_timeout = milliseconds(server.header_timeout_ms),
                                  .body_timeout = milliseconds(server.body_timeout_ms),
                                  .idle_timeout = milliseconds(server.idle_timeout_ms),
                                  .http2 = {}};
  try {
    std::unique_ptr<net::Stream> stream;
    if (server.certificate.empty()) {
      stream = std::make_unique<net::Socket>(self->reactor_, std::move(fd));
    } else {
      Result<std::shared_ptr<net::ServerTls>> tls = self->tls_.current(server);
      if (!tls) co_return;
      Result<std::unique_ptr<net::Stream>> accepted =
          co_await net::accept_tls(self->reactor_, std::move(fd), *std::move(tls),
                                   self->reactor_.within(milliseconds(server.header_timeout_ms), &self->stop_));
      if (!accepted) co_return;
      stream = *std::move(accepted);
    }
    co_await http::serve_connection(self->reactor_, std::move(stream), limits, self->front_, self->stop_);
  } catch (const std::exception&) {
    // No memory: this connection is lost, the others go on.
  }
}

}  // namespace sluice::serve
