#include <array>

#include "dialects/answer_parts.h"
#include "dialects/gemini/gemini.h"
#include "dialects/gemini/parts.h"
#include "dialects/shared_parts.h"
#include "http/headers.h"

namespace sluice::dialects {
namespace {

constexpr std::array<OwnName, 33> own_names = {
    {{"response_format.schema", "generationConfig.responseJsonSchema"},
     {"response_format.strict", "generationConfig.responseJsonSchema.strict"},
     {"top_logprobs", "generationConfig.responseLogprobs"},
     {"stop", "generationConfig.stopSequences"},
     {"temperature", "generationConfig.temperature"},
     {"top_p", "generationConfig.topP"},
     {"top_k", "generationConfig.topK"},
     {"frequency_penalty", "generationConfig.frequencyPenalty"},
     {"presence_penalty", "generationConfig.presencePenalty"},
     {"seed", "generationConfig.seed"},
     {"reasoning", "generationConfig.thinkingConfig"},
     {"reasoning.effort", "generationConfig.thinkingConfig.thinkingLevel"},
     {"reasoning.budget", "generationConfig.thinkingConfig.thinkingBudget"},
     {"service_tier", "serviceTier"},
     {"reasoning.visible", "generationConfig.thinkingConfig.includeThoughts"},
     {"tool_choice", "toolConfig.functionCallingConfig"},
     {"max_tokens", "generationConfig.maxOutputTokens"},
     {"logprobs", "generationConfig.responseLogprobs"},
     {"response_format", "generationConfig.responseMimeType"},
     {"messages", "contents"},
     {"tools", "tools.functionDeclarations"},
     {"messages.content.image", "contents.parts.inlineData"},
     {"messages.content.image.url", "contents.parts.fileData.fileUri"},
     {"messages.content.document", "contents.parts.inlineData"},
     {"messages.content.document.url", "contents.parts.fileData.fileUri"},
     {"messages.content.document.name", "contents.parts.inlineData.displayName"},
     {"messages.content.audio", "contents.parts.inlineData"},
     {"messages.content.video", "contents.parts.inlineData"},
     {"messages.content.media", "contents.parts.inlineData"},
     {"messages.content.thinking", "contents.parts.thoughtSignature"},
     {"messages.content.is_error", "contents.parts.functionResponse.response.error"},
     {"messages.tool_calls.arguments", "contents.parts.functionCall.args"},
     {"messages.tool_calls.name", "contents.parts.functionCall.name"}}};

class Gemini : public Dialect {
 public:
  DialectId id() const override { return DialectId::gemini; }

  Result<RequestOutline> outline(std::string_view body, const json::Document& parsed,
                                 const RequestTarget& target) const override {
    return gemini::outline(body, parsed, target);
  }
  Result<chat::ChatRequest> decode_request(const json::Document& parsed, const RequestTarget& target) const override {
    return gemini::decode_request(parsed, target);
  }
  // The model is in the path, and a stream always tells its usage.
  std::string edit(std::string_view body, const RequestOutline& /*outline*/, const BodyEdit& edit) const override {
    std::string edited = gemini::without_foreign_signatures(body, edit);
    return edit.account.empty() ? edited : gemini::with_account(std::move(edited), edit.account);
  }

  ToolNameRule tool_names() const override { return {.others = "_-.:", .begins_with_letter = true}; }
  Result<ProviderRequest> encode_request(const chat::ChatRequest& request,
                                         const EncodeOptions& options) const override {
    return gemini::encode_request(request, options);
  }
  std::string path(std::string_view model, bool stream) const override { return gemini::path(model, stream); }
  // x-goog-user-project belongs to the client's own account, x-goog-api-client to its telemetry.
  bool forwards_header(std::string_view /*name*/) const override { return false; }
  std::string_view request_id_header() const override { return "x-sluice-request-id"; }  // the vendor has none
  const http::Headers& required_headers() const override { return json_headers(); }

  Result<chat::ChatResponse> decode_response(const json::Document& parsed) const override {
    return gemini::decode_response(parsed);
  }
  chat::Usage read_usage(const json::Document& parsed) const override {
    return gemini::read_usage(parsed.root()["usageMetadata"]);
  }
  std::string read_response_model(const json::Document& parsed) const override {
    return std::string(parsed.root()["modelVersion"].string().value_or(""));
  }
  std::vector<std::string> read_states(std::string_view body, const json::Document& parsed) const override {
    if (!body.contains("thoughtSignature")) return {};
    return strings_of(parsed.root()["candidates"], {"thoughtSignature"});
  }
  std::unique_ptr<StreamWatcher> watch_stream(bool /*hide_usage_event*/) const override {
    return gemini::watch_stream();
  }
  std::unique_ptr<StreamDecoder> decode_stream() const override { return gemini::decode_stream(); }
  std::string_view own_name(std::string_view name) const override { return own_name_in(own_names, name); }
  Error decode_error(int status, std::string_view body, const http::Headers& headers) const override {
    return gemini::decode_error(status, body, headers);
  }

  const EmbeddingCall* embeddings() const override { return &gemini::embeddings(true); }
  // Its answers have no place for a tier; the usual one goes without saying.
  bool tells_tier(std::string_view served) const override { return served == "default" || served == "standard"; }
  bool tells_kinds(const chat::Usage& /*usage*/) const override { return true; }
  std::string encode_response(const chat::ChatResponse& response, const StreamOptions& options) const override {
    return gemini::encode_response(response, options);
  }
  std::unique_ptr<StreamEncoder> encode_stream(const StreamOptions& options) const override {
    return gemini::encode_stream(options);
  }
  ErrorBody encode_error(const Error& error, std::string_view request_id) const override {
    return gemini::encode_error(error, request_id);
  }
  // Google's SDKs read a comment as an answer that is no JSON; an empty line is no event to anybody.
  std::string_view keep_alive() const override { return "\n\n"; }
  std::string encode_stream_error(const Error& error, std::string_view request_id) const override {
    return gemini::encode_stream_error(error, request_id);
  }
};

}  // namespace

std::string gemini_resource_name(std::string_view model) { return gemini::resource_name(model); }

std::string gemini_path(std::string_view model, std::string_view method) { return gemini::path_of_call(model, method); }

std::unique_ptr<Dialect> make_gemini() { return std::make_unique<Gemini>(); }

}  // namespace sluice::dialects
