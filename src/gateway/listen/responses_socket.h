// The Responses API over WebSocket: each `response.create` is a request like any other, and its events go back as
// messages. Source: OpenAI, "WebSocket mode" of the Responses API.
#pragma once

#include <string>
#include <string_view>

#include "http/server.h"
#include "http/sse.h"
#include "http/websocket_connection.h"

namespace sluice::gateway {

// The request's body for POST /v1/responses. Errors: invalid_request for what is no response.create.
Result<std::string> body_of_message(std::string_view message);

// {"type":"error","status":...,"error":...}; `body` is what a client of the HTTP API would get.
std::string socket_error(int status, std::string_view body);

// One message as the rest of the gateway sees it: a request whose stream of events is sent as messages.
class SocketExchange : public http::Exchange {
 public:
  SocketExchange(const http::RequestHead& head, http::WebSocket& socket, std::string body)
      : head_(head), socket_(socket), body_(std::move(body)) {}

  const http::RequestHead& head() const override { return head_; }
  async::Task<Result<std::string>> read_body() override;
  async::Task<Result<void>> respond(int status, const http::Headers& headers, std::string_view body) override;
  async::Task<Result<void>> begin_stream(int status, const http::Headers& headers, std::string_view first) override;
  async::Task<Result<void>> write(std::string_view piece) override;
  async::Task<Result<void>> finish_stream(std::string_view last, const http::Headers& trailers) override;
  async::Task<Result<std::unique_ptr<http::WebSocket>>> upgrade() override;
  // The last event has gone out, or is about to: the client may send its next message.
  const bool& answered() const { return answered_; }

 private:
  const http::RequestHead& head_;
  http::WebSocket& socket_;
  std::string body_;
  http::SseSplitter events_;
  bool answered_ = false;
};

}  // namespace sluice::gateway
