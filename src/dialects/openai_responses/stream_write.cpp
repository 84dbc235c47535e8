// The event stream that a client of this dialect expects: each item from added to done, and at the end the whole
// response. An item is done when the next one begins, because only then it is known whether it is complete and whether
// its message goes on.
#include "dialects/logprobs.h"
#include "dialects/openai_responses/answer.h"
#include "dialects/openai_responses/parts.h"
#include "dialects/seal.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::responses {
namespace {

class Encoder : public StreamEncoder {
 public:
  explicit Encoder(const StreamOptions& options) : options_(options), tools_(options.tools) {}

  void encode(const chat::ChatEvent& event, std::string& out) override {
    std::visit([&](const auto& item) { write(item, out); }, event);
  }

  std::string whole() const override { return whole_; }

 private:
  // Calls fill(writer) inside the event's object, after its type.
  template <class Fill>
  void write_event(std::string& out, std::string_view type, Fill fill) {
    out.append("event: ").append(type).append("\ndata: ");
    json::Writer writer(out);
    writer.begin_object().member("type", type);
    fill(writer);
    writer.member("sequence_number", next_number_++).end_object();
    out.append("\n\n");
  }

  void write_response_event(std::string& out, std::string_view type, const Outcome& outcome) {
    write_event(out, type, [&](json::Writer& writer) {
      writer.key("response");
      write_response(writer, options_, outcome, items_);
    });
  }

  std::int64_t place() const { return static_cast<std::int64_t>(items_.size()); }

  void write_item_event(std::string& out, std::string_view type, std::string_view item) {
    write_event(out, type, [&](json::Writer& writer) { writer.member("output_index", place()).key("item").raw(item); });
  }

  // An event of the open item; fill(writer) adds what it says.
  template <class Fill>
  void write_inner(std::string& out, std::string_view type, Fill fill) {
    write_event(out, type, [&](json::Writer& writer) {
      writer.member("item_id", id_).member("output_index", place());
      fill(writer);
    });
  }
  template <class Fill>
  void write_in_part(std::string& out, std::string_view type, Fill fill) {
    write_inner(out, type, [&](json::Writer& writer) {
      writer.member("content_index", static_cast<std::int64_t>(parts_.size()));
      fill(writer);
    });
  }
  template <class Fill>
  void write_in_summary(std::string& out, std::string_view type, Fill fill) {
    write_inner(out, type, [&](json::Writer& writer) {
      writer.member("summary_index", 0);
      fill(writer);
    });
  }

  void write(const chat::Start&, std::string& out) {
    write_response_event(out, "response.created", {.status = "in_progress"});
    write_response_event(out, "response.in_progress", {.status = "in_progress"});
  }

  void write(const chat::BlockStart& block, std::string& out) {
    if (block.kind != chat::BlockKind::text || !is_open_message()) {
      end_item("completed", out);
      begin_item(block, out);
    }
    text_.clear();
    logprobs_.clear();
    annotations_.clear();
    if (block.kind == chat::BlockKind::text) begin_part(text_part("", {}, ""), out);
  }

  bool is_open_message() const { return open_ && *open_ == chat::BlockKind::text; }

  void begin_item(const chat::BlockStart& block, std::string& out) {
    open_ = block.kind;
    parts_.clear();
    switch (block.kind) {
      case chat::BlockKind::text:
        id_ = item_id("msg_", options_, items_.size());
        write_item_event(out, "response.output_item.added", message_item(id_, "in_progress", {}));
        return;
      case chat::BlockKind::thinking:
        id_ = item_id("rs_", options_, items_.size());
        thinking_ = {.redacted = block.redacted, .id = block.id};
        write_item_event(out, "response.output_item.added", reasoning_item(id_, "", ""));
        return;
      case chat::BlockKind::tool_call:
        tool_name_ = block.tool_name;
        call_id_ = block.tool_id;
        tool_ = called_tool(tool_name_, tools_);
        id_ = item_id(tool_.custom ? "ctc_" : "fc_", options_, items_.size());
        write_item_event(out, "response.output_item.added", call_item(id_, "in_progress", call_id_, tool_, ""));
        return;
    }
  }

  void begin_part(std::string_view part, std::string& out) {
    write_in_part(out, "response.content_part.added", [&](json::Writer& writer) { writer.key("part").raw(part); });
  }

  void write(const chat::TextDelta& delta, std::string& out) {
    text_ += delta.text;
    append_logprobs(logprobs_, delta.logprobs);
    write_in_part(out, "response.output_text.delta", [&](json::Writer& writer) {
      writer.member("delta", delta.text).key("logprobs").raw(logprobs_array(delta.logprobs));
    });
  }

  void write(const chat::CitationDelta& delta, std::string& out) {
    write_in_part(out, "response.output_text.annotation.added", [&](json::Writer& writer) {
      writer.member("annotation_index", static_cast<std::int64_t>(annotations_.size()));
      writer.key("annotation").raw(annotations_.emplace_back(annotation(delta.citation, text_)));
    });
  }

