#include <array>

#include "dialects/answer_parts.h"
#include "dialects/anthropic_messages/anthropic_messages.h"
#include "dialects/anthropic_messages/parts.h"
#include "dialects/anthropic_messages/sealed_thinking.h"
#include "dialects/cut.h"
#include "dialects/shared_parts.h"
#include "http/headers.h"

namespace sluice::dialects {
namespace {

constexpr std::array<OwnName, 17> own_names = {{{"response_format.schema", "output_config.format.schema"},
                                                {"response_format.strict", "output_config.format.strict"},
                                                {"stop", "stop_sequences"},
                                                {"response_format", "output_config.format"},
                                                {"user", "metadata.user_id"},
                                                {"reasoning", "thinking"},
                                                {"reasoning.effort", "output_config.effort"},
                                                {"reasoning.budget", "thinking.budget_tokens"},
                                                {"reasoning.visible", "thinking.display"},
                                                {"parallel_tool_calls", "tool_choice.disable_parallel_tool_use"},
                                                {"messages.content.image", "messages.content.source.media_type"},
                                                {"messages.content.image.url", "messages.content.source.url"},
                                                {"messages.content.document", "messages.content.source.media_type"},
                                                {"messages.content.document.url", "messages.content.source.url"},
                                                {"messages.content.document.name", "messages.content.title"},
                                                {"messages.tool_calls.arguments", "messages.content.input"},
                                                {"messages.tool_calls.name", "messages.content.name"}}};

class AnthropicMessages : public Dialect {
 public:
  DialectId id() const override { return DialectId::anthropic_messages; }

  Result<RequestOutline> outline(std::string_view body, const json::Document& parsed,
                                 const RequestTarget& /*target*/) const override {
    return anthropic::outline(body, parsed);
  }
  Result<chat::ChatRequest> decode_request(const json::Document& parsed,
                                           const RequestTarget& /*target*/) const override {
    return anthropic::decode_request(parsed);
  }
  // A stream always tells its usage here, so the model's name is the only edit to what the client itself has written.
  std::string edit(std::string_view body, const RequestOutline& outline, const BodyEdit& edit) const override {
    BodyChange model{.place = {outline.model_begin, outline.model_end}, .text = {}};
    json::append_quoted(model.text, edit.model);
    if (anthropic::may_have_foreign_thinking(body, edit))
      return anthropic::without_foreign_thinking(with_changes(body, {&model, 1}), edit);
    return with_changes(body, {&model, 1}, edit.kept);
  }

  ToolNameRule tool_names() const override { return {.longest = 128}; }
  Result<ProviderRequest> encode_request(const chat::ChatRequest& request,
                                         const EncodeOptions& options) const override {
    return anthropic::encode_request(request, options);
  }
  bool arguments_are_objects() const override { return true; }
  std::string path(std::string_view /*model*/, bool /*stream*/) const override { return "/messages"; }
  bool forwards_header(std::string_view name) const override { return is_vendors_header(name, "anthropic-"); }
  std::string_view request_id_header() const override { return "request-id"; }
  const http::Headers& required_headers() const override { return anthropic::request_headers(); }

  Result<chat::ChatResponse> decode_response(const json::Document& parsed) const override {
    return anthropic::decode_response(parsed);
  }
  chat::Usage read_usage(const json::Document& parsed) const override {
    chat::Usage usage;
    anthropic::merge_usage(parsed.root()["usage"], usage);
    return usage;
  }
  std::string read_response_model(const json::Document& parsed) const override {
    return std::string(parsed.root()["model"].string().value_or(""));
  }
  std::vector<std::string> read_states(std::string_view body, const json::Document& parsed) const override {
    if (!body.contains("thinking")) return {};
    return strings_of(parsed.root()["content"], {"signature", "data"});
  }
  std::vector<std::string> read_kept_ids(std::string_view body, const json::Document& parsed) const override {
    std::vector<std::string> ids;
    if (body.contains("\"file_id\"")) ids = strings_of(parsed.root()["content"], {"file_id"});
    if (const auto id = parsed.root()["container"]["id"].string()) ids.emplace_back(*id);
    return ids;
  }
  std::unique_ptr<StreamWatcher> watch_stream(bool /*hide_usage_event*/) const override {
    return anthropic::watch_stream();
  }
  std::unique_ptr<StreamDecoder> decode_stream() const override { return anthropic::decode_stream(); }
  std::string_view own_name(std::string_view name) const override { return own_name_in(own_names, name); }
  Error decode_error(int status, std::string_view body, const http::Headers& headers) const override {
    return anthropic::decode_error(status, body, headers);
  }

  bool tells(const chat::Citation& /*citation*/) const override { return true; }
  bool tells_tier(std::string_view served) const override { return !anthropic::served_tier(served).empty(); }
  std::string encode_response(const chat::ChatResponse& response, const StreamOptions& options) const override {
    return anthropic::encode_response(response, options);
  }
  std::unique_ptr<StreamEncoder> encode_stream(const StreamOptions& options) const override {
    return anthropic::encode_stream(options);
  }
  ErrorBody encode_error(const Error& error, std::string_view request_id) const override {
    return anthropic::encode_error(error, request_id);
  }
  std::string encode_stream_error(const Error& error, std::string_view request_id) const override {
    return anthropic::encode_stream_error(error, request_id);
  }
};

}  // namespace

std::unique_ptr<Dialect> make_anthropic_messages() { return std::make_unique<AnthropicMessages>(); }

}  // namespace sluice::dialects
