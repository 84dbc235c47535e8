// The event stream that a client of this dialect expects: message_start, then each block from start to stop, then
// message_delta with the stop reason and the whole usage, then message_stop.
#include "dialects/anthropic_messages/parts.h"
#include "dialects/seal.h"

namespace sluice::dialects::anthropic {
namespace {

class Encoder : public StreamEncoder {
 public:
  explicit Encoder(const StreamOptions& options) : options_(options) {}

  void encode(const chat::ChatEvent& event, std::string& out) override {
    std::visit([&](const auto& item) { write(item, out); }, event);
  }

 private:
  // Calls fill(writer) inside the event's object, after its type.
  template <class Fill>
  static void write_event(std::string& out, std::string_view type, Fill fill) {
    out.append("event: ").append(type).append("\ndata: ");
    json::Writer writer(out);
    writer.begin_object().member("type", type);
    fill(writer);
    writer.end_object();
    out.append("\n\n");
  }

  template <class Fill>
  void write_delta(std::string& out, std::string_view type, Fill fill) {
    write_event(out, "content_block_delta", [&](json::Writer& writer) {
      writer.member("index", index_).key("delta").begin_object().member("type", type);
      fill(writer);
      writer.end_object();
    });
  }

  void write(const chat::Start& start, std::string& out) {
    write_event(out, "message_start", [&](json::Writer& writer) {
      writer.key("message").begin_object().member("id", prefixed_id(options_.response_id)).member("type", "message");
      writer.member("role", "assistant").member("model", options_.model).key("content").begin_array().end_array();
      for (const char* name : {"stop_reason", "stop_sequence", "stop_details", "container"}) writer.key(name).null();
      writer.key("usage");
      write_usage(writer, start.usage, "");
      writer.end_object();
    });
  }

  void write(const chat::BlockStart& block, std::string& out) {
    index_ = block.index;
    next_index_ = index_ + 1;
    kind_ = block.kind;
    thinking_ = {.redacted = block.redacted, .id = block.id};
    if (block.redacted) return;
    write_event(out, "content_block_start", [&](json::Writer& writer) {
      writer.member("index", index_).key("content_block");
      switch (block.kind) {
        case chat::BlockKind::text:
          writer.begin_object().member("type", "text").member("text", "").key("citations").null();
          break;
        case chat::BlockKind::thinking:
          writer.begin_object().member("type", "thinking").member("thinking", "").member("signature", "");
          break;
        case chat::BlockKind::tool_call:
          write_tool_use_head(writer, block.tool_id, block.tool_name);
          writer.key("input").begin_object().end_object();
          break;
      }
      writer.end_object();
    });
  }

  void write(const chat::TextDelta& delta, std::string& out) {
    write_delta(out, "text_delta", [&](json::Writer& writer) { writer.member("text", delta.text); });
  }

  void write(const chat::ArgumentsDelta& delta, std::string& out) {
    write_delta(out, "input_json_delta", [&](json::Writer& writer) { writer.member("partial_json", delta.json); });
  }

  void write(const chat::ThinkingDelta& delta, std::string& out) {
    thinking_.signature += delta.signature;
    if (thinking_.redacted || delta.text.empty()) return;
    write_delta(out, "thinking_delta", [&](json::Writer& writer) { writer.member("thinking", delta.text); });
  }

  void write(const chat::CitationDelta& delta, std::string& out) {
    write_delta(out, "citations_delta", [&](json::Writer& writer) {
      writer.key("citation");
      write_citation(writer, delta.citation);
    });
  }

  void write(const chat::BlockEnd&, std::string& out) {
    if (kind_ == chat::BlockKind::thinking) {
      const std::string sealed = seal_thinking(options_.issuer, thinking_);
      if (thinking_.redacted)
        write_event(out, "content_block_start", [&](json::Writer& writer) {
          writer.member("index", index_).key("content_block").begin_object();
          writer.member("type", "redacted_thinking").member("data", sealed).end_object();
        });
      else
        write_delta(out, "signature_delta", [&](json::Writer& writer) { writer.member("signature", sealed); });
    }
    write_event(out, "content_block_stop", [&](json::Writer& writer) { writer.member("index", index_); });
  }

  // A refusal is in no block; as text it reaches those who read nothing else.
  void write_refusal(const std::string& refusal, std::string& out) {
    write(chat::BlockStart{.index = next_index_}, out);
    write(chat::TextDelta{refusal}, out);
    write(chat::BlockEnd{}, out);
  }

  void write(const chat::Finish& finish, std::string& out) {
    if (!finish.refusal.empty()) write_refusal(finish.refusal, out);
    write_event(out, "message_delta", [&](json::Writer& writer) {
      writer.key("delta").begin_object();
      write_stop(writer, finish.stop, finish.stop_sequence, finish.refusal);
      writer.end_object().key("usage");
      write_usage(writer, finish.usage, finish.service_tier);
    });
    write_event(out, "message_stop", [](json::Writer&) {});
  }

  void write(const chat::StreamError& failed, std::string& out) {
    out += encode_stream_error(failed.error, options_.response_id);
  }

  StreamOptions options_;
  std::int64_t index_ = 0;
  std::int64_t next_index_ = 0;
  chat::BlockKind kind_ = chat::BlockKind::text;  // of the open block
  chat::Thinking thinking_;                       // the open block's state; a redacted one is written at its end
};

}  // namespace

std::unique_ptr<StreamEncoder> encode_stream(const StreamOptions& options) {
  return std::make_unique<Encoder>(options);
}

}  // namespace sluice::dialects::anthropic
