#include "gateway/listen/responses_socket.h"

#include <algorithm>
#include <utility>

#include "dialects/text_scan.h"
#include "gateway/resources/conversation.h"
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
  std::string type(event.event);
  if (type.empty()) {
    const auto members = json::find_members(event.data, {"type"});
    if (!members || !members->front()) return false;
    type = event.data.substr(members->front()->begin, members->front()->end - members->front()->begin);
    if (type.size() >= 2) type = type.substr(1, type.size() - 2);
  }
  return type == "response.completed" || type == "response.incomplete" || type == "response.failed" || type == "error";
}

}  // namespace

std::string SocketMemory::input_of(json::Value request, std::string& previous_id) {
  const bool known = !id_.empty() && previous_id == id_;
  went_on_from_ = known ? id_ : std::string();
  asked_items_ = known ? items_ : std::string();
  asked_class_ = known ? class_ : DataClass::public_data;
  if (known) previous_id = previous_id_;
  asked_previous_id_ = previous_id;
  const json::Value input = request["input"];
  json::Writer writer(asked_items_);
  if (!asked_items_.empty() && (input.is_string() || input.size() > 0)) asked_items_ += ',';
  if (const auto text = input.string())
    writer.begin_object().member("role", "user").member("content", *text).end_object();
  else if (const std::string items = input.text(); input.is_array() && input.size() > 0)
    asked_items_.append(std::string_view(items).substr(1, items.size() - 2));
  return "[" + asked_items_ + "]";
}

void SocketMemory::remember(json::Value answer) {
  if (answer["store"].boolean() == true) return forget();  // others keep it
  std::string output;
  json::Writer writer(output);
  writer.begin_array();
  append_output(writer, answer);
  writer.end_array();
  id_ = answer["id"].string().value_or("");
  previous_id_ = std::exchange(asked_previous_id_, {});
  items_ = std::exchange(asked_items_, {});
  class_ = asked_class_;
  const std::string_view more = std::string_view(output).substr(1, output.size() - 2);
  if (!items_.empty() && !more.empty()) items_ += ',';
  items_ += more;
  if (items_.size() > most_bytes_) forget();
}

void SocketMemory::forget() {
  id_.clear();
  items_ = {};
}

Result<SocketRequest> read_message(std::string_view message, SocketMemory& memory) {
  const auto parsed = json::Document::parse(message);
  if (!parsed || !parsed->root().is_object())
    return not_a_request("the message is not a JSON object",
                         R"(send {"type":"response.create","model":...,"input":...})", "");
  const json::Value root = parsed->root();
  if (root["type"].string() != "response.create")
    return not_a_request("the message is not of the type response.create", "no other messages are understood", "type");
  if (const auto places = json::find_members(message, {"input", "previous_response_id"}); !places)
    return not_a_request(places.error().message, places.error().hint, places.error().param);
  const json::Value input = root["input"];
  if (input.exists() && !input.is_null() && !input.is_string() && !input.is_array())
    return not_a_request("input: a string or an array of items is expected", "", "input");
  SocketRequest request{.body = {}, .generate = root["generate"].boolean().value_or(true)};
  if (!request.generate && root["model"].string().value_or("").empty())
    return not_a_request("model: this field is required", "name the model that the next message asks for", "model");
  std::string previous_id(root["previous_response_id"].string().value_or(""));
  const std::string items = memory.input_of(root, previous_id);
  const bool went_on = !memory.went_on_from().empty();
  json::Writer writer(request.body);
  writer.begin_object();
  for (const auto& [name, value] : root.members()) {
    if (name == "type" || name == "stream" || name == "generate" || name == "stream_id") continue;
    if (went_on && (name == "input" || name == "previous_response_id")) continue;
    writer.key(name).raw(value.text());
  }
  if (went_on) writer.key("input").raw(items);
  if (went_on && !previous_id.empty()) writer.member("previous_response_id", previous_id);
  writer.member("stream", true).end_object();
  return request;
}

std::string prepared_response(const dialects::Dialect& dialect, std::string_view body, std::string response_id,
                              std::int64_t created_unix_seconds) {
  const auto parsed = json::Document::parse(body);
  const json::Value root = parsed ? parsed->root() : json::Value();
  const auto encoder = dialect.encode_stream({.response_id = std::move(response_id),
                                              .model = std::string(root["model"].string().value_or("")),
                                              .created_unix_seconds = created_unix_seconds,
                                              .request = root});
  std::string events;
  encoder->encode(chat::Start{}, events);
  encoder->encode(chat::Finish{.usage = {.reported = true}}, events);
  return events;
}

Result<std::string> stream_id_of(std::string_view message) {
  constexpr std::size_t longest = 256;
  if (!message.contains("stream_id")) return std::string();
  const auto parsed = json::Document::parse(message);
  const json::Value id = parsed ? parsed->root()["stream_id"] : json::Value();
  if (!id.exists() || id.is_null()) return std::string();
  const std::string_view text = id.string().value_or("");
  const bool fits = !text.empty() && text.size() <= longest && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  });
  if (!fits)
    return not_a_request("stream_id: up to 256 letters, digits and _ . - are expected", "choose another one",
                         "stream_id");
  return std::string(text);
}

std::string in_stream(std::string event, std::string_view stream_id) {
  const std::size_t open = event.find('{');
  if (stream_id.empty() || open == std::string::npos) return event;
  const bool is_empty = event.find_first_not_of(" \t\r\n", open + 1) == event.rfind('}');
  event.insert(open + 1, "\"stream_id\":\"" + std::string(stream_id) + (is_empty ? "\"" : "\","));
  return event;
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

void SocketExchange::note_end(std::string_view data) {
  const auto parsed = json::Document::parse(data);
  const json::Value response = parsed ? parsed->root()["response"] : json::Value();
  const auto status = response["status"].string();
  if (status == "completed" || status == "incomplete")
    memory_.remember(response);
  else if (!memory_.went_on_from().empty())
    memory_.forget();
}

async::Task<Result<std::string>> SocketExchange::read_body() { co_return std::move(body_); }

async::Task<Result<void>> SocketExchange::respond(int status, const http::Headers& /*headers*/, std::string_view body) {
  started_ = true;
  answered_ = true;
  if (status >= 400 && !memory_.went_on_from().empty()) memory_.forget();
  const std::string event = in_stream(status < 400 ? std::string(body) : socket_error(status, body), stream_id_);
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
    const bool last = is_last(*event);
    answered_ = answered_ || last;
    if (last) note_end(event->data);
    if (memory_.went_on_from().empty() && stream_id_.empty()) {
      CO_CHECK_OK(co_await socket_.send(event->data));
      continue;
    }
    std::string told(event->data);
    // The request went out without the id of what it went on from, so nobody else could repeat it.
    if (!memory_.went_on_from().empty())
      told = dialects::with_string_member(std::move(told), "previous_response_id", memory_.went_on_from());
    told = in_stream(std::move(told), stream_id_);
    CO_CHECK_OK(co_await socket_.send(told));
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
