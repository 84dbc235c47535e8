// A provider's event stream. In chat/ one block is open at a time; here every event names its item, so what belongs to
// an item behind the open one waits until that one is done.
#include <map>

#include "dialects/answer_parts.h"
#include "dialects/logprobs.h"
#include "dialects/openai_responses/parts.h"
#include "dialects/provider_error.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::responses {
namespace {

constexpr std::size_t max_kept_bytes = 8 * 1024 * 1024;  // of events that wait: as much as one SSE event may have
constexpr std::size_t max_items = 1024;                  // that are open at once; no model makes as many

enum class Kind : std::uint8_t { message, function_call, custom_call, reasoning };

struct Item {
  Kind kind = Kind::message;
  bool done = false;
  std::optional<chat::BlockKind> open;  // the block that its events are in
  bool has_text = false;                // something of its open part, or of its arguments, has come
  bool any_text = false;                // of any part
  bool has_citations = false;
  std::int64_t parts = 0;             // of a summary, so far
  std::string id;                     // a reasoning item's
  std::vector<chat::ChatEvent> held;  // until the items before it are done
};

// A piece of a string within JSON text, without its quotes.
std::string escaped(std::string_view piece) {
  std::string quoted;
  json::append_quoted(quoted, piece);
  return quoted.substr(1, quoted.size() - 2);
}

std::size_t size_of(const chat::ChatEvent& event) {
  if (const auto* text = std::get_if<chat::TextDelta>(&event)) return text->text.size() + text->logprobs.size();
  if (const auto* arguments = std::get_if<chat::ArgumentsDelta>(&event)) return arguments->json.size();
  if (const auto* thinking = std::get_if<chat::ThinkingDelta>(&event))
    return thinking->text.size() + thinking->signature.size();
  return sizeof(event);
}

class Decoder : public Decoding {
 public:
  Result<void> decode(std::string_view event, std::string_view data, std::vector<chat::ChatEvent>& out) override {
    if (ended_ || data == "[DONE]") return {};
    const auto parsed = json::Document::parse(data);
    if (!parsed) return not_the_protocol("an event that is not JSON");
    const json::Value root = parsed->root();
    const std::string_view type = root["type"].string().value_or(event);
    if (type == "error") return fail(decode_error_event(root), out);
    if (type == "response.failed") return fail(decode_failure(root["response"]["error"]), out);
    if (type == "response.created" || type == "response.in_progress") {
      start(root["response"], out);
      return {};
    }
    if (type == "response.completed" || type == "response.incomplete") return end(root["response"], out);
    out_ = &out;
    return item_event(type, root);
  }

  Result<void> finish(std::vector<chat::ChatEvent>& /*out*/) override {
    if (ended_) return {};
    return not_the_protocol("the stream ended before the response did");
  }

 private:
  Result<void> fail(Error error, std::vector<chat::ChatEvent>& out) {
    fail_with(std::move(error), out);
    return {};
  }

  void end_block(std::vector<chat::ChatEvent>& /*out*/) override {}  // items end with what they are

  void start(json::Value response, std::vector<chat::ChatEvent>& out) {
    if (started_) return;
    started_ = true;
    out.emplace_back(chat::Start{
        std::string(response["id"].string().value_or("")), std::string(response["model"].string().value_or("")), {}});
  }

  Result<void> item_event(std::string_view type, json::Value root) {
    const std::int64_t place = root["output_index"].integer().value_or(0);
    if (type == "response.output_item.added") return begin_item(place, root["item"]);
    if (type == "response.output_item.done") return end_item(place, root["item"]);
    const auto found = items_.find(place);
    if (found == items_.end()) return {};  // an item of a kind that chat/ has not
    Item& item = found->second;
    switch (item.kind) {
      case Kind::message: return message_event(place, item, type, root);
      case Kind::reasoning: return reasoning_event(place, item, type, root);
      case Kind::function_call:
      case Kind::custom_call: return call_event(place, item, type, root);
    }
    return {};
  }

  static std::optional<Kind> kind_of(std::string_view type) {
    if (type == "message") return Kind::message;
    if (type == "function_call") return Kind::function_call;
    if (type == "custom_tool_call") return Kind::custom_call;
    if (type == "reasoning") return Kind::reasoning;
    return std::nullopt;
  }

