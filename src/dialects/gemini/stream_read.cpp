// A provider's stream: each event is a whole answer with the next parts, the last one has the finish reason. Texts and
// thoughts come in pieces; a call comes whole, or its arguments come in pieces.
#include "dialects/answer_parts.h"
#include "dialects/gemini/parts.h"
#include "dialects/gemini/streamed_arguments.h"
#include "dialects/provider_error.h"

namespace sluice::dialects::gemini {
namespace {

constexpr std::size_t max_kept_text = 1024 * 1024;  // for the places of citations; behind it they have none
constexpr std::size_t max_calls = 1024;             // in one answer; no model makes as many

class Decoder : public Decoding {
 public:
  Result<void> decode(std::string_view /*event*/, std::string_view data, std::vector<chat::ChatEvent>& out) override {
    if (ended_) return {};
    const auto parsed = json::Document::parse(data);
    if (!parsed) return not_the_protocol("an event that is not JSON");
    const json::Value root = parsed->root().is_array() ? parsed->root().at(0) : parsed->root();
    if (root["error"].is_object()) {
      fail_with(decode_stream_error(root["error"]), out);
      return {};
    }
    if (!root.is_object()) return not_the_protocol("an event that is no object");
    start(root, out);
    const chat::Usage told = read_usage(root["usageMetadata"]);
    if (told.reported) {
      usage_ = told;
      service_tier_ = served_tier(root["usageMetadata"]);
    }
    note_lost_members(dropped_, root, json::Value());
    for (const json::Value& candidate : root["candidates"].elements()) {
      if (candidate["index"].integer().value_or(0) != 0) {
        note_lost(dropped_, "answer.candidates");
        continue;
      }
      note_lost_members(dropped_, json::Value(), candidate);
      CHECK_OK(read_candidate(candidate, out));
    }
    if (std::string blocked = blocked_prompt(root); !blocked.empty() && !stop_ && blocks_ == 0) {
      stop_ = chat::StopReason::content_filter;
      refusal_ = std::move(blocked);
    }
    // The counts come with the reason; should they not, they may still follow. Until then only the prompt is counted.
    counted_ = counted_ || (told.reported && (stop_ || root["usageMetadata"]["candidatesTokenCount"].exists()));
    if (stop_ && counted_) finish_with(out);
    return {};
  }

  Result<void> finish(std::vector<chat::ChatEvent>& out) override {
    usage_.reported = counted_;
    return Decoding::finish(out);
  }

 private:
  void start(json::Value root, std::vector<chat::ChatEvent>& out) {
    if (started_) return;
    started_ = true;
    id_ = root["responseId"].string().value_or("");
    chat::Usage usage = read_usage(root["usageMetadata"]);
    usage.output = usage.output_audio = usage.output_image = usage.reasoning = 0;
    usage.reported = false;  // the output is still to come
    out.emplace_back(chat::Start{id_, std::string(root["modelVersion"].string().value_or("")), usage});
  }

  Result<void> read_candidate(json::Value candidate, std::vector<chat::ChatEvent>& out) {
    logprobs_ = read_logprobs_result(candidate["logprobsResult"]);  // of the text in this event
    for (const json::Value& part : candidate["content"]["parts"].elements()) CHECK_OK(read_part(part, out));
    if (!std::exchange(logprobs_, {}).empty()) note_lost(dropped_, "answer.logprobsResult");
    read_citations(candidate, out);
    if (!candidate["finishReason"].is_string()) return {};
    end_block(out);
    refusal_ = refusal_of(candidate);
    TRY(stop_, stop_reason(candidate, calls_ > 0));
    return {};
  }

  Result<void> read_part(json::Value part, std::vector<chat::ChatEvent>& out) {
    const std::string_view signature = part["thoughtSignature"].string().value_or("");
    if (part["functionCall"].is_object()) return read_call(part["functionCall"], signature, out);
    if (open_ == chat::BlockKind::tool_call) end_block(out);  // some calls lack their last piece
    const auto text = part["text"].string();
    if (!text) {
      note_lost_part(dropped_, part);
      add_state(signature, out);
    } else if (part["thought"].boolean().value_or(false)) {
      read_thought(*text, signature, out);
    } else {
      // A signature must not cut a text in two, so it comes after the piece that goes on with it.
      const bool goes_on = open_ == chat::BlockKind::text && !text->empty();
      if (!goes_on) add_state(signature, out);
      if (!text->empty()) {
        open(chat::BlockKind::text, out);
        if (text_.size() < max_kept_text) text_ += *text;
        out.emplace_back(chat::TextDelta{std::string(*text), std::exchange(logprobs_, {})});
      }
      if (goes_on) add_state(signature, out);
    }
    return {};
  }

