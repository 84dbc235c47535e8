#include "gateway/call/reply.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <type_traits>

#include "dialects/answer_parts.h"
#include "dialects/text_scan.h"

namespace sluice::gateway {
namespace {

// Of a translated stream: its readers and writers keep what they need for later events, at most a few times its bytes.
// Models end at a tenth of this.
constexpr std::size_t max_translated_bytes = 64 * 1024 * 1024;

Error too_long() {
  return {.kind = ErrorKind::provider_unreachable,
          .message = "the provider's answer is longer than 64 MB, the most that is translated",
          .hint = "limit the answer's tokens, or ask for a model whose provider speaks your API",
          .code = "translated_bytes",
          .retry = Retry::never};
}

Error incomplete() {
  return {.kind = ErrorKind::provider_unreachable,
          .message = "the provider closed the stream before its end",
          .retry = Retry::anywhere};
}

// Of a call that its provider has given none; no other answer of the conversation has it.
std::string made_call_id(std::string_view response_id, std::int64_t number) {
  return "call_" + std::string(response_id) + "_" + std::to_string(number);
}

std::vector<chat::ChatEvent> events_of(const chat::ChatResponse& response) {
  std::vector<chat::ChatEvent> events;
  events.emplace_back(chat::Start{response.id, response.model, {}});
  std::int64_t blocks = 0;
  for (const chat::Block& block : response.blocks) {
    if (const auto* text = std::get_if<chat::Text>(&block)) {
      events.emplace_back(chat::BlockStart{.index = blocks++});
      events.emplace_back(chat::TextDelta{text->text, text->logprobs});
      for (const chat::Citation& citation : text->citations) events.emplace_back(chat::CitationDelta{citation});
    } else if (const auto* call = std::get_if<chat::ToolCall>(&block)) {
      events.emplace_back(chat::BlockStart{
          .index = blocks++, .kind = chat::BlockKind::tool_call, .tool_id = call->id, .tool_name = call->name});
      events.emplace_back(chat::ArgumentsDelta{call->arguments});
    } else if (const auto* thinking = std::get_if<chat::Thinking>(&block)) {
      events.emplace_back(chat::BlockStart{
          .index = blocks++, .kind = chat::BlockKind::thinking, .redacted = thinking->redacted, .id = thinking->id});
      events.emplace_back(chat::ThinkingDelta{thinking->text, thinking->signature});
    } else {
      continue;  // an answer has no others
    }
    events.emplace_back(chat::BlockEnd{});
  }
  events.emplace_back(chat::Finish{.stop = response.stop,
                                   .stop_sequence = response.stop_sequence,
                                   .refusal = response.refusal,
                                   .service_tier = response.service_tier,
                                   .usage = response.usage,
                                   .dropped = response.dropped});
  return events;
}

Error ended_in_error() {
  return {.kind = ErrorKind::provider_rejected,
          .message = "the provider ended its stream with an error",
          .provider_status = 502,
          .retry = Retry::anywhere};
}

class SameDialectStream : public StreamLane {
 public:
  SameDialectStream(const dialects::Dialect& dialect, bool hide_usage_event, bool json_array, bool keep_whole,
                    OnState on_state, std::string previous_id)
      : dialect_(dialect),
        watcher_(dialect.watch_stream(hide_usage_event)),
        json_array_(json_array),
        on_state_(std::move(on_state)),
        previous_id_(std::move(previous_id)) {
    if (keep_whole) watcher_->keep_whole();
  }

  Result<void> pass(const http::SseEvent& event, std::string& out) override {
    if (watcher_->see(event.event, event.data) == dialects::Relay::forward) forward(event, out);
    if (on_state_)
      for (const std::string& state : watcher_->take_states()) on_state_(state);
    if (watcher_->failed() && !error_) {
      error_ = in_band_error(dialect_, event.event, event.data);
      if (!has_token()) return std::unexpected(*error_);
    }
    return {};
  }
  Result<void> close(std::string& out) override {
    if (watcher_->finished()) return {};
    if (!watcher_->failed() && !watcher_->complete()) return std::unexpected(incomplete());
    if (json_array_)
      out.append(first_ ? "[]" : "]");
    else if (!watcher_->failed())
      out.append(watcher_->end_marker());  // some providers forget it
    return {};
  }
  bool has_token() const override { return watcher_->output_bytes() > 0 || watcher_->finished(); }
  bool finished() const override { return watcher_->finished(); }
  bool failed() const override { return watcher_->failed(); }
  Error error() const override { return error_.value_or(ended_in_error()); }
  chat::Usage usage() const override { return watcher_->usage(); }
  std::size_t output_bytes() const override { return watcher_->output_bytes(); }
  std::string response_model() const override { return watcher_->response_model(); }
  std::string answer_id() const override { return watcher_->answer_id(); }
  std::vector<std::string> kept_ids() const override { return watcher_->kept_ids(); }
  std::string whole() const override { return with_previous(watcher_->whole()); }
  std::string failure(const Error& error) override {
    if (!json_array_) return with_previous(watcher_->failure(error));
    return (first_ ? "[" : ",\r\n") + dialect_.encode_error(error, "").body + "]";
  }

