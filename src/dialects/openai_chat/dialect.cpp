#include <array>

#include "dialects/answer_parts.h"
#include "dialects/openai_chat/openai_chat.h"
#include "dialects/openai_chat/parts.h"
#include "dialects/shared_parts.h"
#include "http/headers.h"

namespace sluice::dialects {
namespace {

constexpr std::array<OwnName, 16> own_names = {
    {{"response_format.schema", "response_format.json_schema.schema"},
     {"top_logprobs", "logprobs"},
     {"reasoning", "reasoning_effort"},
     {"reasoning.effort", "reasoning_effort"},
     {"reasoning.budget", "reasoning.max_tokens"},
     {"reasoning.visible", "reasoning.exclude"},
     {"system.cache_control", "messages.content.cache_control"},
     {"messages.content.image", "messages.content.image_url.url"},
     {"messages.content.image.url", "messages.content.image_url.url"},
     {"messages.content.document", "messages.content.file.file_data"},
     {"messages.content.document.name", "messages.content.file.filename"},
     {"messages.content.audio", "messages.content.input_audio"},
     {"messages.content.thinking", "messages.reasoning"},
     {"messages.tool_calls.arguments", "messages.tool_calls.function.arguments"},
     {"messages.tool_calls.name", "messages.tool_calls.function.name"},
     {"tools.strict", "tools.function.strict"}}};

class OpenAiChat : public Dialect {
 public:
  DialectId id() const override { return DialectId::openai_chat; }

  Result<RequestOutline> outline(std::string_view body, const json::Document& parsed,
                                 const RequestTarget& /*target*/) const override {
    return openai::outline(body, parsed);
  }
  Result<chat::ChatRequest> decode_request(const json::Document& parsed,
                                           const RequestTarget& /*target*/) const override {
    return openai::decode_request(parsed);
  }
  std::string edit(std::string_view body, const RequestOutline& outline, const BodyEdit& edit) const override {
    return openai::edit(body, outline, edit);
  }

  Result<ProviderRequest> encode_request(const chat::ChatRequest& request,
                                         const EncodeOptions& options) const override {
    return openai::encode_request(request, options);
  }
  std::string path(std::string_view /*model*/, bool /*stream*/) const override { return "/chat/completions"; }
  bool forwards_header(std::string_view name) const override { return is_vendors_header(name, "openai-"); }
  std::string_view request_id_header() const override { return "x-request-id"; }
  const http::Headers& required_headers() const override { return json_headers(); }

  Result<chat::ChatResponse> decode_response(const json::Document& parsed) const override {
    return openai::decode_response(parsed);
  }
  chat::Usage read_usage(const json::Document& parsed) const override {
    return openai::read_chunk_usage(parsed.root());
  }
  std::string read_response_model(const json::Document& parsed) const override {
    return std::string(parsed.root()["model"].string().value_or(""));
  }
  std::string read_answer_id(const json::Document& parsed) const override {
    return std::string(parsed.root()["id"].string().value_or(""));
  }
  // Spoken answers, which the next request may name.
  std::vector<std::string> read_kept_ids(std::string_view /*body*/, const json::Document& parsed) const override {
    std::vector<std::string> ids;
    for (const json::Value& choice : parsed.root()["choices"].elements())
      if (const auto id = choice["message"]["audio"]["id"].string()) ids.emplace_back(*id);
    return ids;
  }
  std::vector<std::string> read_states(std::string_view /*body*/, const json::Document& parsed) const override {
    const json::Value details = parsed.root()["choices"].at(0)["message"]["reasoning_details"];
    return details.exists() ? strings_of(details, {"signature", "data"}) : std::vector<std::string>();
  }
  std::unique_ptr<StreamWatcher> watch_stream(bool hide_usage_event) const override {
    return openai::watch_stream(hide_usage_event);
  }
  std::unique_ptr<StreamDecoder> decode_stream() const override { return openai::decode_stream(); }
  std::string_view own_name(std::string_view name) const override { return own_name_in(own_names, name); }
  Error decode_error(int status, std::string_view body, const http::Headers& headers) const override {
    return openai::decode_error(status, body, headers);
  }

  const EmbeddingCall* embeddings() const override { return &openai::embeddings(); }
  bool tells_tier(std::string_view served) const override { return !openai::served_tier(served).empty(); }
  bool tells_kinds(const chat::Usage& usage) const override { return usage.input_video + usage.output_image == 0; }
  std::string encode_response(const chat::ChatResponse& response, const StreamOptions& options) const override {
    return openai::encode_response(response, options);
  }
  std::unique_ptr<StreamEncoder> encode_stream(const StreamOptions& options) const override {
    return openai::encode_stream(options);
  }
  ErrorBody encode_error(const Error& error, std::string_view request_id) const override {
    return openai::encode_error(error, request_id);
  }
  std::string encode_stream_error(const Error& error, std::string_view request_id) const override {
    return openai::encode_stream_error(error, request_id);
  }
};

}  // namespace

std::unique_ptr<Dialect> make_openai_chat() { return std::make_unique<OpenAiChat>(); }

}  // namespace sluice::dialects