  void read_thought(std::string_view text, std::string_view signature, std::vector<chat::ChatEvent>& out) {
    if (open_ != chat::BlockKind::thinking && text.empty()) return add_state(signature, out);
    open(chat::BlockKind::thinking, out);
    if (!text.empty()) out.emplace_back(chat::ThinkingDelta{std::string(text), ""});
    if (signature.empty()) return;
    out.emplace_back(chat::ThinkingDelta{"", std::string(signature)});
    end_block(out);
  }

  void add_state(std::string_view signature, std::vector<chat::ChatEvent>& out) {
    if (signature.empty()) return;
    end_block(out);
    out.emplace_back(chat::BlockStart{.index = blocks_++, .kind = chat::BlockKind::thinking, .redacted = true});
    out.emplace_back(chat::ThinkingDelta{"", std::string(signature)});
    out.emplace_back(chat::BlockEnd{});
  }

  Result<void> read_call(json::Value call, std::string_view signature, std::vector<chat::ChatEvent>& out) {
    const std::string_view name = call["name"].string().value_or("");
    if (!name.empty()) {
      if (++calls_ > max_calls) return not_the_protocol("more than 1024 tool calls in one answer");
      end_block(out);
      add_state(signature, out);
      arguments_ = {};
      whole_arguments_ = call["args"].is_object() ? call["args"].text() : "";
      open_ = chat::BlockKind::tool_call;
      out.emplace_back(chat::BlockStart{.index = blocks_++,
                                        .kind = chat::BlockKind::tool_call,
                                        .tool_id = call_id(call, id_, calls_ - 1),
                                        .tool_name = std::string(name)});
    } else if (open_ != chat::BlockKind::tool_call) {
      if (call.size() > 0) return not_the_protocol("a functionCall without a name");
      return {};  // the end of a call that has ended
    }
    for (const json::Value& piece : call["partialArgs"].elements()) CHECK_OK(arguments_.add(piece));
    if (!call["willContinue"].boolean().value_or(false)) end_block(out);
    return {};
  }

  void read_citations(json::Value candidate, std::vector<chat::ChatEvent>& out) {
    for (Grounding& each : read_grounding(candidate)) {
      if (open_ != chat::BlockKind::text) {
        note_lost(dropped_, "answer.groundingMetadata");
        return;
      }
      if (each.part == 0) place_in_block(each.citation);
      bytes_to_characters(each.citation, std::string_view(text_).substr(std::min(block_begin_, text_.size())));
      out.emplace_back(chat::CitationDelta{std::move(each.citation)});
    }
  }

  // Without the number of a part the places are in all of the answer's text, of which only the open block can still be
  // told about: what is for an earlier one comes without its place.
  void place_in_block(chat::Citation& citation) {
    const auto begin = static_cast<std::int64_t>(block_begin_);
    if (begin == 0 || citation.begin < 0 || citation.end < citation.begin) return;
    if (citation.end <= begin) {
      forget_place(citation);
      note_lost(dropped_, "answer.groundingMetadata.segment");
      return;
    }
    citation.begin = std::max<std::int64_t>(citation.begin - begin, 0);
    citation.end -= begin;
  }

  void open(chat::BlockKind kind, std::vector<chat::ChatEvent>& out) {
    if (open_ == kind) return;
    end_block(out);
    open_ = kind;
    if (kind == chat::BlockKind::text) block_begin_ = text_.size();
    out.emplace_back(chat::BlockStart{.index = blocks_++, .kind = kind});
  }

  void end_block(std::vector<chat::ChatEvent>& out) override {
    if (!open_) return;
    if (open_ == chat::BlockKind::tool_call)
      out.emplace_back(chat::ArgumentsDelta{whole_arguments_.empty() ? arguments_.text() : whole_arguments_});
    open_.reset();
    out.emplace_back(chat::BlockEnd{});
  }

  bool started_ = false;
  bool counted_ = false;  // the answer's tokens, too
  std::string id_;
  std::size_t calls_ = 0;
  StreamedArguments arguments_;  // of the open call
  std::string whole_arguments_;  // when they did not come in pieces
  std::string logprobs_;
  std::string text_;             // all of it, up to a limit
  std::size_t block_begin_ = 0;  // where in it the open block of text begins
};

}  // namespace

std::unique_ptr<StreamDecoder> decode_stream() { return std::make_unique<Decoder>(); }

}  // namespace sluice::dialects::gemini