 private:
  void forward(const http::SseEvent& event, std::string& out) {
    if (!json_array_) {
      if (previous_id_.empty() || event.data.find(previous_member) == std::string_view::npos)
        out.append(event.raw);
      else
        out.append(with_previous(std::string(event.raw)));
    } else if (!event.data.empty()) {
      out.append(std::exchange(first_, false) ? "[" : ",\r\n").append(event.data);
    }
  }

  std::string with_previous(std::string text) const {
    return previous_id_.empty() ? text : dialects::with_string_member(std::move(text), previous_member, previous_id_);
  }

  const dialects::Dialect& dialect_;
  std::unique_ptr<dialects::StreamWatcher> watcher_;
  std::optional<Error> error_;
  bool json_array_;
  OnState on_state_;
  std::string previous_id_;
  bool first_ = true;
};

class TranslatedStream : public StreamLane {
 public:
  TranslatedStream(const dialects::Dialect& provider, const dialects::Dialect& client,
                   const dialects::StreamOptions& options, dialects::ToolNames names)
      : client_(client),
        decoder_(provider.decode_stream()),
        encoder_(client.encode_stream(options)),
        names_(std::move(names)),
        response_id_(options.response_id),
        arguments_are_objects_(client.arguments_are_objects()) {}

  Result<void> pass(const http::SseEvent& event, std::string& out) override {
    if (!event.has_data) return {};
    read_bytes_ += event.data.size();
    if (read_bytes_ > max_translated_bytes) return std::unexpected(too_long());
    CHECK_OK(decoder_->decode(event.event, event.data, events_));
    return encode(out);
  }
  Result<void> close(std::string& out) override {
    if (finished_) return {};
    CHECK_OK(decoder_->finish(events_));
    CHECK_OK(encode(out));
    if (!finished_) return std::unexpected(incomplete());
    return {};
  }
  bool has_token() const override { return has_token_; }
  bool finished() const override { return finished_; }
  bool failed() const override { return failed_; }
  Error error() const override { return ended_in_error(); }  // pass() has given it already
  chat::Usage usage() const override { return usage_; }
  std::size_t output_bytes() const override { return output_bytes_; }
  std::string response_model() const override { return model_; }
  std::string whole() const override { return encoder_->whole(); }
  std::vector<std::string> dropped() const override { return dropped_; }
  std::string failure(const Error& error) override {
    std::string event;
    encoder_->encode(chat::StreamError{error}, event);
    return event;
  }

  // Instead of all passes: what a decoder would have given.
  void pass_whole(std::vector<chat::ChatEvent> events, std::string& out) {
    events_ = std::move(events);
    if (const Result<void> told = encode(out); !told) out.append(failure(told.error()));
  }

 private:
  Result<void> encode(std::string& out) {
    for (chat::ChatEvent& event : events_) {
      names_.restore(event);
      if (const auto* failed = std::get_if<chat::StreamError>(&event)) {
        Error error = failed->error;
        events_.clear();
        failed_ = true;
        return std::unexpected(std::move(error));
      }
      if (auto* block = std::get_if<chat::BlockStart>(&event);
          block && block->kind == chat::BlockKind::tool_call && block->tool_id.empty())
        block->tool_id = made_call_id(response_id_, block->index);
      if (!dialects::leave_out_untold(client_, event, untold_)) continue;
      note(event);
      if (arguments_are_objects_) note_arguments(event);
      if (!malformed_call_.empty() && finished_) {
        events_.clear();
        failed_ = true;
        return std::unexpected(
            Error{.kind = ErrorKind::provider_unreachable,
                  .message = "the model called '" + malformed_call_ + "' with arguments that are no JSON object",
                  .hint = "ask again",
                  .code = "malformed_arguments",
                  .retry = Retry::anywhere});
      }
      encoder_->encode(event, out);
    }
    events_.clear();
    return {};
  }

