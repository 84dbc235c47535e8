#include "gateway/listen/responses_socket.h"

#include "json/json.h"

namespace sluice::gateway {
namespace {

std::unexpected<Error> not_a_request(std::string message, std::string hint, std::string param) {
  return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                               .message = std::move(message),
                               .hint = std::move(hint),
                               .param = std::move(param)});
}

// Some providers leave the event's name out; its type stands at the front of the data.
bool is_last(const http::SseEvent& event) {
  constexpr std::size_t most_looked_at = 256;
  const std::string_view front = event.data.substr(0, most_looked_at);
  for (const std::string_view type : {"response.completed", "response.incomplete", "response.failed", "error"})
    if (event.event == type || (event.event.empty() && front.contains("\"" + std::string(type) + "\""))) return true;
  return false;
}

}  // namespace

Result<std::string> body_of_message(std::string_view message) {
  const auto parsed = json::Document::parse(message);
  if (!parsed || !parsed->root().is_object())
    return not_a_request("the message is not a JSON object",
                         R"(send {"type":"response.create","model":...,"input":...})", "");
  const json::Value root = parsed->root();
  if (root["type"].string() != "response.create")
    return not_a_request("the message is not of the type response.create", "no other messages are understood", "type");
  if (root["generate"].boolean() == false)
    return not_a_request("a response cannot be prepared without being generated", "leave `generate` out", "generate");
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  for (const auto& [name, value] : root.members())
    if (name != "type" && name != "stream" && name != "generate") writer.key(name).raw(value.text());
  writer.member("stream", true).end_object();
  return body;
}

std::string socket_error(int status, std::string_view body) {
  const auto parsed = json::Document::parse(body);
  std::string event;
  json::Writer writer(event);
  writer.begin_object().member("type", "error").member("status", status).key("error");
  if (parsed && parsed->root()["error"].is_object())
    writer.raw(parsed->root()["error"].text());
  else
    writer.begin_object().member("message", "the request failed").member("type", "server_error").end_object();
  writer.end_object();
  return event;
}

async::Task<Result<std::string>> SocketExchange::read_body() { co_return std::move(body_); }

async::Task<Result<void>> SocketExchange::respond(int status, const http::Headers& /*headers*/, std::string_view body) {
  started_ = true;
  answered_ = true;
  const std::string event = status < 400 ? std::string(body) : socket_error(status, body);
  co_return co_await socket_.send(event);
}

async::Task<Result<void>> SocketExchange::begin_stream(int /*status*/, const http::Headers& /*headers*/,
                                                       std::string_view first) {
  started_ = true;
  co_return co_await write(first);
}

async::Task<Result<void>> SocketExchange::write(std::string_view piece) {
  CO_CHECK_OK(events_.feed(piece));
  while (const std::optional<http::SseEvent> event = events_.next()) {
    if (!event->has_data) continue;
    answered_ = answered_ || is_last(*event);
    CO_CHECK_OK(co_await socket_.send(event->data));
  }
  co_return Result<void>();
}

async::Task<Result<void>> SocketExchange::finish_stream(std::string_view last, const http::Headers& /*trailers*/) {
  answered_ = true;
  co_return co_await write(last);
}

async::Task<Result<std::unique_ptr<http::WebSocket>>> SocketExchange::upgrade() {
  co_return fail(ErrorKind::invalid_request, "the connection is a WebSocket already",
                 "send the next response.create on it");
}

}  // namespace sluice::gateway
