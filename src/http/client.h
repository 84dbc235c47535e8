// The client's side of HTTP, towards providers: one call, and the pool that keeps connections. A call has a connection
// of HTTP/1.1 for itself, or is one of many on a connection of HTTP/2; who makes it does not see which.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "async/list.h"
#include "async/scope.h"
#include "async/task.h"
#include "http/chunked.h"
#include "http/headers.h"
#include "http/parse.h"
#include "net/connect.h"

namespace sluice::http {

// What a provider's answer may at most be.
struct ClientLimits {
  std::size_t header_bytes = 64 * 1024;
  std::size_t body_bytes = 64 * 1024 * 1024;  // of an answer that is read whole
};

// What goes out behind a request's head: mostly one text, or three that are sent one behind the other, so that nobody
// has to copy a long one. Borrowed until the answer's head has come.
struct Body {
  Body(std::string_view whole) : middle(whole) {}
  Body(const std::string& whole) : middle(whole) {}
  Body(const char* whole) : middle(whole) {}
  Body(std::string_view before, std::string_view between, std::string_view behind)
      : front(before), middle(between), back(behind) {}
  std::string_view front;
  std::string_view middle;
  std::string_view back;
};

// What is needed of a provider's answer after its head.
struct Response {
  int status = 0;
  Headers headers;
};

class ConnectionPool;
class Http2Call;
class Http2Client;

// One call. A connection of HTTP/1.1 goes back to the pool when its answer was read to the end, is closed otherwise; on
// one of HTTP/2 the provider is told that nobody wants the rest.
class Call {
 public:
  Call(Call&&) noexcept;
  Call& operator=(Call&&) noexcept;
  ~Call();

  // Writes the request and reads the answer's head; answers of 1xx are skipped. Errors: provider_unreachable,
  // provider_timeout, client_gone.
  async::Task<Result<Response>> send(std::string_view head, Body body, async::Deadline deadline);
  // Appends what has arrived of the body, at least one byte unless it is at its end. False: the body is complete.
  // Errors: provider_unreachable when it was cut short or is not valid, provider_timeout, client_gone.
  async::Task<Result<bool>> read_some(std::string& out, async::Deadline deadline);
  // The whole body. Errors as above, and provider_unreachable when it is larger than the limit.
  async::Task<Result<std::string>> read_all(async::Deadline deadline);
  // The connection had been used before: a provider may close a kept connection just when the next request is sent.
  bool reused() const;
  // The provider says that it has not begun with the request, so that it may be sent again at once.
  bool refused() const;
  // For a new connection, and in send() and read_all() for the provider.
  async::Duration waited() const;

 private:
  friend class ConnectionPool;
  struct Connection;
  Call(ConnectionPool& pool, std::unique_ptr<Connection> connection);
  Call(ConnectionPool& pool, std::unique_ptr<Http2Call> stream);
  async::Task<Result<Response>> send_http1(std::string_view head, Body body, async::Deadline deadline);
  async::Task<Result<Response>> send_joined(std::string_view head, Body body, async::Deadline deadline);
  async::Task<Result<bool>> read_some_http1(std::string& out, async::Deadline deadline);
  bool is_complete() const;
  async::Duration waited_{0};
  ConnectionPool* pool_ = nullptr;
  std::unique_ptr<Connection> connection_;  // either of these
  std::unique_ptr<Http2Call> stream_;
};

// Kept connections of one reactor, by endpoint; closed when nobody has used them for a while, or the provider hangs up.
class ConnectionPool {
 public:
  // Below the 60 s after which common load balancers hang up.
  static constexpr async::Duration usual_idle_time = std::chrono::seconds(55);
  ConnectionPool(net::Connector& connector, ClientLimits limits, async::Duration max_idle_time = usual_idle_time);
  ~ConnectionPool();

  // A kept connection, or a new one. Borrows the endpoint until it returns. Errors of net::connect.
  async::Task<Result<Call>> open(const Endpoint& endpoint, async::Deadline deadline, bool fresh = false);
  std::size_t idle() const;
  // Sees to it that so many calls could begin there without a handshake: connects, as often as that takes.
  async::Task<Result<void>> warm(Endpoint endpoint, std::size_t connections, async::Deadline deadline);

 private:
  friend class Call;
  static constexpr std::size_t max_idle_per_endpoint = 256;
  void give_back(std::unique_ptr<Call::Connection> connection, bool used = true);
  // Runs while anything is idle.
  static async::Task<> close_what_is_idle(ConnectionPool* pool);
  void close_idle();
  void sweep();
  // One of HTTP/2 that has room; null when there is none.
  Http2Client* shared(const Endpoint& endpoint);
  async::Task<Result<Call>> connect(const Endpoint& endpoint, async::Deadline deadline);

  net::Connector& connector_;
  ClientLimits limits_;
  async::Duration max_idle_time_;
  struct Hash {
    std::size_t operator()(const Endpoint& endpoint) const noexcept;
  };
  std::unordered_map<Endpoint, std::vector<std::unique_ptr<Call::Connection>>, Hash> idle_;  // newest last
  // Connections of HTTP/2 by endpoint, those with calls on them too. An endpoint that has spoken it stays here, and who
  // comes while a connection to it is made waits for that one.
  struct Waiter;
  struct Multiplexed {
    std::vector<std::unique_ptr<Http2Client>> connections;
    std::size_t connecting = 0;
    async::List<Waiter> waiters;
  };
  std::unordered_map<Endpoint, Multiplexed, Hash> multiplexed_;
  async::Scope closing_;
};

// The start line and fields of a request, ready to be sent. Host and content-length are added.
std::string request_head(std::string_view method, const BaseUrl& base, std::string_view path, const Headers& headers,
                         std::size_t body_bytes);

}  // namespace sluice::http