  // A client that must read them as an object would take what it can read of others for the whole. An answer that was
  // cut says so itself.
  void note_arguments(const chat::ChatEvent& event) {
    if (const auto* block = std::get_if<chat::BlockStart>(&event)) {
      called_ = block->kind == chat::BlockKind::tool_call ? block->tool_name : std::string();
      arguments_.clear();
    } else if (const auto* delta = std::get_if<chat::ArgumentsDelta>(&event)) {
      arguments_ += delta->json;
    } else if (std::holds_alternative<chat::BlockEnd>(event) && !called_.empty() && !arguments_.empty()) {
      const auto parsed = json::Document::parse_in_place(arguments_);
      if (!parsed || !parsed->root().is_object()) malformed_call_ = called_;
    } else if (const auto* finish = std::get_if<chat::Finish>(&event);
               finish && finish->stop != chat::StopReason::tool_use && finish->stop != chat::StopReason::end_turn) {
      malformed_call_.clear();
    }
  }

  void note(const chat::ChatEvent& event) {
    std::size_t bytes = 0;
    if (const auto* start = std::get_if<chat::Start>(&event)) {
      usage_ = start->usage;
      model_ = start->model;
    } else if (const auto* text = std::get_if<chat::TextDelta>(&event)) {
      bytes = text->text.size();
    } else if (const auto* arguments = std::get_if<chat::ArgumentsDelta>(&event)) {
      bytes = arguments->json.size();
    } else if (const auto* thinking = std::get_if<chat::ThinkingDelta>(&event)) {
      bytes = thinking->text.size();
    } else if (const auto* finish = std::get_if<chat::Finish>(&event)) {
      usage_ = finish->usage;
      dropped_ = finish->dropped;
      finished_ = true;
    }
    output_bytes_ += bytes;
    has_token_ = has_token_ || bytes > 0 || finished_;
  }