  Result<void> begin_item(std::int64_t place, json::Value json) {
    const std::string_view type = json["type"].string().value_or("");
    const auto kind = kind_of(type);
    if (!kind) {
      note_lost(dropped_, "answer.output." + std::string(type));
      return {};
    }
    start({}, *out_);
    if (items_.contains(place)) CHECK_OK(end_item(place, {}));  // some servers number every item 0
    if (items_.size() >= max_items) return not_the_protocol("too many items at once");
    if (!items_.empty() && place < items_.begin()->first)
      return not_the_protocol("an item began before the one that is open");
    any_item_ = true;
    Item& item = items_[place];
    item.kind = *kind;
    item.id = json["id"].string().value_or("");
    if (*kind != Kind::function_call && *kind != Kind::custom_call) return {};
    std::string name = called_name(json);
    std::string call_id(json["call_id"].string().value_or(""));
    if (call_id.empty()) call_id = item.id.empty() ? "call_" + std::to_string(place) : item.id;
    if (name.empty()) return not_the_protocol("a tool call begins without a name");
    has_calls_ = true;
    return open(place, item,
                {.kind = chat::BlockKind::tool_call, .tool_id = std::move(call_id), .tool_name = std::move(name)});
  }

  Result<void> message_event(std::int64_t place, Item& item, std::string_view type, json::Value root) {
    if (type == "response.content_part.added") {
      CHECK_OK(close(place, item));
      item.has_text = false;
      if (root["part"]["type"].string() == "output_text") CHECK_OK(open(place, item, {}));
    } else if (type == "response.output_text.delta") {
      return add_text(place, item, root["delta"].string().value_or(""), root["logprobs"]);
    } else if (type == "response.output_text.done") {
      if (!item.has_text) return add_text(place, item, root["text"].string().value_or(""), root["logprobs"]);
    } else if (type == "response.output_text.annotation.added") {
      return add_citation(place, item, root["annotation"]);
    } else if (type == "response.refusal.delta") {
      return add_refusal(root["delta"].string().value_or(""));
    } else if (type == "response.refusal.done" && refusal_.empty()) {
      return add_refusal(root["refusal"].string().value_or(""));
    }
    return {};
  }

  Result<void> add_text(std::int64_t place, Item& item, std::string_view text, json::Value logprobs) {
    if (text.empty()) return {};
    if (!item.open) CHECK_OK(open(place, item, {}));
    item.has_text = item.any_text = true;
    return emit(place, item, chat::TextDelta{std::string(text), read_logprobs(logprobs)});
  }

  Result<void> add_citation(std::int64_t place, Item& item, json::Value annotation) {
    const std::string_view type = annotation["type"].string().value_or("");
    if (type != "url_citation" || !item.open) {
      note_lost(dropped_, "answer.annotations." + std::string(type));
      return {};
    }
    item.has_citations = true;
    return emit(place, item,
                chat::CitationDelta{{.url = std::string(annotation["url"].string().value_or("")),
                                     .title = std::string(annotation["title"].string().value_or("")),
                                     .begin = annotation["start_index"].integer().value_or(-1),
                                     .end = annotation["end_index"].integer().value_or(-1)}});
  }

  Result<void> add_refusal(std::string_view text) {
    CHECK_OK(keep(text.size()));
    refusal_ += text;
    return {};
  }

  Result<void> call_event(std::int64_t place, Item& item, std::string_view type, json::Value root) {
    if (type == "response.function_call_arguments.delta" || type == "response.custom_tool_call_input.delta")
      return add_arguments(place, item, root["delta"].string().value_or(""));
    if (item.has_text) return {};
    if (type == "response.function_call_arguments.done")
      return add_arguments(place, item, root["arguments"].string().value_or(""));
    if (type == "response.custom_tool_call_input.done")
      return add_arguments(place, item, root["input"].string().value_or(""));
    return {};
  }

