// A provider's event stream. The blocks that chat/ can say become neutral blocks with gapless numbers; the others
// (server tools, what comes next year) are skipped from start to stop and named in chat::Finish.
#include "dialects/answer_parts.h"
#include "dialects/anthropic_messages/parts.h"
#include "dialects/provider_error.h"

namespace sluice::dialects::anthropic {
namespace {

class Decoder : public Decoding {
 public:
  Result<void> decode(std::string_view event, std::string_view data, std::vector<chat::ChatEvent>& out) override {
    if (ended_ || event == "ping") return {};
    const auto parsed = json::Document::parse(data);
    if (!parsed) return not_the_protocol("an event that is not JSON");
    const json::Value root = parsed->root();
    const std::string_view type = root["type"].string().value_or(event);
    if (type == "message_start") return start(root["message"], out);
    if (type == "error") {
      fail_with(decode_stream_error(root["error"]), out);
      return {};
    }
    if (!started_) return {};
    if (type == "content_block_start")
      start_block(root["content_block"], out);
    else if (type == "content_block_delta")
      delta(root["delta"], out);
    else if (type == "content_block_stop")
      end_block(out);
    else if (type == "message_delta")
      end_message(root);
    else if (type == "message_stop")
      finish_with(out);
    return {};
  }

 private:
  Result<void> start(json::Value message, std::vector<chat::ChatEvent>& out) {
    if (started_) {  // some proxies send it twice; in the middle of a message it is another answer spliced in
      if (blocks_ == 0) return {};
      return not_the_protocol("a second message began inside the first");
    }
    started_ = true;
    merge_usage(message["usage"], usage_);
    service_tier_ = message["usage"]["service_tier"].string().value_or("");
    usage_.reported = false;  // the output is still to come
    out.emplace_back(chat::Start{std::string(message["id"].string().value_or("")),
                                 std::string(message["model"].string().value_or("")), usage_});
    return {};
  }

  void start_block(json::Value block, std::vector<chat::ChatEvent>& out) {
    end_block(out);
    const std::string_view type = block["type"].string().value_or("");
    note_lost_block(dropped_, block);
    chat::BlockStart begin{.index = blocks_};
    if (type == "text") {
      begin.kind = chat::BlockKind::text;
    } else if (type == "thinking") {
      begin.kind = chat::BlockKind::thinking;
    } else if (type == "tool_use") {
      begin.kind = chat::BlockKind::tool_call;
      begin.tool_id = block["id"].string().value_or("");
      begin.tool_name = block["name"].string().value_or("");
      whole_input_ = block["input"].size() > 0 ? block["input"].text() : "{}";  // for when no delta comes
      has_arguments_ = false;
    } else if (type == "redacted_thinking") {
      begin.kind = chat::BlockKind::thinking;
      begin.redacted = true;
    } else {
      return;
    }
    ++blocks_;
    open_ = begin.kind;
    out.emplace_back(std::move(begin));
    if (const auto text = block["text"].string(); text && !text->empty())
      out.emplace_back(chat::TextDelta{std::string(*text)});
    if (const auto text = block["thinking"].string(); text && !text->empty())
      out.emplace_back(chat::ThinkingDelta{std::string(*text), ""});
    if (const auto data = block["data"].string()) out.emplace_back(chat::ThinkingDelta{"", std::string(*data)});
  }

  void delta(json::Value delta, std::vector<chat::ChatEvent>& out) {
    if (!open_) return;
    if (*open_ == chat::BlockKind::text) {
      if (const auto text = delta["text"].string(); text && !text->empty())
        out.emplace_back(chat::TextDelta{std::string(*text)});
      if (!delta["citation"].is_object()) return;
      if (auto citation = read_citation(delta["citation"]))
        out.emplace_back(chat::CitationDelta{*std::move(citation)});
      else
        note_lost(dropped_, "answer.content.citations");
    } else if (*open_ == chat::BlockKind::tool_call) {
      const auto json = delta["partial_json"].string();
      if (!json || json->empty()) return;
      has_arguments_ = true;
      out.emplace_back(chat::ArgumentsDelta{std::string(*json)});
    } else {
      const std::string_view text = delta["thinking"].string().value_or("");
      const std::string_view signature = delta["signature"].string().value_or("");
      if (!text.empty() || !signature.empty())
        out.emplace_back(chat::ThinkingDelta{std::string(text), std::string(signature)});
    }
  }

  void end_block(std::vector<chat::ChatEvent>& out) override {
    if (!open_) return;
    if (*open_ == chat::BlockKind::tool_call && !has_arguments_) out.emplace_back(chat::ArgumentsDelta{whole_input_});
    open_.reset();
    out.emplace_back(chat::BlockEnd{});
  }

  void end_message(json::Value root) {
    if (const auto reason = root["delta"]["stop_reason"].string()) {
      stop_ = stop_reason(*reason);
      if (*reason == "pause_turn") note_lost(dropped_, "answer.stop_reason.pause_turn");
      if (*stop_ == chat::StopReason::content_filter) refusal_ = refusal_text(root["delta"]["stop_details"]);
    }
    stop_sequence_ = root["delta"]["stop_sequence"].string().value_or("");
    merge_usage(root["usage"], usage_);
  }

  bool started_ = false;
  bool has_arguments_ = false;
  std::string whole_input_;
};

}  // namespace

std::unique_ptr<StreamDecoder> decode_stream() { return std::make_unique<Decoder>(); }

}  // namespace sluice::dialects::anthropic
