// The server's side of one HTTP/1.1 connection: requests come in one after the other, each is given to the handler, its
// answer goes out. A mock and a gateway are both just another Handler.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "async/task.h"
#include "http/headers.h"
#include "http/parse.h"
#include "http/websocket_connection.h"
#include "net/stream.h"

namespace sluice::http {

struct ServerLimits {
  std::size_t header_bytes = 64 * 1024;
  std::size_t body_bytes = 32 * 1024 * 1024;
  async::Duration header_timeout = std::chrono::seconds(10);  // from the first byte of a head to its end
  async::Duration body_timeout = std::chrono::seconds(60);    // for a whole body
  async::Duration idle_timeout = std::chrono::seconds(75);    // between two requests
  std::size_t linger_bytes = 64 * 1024 * 1024;  // read for nothing after a refusal, so that the client sees the answer:
  async::Duration linger_timeout = std::chrono::seconds(5);  // many send the whole body before they look
  async::Duration write_timeout = std::chrono::seconds(60);  // for one piece of an answer: a client that does not read
};

// One request and the way to answer it. Lives from the head's last byte until the answer has gone out.
class Exchange {
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
  // A streamed answer: begin, write pieces, finish. Trailers are sent to clients of HTTP/1.1 only.
  // An exchange that ends before finish_stream closes the connection, so that the client can tell a cut answer.
  virtual async::Task<Result<void>> begin_stream(int status, const Headers& headers, std::string_view first) = 0;
  virtual async::Task<Result<void>> write(std::string_view piece) = 0;
  virtual async::Task<Result<void>> finish_stream(std::string_view last, const Headers& trailers) = 0;

  // Instead of an answer: from here on the connection is a WebSocket, which lives no longer than this. Errors:
  // invalid_request when the client has not asked for one as RFC 6455 wants it; client_gone.
  virtual async::Task<Result<std::unique_ptr<WebSocket>>> upgrade() = 0;

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
};

// How a server and one of its connections part. On the reactor's thread; outlives the connection.
struct Parting {
  bool last_answer = false;     // set by the server: the next answer says `connection: close`, and is the last
  Exchange* running = nullptr;  // set by the connection: the request that it is at
};

// Serves a connection until one side closes it. `stop` asks for an end after the request that runs.
async::Task<> serve_connection(net::Reactor& reactor, std::unique_ptr<net::Stream> stream, const ServerLimits& limits,
                               Handler& handler, async::Cancel& stop, Parting& parting);
// The same for a server that only ever stops.
async::Task<> serve_connection(net::Reactor& reactor, std::unique_ptr<net::Stream> stream, const ServerLimits& limits,
                               Handler& handler, async::Cancel& stop);

}  // namespace sluice::http
