// The client's side of HTTP/2, towards providers: one connection that carries many calls at the same time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "async/task.h"
#include "http/client.h"

namespace sluice::http {

// What is read of an answer by whoever has opened it; a connection of HTTP/2 has many of these.
class Http2Call;

class Http2Client {
 public:
  static constexpr std::size_t max_calls = 100;  // on one connection, and no more than the provider allows

  Http2Client(net::Reactor& reactor, std::unique_ptr<net::Stream> stream, const ClientLimits& limits, bool tls);
  ~Http2Client();
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  // Another call may go there. Not before the provider has said how many it takes, except for the first.
  bool has_room() const;
  // Nothing new may go there, and nothing runs.
  bool is_over() const;
  std::size_t calls() const;
  async::TimePoint idle_since() const;
  // A call on it; the connection outlives it. When has_room().
  std::unique_ptr<Http2Call> open();

 private:
  friend class Http2Call;
  struct State;
  std::unique_ptr<State> state_;
};

class Http2Call {
 public:
  explicit Http2Call(Http2Client::State& connection, bool reused);
  ~Http2Call();
  Http2Call(const Http2Call&) = delete;
  Http2Call& operator=(const Http2Call&) = delete;

  // As of Call. `head` is that of a request of HTTP/1.1.
  async::Task<Result<Response>> send(std::string_view head, std::string_view body, async::Deadline deadline);
  async::Task<Result<bool>> read_some(std::string& out, async::Deadline deadline);
  bool complete() const;
  bool reused() const;
  // The provider says that it has not begun with the request, so that it may be sent again.
  bool refused() const;
  async::Duration waited() const;

 private:
  friend struct Http2Client::State;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::http
