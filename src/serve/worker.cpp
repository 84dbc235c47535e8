#include "serve/worker.h"

#include <exception>

namespace sluice::serve {

using std::chrono::milliseconds;

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
               .books = shared.books,
               .engines = shared.engines,
               .google_tokens = google_tokens_,
               .on_begin = shared.on_begin,
               .on_end = shared.on_end,
               .metrics_page = shared.metrics_page,
               .readiness_problem = shared.readiness_problem},
      handler_(gateway_) {}

Worker::~Worker() { join(); }

Result<net::SocketAddress> Worker::listen(const net::SocketAddress& address) {
  TRY(listener_, net::Listener::listen(reactor_, address, address.family() != AF_UNIX));
  return listener_->local_address();
}

void Worker::start() {
  thread_ = std::thread([this] {
    control_.spawn(accept_connections, this);
    reactor_.run();
  });
}

void Worker::drain(async::Duration limit) {
  reactor_.post([this, limit] {
    stop_.fire();
    control_.spawn(stop_when_idle, this, limit);
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

async::Task<> Worker::accept_connections(Worker* worker) {
  constexpr milliseconds pause{20};  // when there is no room: the kernel's queue holds who comes
  while (!worker->stop_.fired()) {
    if (worker->connections_.size() >= worker->shared_.max_connections) {
      co_await worker->reactor_.scheduler().sleep(worker->reactor_.within(pause, &worker->stop_));
      continue;
    }
    Result<std::unique_ptr<net::Socket>> socket =
        co_await worker->listener_->accept({async::TimePoint::max(), &worker->stop_});
    if (socket) {
      worker->connections_.spawn(serve_one, worker, std::unique_ptr<net::Stream>(*std::move(socket)));
    } else if (socket.error().kind == ErrorKind::overloaded) {
      worker->shared_.log.warn("cannot accept", {{"reason", socket.error().message}, {"hint", socket.error().hint}});
      co_await worker->reactor_.scheduler().sleep(worker->reactor_.within(pause * 5, &worker->stop_));
    }
  }
  worker->listener_.reset();
}

async::Task<> Worker::serve_one(Worker* worker, std::unique_ptr<net::Stream> stream) {
  worker->shared_.connections.fetch_add(1, std::memory_order_relaxed);
  Open open(*stream);
  worker->open_.push_back(open);
  try {
    co_await http::serve_connection(worker->reactor_, std::move(stream), worker->shared_.limits, worker->handler_,
                                    worker->stop_);
  } catch (const std::exception& fault) {
    // A bug or no memory: this connection is lost, the others go on.
    worker->shared_.log.error("connection lost by an exception", {{"what", fault.what()}});
  }
  worker->shared_.connections.fetch_sub(1, std::memory_order_relaxed);
}

async::Task<> Worker::stop_when_idle(Worker* worker, async::Duration limit) {
  constexpr milliseconds look_again{5};
  constexpr milliseconds to_record{1'000};
  const auto idle_by = [&](async::TimePoint latest) -> async::Task<> {
    while (worker->connections_.size() > 0 && worker->reactor_.now() < latest)
      co_await worker->reactor_.scheduler().sleep(worker->reactor_.within(look_again));
  };
  co_await idle_by(worker->reactor_.now() + limit);
  // To what still runs it is as if its client had left: it is settled and recorded, and then ends.
  while (Open* open = worker->open_.front()) {
    open->unlink();
    open->stream.cut();
  }
  co_await idle_by(worker->reactor_.now() + to_record);
  worker->reactor_.stop();
}

}  // namespace sluice::serve
