// Comments, in the dialect's form, on a stream that waits for its first token, for what stands between here and a
// client and takes a silent connection for a dead one. Off unless server.stream_keep_alive_ms is set: the head goes out
// with the first comment, so a failure after it has no status of its own.
#pragma once

#include "async/scope.h"
#include "async/signal.h"
#include "gateway/respond/respond.h"
#include "http/server.h"
#include "net/reactor.h"

namespace sluice::gateway {

class KeepAlive {
 public:
  // These outlive this.
  KeepAlive(http::Exchange& client, const dialects::Dialect& dialect, net::Reactor& reactor);

  // From now on the client gets a comment after each `pause`, and the head with the first one. `facts`: what is known.
  void begin(async::Duration pause, const AnswerFacts& facts);
  // No more comments; afterwards the stream is the caller's. True: the head is out.
  async::Task<bool> end();

 private:
  async::Task<> run(async::Duration pause, http::Headers head);

  http::Exchange& client_;
  const std::string_view comment_;
  net::Reactor& reactor_;
  async::Signal ending_;
  async::Signal ended_;
  bool running_ = false;
  async::Scope scope_;
};

}  // namespace sluice::gateway
