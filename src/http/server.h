// The server's side of a client's connection: each request is given to the handler, its answer goes out. Which version
// of HTTP it speaks is found out here, and a handler does not see it. A mock and a gateway are both just another
// Handler.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "async/list.h"
#include "async/signal.h"
#include "async/task.h"
#include "http/headers.h"
#include "http/parse.h"
#include "http/websocket_connection.h"
#include "net/stream.h"

namespace sluice::http {

// What one connection of HTTP/2 may do. The rates are far above what clients do, and far below what would hurt: so many
// at once, and so many a second after that; beyond it the connection ends with ENHANCE_YOUR_CALM and says why.
struct Http2Limits {
  std::uint32_t streams = 128;  // requests at the same time; more are refused, unread
  // Of bodies that nobody has read yet: of one request (before it is known who asks), and of all together.
  std::int32_t stream_window_bytes = 64 * 1024;
  std::int32_t connection_window_bytes = 1024 * 1024;
  std::int32_t reading_window_bytes = 1024 * 1024;  // of a body that is being read
  std::size_t bodies_per_connection = 4;            // times body_bytes: of all requests together
  std::size_t head_frames = 16;                     // CONTINUATION frames of one head
  std::size_t head_times = 2;                       // times header_bytes: of one head, packed
  struct Rate {
    std::int64_t at_once;
    std::int64_t per_second;
  };
  std::size_t queued_frames = 1'000;  // answers to frames, for a client that does not read them
  Rate resets{200, 20};               // requests that the client takes back before their end
  Rate control_frames{1'000, 100};    // SETTINGS, PING, PRIORITY, WINDOW_UPDATE
  Rate empty_frames{100, 10};         // DATA without data
  std::int64_t frames_per_data = 4;   // control frames that each piece of an answer adds to that allowance
};

struct ServerLimits {
  std::size_t header_bytes = 64 * 1024;
  std::size_t body_bytes = 32 * 1024 * 1024;
  async::Duration header_timeout = std::chrono::seconds(10);  // from the first byte of a head to its end
  async::Duration body_timeout = std::chrono::seconds(60);    // for a whole body
  async::Duration idle_timeout = std::chrono::seconds(75);    // between two requests
  std::size_t linger_bytes = 64 * 1024 * 1024;  // read for nothing after a refusal, so that the client sees the answer:
  async::Duration linger_timeout = std::chrono::seconds(5);  // many send the whole body before they look
  async::Duration write_timeout = std::chrono::seconds(60);  // for one piece of an answer: a client that does not read
  Http2Limits http2;
};

// One request and the way to answer it. Lives from the head's last byte until the answer has gone out.
class Exchange : public async::ListNode {
 public:
  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  virtual ~Exchange() = default;

  virtual const RequestHead& head() const = 0;
  // Reads the body, once. Errors: request_too_large, invalid_request (bad chunks, cut short), provider_timeout is
  // re-worded as invalid_request "the body did not arrive in time"; client_gone.
  virtual async::Task<Result<std::string>> read_body() = 0;

  // A whole answer; content-length and connection are added. Errors of all four: client_gone.
  virtual async::Task<Result<void>> respond(int status, const Headers& headers, std::string_view body) = 0;
  // A streamed answer: begin, write pieces, finish. Trailers are not sent to clients of HTTP/1.0.
  // An exchange that ends before finish_stream closes the connection, so that the client can tell a cut answer.
  virtual async::Task<Result<void>> begin_stream(int status, const Headers& headers, std::string_view first) = 0;
  virtual async::Task<Result<void>> write(std::string_view piece) = 0;
  virtual async::Task<Result<void>> finish_stream(std::string_view last, const Headers& trailers) = 0;

  // Instead of an answer: from here on the connection is a WebSocket, which lives no longer than this. Errors:
  // invalid_request when the client has not asked for one as RFC 6455 wants it; client_gone.
  virtual async::Task<Result<std::unique_ptr<WebSocket>>> upgrade() = 0;

  // Whether bytes of a stream reach the client as they are; else it sees only whole events.
  virtual bool takes_comments() const { return true; }

  bool started() const { return started_; }              // the status line is out
  async::Duration waited() const { return waited_; }     // for the body to come
  async::Cancel& client_gone() { return client_gone_; }  // fires when the client leaves

  // The server ends, and this request with it: what waits is woken as if the client had left, but it is there and can
  // be told.
  void cut() {
    cut_ = true;
    client_gone_.fire();
  }
  bool was_cut() const { return cut_; }

 protected:
  async::Cancel client_gone_;
  bool started_ = false;
  bool cut_ = false;
  async::Duration waited_{0};
};

// Whether the client asks for a WebSocket.
bool asks_for_websocket(const RequestHead& head);

class Handler {
 public:
  virtual ~Handler() = default;
  // Answers. An exception that leaves it ends the connection's coroutine.
  virtual async::Task<> handle(Exchange& exchange) = 0;
  // A head that is no HTTP or beyond a limit: the body of the answer, in a shape the client may understand.
  virtual std::string malformed(int status, std::string_view message, Headers& headers) = 0;
  // A client has met a bound, for metrics: "head_bytes", "http2_resets". The names stand in telemetry/limit_table.h.
  virtual void beyond_limit(std::string_view /*limit*/) {}
};

// How a server and one of its connections part. On the reactor's thread; outlives the connection.
struct Parting {
  bool last_answer = false;       // set by the server: the next answer says `connection: close`, and is the last
  async::List<Exchange> running;  // kept by the connection: the requests that it is at
  async::Signal* on_last_answer = nullptr;  // of the connection, where it has to act

  void ask_to_leave() {
    last_answer = true;
    if (on_last_answer) on_last_answer->notify();
  }
};

// Serves a connection until one side closes it. `stop` asks for an end after the request that runs.
async::Task<> serve_connection(net::Reactor& reactor, std::unique_ptr<net::Stream> stream, const ServerLimits& limits,
                               Handler& handler, async::Cancel& stop, Parting& parting);
// The same for a server that only ever stops.
async::Task<> serve_connection(net::Reactor& reactor, std::unique_ptr<net::Stream> stream, const ServerLimits& limits,
                               Handler& handler, async::Cancel& stop);

}  // namespace sluice::http