  void write(const chat::ArgumentsDelta& delta, std::string& out) {
    text_ += delta.json;
    if (tool_.custom) return;  // its text is known when its JSON is whole
    write_inner(out, "response.function_call_arguments.delta",
                [&](json::Writer& writer) { writer.member("delta", delta.json); });
  }

  void write(const chat::ThinkingDelta& delta, std::string& out) {
    thinking_.signature += delta.signature;
    if (delta.text.empty()) return;
    if (thinking_.text.empty())
      write_in_summary(out, "response.reasoning_summary_part.added",
                       [&](json::Writer& writer) { write_summary(writer, ""); });
    thinking_.text += delta.text;
    write_in_summary(out, "response.reasoning_summary_text.delta",
                     [&](json::Writer& writer) { writer.member("delta", delta.text); });
  }

  static void write_summary(json::Writer& writer, std::string_view text) {
    writer.key("part").begin_object().member("type", "summary_text").member("text", text).end_object();
  }

  void write(const chat::BlockEnd&, std::string& out) {
    if (!open_) return;
    switch (*open_) {
      case chat::BlockKind::text: end_text(out); return;
      case chat::BlockKind::thinking: end_thinking(out); return;
      case chat::BlockKind::tool_call: end_call(out); return;
    }
  }

  void end_text(std::string& out) {
    write_in_part(out, "response.output_text.done", [&](json::Writer& writer) {
      writer.member("text", text_).key("logprobs").raw(logprobs_array(logprobs_));
    });
    end_part(text_part(text_, annotations_, logprobs_), out);
  }

  void end_part(std::string part, std::string& out) {
    write_in_part(out, "response.content_part.done", [&](json::Writer& writer) { writer.key("part").raw(part); });
    parts_.push_back(std::move(part));
  }

  void end_thinking(std::string& out) {
    if (thinking_.text.empty()) return;
    write_in_summary(out, "response.reasoning_summary_text.done",
                     [&](json::Writer& writer) { writer.member("text", thinking_.text); });
    write_in_summary(out, "response.reasoning_summary_part.done",
                     [&](json::Writer& writer) { write_summary(writer, thinking_.text); });
  }

  void end_call(std::string& out) {
    if (!tool_.custom) {
      write_inner(out, "response.function_call_arguments.done",
                  [&](json::Writer& writer) { writer.member("name", tool_.name).member("arguments", text_); });
      return;
    }
    text_ = custom_input(text_);
    if (!text_.empty())
      write_inner(out, "response.custom_tool_call_input.delta",
                  [&](json::Writer& writer) { writer.member("delta", text_); });
    write_inner(out, "response.custom_tool_call_input.done",
                [&](json::Writer& writer) { writer.member("input", text_); });
  }

  void end_item(std::string_view status, std::string& out) {
    if (!open_) return;
    std::string item;
    switch (*open_) {
      case chat::BlockKind::text: item = message_item(id_, status, parts_); break;
      case chat::BlockKind::thinking:
        item = reasoning_item(id_, thinking_.text, seal_thinking(options_.issuer, thinking_));
        break;
      case chat::BlockKind::tool_call: item = call_item(id_, status, call_id_, tool_, text_); break;
    }
    write_item_event(out, "response.output_item.done", item);
    items_.push_back(std::move(item));
    open_.reset();
  }

  void write_refusal(const std::string& refusal, std::string& out) {
    if (!is_open_message()) {
      end_item("completed", out);
      begin_item({}, out);
    }
    begin_part(refusal_part(""), out);
    write_in_part(out, "response.refusal.delta", [&](json::Writer& writer) { writer.member("delta", refusal); });
    write_in_part(out, "response.refusal.done", [&](json::Writer& writer) { writer.member("refusal", refusal); });
    end_part(refusal_part(refusal), out);
  }

  void write(const chat::Finish& finish, std::string& out) {
    if (!finish.refusal.empty()) write_refusal(finish.refusal, out);
    const Outcome outcome = outcome_of(finish.stop, finish.refusal, finish.service_tier, finish.usage);
    end_item(outcome.status, out);
    write_response_event(out, "response." + std::string(outcome.status), outcome);
    if (!options_.stored) return;
    json::Writer writer(whole_);
    write_response(writer, options_, outcome, items_);
  }

  void write(const chat::StreamError& failed, std::string& out) {
    out += failed_event(failed.error, options_, next_number_++, items_);
  }

  StreamOptions options_;
  ToolsByName tools_;
  std::string whole_;
  std::int64_t next_number_ = 0;
  std::vector<std::string> items_;       // those that are done, as JSON
  std::optional<chat::BlockKind> open_;  // what the open item is for
  std::string id_;                       // its id
  std::vector<std::string> parts_;       // of an open message: those that are done, as JSON
  std::string text_;                     // of the open part or call so far
  std::string logprobs_;                 // of the open part so far
  std::vector<std::string> annotations_;
  chat::Thinking thinking_;
  std::string tool_name_;
  std::string call_id_;
  CalledTool tool_;
};

}  // namespace

std::unique_ptr<StreamEncoder> encode_stream(const StreamOptions& options) {
  return std::make_unique<Encoder>(options);
}

}  // namespace sluice::dialects::responses
