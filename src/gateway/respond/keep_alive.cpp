#include "gateway/respond/keep_alive.h"

namespace sluice::gateway {

KeepAlive::KeepAlive(http::Exchange& client, const dialects::Dialect& dialect, net::Reactor& reactor)
    : client_(client),
      comment_(dialect.keep_alive()),
      reactor_(reactor),
      ending_(reactor.scheduler()),
      ended_(reactor.scheduler()) {}

void KeepAlive::begin(async::Duration pause, const AnswerFacts& facts) {
  running_ = true;
  scope_.spawn([this](async::Duration each, http::Headers head) { return run(each, std::move(head)); }, pause,
               early_stream_head(facts));
}

async::Task<> KeepAlive::run(async::Duration pause, http::Headers head) {
  for (;;) {
    const bool told_to_end = co_await ending_.wait({reactor_.now() + pause, &client_.client_gone()});
    if (told_to_end || client_.client_gone().fired()) break;
    Result<void> sent;
    if (client_.started())
      sent = co_await client_.write(comment_);
    else
      sent = co_await client_.begin_stream(200, head, comment_);
    if (!sent) break;
  }
  running_ = false;
  ended_.notify();
}

async::Task<bool> KeepAlive::end() {
  if (running_) {
    ending_.notify();
    (void)co_await ended_.wait(async::Deadline::never());  // a write ends with the client, or with its own time
  }
  co_return client_.started();
}

}  // namespace sluice::gateway