  const dialects::Dialect& client_;  // one of the process
  std::unique_ptr<dialects::StreamDecoder> decoder_;
  std::unique_ptr<dialects::StreamEncoder> encoder_;
  dialects::ToolNames names_;
  std::vector<std::string> untold_;  // by name, until the last event takes them
  const std::string response_id_;
  const bool arguments_are_objects_;
  std::string called_;          // the tool of the open block
  std::string arguments_;       // that it has got so far
  std::string malformed_call_;  // the last tool whose arguments were no object
  std::vector<chat::ChatEvent> events_;
  chat::Usage usage_;
  std::string model_;
  std::vector<std::string> dropped_;
  std::size_t read_bytes_ = 0;
  std::size_t output_bytes_ = 0;
  bool has_token_ = false;
  bool finished_ = false;
  bool failed_ = false;
};

class RawStream : public StreamLane {
 public:
  Result<void> pass(const http::SseEvent& event, std::string& out) override {
    out.append(event.raw);
    return {};
  }
  Result<void> close(std::string&) override { return {}; }
  bool has_token() const override { return true; }
  bool finished() const override { return false; }  // the provider's end is the end
  bool failed() const override { return false; }
  Error error() const override { return ended_in_error(); }
  chat::Usage usage() const override { return {}; }
  std::size_t output_bytes() const override { return 0; }
  std::string response_model() const override { return {}; }
  std::string failure(const Error&) override { return {}; }
};

}  // namespace

Error in_band_error(const dialects::Dialect& dialect, std::string_view event, std::string_view data) {
  std::vector<chat::ChatEvent> events;
  const auto decoder = dialect.decode_stream();
  if (decoder && decoder->decode(event, data, events))
    for (const chat::ChatEvent& one : events)
      if (const auto* failed = std::get_if<chat::StreamError>(&one)) return failed->error;
  return dialect.decode_error(502, data, {});
}

std::unique_ptr<StreamLane> same_dialect_stream(const dialects::Dialect& dialect, bool hide_usage_event,
                                                bool json_array, bool keep_whole, OnState on_state,
                                                std::string previous_id) {
  return std::make_unique<SameDialectStream>(dialect, hide_usage_event, json_array, keep_whole, std::move(on_state),
                                             std::move(previous_id));
}

std::unique_ptr<StreamLane> translated_stream(const dialects::Dialect& provider, const dialects::Dialect& client,
                                              const dialects::StreamOptions& options, dialects::ToolNames names) {
  return std::make_unique<TranslatedStream>(provider, client, options, std::move(names));
}

void name_calls(chat::ChatResponse& response, std::string_view response_id) {
  std::int64_t number = 0;
  for (chat::Block& block : response.blocks) {
    if (auto* call = std::get_if<chat::ToolCall>(&block); call && call->id.empty())
      call->id = made_call_id(response_id, number);
    ++number;
  }
}

std::unique_ptr<StreamLane> whole_as_stream(const chat::ChatResponse& response, const dialects::Dialect& client,
                                            const dialects::StreamOptions& options, std::string& out) {
  auto lane = std::make_unique<TranslatedStream>(client, client, options, dialects::ToolNames());
  lane->pass_whole(events_of(response), out);
  return lane;
}

void Reply::raw_from(http::Call call, IdsOfLine ids_of_line) {
  call_.emplace(std::move(call));
  ids_of_line_ = std::move(ids_of_line);
  lane_ = std::make_unique<RawStream>();
  raw = true;
}

// What stands in a line that is too long, or behind the most ids, stays unknown: nobody can name it then.
void Reply::look_at_lines(std::string_view bytes) {
  constexpr std::size_t longest = 16u << 20;  // of an answer: its text, and what code has written
  constexpr std::size_t most_ids = 100'000;   // a batch has at most as many requests
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    line_is_too_long_ = line_is_too_long_ || line_.size() + std::min(end, bytes.size()) > longest;
    if (line_is_too_long_)
      line_.clear();
    else
      line_.append(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    if (!line_is_too_long_ && kept_ids_.size() < most_ids)
      std::ranges::move(ids_of_line_(line_), std::back_inserter(kept_ids_));
    line_.clear();
    line_is_too_long_ = false;
  }
}

void Reply::stream_of(std::unique_ptr<StreamLane> finished) {
  lane_ = std::move(finished);
  closed_ = true;
}

Result<void> EventSplitter::feed(std::string&& bytes) {
  if (auto* sse = std::get_if<http::SseSplitter>(&splitter_)) return sse->feed(std::move(bytes));
  std::get<http::AwsEventSplitter>(splitter_).feed(bytes);
  return {};
}

void EventSplitter::forget_read() {
  if (auto* sse = std::get_if<http::SseSplitter>(&splitter_)) sse->forget_read();
}

Result<std::optional<http::SseEvent>> EventSplitter::next() {
  if (auto* sse = std::get_if<http::SseSplitter>(&splitter_)) return sse->next();
  TRY(const auto message, std::get<http::AwsEventSplitter>(splitter_).next());
  if (!message) return std::nullopt;
  return http::SseEvent{.raw = message->raw, .event = message->name, .data = message->payload, .has_data = true};
}

void Reply::stream_from(http::Call call, dialects::Framing framing, std::unique_ptr<StreamLane> lane) {
  call_.emplace(std::move(call));
  splitter_ = std::make_unique<EventSplitter>(framing);
  lane_ = std::move(lane);
}

async::Task<Result<bool>> Reply::more(std::string& out, async::Deadline deadline) {
  if (lane_->finished() || closed_) co_return false;
  received_.clear();
  CO_TRY(const bool open, co_await call_->read_some(received_, deadline));
  if (!open) {
    closed_ = true;
    if (ids_of_line_) look_at_lines("\n");
    const std::size_t before = out.size();
    CO_CHECK_OK(lane_->close(out));
    if (on_piece) on_piece(std::string_view(out).substr(before));
    co_return false;
  }
  if (raw) {
    out.append(received_);
    if (ids_of_line_) look_at_lines(received_);
    co_return true;
  }
  CO_CHECK_OK(splitter_->feed(std::move(received_)));
  const std::size_t before = out.size();
  while (true) {
    CO_TRY(const std::optional<http::SseEvent> event, splitter_->next());
    if (!event) break;
    CO_CHECK_OK(lane_->pass(*event, out));
  }
  splitter_->forget_read();
  if (on_piece) on_piece(std::string_view(out).substr(before));
  co_return true;
}

async::Task<> Reply::drain(async::Deadline deadline) {
  while (!closed_) {
    received_.clear();
    const Result<bool> open = co_await call_->read_some(received_, deadline);
    closed_ = !open || !*open || received_.size() > 4096;  // who goes on sending after the end is not worth keeping
  }
}

}  // namespace sluice::gateway
