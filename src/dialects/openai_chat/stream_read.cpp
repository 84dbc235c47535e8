// A provider's chunks. In chat/ one block is open at a time, here the fragments of parallel tool calls carry an index: the
// first open call is passed on live, the fragments of later ones wait until it is complete.
#include <map>

#include "dialects/openai_chat/parts.h"
#include "dialects/provider_error.h"

namespace sluice::dialects::openai {
namespace {

constexpr std::size_t max_waiting_bytes = 8 * 1024 * 1024;  // of tool calls that wait: as much as one SSE event may have
constexpr std::size_t max_tool_calls = 1024;                // in one answer; no model makes as many

struct Call {
  std::string id;
  std::string name;
  std::string arguments;  // all of them so far
};

bool is_whole_json(std::string_view arguments) { return json::Document::parse(arguments).has_value(); }

class Decoder : public StreamDecoder {
 public:
  Result<void> decode(std::string_view /*event*/, std::string_view data, std::vector<chat::ChatEvent>& out) override {
    if (ended_) return {};
    if (data == "[DONE]") {
      if (!started_) return not_the_protocol("the stream ended before it began");
      end(out);
      return {};
    }
    const auto parsed = json::Document::parse(data);
    if (!parsed) return not_the_protocol("a chunk that is not JSON");
    const json::Value root = parsed->root();
    if (const json::Value error = root["error"]; error.exists() && !error.is_null()) {
      ended_ = true;
      out.emplace_back(chat::StreamError{decode_stream_error(error)});
      return {};
    }
    if (!started_) {
      started_ = true;
      id_ = root["id"].string().value_or("");
      out.emplace_back(chat::Start{id_, std::string(root["model"].string().value_or("")), {}});
    }
    if (const chat::Usage usage = read_usage(root["usage"]); usage.reported) usage_ = usage;
    for (const json::Value& choice : root["choices"].elements())
      if (choice["index"].integer().value_or(0) == 0) CHECK_OK(read_choice(choice, out));
    return {};
  }

  Result<void> finish(std::vector<chat::ChatEvent>& out) override {
    if (ended_) return {};
    if (!finish_reason_) return not_the_protocol("the stream ended before the answer did");
    end(out);
    return {};
  }

 private:
  Result<void> read_choice(json::Value choice, std::vector<chat::ChatEvent>& out) {
    const json::Value delta = choice["delta"];
    if (const std::string_view reasoning = reasoning_of(delta); !reasoning.empty()) {
      open(chat::BlockKind::thinking, out);
      out.emplace_back(chat::ThinkingDelta{std::string(reasoning), ""});
    }
    std::string text = text_of(delta["content"]);
    if (const auto refusal = delta["refusal"].string(); refusal && !refusal->empty()) {
      text += *refusal;
      refused_ = true;
    }
    if (!text.empty()) {
      open(chat::BlockKind::text, out);
      out.emplace_back(chat::TextDelta{std::move(text)});
    }
    for (const json::Value& fragment : delta["tool_calls"].elements()) CHECK_OK(read_fragment(fragment, out));
    if (const auto reason = choice["finish_reason"].string()) finish_reason_ = *reason;
    return {};
  }

  // Some servers number every call 0, or leave the number out: then a new id with a name begins a new call.
  Result<void> read_fragment(json::Value fragment, std::vector<chat::ChatEvent>& out) {
    const std::string_view id = fragment["id"].string().value_or("");
    const std::string_view name = fragment["function"]["name"].string().value_or("");
    const std::int64_t index = fragment["index"].integer().value_or(0);
    const auto known = by_index_.find(index);
    const bool is_new = known == by_index_.end() || (!id.empty() && !name.empty() && id != calls_[known->second].id);
    if (is_new) {
      if (name.empty()) return not_the_protocol("a tool call begins without a name");
      if (calls_.size() >= max_tool_calls) return not_the_protocol("more than 1024 tool calls in one answer");
      by_index_[index] = calls_.size();
      calls_.push_back({id.empty() ? "call_" + id_ + "_" + std::to_string(calls_.size()) : std::string(id), std::string(name), ""});
    }
    const std::size_t place = by_index_[index];
    const json::Value arguments = fragment["function"]["arguments"];
    return add(place, arguments.is_object() ? arguments.text() : std::string(arguments.string().value_or("")), out);
  }

