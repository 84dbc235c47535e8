// The chunks that a client of this dialect expects: the role first, then deltas, the finish reason in a chunk of its
// own, the usage in one more if the client asked for it, and [DONE].
#include "dialects/answer_parts.h"
#include "dialects/openai_chat/parts.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::openai {
namespace {

class Encoder : public StreamEncoder {
 public:
  explicit Encoder(const StreamOptions& options) : options_(options), tools_(options.tools) {
    json::Writer writer(head_);
    writer.begin_object().member("id", prefixed_id(options.response_id)).member("object", "chat.completion.chunk");
    writer.member("created", options.created_unix_seconds).member("model", options.model);
  }

  void encode(const chat::ChatEvent& event, std::string& out) override {
    std::visit([&](const auto& item) { write(item, out); }, event);
  }

 private:
  // A chunk with one choice; fill(writer) writes the members of its delta.
  template <class Fill>
  void write_chunk(std::string& out, std::string_view finish, Fill fill, std::string_view logprobs = {},
                   std::string_view tier = {}) {
    out.append("data: ").append(head_).append(R"(,"choices":[{"index":0,"delta":)");
    json::Writer writer(out);
    writer.begin_object();
    fill(writer);
    writer.end_object();
    out.append(R"(,"logprobs":)");
    json::Writer beside(out);
    write_logprobs(beside, logprobs);
    out.append(R"(,"finish_reason":)");
    if (finish.empty())
      out.append("null");
    else
      json::append_quoted(out, finish);
    out.append("}]");
    if (options_.include_usage) out.append(R"(,"usage":null)");
    write_tier(out, tier);
    out.append("}\n\n");
  }

  static void write_tier(std::string& out, std::string_view tier) {
    if (tier.empty()) return;
    out.append(R"(,"service_tier":)");
    json::append_quoted(out, tier);
  }

  template <class Fill>
  void write_tool_call(std::string& out, Fill fill) {
    write_chunk(out, "", [&](json::Writer& writer) {
      writer.key("tool_calls").begin_array().begin_object().member("index", tool_calls_ - 1);
      fill(writer);
      writer.end_object().end_array();
    });
  }

  void write(const chat::Start&, std::string& out) {
    write_chunk(out, "", [](json::Writer& writer) {
      writer.member("role", "assistant").member("content", "").key("refusal").null();
    });
  }

  void write(const chat::BlockStart& block, std::string& out) {
    // Text blocks with something between them are one string here.
    separated_ = block.kind == chat::BlockKind::text && has_text_ && last_kind_ != chat::BlockKind::text;
    last_kind_ = block.kind;
    thinking_ = {.redacted = block.redacted, .id = block.id};
    before_ += block_;
    block_ = 0;
    if (block.kind != chat::BlockKind::tool_call) return;
    ++tool_calls_;
    const chat::Tool* tool = tools_.find(block.tool_name);
    custom_ = tool && tool->custom;
    custom_arguments_.clear();
    write_tool_call(out, [&](json::Writer& writer) {
      if (custom_) {
        writer.member("id", block.tool_id).member("type", "custom").key("custom").begin_object();
        writer.member("name", block.tool_name).member("input", "").end_object();
        return;
      }
      writer.member("id", block.tool_id).member("type", "function").key("function").begin_object();
      writer.member("name", block.tool_name).member("arguments", "").end_object();
    });
  }

  void write(const chat::TextDelta& delta, std::string& out) {
    has_text_ = true;
    if (separated_) before_ += 2;
    block_ += characters(delta.text);
    write_chunk(
        out, "",
        [&](json::Writer& writer) {
          writer.member("content", std::exchange(separated_, false) ? "\n\n" + delta.text : delta.text);
        },
        delta.logprobs);
  }

  void write(const chat::ArgumentsDelta& delta, std::string& out) {
    if (custom_) {  // its text is known when its JSON is whole
      custom_arguments_ += delta.json;
      return;
    }
    write_tool_call(out, [&](json::Writer& writer) {
      writer.key("function").begin_object().member("arguments", delta.json).end_object();
    });
  }

  void write(const chat::ThinkingDelta& delta, std::string& out) {
    thinking_.text += delta.text;
    thinking_.signature += delta.signature;
    if (delta.text.empty()) return;
    write_chunk(out, "", [&](json::Writer& writer) { writer.member("reasoning_content", delta.text); });
  }

  void write(const chat::CitationDelta& delta, std::string& out) {
    const chat::Citation citation = citation_in(delta.citation, before_, block_);
    write_chunk(out, "", [&](json::Writer& writer) {
      writer.key("annotations").begin_array();
      write_annotation(writer, citation);
      writer.end_array();
    });
  }

  void write(const chat::BlockEnd&, std::string& out) {
    if (last_kind_ == chat::BlockKind::thinking && !thinking_.signature.empty())
      write_chunk(out, "", [&](json::Writer& writer) {
        writer.key("reasoning_details").begin_array();
        write_reasoning_detail(writer, thinking_, options_.issuer, details_++);
        writer.end_array();
      });
    if (last_kind_ == chat::BlockKind::tool_call && custom_)
      write_tool_call(out, [&](json::Writer& writer) {
        writer.key("custom").begin_object().member("input", custom_input(custom_arguments_)).end_object();
      });
    custom_ = false;
  }

  void write(const chat::Finish& finish, std::string& out) {
    if (!finish.refusal.empty())
      write_chunk(out, "", [&](json::Writer& writer) { writer.member("refusal", finish.refusal); });
    const std::string_view tier = served_tier(finish.service_tier);
    // In the last chunk that there is.
    write_chunk(out, finish_reason(finish.stop), [](json::Writer&) {}, {}, options_.include_usage ? "" : tier);
    if (options_.include_usage) {
      out.append("data: ").append(head_).append(R"(,"choices":[],"usage":)");
      json::Writer writer(out);
      write_usage(writer, finish.usage);
      write_tier(out, tier);
      out.append("}\n\n");
    }
    out.append("data: [DONE]\n\n");
  }

  void write(const chat::StreamError& failed, std::string& out) { out += encode_stream_error(failed.error, ""); }

  StreamOptions options_;
  ToolsByName tools_;
  std::string head_;  // the members that all chunks share, without the closing brace
  std::int64_t tool_calls_ = 0;
  bool has_text_ = false;
  bool separated_ = false;  // the next text begins a block that does not follow text
  chat::BlockKind last_kind_ = chat::BlockKind::text;
  std::int64_t before_ = 0;  // characters of text before the open block, and in it
  std::int64_t block_ = 0;
  chat::Thinking thinking_;  // the open block
  std::size_t details_ = 0;
  bool custom_ = false;  // the open call is of a tool that takes free text
  std::string custom_arguments_;
};

}  // namespace

std::unique_ptr<StreamEncoder> encode_stream(const StreamOptions& options) {
  return std::make_unique<Encoder>(options);
}

}  // namespace sluice::dialects::openai
