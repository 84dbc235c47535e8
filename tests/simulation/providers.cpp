#include "providers.h"

#include <algorithm>

#include "json/json.h"

namespace sluice::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string json_of(auto&& write) {
  std::string out;
  json::Writer to(out);
  write(to);
  return out;
}

std::string response(int status, std::string_view type, std::string_view body, std::string_view more_headers = {}) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\ncontent-type: " + std::string(type) + "\r\n" +
         std::string(more_headers) + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string chunk(std::string_view data) {
  std::string out;
  http::append_chunk(out, data);
  return out;
}

// "request r17" in the prompt.
std::string mark_of(std::string_view body) {
  constexpr std::string_view before = "request r";
  const std::size_t at = body.find(before);
  if (at == std::string_view::npos) return {};
  std::size_t end = at + before.size();
  while (end < body.size() && body[end] >= '0' && body[end] <= '9') ++end;
  return std::string(body.substr(at + before.size() - 1, end - at - before.size() + 1));
}

// The pieces in which an answer's words are streamed.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find(' ', from), text.size() - 1) + 1;
    words.push_back(text.substr(from, end - from));
    from = end;
  }
  return words;
}

std::string chat_chunk(const Call& call, std::string_view role, std::string_view content, bool last) {
  return "data: " + json_of([&](json::Writer& to) {
           to.begin_object().member("id", "chatcmpl-" + call.request).member("object", "chat.completion.chunk");
           to.member("created", std::int64_t{1}).member("model", "m").key("choices").begin_array().begin_object();
           to.member("index", std::int64_t{0}).key("delta").begin_object();
           if (!role.empty()) to.member("role", role);
           if (!content.empty()) to.member("content", content);
           to.end_object().key("finish_reason");
           if (last)
             to.string("stop");
           else
             to.null();
           to.end_object().end_array().end_object();
         }) +
         "\n\n";
}

void write_chat_usage(json::Writer& to, const chat::Usage& usage) {
  to.key("usage").begin_object().member("prompt_tokens", usage.total_input()).member("completion_tokens", usage.output);
  to.member("total_tokens", usage.total_input() + usage.output).end_object();
}

std::vector<std::string> chat_events(const Call& call) {
  std::vector<std::string> events{chat_chunk(call, "assistant", "", false)};
  for (const std::string& word : words_of(call.text)) events.push_back(chat_chunk(call, "", word, false));
  events.push_back(chat_chunk(call, "", "", true));
  events.push_back(
      "data: " + json_of([&](json::Writer& to) {
        to.begin_object().member("id", "chatcmpl-" + call.request).member("object", "chat.completion.chunk");
        to.member("created", std::int64_t{1}).member("model", "m").key("choices").begin_array().end_array();
        write_chat_usage(to, call.usage);
        to.end_object();
      }) +
      "\n\n");
  events.emplace_back("data: [DONE]\n\n");
  return events;
}

std::string named(std::string_view event, const std::string& data) {
  return "event: " + std::string(event) + "\ndata: " + data + "\n\n";
}

void write_message_head(json::Writer& to, const Call& call) {
  to.member("id", "msg_" + call.request).member("type", "message").member("role", "assistant").member("model", "m");
}

std::vector<std::string> message_events(const Call& call) {
  std::vector<std::string> events;
  events.push_back(named("message_start", json_of([&](json::Writer& to) {
                           to.begin_object().member("type", "message_start").key("message").begin_object();
                           write_message_head(to, call);
                           to.key("content").begin_array().end_array().key("stop_reason").null();
                           to.key("stop_sequence").null().key("usage").begin_object();
                           to.member("input_tokens", call.usage.input).member("output_tokens", std::int64_t{1});
                           to.end_object().end_object().end_object();
                         })));
  events.push_back(named("content_block_start", json_of([&](json::Writer& to) {
                           to.begin_object().member("type", "content_block_start").member("index", std::int64_t{0});
                           to.key("content_block").begin_object().member("type", "text").member("text", "");
                           to.end_object().end_object();
                         })));
  for (const std::string& word : words_of(call.text))
    events.push_back(named("content_block_delta", json_of([&](json::Writer& to) {
                             to.begin_object().member("type", "content_block_delta").member("index", std::int64_t{0});
                             to.key("delta").begin_object().member("type", "text_delta").member("text", word);
                             to.end_object().end_object();
                           })));
  events.push_back(named("content_block_stop", R"({"type":"content_block_stop","index":0})"));
  events.push_back(named("message_delta", json_of([&](json::Writer& to) {
                           to.begin_object().member("type", "message_delta").key("delta").begin_object();
                           to.member("stop_reason", "end_turn").key("stop_sequence").null().end_object();
                           to.key("usage").begin_object().member("output_tokens", call.usage.output).end_object();
                           to.end_object();
                         })));
  events.push_back(named("message_stop", R"({"type":"message_stop"})"));
  return events;
}

