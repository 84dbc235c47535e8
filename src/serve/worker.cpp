#include "serve/worker.h"

#include <algorithm>
#include <exception>
#include <map>

namespace sluice::serve {

using std::chrono::milliseconds;

namespace {

http::ServerLimits limits_of(const config::ServerSettings& server) {
  return {.header_bytes = static_cast<std::size_t>(server.max_header_bytes),
          .body_bytes = static_cast<std::size_t>(server.max_body_bytes),
          .header_timeout = milliseconds(server.header_timeout_ms),
          .body_timeout = milliseconds(server.body_timeout_ms),
          .idle_timeout = milliseconds(server.idle_timeout_ms),
          .http2 = {.streams = static_cast<std::uint32_t>(server.max_streams)}};
}

}  // namespace

Worker::Worker(Shared& shared)
    : shared_(shared),
      resolver_(reactor_),
      connector_{reactor_, resolver_, shared.tls},
      providers_(connector_, http::ClientLimits{}),
      google_tokens_(reactor_, providers_),
      gateway_{.reactor = reactor_,
               .providers = providers_,
               .dialects = shared.dialects,
               .snapshots = shared.snapshots,
               .time = shared.time,
               .store = shared.store,
               .desk = shared.desk,
               .admission = shared.admission,
               .health = shared.health,
               .speeds = shared.speeds,
               .canaries = shared.canaries,
               .shadows = shared.shadows,
               .places = shared.places,
               .books = shared.books,
               .price_once = shared.price_once,
               .engines = shared.engines,
               .google_tokens = google_tokens_,
               .issuers = shared.issuers,
               .affinity = shared.affinity,
               .on_begin = shared.on_begin,
               .on_end = shared.on_end,
               .metrics_page = shared.metrics_page,
               .readiness_problem = shared.readiness_problem,
               .limits_problem = shared.limits_problem,
               .beyond_limit = shared.beyond_limit},
      handler_(gateway_) {
  gateway_.background = &background_;
  if (!shared.administration) return;
  administration_.emplace(reactor_, providers_, *shared.administration, shared.sign_in, shared.sessions);
  gateway_.beside = [this](std::string_view path) -> http::Handler* {
    return admin::Administration::takes(path) ? &*administration_ : nullptr;
  };
}

Worker::~Worker() { join(); }

Result<net::SocketAddress> Worker::listen(const net::SocketAddress& address) {
  TRY(listener_, net::Listener::listen(reactor_, address, address.family() != AF_UNIX));
  return listener_->local_address();
}

Result<net::SocketAddress> Worker::adopt(Fd listening) {
  listener_ = net::Listener::adopt(reactor_, std::move(listening));
  return listener_->local_address();
}

void Freeze::arrive_and_wait() {
  std::unique_lock held(mutex_);
  ++arrived_;
  changed_.notify_all();
  changed_.wait(held, [&] { return over_; });
}

bool Freeze::wait_for(std::size_t count, milliseconds limit) {
  std::unique_lock held(mutex_);
  return changed_.wait_for(held, limit, [&] { return arrived_ == count; });
}

void Freeze::end() {
  const std::lock_guard held(mutex_);
  over_ = true;
  changed_.notify_all();
}

void Worker::freeze(std::shared_ptr<Freeze> freeze) {
  reactor_.post([freeze = std::move(freeze)] { freeze->arrive_and_wait(); });
}

void Worker::tell_reservations(const std::function<void(const gateway::Reservation&)>& tell) {
  for (gateway::Underway* one = gateway_.underway.front(); one; one = gateway_.underway.after(*one))
    if (const auto reservation = one->reservation()) tell(*reservation);
}

void Worker::leave_to_successor() {
  reactor_.post([this] { closed_.fire(); });
  leave();
}

void Worker::start() {
  thread_ = std::thread([this] {
    control_.spawn(accept_connections, this);
    control_.spawn(keep_warm, this);
    reactor_.run();
    ended_.store(true, std::memory_order_release);
  });
}

void Worker::leave() {
  reactor_.post([this] {
    leaving_ = true;
    for (Open* open = open_.front(); open; open = open_.after(*open)) open->parting.ask_to_leave();
  });
}

void Worker::drain(async::Duration limit) {
  reactor_.post([this, limit] {
    closed_.fire();
    stop_.fire();
    drain_until_ = reactor_.now() + limit;
    control_.spawn(stop_when_idle, this);
  });
}

void Worker::cut() {
  reactor_.post([this] { drain_until_ = reactor_.now(); });
}

// This worker's share of what the configuration in force allows.
std::size_t Worker::most_connections() const {
  const auto most = static_cast<std::size_t>(shared_.snapshots.load()->server().max_connections);
  return std::max<std::size_t>(most / shared_.threads, 1);
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

async::Task<> Worker::accept_connections(Worker* worker) {
  constexpr milliseconds pause{20};  // when there is no room: the kernel's queue holds who comes
  while (!worker->closed_.fired()) {
    Result<Fd> socket = co_await worker->listener_->accept_fd({async::TimePoint::max(), &worker->closed_});
    if (socket) {
      // Only now that somebody is there must another one go. Who has been accepted is served, whatever comes.
      while (worker->connections_.size() >= worker->most_connections() && !worker->make_room() &&
             !worker->closed_.fired())
        co_await worker->reactor_.scheduler().sleep(worker->reactor_.within(pause, &worker->closed_));
      worker->connections_.spawn(serve_one, worker, *std::move(socket));
    } else if (socket.error().kind == ErrorKind::overloaded) {
      worker->shared_.log.warn("cannot accept", {{"reason", socket.error().message}, {"hint", socket.error().hint}});
      co_await worker->reactor_.scheduler().sleep(worker->reactor_.within(pause * 5, &worker->closed_));
    }
  }
  if (worker->gateway_.successor) worker->listener_->leave_file();
  worker->listener_.reset();
}

// The configuration is held for the handshake alone: a connection may outlive many of them.
async::Task<Result<std::unique_ptr<net::Stream>>> Worker::stream_of(Fd fd) {
  const std::shared_ptr<const config::Snapshot> snapshot = shared_.snapshots.load();
  const config::ServerSettings& server = snapshot->server();
  if (server.certificate.empty()) co_return std::make_unique<net::Socket>(reactor_, std::move(fd));
  CO_TRY(std::shared_ptr<net::ServerTls> tls, shared_.client_tls.current(server));
  co_return co_await net::accept_tls(reactor_, std::move(fd), std::move(tls),
                                     reactor_.within(milliseconds(server.header_timeout_ms), &stop_));
}

// Who holds a connection without a request on it, or with half of one, must not keep out those who have one: the oldest
// goes. False: each one is at a request.
bool Worker::make_room() {
  for (Open* open = open_.front(); open; open = open_.after(*open)) {
    if (!open->parting.running.empty() || open->is_cut) continue;
    open->is_cut = true;
    open->stream.cut();
    shared_.crowded_out.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  return false;
}

async::Task<> Worker::serve_one(Worker* worker, Fd fd) {
  worker->shared_.connections.fetch_add(1, std::memory_order_relaxed);
  const http::ServerLimits limits = limits_of(worker->shared_.snapshots.load()->server());  // to its end
  try {
    Result<std::unique_ptr<net::Stream>> stream = co_await worker->stream_of(std::move(fd));
    if (stream) {
      Open open(**stream);
      open.parting.last_answer = worker->leaving_;
      worker->open_.push_back(open);
      co_await http::serve_connection(worker->reactor_, *std::move(stream), limits, worker->handler_, worker->stop_,
                                      open.parting);
    } else if (stream.error().kind == ErrorKind::client_gone) {
      worker->shared_.no_handshake();
    } else {
      worker->shared_.log.error("no TLS for clients", {{"reason", stream.error().message}});
    }
  } catch (const std::exception& fault) {
    // A bug or no memory: this connection is lost, the others go on.
    worker->shared_.log.error("connection lost by an exception", {{"what", fault.what()}});
  }
  worker->shared_.connections.fetch_sub(1, std::memory_order_relaxed);
}

async::Task<> Worker::keep_warm(Worker* worker) {
  constexpr milliseconds look_again{1'000};
  constexpr milliseconds try_again{30'000};  // where nobody answers
  net::Reactor& reactor = worker->reactor_;
  std::map<std::string, async::TimePoint> not_before;
  while (!worker->stop_.fired()) {
    const std::shared_ptr<const config::Snapshot> snapshot = worker->shared_.snapshots.load();
    for (const catalog::Provider& provider : snapshot->providers()) {
      if (provider.warm_connections == 0 || !provider.enabled || provider.engine) continue;
      const auto failed = not_before.find(provider.id.str());
      if (failed != not_before.end() && reactor.now() < failed->second) continue;
      const std::int64_t limit = provider.patience.connect_timeout_ms > 0 ? provider.patience.connect_timeout_ms
                                                                          : snapshot->retry().connect_timeout_ms;
      const async::Deadline deadline = reactor.within(milliseconds(limit), &worker->stop_);
      const Result<void> warm = co_await worker->providers_.warm(
          provider.base_url.endpoint, static_cast<std::size_t>(provider.warm_connections), deadline);
      if (warm) {
        not_before.erase(provider.id.str());
      } else if (warm.error().kind != ErrorKind::client_gone) {
        if (failed == not_before.end())
          worker->shared_.log.warn("cannot keep a connection ready",
                                   {{"provider", provider.id.str()}, {"reason", warm.error().message}});
        not_before[provider.id.str()] = reactor.now() + try_again;
      }
    }
    co_await reactor.scheduler().sleep(reactor.within(look_again, &worker->stop_));
  }
}

async::Task<> Worker::stop_when_idle(Worker* worker) {
  constexpr milliseconds look_again{5};
  constexpr milliseconds to_record{1'000};
  const auto idle_by = [&](const async::TimePoint& latest) -> async::Task<> {
    while (worker->connections_.size() + worker->background_.jobs.size() > 0 && worker->reactor_.now() < latest)
      co_await worker->reactor_.scheduler().sleep(worker->reactor_.within(look_again));
  };
  // Clients alone are waited for: nobody reads what goes on in the background.
  while (worker->connections_.size() > 0 && worker->reactor_.now() < worker->drain_until_)
    co_await worker->reactor_.scheduler().sleep(worker->reactor_.within(look_again));
  // Who is still there is told why its answer ends here; each request is settled and recorded.
  for (Open* open = worker->open_.front(); open; open = worker->open_.after(*open))
    for (http::Exchange* one = open->parting.running.front(); one; one = open->parting.running.after(*one)) one->cut();
  worker->background_.cut.fire();
  const async::TimePoint told_by = worker->reactor_.now() + to_record;
  co_await idle_by(told_by);
  // To what still runs, a client that does not read or a socket between two messages, its client is gone.
  while (Open* open = worker->open_.front()) {
    open->unlink();
    open->stream.cut();
  }
  const async::TimePoint gone_by = worker->reactor_.now() + to_record;
  co_await idle_by(gone_by);
  worker->reactor_.stop();
}

}  // namespace sluice::serve
