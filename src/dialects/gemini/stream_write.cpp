// The stream that a client of this dialect expects: events that are whole answers with the next part each, the last one
// with the finish reason and the usage; or the same as the elements of one JSON array.
#include <utility>

#include "dialects/gemini/parts.h"
#include "dialects/logprobs.h"

namespace sluice::dialects::gemini {
namespace {

constexpr std::size_t max_kept_text = 1024 * 1024;  // for the places of citations; behind it they have none

class Encoder : public StreamEncoder {
 public:
  explicit Encoder(const StreamOptions& options) : options_(options), parts_(options.issuer) {}

  void encode(const chat::ChatEvent& event, std::string& out) override {
    std::visit([&](const auto& item) { read(item); }, event);
    for (const std::string& part : parts_.take()) write_chunk(out, part, nullptr);
    if (const auto* finish = std::get_if<chat::Finish>(&event)) write_chunk(out, R"({"text":""})", finish);
    if (const auto* failed = std::get_if<chat::StreamError>(&event)) write_error(out, failed->error);
    if (options_.json_array && std::holds_alternative<chat::Finish>(event)) out += "]";
  }

 private:
  void read(const chat::Start&) {}

  void read(const chat::BlockStart& block) {
    block_ = block;
    thinking_ = {.text = "", .signature = "", .redacted = block.redacted, .id = block.id};
    arguments_.clear();
    before_ = text_.size();
  }

  void read(const chat::TextDelta& delta) {
    if (text_.size() < max_kept_text) text_ += delta.text;
    parts_.text(delta.text);
    append_logprobs(logprobs_, delta.logprobs);
  }

  void read(const chat::ArgumentsDelta& delta) { arguments_ += delta.json; }

  void read(const chat::ThinkingDelta& delta) {
    if (!delta.text.empty()) thinking_.text = "shown";  // state() asks only whether there was one
    thinking_.signature += delta.signature;
    parts_.thought(delta.text);
  }

  // Of the text as a whole, for here all text is one.
  void read(const chat::CitationDelta& delta) {
    chat::Citation citation = delta.citation;
    const std::string_view all = text_;
    characters_to_bytes(citation, all.substr(std::min(before_, all.size())));
    if (citation.begin >= 0) {
      citation.begin += static_cast<std::int64_t>(before_);
      citation.end += static_cast<std::int64_t>(before_);
    }
    citations_.push_back({std::move(citation), 0});
  }

  void read(const chat::BlockEnd&) {
    if (block_.kind == chat::BlockKind::tool_call) parts_.call(block_.tool_id, block_.tool_name, arguments_);
    if (block_.kind == chat::BlockKind::thinking) parts_.state(thinking_);
  }

  void read(const chat::Finish&) { parts_.end(); }
  void read(const chat::StreamError&) {}

  void begin(std::string& out) {
    if (options_.json_array)
      out += first_ ? "[" : ",\r\n";
    else
      out += "data: ";
    first_ = false;
  }
  void end(std::string& out) const {
    if (!options_.json_array) out += "\n\n";
  }

  void write_chunk(std::string& out, std::string_view part, const chat::Finish* finish) {
    begin(out);
    json::Writer writer(out);
    writer.begin_object().key("candidates").begin_array().begin_object();
    writer.key("content").begin_object().key("parts").begin_array().raw(part).end_array();
    writer.member("role", "model").end_object();
    if (finish) write_finish(writer, finish->stop, finish->refusal);
    writer.member("index", 0);
    if (finish) write_grounding(writer, citations_);
    write_logprobs_result(writer, std::exchange(logprobs_, {}));
    writer.end_object().end_array();
    if (finish) {
      writer.key("usageMetadata");
      write_usage(writer, finish->usage);
    }
    writer.member("modelVersion", options_.model).member("responseId", options_.response_id).end_object();
    end(out);
  }

  void write_error(std::string& out, const Error& error) {
    if (!options_.json_array) {
      out += encode_stream_error(error, "");
      return;
    }
    begin(out);
    out.append(encode_error(error, "").body).append("]");
  }

  StreamOptions options_;
  PartWriter parts_;
  bool first_ = true;
  chat::BlockStart block_;   // the open one
  chat::Thinking thinking_;  // its state
  std::string arguments_;    // a call goes out whole
  std::string text_;         // all of it, up to a limit
  std::size_t before_ = 0;   // bytes of it before the open block
  std::vector<Grounding> citations_;
  std::string logprobs_;  // of the part that is to be written
};

}  // namespace

std::unique_ptr<StreamEncoder> encode_stream(const StreamOptions& options) {
  return std::make_unique<Encoder>(options);
}

}  // namespace sluice::dialects::gemini
