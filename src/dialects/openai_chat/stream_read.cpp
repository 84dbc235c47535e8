// A provider's chunks. In chat/ one block is open at a time, here the fragments of parallel tool calls carry an index:
// the first open call is passed on live, the fragments of later ones wait until it is complete. So do text and
// reasoning that come while a call is not yet whole: they must not cut it in two.
#include <algorithm>
#include <map>

#include "dialects/answer_parts.h"
#include "dialects/logprobs.h"
#include "dialects/openai_chat/parts.h"
#include "dialects/provider_error.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::openai {
namespace {

constexpr std::size_t max_kept_bytes =
    8 * 1024 * 1024;                          // of arguments and held text: as much as one SSE event may have
constexpr std::size_t max_tool_calls = 1024;  // in one answer; no model makes as many

struct Call {
  std::string id;
  std::string name;
  std::string arguments;   // all of them so far
  std::string state = {};  // its extra_content
  bool custom = false;     // they are free text, whole when the next call begins or the answer ends
};

// Looks at the last character first: parsing what grew by one fragment, each time, would cost its square.
bool is_whole_json(std::string_view arguments) {
  const std::size_t last = arguments.find_last_not_of(" \t\r\n");
  return last != std::string_view::npos && arguments[last] == '}' && json::Document::parse(arguments).has_value();
}

// OpenRouter's details, of which a stream has the pieces: text and summaries go on where the last one was, all else is
// whole.
class Details {
 public:
  void add(json::Value detail) {
    const std::string_view type = detail["type"].string().value_or("");
    const std::string_view words = type == "reasoning.text" ? "text" : type == "reasoning.summary" ? "summary" : "";
    const auto index = detail["index"].integer();
    if (words.empty() || details_.empty() || details_.back().type != type || details_.back().index != index)
      details_.push_back({.type = std::string(type), .index = index, .members = {}});
    for (const auto& [name, value] : detail.members()) details_.back().take(name, value, name == words);
    has_state_ = has_state_ || detail["data"].is_string() || detail["signature"].is_string();
  }
  bool has_state() const { return has_state_; }
  // As a whole answer has them. What comes later is an array of its own.
  std::string take() {
    std::string out;
    json::Writer writer(out);
    writer.begin_array();
    for (const Detail& detail : details_) {
      writer.begin_object();
      for (const Member& member : detail.members) {
        if (member.is_words)
          writer.member(member.name, member.value);
        else
          writer.key(member.name).raw(member.value);
      }
      writer.end_object();
    }
    writer.end_array();
    details_.clear();
    has_state_ = false;
    return out;
  }