  Result<void> add(std::size_t place, std::string fragment, std::vector<chat::ChatEvent>& out) {
    if (open_call_ && *open_call_ < place && is_whole_json(calls_[*open_call_].arguments)) end_block(out);
    Call& call = calls_[place];
    if (place < next_call_ && open_call_ != place) {
      if (fragment.empty()) return {};
      return not_the_protocol("a fragment of a tool call that was complete");
    }
    call.arguments += fragment;
    if (!open_call_ && place == next_call_) {
      open_next_call(out);
      return {};
    }
    if (open_call_ == place) {
      if (!fragment.empty()) out.emplace_back(chat::ArgumentsDelta{std::move(fragment)});
      return {};
    }
    waiting_bytes_ += fragment.size();
    if (waiting_bytes_ > max_waiting_bytes) return not_the_protocol("tool calls are too large");
    return {};
  }

  void open_next_call(std::vector<chat::ChatEvent>& out) {
    end_block(out);
    const Call& call = calls_[next_call_];
    open_call_ = next_call_++;
    begin_block({.kind = chat::BlockKind::tool_call, .tool_id = call.id, .tool_name = call.name}, out);
    if (!call.arguments.empty()) out.emplace_back(chat::ArgumentsDelta{call.arguments});
  }

  void open_waiting_calls(std::vector<chat::ChatEvent>& out) {
    while (next_call_ < calls_.size()) open_next_call(out);
  }

  void open(chat::BlockKind kind, std::vector<chat::ChatEvent>& out) {
    if (open_ == kind) return;
    open_waiting_calls(out);
    end_block(out);
    begin_block({.kind = kind}, out);
  }

  void begin_block(chat::BlockStart begin, std::vector<chat::ChatEvent>& out) {
    begin.index = blocks_++;
    open_ = begin.kind;
    out.emplace_back(std::move(begin));
  }

  void end_block(std::vector<chat::ChatEvent>& out) {
    if (!open_) return;
    if (open_call_ && calls_[*open_call_].arguments.find_first_not_of(" \t\r\n") == std::string::npos)
      out.emplace_back(chat::ArgumentsDelta{"{}"});
    open_.reset();
    open_call_.reset();
    out.emplace_back(chat::BlockEnd{});
  }

  void end(std::vector<chat::ChatEvent>& out) {
    open_waiting_calls(out);
    end_block(out);
    ended_ = true;
    chat::StopReason stop = stop_reason(finish_reason_.value_or(""), !calls_.empty());
    if (refused_) stop = chat::StopReason::content_filter;
    out.emplace_back(chat::Finish{stop, "", usage_});
  }

  bool started_ = false;
  bool ended_ = false;
  bool refused_ = false;
  std::string id_;
  std::int64_t blocks_ = 0;                 // begun so far
  std::optional<chat::BlockKind> open_;     // the block that is open
  std::optional<std::size_t> open_call_;    // its place in calls_, if it is a tool call
  std::vector<Call> calls_;                 // in the order in which they began
  std::map<std::int64_t, std::size_t> by_index_;  // the provider's index -> place in calls_
  std::size_t next_call_ = 0;               // the first call whose block has not begun
  std::size_t waiting_bytes_ = 0;
  std::optional<std::string> finish_reason_;
  chat::Usage usage_;
};

}  // namespace

std::unique_ptr<StreamDecoder> decode_stream() { return std::make_unique<Decoder>(); }

}  // namespace sluice::dialects::openai
