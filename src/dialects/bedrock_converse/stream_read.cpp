// A provider's event stream. Blocks have numbers of their own there and only tool calls announce themselves; the others
// begin with their first piece. The usage comes in `metadata`, which follows `messageStop` but has been seen before it.
#include "dialects/answer_parts.h"
#include "dialects/bedrock_converse/parts.h"
#include "dialects/provider_error.h"

namespace sluice::dialects::bedrock {
namespace {

class Decoder : public Decoding {
 public:
  Result<void> decode(std::string_view event, std::string_view data, std::vector<chat::ChatEvent>& out) override {
    if (ended_) return {};
    const auto parsed = json::Document::parse(data);
    const json::Value root = parsed ? parsed->root() : json::Value();
    if (event.ends_with("Exception")) {
      fail_with(decode_exception(event, root), out);
      return {};
    }
    if (!parsed) return not_the_protocol("an event that is not JSON");
    if (event == "messageStart")
      return start(out);
    else if (event == "contentBlockStart")
      start_block(root, out);
    else if (event == "contentBlockDelta")
      delta(root, out);
    else if (event == "contentBlockStop")
      end_block(out);
    else if (event == "messageStop")
      end_message(root, out);
    else if (event == "metadata")
      note_metadata(root);
    if (!ended_ && stop_ && has_metadata_) end(out);
    return {};
  }

  Result<void> finish(std::vector<chat::ChatEvent>& out) override {
    if (!ended_ && stop_) begin_message(out);
    return Decoding::finish(out);
  }

 private:
  Result<void> start(std::vector<chat::ChatEvent>& out) {
    if (blocks_ > 0 || stop_) return not_the_protocol("a second message began inside the first");
    begin_message(out);
    return {};
  }

  void begin_message(std::vector<chat::ChatEvent>& out) {
    if (!std::exchange(started_, true)) out.emplace_back(chat::Start{});
  }

  void open(chat::BlockStart begin, std::int64_t number, std::vector<chat::ChatEvent>& out) {
    begin_message(out);
    end_block(out);
    begin.index = blocks_++;
    open_ = begin.kind;
    number_ = number;
    has_arguments_ = false;
    out.emplace_back(std::move(begin));
  }
  bool is_open(chat::BlockKind kind, std::int64_t number) const { return open_ == kind && number_ == number; }

  void start_block(json::Value root, std::vector<chat::ChatEvent>& out) {
    const json::Value what = root["start"];
    const json::Value call = what["toolUse"];
    const auto id = call["toolUseId"].string();
    const auto name = call["name"].string();
    if (id && name && !id->empty() && !name->empty())
      return open({.kind = chat::BlockKind::tool_call, .tool_id = std::string(*id), .tool_name = std::string(*name)},
                  root["contentBlockIndex"].integer().value_or(0), out);
    end_block(out);
    for (const auto& [kind, value] : what.members()) note_lost(dropped_, "answer.content." + std::string(kind));
  }

  void delta(json::Value root, std::vector<chat::ChatEvent>& out) {
    const json::Value delta = root["delta"];
    const std::int64_t number = root["contentBlockIndex"].integer().value_or(0);
    if (const auto text = delta["text"].string()) {
      if (text->empty()) return;
      if (!is_open(chat::BlockKind::text, number)) open({.kind = chat::BlockKind::text}, number, out);
      out.emplace_back(chat::TextDelta{std::string(*text)});
    } else if (const auto input = delta["toolUse"]["input"].string()) {
      if (input->empty() || !is_open(chat::BlockKind::tool_call, number)) return;
      has_arguments_ = true;
      out.emplace_back(chat::ArgumentsDelta{std::string(*input)});
    } else if (const json::Value reasoning = delta["reasoningContent"]; reasoning.is_object()) {
      thinking_delta(reasoning, number, out);
    } else if (const json::Value source = delta["citation"]; source.is_object()) {
      auto found = citation(source);
      if (!found) return note_lost(dropped_, "answer.content.citations");
      if (!is_open(chat::BlockKind::text, number)) open({.kind = chat::BlockKind::text}, number, out);
      out.emplace_back(chat::CitationDelta{*std::move(found)});
    } else {
      for (const auto& [kind, value] : delta.members()) note_lost(dropped_, "answer.content." + std::string(kind));
    }
  }

  // The signature may come in pieces; it goes on as a whole when the block ends.
  void thinking_delta(json::Value reasoning, std::int64_t number, std::vector<chat::ChatEvent>& out) {
    const std::string_view text = reasoning["text"].string().value_or("");
    const std::string_view signature = reasoning["signature"].string().value_or("");
    const std::string_view redacted = reasoning["redactedContent"].string().value_or("");
    if (text.empty() && signature.empty() && redacted.empty()) return;
    if (!is_open(chat::BlockKind::thinking, number))
      open({.kind = chat::BlockKind::thinking, .redacted = !redacted.empty()}, number, out);
    if (!text.empty()) out.emplace_back(chat::ThinkingDelta{std::string(text), ""});
    signature_.append(signature).append(redacted);
  }

  void end_block(std::vector<chat::ChatEvent>& out) override {
    if (!open_) return;
    if (*open_ == chat::BlockKind::tool_call && !has_arguments_) out.emplace_back(chat::ArgumentsDelta{"{}"});
    if (!signature_.empty()) out.emplace_back(chat::ThinkingDelta{"", std::exchange(signature_, {})});
    open_.reset();
    out.emplace_back(chat::BlockEnd{});
  }

  void end_message(json::Value root, std::vector<chat::ChatEvent>& out) {
    const std::string_view reason = root["stopReason"].string().value_or("");
    stop_ = stop_reason(reason);
    if (!stop_) return fail_with(failed_answer(reason), out);
    stop_sequence_ = stop_sequence(root["additionalModelResponseFields"]);
    end_block(out);
  }

  void note_metadata(json::Value root) {
    has_metadata_ = true;
    usage_ = answer_usage(root);
    service_tier_ = root["serviceTier"]["type"].string().value_or("");
  }

  void end(std::vector<chat::ChatEvent>& out) {
    begin_message(out);
    finish_with(out);
  }

  bool started_ = false;
  bool has_metadata_ = false;
  bool has_arguments_ = false;  // of the open tool call
  std::int64_t number_ = 0;     // of the open block, in the provider's count
  std::string signature_;       // of the open block
};

}  // namespace

std::unique_ptr<StreamDecoder> decode_stream() { return std::make_unique<Decoder>(); }

}  // namespace sluice::dialects::bedrock