  Result<void> add_arguments(std::int64_t place, Item& item, std::string_view piece) {
    if (piece.empty()) return {};
    const bool first = !std::exchange(item.has_text, true);
    if (item.kind == Kind::function_call) return emit(place, item, chat::ArgumentsDelta{std::string(piece)});
    return emit(place, item, chat::ArgumentsDelta{(first ? R"({"input":")" : "") + escaped(piece)});
  }

  Result<void> reasoning_event(std::int64_t place, Item& item, std::string_view type, json::Value root) {
    if (type == "response.reasoning_summary_part.added")
      item.parts = root["summary_index"].integer().value_or(0);
    else if (type == "response.reasoning_summary_text.delta" || type == "response.reasoning_text.delta")
      return add_thinking(place, item, root["delta"].string().value_or(""));
    return {};
  }

  Result<void> add_thinking(std::int64_t place, Item& item, std::string_view text) {
    if (text.empty()) return {};
    if (!item.open) CHECK_OK(open(place, item, {.kind = chat::BlockKind::thinking, .id = item.id}));
    const bool next_part = std::exchange(item.parts, 0) > 0 && item.has_text;
    item.has_text = true;
    return emit(place, item, chat::ThinkingDelta{(next_part ? "\n\n" : "") + std::string(text), ""});
  }

  // `json` is the whole item, for what its events have left out; missing when it never came.
  Result<void> end_item(std::int64_t place, json::Value json) {
    if (!items_.contains(place)) {
      if (!json.is_object()) return {};
      CHECK_OK(begin_item(place, json));  // the provider tells of it only now
      if (!items_.contains(place)) return {};
    }
    Item& item = items_[place];
    switch (item.kind) {
      case Kind::message: CHECK_OK(end_message(place, item, json)); break;
      case Kind::reasoning: CHECK_OK(end_reasoning(place, item, json)); break;
      case Kind::function_call:
        if (!item.has_text) CHECK_OK(add_arguments(place, item, whole_arguments(json)));
        break;
      case Kind::custom_call:
        if (!item.has_text) CHECK_OK(add_arguments(place, item, json["input"].string().value_or("")));
        CHECK_OK(emit(place, item, chat::ArgumentsDelta{item.has_text ? R"("})" : R"({"input":""})"}));
        break;
    }
    CHECK_OK(close(place, item));
    item.done = true;
    pass_on();
    return {};
  }

  static std::string_view whole_arguments(json::Value json) {
    const std::string_view arguments = json["arguments"].string().value_or("");
    return arguments.find_first_not_of(" \t\r\n") == std::string_view::npos ? "{}" : arguments;
  }

  Result<void> end_message(std::int64_t place, Item& item, json::Value json) {
    const bool is_missing = !item.any_text;
    for (const json::Value& part : json["content"].elements()) {
      if (part["type"].string() == "refusal" && refusal_.empty())
        CHECK_OK(add_refusal(part["refusal"].string().value_or("")));
      if (part["type"].string() != "output_text") continue;
      if (is_missing) CHECK_OK(add_text(place, item, part["text"].string().value_or(""), part["logprobs"]));
      if (item.has_citations || !item.open) continue;
      for (const chat::Citation& citation : read_annotations(part["annotations"], dropped_))
        CHECK_OK(emit(place, item, chat::CitationDelta{citation}));
    }
    return {};
  }

  // The state is whole only now; what came with the item's beginning was a part of it.
  Result<void> end_reasoning(std::int64_t place, Item& item, json::Value json) {
    if (!item.has_text) CHECK_OK(add_thinking(place, item, reasoning_text(json)));
    const std::string_view state = json["encrypted_content"].string().value_or("");
    if (state.empty()) return {};
    if (!item.open) CHECK_OK(open(place, item, {.kind = chat::BlockKind::thinking, .redacted = true, .id = item.id}));
    return emit(place, item, chat::ThinkingDelta{"", std::string(state)});
  }

  Result<void> open(std::int64_t place, Item& item, chat::BlockStart block) {
    item.open = block.kind;
    return emit(place, item, std::move(block));
  }

  Result<void> close(std::int64_t place, Item& item) {
    if (!item.open) return {};
    item.open.reset();
    return emit(place, item, chat::BlockEnd{});
  }

  // The first item that is not done is passed on live.
  Result<void> emit(std::int64_t place, Item& item, chat::ChatEvent event) {
    if (items_.begin()->first == place) {
      pass(std::move(event));
      return {};
    }
    CHECK_OK(keep(size_of(event)));
    item.held.push_back(std::move(event));
    return {};
  }

  Result<void> keep(std::size_t bytes) {
    kept_bytes_ += bytes;
    if (kept_bytes_ > max_kept_bytes) return not_the_protocol("what has to wait is too large");
    return {};
  }

  void pass(chat::ChatEvent event) {
    if (auto* block = std::get_if<chat::BlockStart>(&event)) block->index = blocks_++;
    out_->push_back(std::move(event));
  }

  void pass_on() {
    while (!items_.empty() && items_.begin()->second.done) {
      items_.erase(items_.begin());
      if (items_.empty()) return;
      for (chat::ChatEvent& event : std::exchange(items_.begin()->second.held, {})) pass(std::move(event));
    }
  }

  Result<void> end(json::Value response, std::vector<chat::ChatEvent>& out) {
    out_ = &out;
    if (is_failed(response)) return fail(decode_failure(response["error"]), out);
    start(response, out);
    while (!items_.empty()) CHECK_OK(end_item(items_.begin()->first, {}));
    if (!any_item_) CHECK_OK(take_whole(response));
    stop_ = stop_reason(response, has_calls_, !refusal_.empty());
    service_tier_ = response["service_tier"].string().value_or("");
    usage_ = read_response_usage(response);
    finish_with(out);
    return {};
  }

  // Of a provider that tells all at the end.
  Result<void> take_whole(json::Value response) {
    std::int64_t place = 0;
    for (const json::Value& item : response["output"].elements()) CHECK_OK(end_item(place++, item));
    return {};
  }

  std::vector<chat::ChatEvent>* out_ = nullptr;  // of the call that is being made
  bool started_ = false;
  bool any_item_ = false;
  bool has_calls_ = false;
  std::map<std::int64_t, Item> items_;  // that are not done, or wait for those before them
  std::size_t kept_bytes_ = 0;
};

}  // namespace

std::unique_ptr<StreamDecoder> decode_stream() { return std::make_unique<Decoder>(); }

}  // namespace sluice::dialects::responses