std::string whole_answer(const Call& call, bool anthropic) {
  return json_of([&](json::Writer& to) {
    to.begin_object();
    if (anthropic) {
      write_message_head(to, call);
      to.key("content").begin_array().begin_object().member("type", "text").member("text", call.text);
      to.end_object().end_array().member("stop_reason", "end_turn").key("stop_sequence").null();
      to.key("usage").begin_object().member("input_tokens", call.usage.input);
      to.member("output_tokens", call.usage.output).end_object();
    } else {
      to.member("id", "chatcmpl-" + call.request).member("object", "chat.completion");
      to.member("created", std::int64_t{1}).member("model", "m").key("choices").begin_array().begin_object();
      to.member("index", std::int64_t{0}).key("message").begin_object().member("role", "assistant");
      to.member("content", call.text).end_object().member("finish_reason", "stop").end_object().end_array();
      write_chat_usage(to, call.usage);
    }
    to.end_object();
  });
}

std::string error_body(std::string_view type, bool anthropic) {
  return json_of([&](json::Writer& to) {
    to.begin_object();
    if (anthropic) to.member("type", "error");
    to.key("error").begin_object().member("message", "the simulation wants it").member("type", type).end_object();
    to.end_object();
  });
}

}  // namespace

bool ProviderConnection::speaks_anthropic() const { return name_.starts_with("anthropic"); }

void ProviderConnection::closed() {
  open_ = false;
  end_call();
  if (const auto wire = wire_.lock()) wire->detach();
}

void ProviderConnection::end_call() {
  if (call_) call_->free_at = providers_.world_.now();
  call_.reset();
}

void ProviderConnection::received(std::string_view bytes) {
  input_.append(bytes);
  http::RequestHead head;
  const http::HeadOutcome outcome = http::parse_request_head(input_, {}, head);
  if (outcome.state != http::HeadOutcome::State::complete) return;
  const std::size_t length = outcome.bytes + head.content_length.value_or(0);
  if (input_.size() < length) return;
  const std::string body = input_.substr(outcome.bytes, length - outcome.bytes);
  input_.erase(0, length);
  answer(body);
}

void ProviderConnection::refuse(int status, std::string_view body, std::string_view more_headers) {
  call_->told_at = providers_.world_.now();
  if (const auto wire = wire_.lock()) wire->send(response(status, "application/json", body, more_headers));
}

void ProviderConnection::answer(std::string_view body) {
  World& world = providers_.world_;
  auto call = std::make_shared<Call>();
  call->provider = name_;
  call->connection = number_;
  call->asked_at = world.now();
  end_call();
  call_ = call;
  call->request = mark_of(body);
  call->fate = providers_.choose_fate();
  call->stream = body.find("\"stream\":true") != std::string_view::npos;
  call->text = "answer " + std::to_string(providers_.calls_.size()) + " of " + name_;
  const std::uint64_t words = 1 + world.below(30);
  for (std::uint64_t i = 0; i < words; ++i) call->text += " w" + std::to_string(i);
  call->usage = {.input = static_cast<Tokens>(5 + world.below(40)),
                 .output = static_cast<Tokens>(1 + world.below(60)),
                 .reported = true};
  providers_.calls_.push_back(call);

  const auto wire = wire_.lock();
  switch (call->fate) {
    case Fate::rate_limited:
      return refuse(429, error_body("rate_limit_error", speaks_anthropic()), "retry-after: 1\r\n");
    case Fate::server_error: return refuse(500, error_body("api_error", speaks_anthropic()));
    case Fate::overloaded: return refuse(529, error_body("overloaded_error", speaks_anthropic()));
    case Fate::bad_request: return refuse(400, error_body("invalid_request_error", speaks_anthropic()));
    case Fate::error_with_200: return refuse(200, error_body("api_error", speaks_anthropic()));
    case Fate::html:
      call->told_at = world.now();
      return wire->send(response(200, "text/html", "<html><body>busy</body></html>"));
    case Fate::reset_at_once: return wire->reset();
    case Fate::silent: return;
    default: break;
  }
  if (call->stream)
    answer_stream(call);
  else
    answer_whole(call);
}

