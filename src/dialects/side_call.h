// A call of an API beside its conversations: counting tokens, embeddings. It has the headers, the errors and the usage
// of its API; of what conversations need it has nothing, and says so.
#pragma once

#include <memory>
#include <utility>

#include "dialects/dialect.h"

namespace sluice::dialects {

class SideCall : public Dialect {
 public:
  bool forwards_header(std::string_view name) const override { return api_->forwards_header(name); }
  std::string_view request_id_header() const override { return api_->request_id_header(); }
  const http::Headers& required_headers() const override { return api_->required_headers(); }
  chat::Usage read_usage(const json::Document& parsed) const override { return api_->read_usage(parsed); }
  std::string read_response_model(const json::Document& parsed) const override {
    return api_->read_response_model(parsed);
  }
  std::unique_ptr<StreamWatcher> watch_stream(bool hide_usage_event) const override {
    return api_->watch_stream(hide_usage_event);
  }
  Error decode_error(int status, std::string_view body, const http::Headers& headers) const override {
    return api_->decode_error(status, body, headers);
  }
  ErrorBody encode_error(const Error& error, std::string_view request_id) const override {
    return api_->encode_error(error, request_id);
  }
  std::string encode_stream_error(const Error& error, std::string_view request_id) const override {
    return api_->encode_stream_error(error, request_id);
  }

  // --- conversations, for which routing never chooses such a call

  Result<chat::ChatRequest> decode_request(const json::Document& /*parsed*/,
                                           const RequestTarget& /*target*/) const override {
    return no_conversation();
  }
  ToolNameRule tool_names() const override { return api_->tool_names(); }
  Result<ProviderRequest> encode_request(const chat::ChatRequest& /*request*/,
                                         const EncodeOptions& /*options*/) const override {
    return no_conversation();
  }
  Result<chat::ChatResponse> decode_response(const json::Document& /*parsed*/) const override {
    return no_conversation();
  }
  std::unique_ptr<StreamDecoder> decode_stream() const override { return api_->decode_stream(); }
  std::string encode_response(const chat::ChatResponse& response, const StreamOptions& options) const override {
    return api_->encode_response(response, options);
  }
  std::unique_ptr<StreamEncoder> encode_stream(const StreamOptions& options) const override {
    return api_->encode_stream(options);
  }

 protected:
  // `api` is the dialect of the API's conversations.
  explicit SideCall(std::unique_ptr<Dialect> api) : api_(std::move(api)) {}
  const Dialect& api() const { return *api_; }

 private:
  static std::unexpected<Error> no_conversation() {
    return fail(ErrorKind::invalid_request, "this call cannot be translated to another API",
                "ask for a model of a provider that has the same call");
  }

  std::unique_ptr<Dialect> api_;
};

// Counts the tokens of what a conversation's request would send.
class CountingCall : public SideCall {
 public:
  std::string edit(std::string_view body, const RequestOutline& outline, const BodyEdit& edit) const override {
    return api().edit(body, outline, edit);
  }

 protected:
  using SideCall::SideCall;
  // The outline of the same prompt, of which nothing is generated.
  static Result<RequestOutline> counting(Result<RequestOutline> prompt) {
    if (!prompt) return prompt;
    prompt->stream = false;
    prompt->max_output_tokens = 0;
    return prompt;
  }
};

}  // namespace sluice::dialects
