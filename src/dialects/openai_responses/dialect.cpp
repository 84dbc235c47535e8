#include <array>

#include "dialects/openai_chat/parts.h"
#include "dialects/openai_responses/openai_responses.h"
#include "dialects/openai_responses/parts.h"
#include "dialects/shared_parts.h"
#include "http/headers.h"

namespace sluice::dialects {
namespace {

constexpr std::array<OwnName, 20> own_names = {
    {{"response_format.schema", "text.format.schema"},
     {"messages", "input"},
     {"messages.role", "input.role"},
     {"system.cache_control", "input.content.prompt_cache_breakpoint"},
     {"max_tokens", "max_output_tokens"},
     {"response_format", "text.format"},
     {"logprobs", "include"},
     {"reasoning.visible", "reasoning.summary"},
     {"messages.content.image", "input.content.image_url"},
     {"messages.content.image.url", "input.content.image_url"},
     {"messages.content.image_url.detail", "input.content.detail"},
     {"messages.content.document", "input.content.file_data"},
     {"messages.content.document.url", "input.content.file_url"},
     {"messages.content.document.name", "input.content.filename"},
     {"messages.content.thinking", "input.reasoning"},
     {"messages.content.cache_control", "input.content.prompt_cache_breakpoint"},
     {"cache_control", "input.content.prompt_cache_breakpoint"},
     {"messages.tool_calls.arguments", "input.arguments"},
     {"messages.tool_calls.name", "input.name"},
     {"tools.custom.format", "tools.format"}}};

class OpenAiResponses : public Dialect {
 public:
  DialectId id() const override { return DialectId::openai_responses; }

  Result<RequestOutline> outline(std::string_view body, const json::Document& parsed,
                                 const RequestTarget& /*target*/) const override {
    return responses::outline(body, parsed);
  }
  Result<chat::ChatRequest> decode_request(const json::Document& parsed,
                                           const RequestTarget& /*target*/) const override {
    return responses::decode_request(parsed);
  }
  std::string edit(std::string_view body, const RequestOutline& outline, const BodyEdit& edit) const override {
    return responses::edit(body, outline, edit);
  }

  Result<ProviderRequest> encode_request(const chat::ChatRequest& request,
                                         const EncodeOptions& options) const override {
    return responses::encode_request(request, options);
  }
  std::string path(std::string_view /*model*/, bool /*stream*/) const override { return "/responses"; }
  bool forwards_header(std::string_view name) const override { return is_vendors_header(name, "openai-"); }
  std::string_view request_id_header() const override { return "x-request-id"; }
  const http::Headers& required_headers() const override { return json_headers(); }

  Result<chat::ChatResponse> decode_response(const json::Document& parsed) const override {
    return responses::decode_response(parsed);
  }
  chat::Usage read_usage(const json::Document& parsed) const override {
    return responses::read_response_usage(parsed.root());
  }
  std::string read_response_model(const json::Document& parsed) const override {
    return std::string(parsed.root()["model"].string().value_or(""));
  }
  std::string read_answer_id(const json::Document& parsed) const override {
    return std::string(parsed.root()["id"].string().value_or(""));
  }
  // A stream always tells its usage here, in its last event.
  std::vector<std::string> read_states(std::string_view body, const json::Document& parsed) const override {
    return responses::states_of(body, parsed.root());
  }
  std::vector<std::string> read_kept_ids(std::string_view body, const json::Document& parsed) const override {
    return responses::kept_ids_of(body, parsed.root());
  }
  std::unique_ptr<StreamWatcher> watch_stream(bool /*hide_usage_event*/) const override {
    return responses::watch_stream();
  }
  std::unique_ptr<StreamDecoder> decode_stream() const override { return responses::decode_stream(); }
  std::string_view own_name(std::string_view name) const override { return own_name_in(own_names, name); }
  Error decode_error(int status, std::string_view body, const http::Headers& headers) const override {
    return openai::decode_error(status, body, headers);
  }

  bool tells_tier(std::string_view served) const override { return !openai::served_tier(served).empty(); }
  std::string encode_response(const chat::ChatResponse& response, const StreamOptions& options) const override {
    return responses::encode_response(response, options);
  }
  std::unique_ptr<StreamEncoder> encode_stream(const StreamOptions& options) const override {
    return responses::encode_stream(options);
  }
  ErrorBody encode_error(const Error& error, std::string_view request_id) const override {
    return openai::encode_error(error, request_id);
  }
  std::string encode_stream_error(const Error& error, std::string_view request_id) const override {
    return responses::failed_event(error, {.response_id = std::string(request_id)}, 0, {});
  }
};

}  // namespace

std::unique_ptr<Dialect> make_openai_responses() { return std::make_unique<OpenAiResponses>(); }

}  // namespace sluice::dialects
