// The Responses API over WebSocket: each `response.create` is a request like any other, and its events go back as
// messages. Source: OpenAI, "WebSocket mode" of the Responses API.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/data_class.h"
#include "dialects/dialect.h"
#include "http/server.h"
#include "http/sse.h"
#include "http/websocket_connection.h"

namespace sluice::gateway {

// What a connection knows of its newest response while nobody keeps that: the client may go on from it here, and
// nowhere else. A turn that fails takes what it went on from with it.
class SocketMemory {
 public:
  // More than `most_bytes` of a conversation are forgotten.
  explicit SocketMemory(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  // The input of a request with what it goes on from, as the text of an array. `previous_id` loses what is told here.
  std::string input_of(json::Value request, std::string& previous_id);
  // Of the request whose input was asked for last. `answer` is the whole response.
  void remember(json::Value answer);
  void forget();
  // That the last request went on from and that is known here alone; empty when it went on from nothing.
  const std::string& went_on_from() const { return went_on_from_; }
  // The strictest class of the conversation that the last request went on from; of a new one: public.
  DataClass class_of_past() const { return asked_class_; }
  // What was remembered last has had this class, too.
  void was_of(DataClass data_class) { class_ = stricter(class_, data_class); }

 private:
  const std::size_t most_bytes_;
  std::string id_;                            // of the newest response; empty: nothing is known
  std::string previous_id_;                   // that others keep, and that its conversation begins with
  std::string items_;                         // of its conversation behind that, without the brackets
  DataClass class_ = DataClass::public_data;  // of that conversation
  std::string asked_previous_id_;
  std::string asked_items_;  // the same of the last request
  DataClass asked_class_ = DataClass::public_data;
  std::string went_on_from_;
};

// A response.create.
struct SocketRequest {
  std::string body;      // for POST /v1/responses
  bool generate = true;  // false: the client only tells what its next request will go on from
};
// Errors: invalid_request for what is no response.create.
Result<SocketRequest> read_message(std::string_view message, SocketMemory& memory);

// The events of a response that is prepared and has nothing in it.
std::string prepared_response(const dialects::Dialect& dialect, std::string_view body, std::string response_id,
                              std::int64_t created_unix_seconds);

// The `stream_id` of a message, by which its client knows the events that belong to it; empty when there is none.
// Errors: invalid_request when it is none.
Result<std::string> stream_id_of(std::string_view message);
// The event with that id in it; as it is without one.
std::string in_stream(std::string event, std::string_view stream_id);

// {"type":"error","status":...,"error":...}; `body` is what a client of the HTTP API would get.
std::string socket_error(int status, std::string_view body);

// One message as the rest of the gateway sees it: a request whose stream of events is sent as messages.
class SocketExchange : public http::Exchange {
 public:
  SocketExchange(const http::RequestHead& head, http::WebSocket& socket, SocketMemory& memory, std::string body,
                 std::string stream_id)
      : head_(head), socket_(socket), memory_(memory), body_(std::move(body)), stream_id_(std::move(stream_id)) {}

  const http::RequestHead& head() const override { return head_; }
  async::Task<Result<std::string>> read_body() override;
  async::Task<Result<void>> respond(int status, const http::Headers& headers, std::string_view body) override;
  async::Task<Result<void>> begin_stream(int status, const http::Headers& headers, std::string_view first) override;
  async::Task<Result<void>> write(std::string_view piece) override;
  async::Task<Result<void>> finish_stream(std::string_view last, const http::Headers& trailers) override;
  async::Task<Result<std::unique_ptr<http::WebSocket>>> upgrade() override;
  bool takes_comments() const override { return false; }
  const std::string& body() const { return body_; }
  // The last event has gone out, or is about to: the client may send its next message.
  const bool& answered() const { return answered_; }

 private:
  void note_end(std::string_view data);

  const http::RequestHead& head_;
  http::WebSocket& socket_;
  SocketMemory& memory_;
  std::string body_;
  const std::string stream_id_;
  http::SseSplitter events_;
  bool answered_ = false;
};

}  // namespace sluice::gateway