 private:
  struct Member {
    std::string name;
    std::string value;  // JSON, but for words
    bool is_words = false;
  };
  struct Detail {
    std::string type;
    std::optional<std::int64_t> index;
    std::vector<Member> members;
    void take(std::string_view name, json::Value value, bool is_words) {
      const auto known = std::ranges::find(members, name, &Member::name);
      const auto text = is_words ? value.string() : std::nullopt;
      if (known == members.end())
        members.push_back({std::string(name), text ? std::string(*text) : value.text(), text.has_value()});
      else if (known->is_words && text)
        known->value += *text;
      else if (text)
        *known = {std::string(name), std::string(*text), true};
      else if (!value.is_null() && !known->is_words)
        known->value = value.text();
    }
  };
  std::vector<Detail> details_;
  bool has_state_ = false;
};

class Decoder : public Decoding {
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
      fail_with(decode_stream_error(error), out);
      return {};
    }
    started_ = true;
    if (id_.empty()) id_ = root["id"].string().value_or("");
    if (model_.empty()) model_ = root["model"].string().value_or("");
    if (root["choices"].size() > 0) tell_start(out);  // Azure begins with a chunk that has neither choices nor a model
    if (const chat::Usage usage = read_chunk_usage(root); usage.reported) usage_ = usage;
    if (const auto tier = root["service_tier"].string()) service_tier_ = *tier;
    for (const json::Value& choice : root["choices"].elements()) {
      if (choice["index"].integer().value_or(0) == 0) {
        CHECK_OK(read_choice(choice, out));
      } else {
        note_lost(dropped_, further_choices);
      }
    }
    return {};
  }

  Result<void> finish(std::vector<chat::ChatEvent>& out) override {
    if (ended_) return {};
    if (!finish_reason_) return not_the_protocol("the stream ended before the answer did");
    end(out);
    return {};
  }

 private:
  void tell_start(std::vector<chat::ChatEvent>& out) {
    if (!told_start_) out.emplace_back(chat::Start{id_, model_, {}});
    told_start_ = true;
  }

  Result<void> read_choice(json::Value choice, std::vector<chat::ChatEvent>& out) {
    const json::Value delta = choice["delta"];
    if (const std::string_view reasoning = reasoning_of(delta); !reasoning.empty())
      CHECK_OK(add_prose({.kind = chat::BlockKind::thinking, .text = std::string(reasoning)}, out));
    for (const json::Value& detail : delta["reasoning_details"].elements()) {
      CHECK_OK(keep(detail.text().size()));
      details_.add(detail);
    }
    if (const json::Value extra = delta["extra_content"]; has_signature(extra)) {
      message_state_ = extra.text();
      CHECK_OK(keep(message_state_.size()));
    }
    std::vector<Prose> content;
    read_content(delta["content"], content, dropped_);
    std::string logprobs = read_logprobs(choice["logprobs"]["content"]);
    for (Prose& prose : content) {
      if (prose.kind == chat::BlockKind::text) prose.logprobs = std::exchange(logprobs, {});
      CHECK_OK(add_prose(std::move(prose), out));
    }
    note_lost_members(delta, dropped_);
    if (const auto refusal = delta["refusal"].string()) {
      CHECK_OK(keep(refusal->size()));
      refusal_ += *refusal;
    }
    for (const chat::Citation& citation : read_annotations(delta["annotations"])) {
      if (open_ == chat::BlockKind::text)
        out.emplace_back(chat::CitationDelta{citation});
      else
        note_lost(dropped_, "answer.annotations");
    }
    for (const json::Value& fragment : delta["tool_calls"].elements()) CHECK_OK(read_fragment(fragment, out));
    if (is_older_call(delta)) CHECK_OK(read_older_call(delta["function_call"], out));
    if (const auto reason = choice["finish_reason"].string()) finish_reason_ = *reason;
    return {};
  }

  Result<void> add_prose(Prose prose, std::vector<chat::ChatEvent>& out) {
    if (held_.empty() && !has_unfinished_call()) {
      write_prose(std::move(prose), out);
      return {};
    }
    CHECK_OK(keep(prose.text.size() + prose.logprobs.size()));
    if (held_.empty() || held_.back().kind != prose.kind) {
      held_.push_back(std::move(prose));
      return {};
    }
    held_.back().text += prose.text;
    append_logprobs(held_.back().logprobs, prose.logprobs);
    return {};
  }

  bool has_unfinished_call() const {
    const auto unfinished = [](const Call& call) { return call.custom || !is_whole_json(call.arguments); };
    if (open_call_ && unfinished(calls_[*open_call_])) return true;
    return std::any_of(calls_.begin() + static_cast<std::ptrdiff_t>(next_call_), calls_.end(), unfinished);
  }

  void write_prose(Prose prose, std::vector<chat::ChatEvent>& out) {
    open(prose.kind, prose.in_content ? thinking_in_content : "", out);
    if (prose.kind == chat::BlockKind::text)
      out.emplace_back(chat::TextDelta{std::move(prose.text), std::move(prose.logprobs)});
    else
      out.emplace_back(chat::ThinkingDelta{std::move(prose.text), ""});
  }

  Result<void> keep(std::size_t bytes) {
    kept_bytes_ += bytes;
    if (kept_bytes_ > max_kept_bytes) return not_the_protocol("tool calls are too large");
    return {};
  }

  // Some servers number every call 0, or leave the number out. Then a name begins a new call when another id comes with
  // it; and without ids, when it is another name or what came so far is a whole call. Those that repeat the name with
  // every fragment do so before that.
  bool begins_another(const Call& known, std::string_view id, std::string_view name, bool has_arguments) const {
    if (name.empty()) return false;
    if (!id.empty()) return id != known.id;
    return name != known.name || (has_arguments && !known.custom && is_whole_json(known.arguments));
  }

  Result<void> read_fragment(json::Value fragment, std::vector<chat::ChatEvent>& out) {
    const bool custom = fragment["custom"].is_object();
    const json::Value function = fragment[custom ? "custom" : "function"];
    const json::Value arguments = function[custom ? "input" : "arguments"];
    const std::string_view id = fragment["id"].string().value_or("");
    TRY(const std::size_t place,
        place_of(fragment["index"].integer().value_or(0), id, custom, function["name"], arguments));
    if (const json::Value extra = fragment["extra_content"]; extra.is_object()) {
      std::string state = extra.text();
      CHECK_OK(keep(state.size()));
      if (place < next_call_)
        note_lost(dropped_, "answer.tool_calls.extra_content");  // its block is open already
      else
        calls_[place].state = std::move(state);
    }
    return add(place, arguments.is_object() ? arguments.text() : std::string(arguments.string().value_or("")), out);
  }

  Result<void> read_older_call(json::Value call, std::vector<chat::ChatEvent>& out) {
    constexpr std::int64_t index = -1;  // it has none, and a call of the newer form may come beside it
    const json::Value arguments = call["arguments"];
    TRY(const std::size_t place, place_of(index, "", false, call["name"], arguments));
    return add(place, arguments.is_object() ? arguments.text() : std::string(arguments.string().value_or("")), out);
  }

  // In calls_, of the call that a fragment belongs to or begins.
  Result<std::size_t> place_of(std::int64_t index, std::string_view id, bool custom, json::Value called,
                               json::Value arguments) {
    const std::string_view name = called.string().value_or("");
    const auto known = by_index_.find(index);
    const bool has_arguments = arguments.is_object() || !arguments.string().value_or("").empty();
    if (known != by_index_.end() && !begins_another(calls_[known->second], id, name, has_arguments))
      return known->second;
    if (name.empty()) return not_the_protocol("a tool call begins without a name");
    if (calls_.size() >= max_tool_calls) return not_the_protocol("more than 1024 tool calls in one answer");
    by_index_[index] = calls_.size();
    calls_.push_back({id.empty() ? "call_" + id_ + "_" + std::to_string(calls_.size()) : std::string(id),
                      std::string(name), "", "", custom});
    return calls_.size() - 1;
  }

  Result<void> add(std::size_t place, std::string fragment, std::vector<chat::ChatEvent>& out) {
    if (open_call_ && *open_call_ < place &&
        (calls_[*open_call_].custom || is_whole_json(calls_[*open_call_].arguments)))
      end_block(out);
    Call& call = calls_[place];
    if (place < next_call_ && open_call_ != place) {
      if (fragment.empty()) return {};
      return not_the_protocol("a fragment of a tool call that was complete");
    }
    CHECK_OK(keep(fragment.size()));
    call.arguments += fragment;
    if (!open_call_ && place == next_call_) {
      open_next_call(out);
      return {};
    }
    if (open_call_ == place) {
      if (!fragment.empty() && !call.custom) out.emplace_back(chat::ArgumentsDelta{std::move(fragment)});
    }
    return {};
  }

  void open_next_call(std::vector<chat::ChatEvent>& out) {
    end_block(out);
    tell_details(out);
    const Call& call = calls_[next_call_];
    tell_state(call_state, call.state, out);
    open_call_ = next_call_++;
    begin_block({.kind = chat::BlockKind::tool_call, .tool_id = call.id, .tool_name = call.name}, out);
    if (!call.arguments.empty() && !call.custom) out.emplace_back(chat::ArgumentsDelta{call.arguments});
  }

  void open_waiting_calls(std::vector<chat::ChatEvent>& out) {
    while (next_call_ < calls_.size()) open_next_call(out);
  }

  void open(chat::BlockKind kind, std::string_view id, std::vector<chat::ChatEvent>& out) {
    if (open_ == kind) return;
    open_waiting_calls(out);
    end_block(out);
    if (kind == chat::BlockKind::text) tell_details(out);
    begin_block({.kind = kind, .id = std::string(id)}, out);
  }

  // Before what the model said after it, so that clients have it in the order in which it came.
  void tell_details(std::vector<chat::ChatEvent>& out) {
    if (details_.has_state()) tell_state(details_state, details_.take(), out);
  }

  void tell_state(std::string_view id, std::string json, std::vector<chat::ChatEvent>& out) {
    if (json.empty()) return;
    end_block(out);
    begin_block({.kind = chat::BlockKind::thinking, .redacted = true, .id = std::string(id)}, out);
    out.emplace_back(chat::ThinkingDelta{"", std::move(json)});
    end_block(out);
  }

  void begin_block(chat::BlockStart begin, std::vector<chat::ChatEvent>& out) {
    begin.index = blocks_++;
    open_ = begin.kind;
    out.emplace_back(std::move(begin));
  }

  void end_block(std::vector<chat::ChatEvent>& out) override {
    if (!open_) return;
    if (open_call_ && calls_[*open_call_].custom)
      out.emplace_back(chat::ArgumentsDelta{custom_arguments(calls_[*open_call_].arguments)});
    else if (open_call_ && calls_[*open_call_].arguments.find_first_not_of(" \t\r\n") == std::string::npos)
      out.emplace_back(chat::ArgumentsDelta{"{}"});
    open_.reset();
    open_call_.reset();
    out.emplace_back(chat::BlockEnd{});
  }

  void end(std::vector<chat::ChatEvent>& out) {
    tell_start(out);
    open_waiting_calls(out);
    for (Prose& prose : held_) write_prose(std::move(prose), out);
    tell_details(out);
    tell_state(message_state, message_state_, out);
    stop_ =
        refusal_.empty() ? stop_reason(finish_reason_.value_or(""), !calls_.empty()) : chat::StopReason::content_filter;
    finish_with(out);
  }

  bool started_ = false;  // a chunk has come
  bool told_start_ = false;
  std::string id_;
  std::string model_;
  std::optional<std::size_t> open_call_;          // its place in calls_, if it is a tool call
  std::vector<Call> calls_;                       // in the order in which they began
  std::map<std::int64_t, std::size_t> by_index_;  // the provider's index -> place in calls_
  std::size_t next_call_ = 0;                     // the first call whose block has not begun
  std::vector<Prose> held_;                       // that waits for the calls
  Details details_;                               // that no block has told yet
  std::string message_state_;                     // the message's extra_content
  std::size_t kept_bytes_ = 0;
  std::optional<std::string> finish_reason_;
};

}  // namespace

std::unique_ptr<StreamDecoder> decode_stream() { return std::make_unique<Decoder>(); }

}  // namespace sluice::dialects::openai