void ProviderConnection::answer_whole(const std::shared_ptr<Call>& call) {
  World& world = providers_.world_;
  const auto wire = wire_.lock();
  const std::string text = response(200, "application/json", whole_answer(*call, speaks_anthropic()));
  const auto part = [&] { return text.substr(0, 1 + world.below(text.size() - 1)); };
  switch (call->fate) {
    case Fate::cut:
    case Fate::half_an_event:
    case Fate::ends_early:
    case Fate::no_end_marker: wire->send(part()); return wire->close();
    case Fate::cut_by_reset: wire->send(part()); return wire->reset();
    case Fate::stalls: return wire->send(part());
    default: break;
  }
  const Duration pause =
      call->fate == Fate::late ? world.between(seconds(1), seconds(20)) : world.between({}, milliseconds(300));
  world.after(pause, [call, wire, text] {
    wire->send(text);
    call->complete = true;
    call->told_at = wire->now();
  });
}

void ProviderConnection::answer_stream(const std::shared_ptr<Call>& call) {
  World& world = providers_.world_;
  const auto wire = wire_.lock();
  std::vector<std::string> events = speaks_anthropic() ? message_events(*call) : chat_events(*call);
  const std::size_t cut = 1 + world.below(events.size() - 1);
  bool whole = true;
  bool ends = false;
  std::string tail;
  bool close = false;
  bool reset = false;
  switch (call->fate) {
    case Fate::cut:
      events.resize(cut);
      whole = false;
      close = true;
      break;
    case Fate::cut_by_reset:
      events.resize(cut);
      whole = false;
      reset = true;
      break;
    case Fate::stalls:
      events.resize(cut);
      whole = false;
      break;
    case Fate::half_an_event:
      events.resize(std::min(cut, events.size() - 2));
      tail = "data: {\"cho";
      whole = false;
      close = true;
      break;
    case Fate::no_end_marker: events.pop_back(); break;
    case Fate::malformed_event:
      events.insert(events.begin() + static_cast<std::ptrdiff_t>(std::min(cut, events.size() - 2)),
                    "data: {\"broken\":\n\n");
      break;
    case Fate::second_end_marker: events.push_back(events.back()); break;
    case Fate::ends_early:  // before its last word: after that a stream has said all
      events.resize(1 + world.below(std::max<std::size_t>(events.size(), 6) - 5));
      whole = false;
      ends = true;
      break;
    default: break;
  }
  wire->send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
  Duration when{};
  for (std::size_t i = 0; i < events.size(); ++i) {
    when +=
        call->fate == Fate::late ? world.between(milliseconds(50), seconds(2)) : world.between({}, milliseconds(20));
    const bool last = i + 1 == events.size();
    world.after(when, [=, event = events[i]] {
      wire->send(chunk(event));
      if (!last) return;
      if (whole) call->complete = true;
      call->told_at = wire->now();
      if (!tail.empty()) wire->send(chunk(tail));
      if (close) return wire->close();
      if (reset) return wire->reset();
      if (whole || ends) wire->send("0\r\n\r\n");
    });
  }
}

Fate Providers::choose_fate() {
  if (!world_.chance(fault_percent_)) return Fate::answer;
  return static_cast<Fate>(1 + world_.below(fates - 1));
}

async::Task<Result<std::unique_ptr<net::Stream>>> Providers::open(Endpoint endpoint, async::Deadline deadline) {
  const auto unreachable = [&](const char* why) {
    return std::unexpected(Error{.kind = ErrorKind::provider_unreachable,
                                 .message = "cannot connect to " + endpoint.host + ": " + why,
                                 .retry = Retry::anywhere});
  };
  const std::uint64_t luck = world_.below(100);
  if (luck < connect_percent_) {
    if (luck % 2 == 0) co_return unreachable("connection refused");
    co_await reactor.scheduler().sleep(deadline);  // nobody answers
    if (deadline.cancel && deadline.cancel->fired())
      co_return fail(ErrorKind::client_gone, "the client closed the connection");
    co_return std::unexpected(Error{.kind = ErrorKind::provider_timeout,
                                    .message = "no connection to " + endpoint.host + " in time",
                                    .retry = Retry::anywhere});
  }
  co_await reactor.scheduler().sleep(deadline.earlier(reactor.now() + world_.between({}, milliseconds(30))));
  if (deadline.cancel && deadline.cancel->fired())
    co_return fail(ErrorKind::client_gone, "the client closed the connection");
  connections_.push_back(std::make_unique<ProviderConnection>(*this, endpoint.host, connections_.size()));
  auto wire = std::make_shared<Wire>(world_, *connections_.back());
  connections_.back()->set_wire(wire);
  co_return wire->make_stream();
}

}  // namespace sluice::simulation
