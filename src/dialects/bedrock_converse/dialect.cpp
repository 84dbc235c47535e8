#include "dialects/bedrock_converse/bedrock_converse.h"
#include "dialects/bedrock_converse/parts.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects {
namespace {

class BedrockConverse : public Dialect {
 public:
  DialectId id() const override { return DialectId::bedrock_converse; }

  Result<ProviderRequest> encode_request(const chat::ChatRequest& request,
                                         const EncodeOptions& options) const override {
    return bedrock::encode_request(request, options);
  }
  std::string path(std::string_view model, bool stream) const override { return bedrock::path(model, stream); }
  std::string_view request_id_header() const override { return "x-amzn-requestid"; }
  const http::Headers& required_headers() const override { return json_headers(); }

  Result<chat::ChatResponse> decode_response(const json::Document& parsed) const override {
    return bedrock::decode_response(parsed);
  }
  chat::Usage read_usage(const json::Document& parsed) const override { return bedrock::answer_usage(parsed.root()); }
  std::string read_response_model(const json::Document& /*parsed*/) const override { return {}; }
  Framing framing() const override { return Framing::aws_event_stream; }
  std::unique_ptr<StreamDecoder> decode_stream() const override { return bedrock::decode_stream(); }
  Error decode_error(int status, std::string_view body, const http::Headers& headers) const override {
    return bedrock::decode_error(status, body, headers);
  }

  // --- a client's side, which nobody is served on

  Result<RequestOutline> outline(std::string_view, const json::Document&, const RequestTarget&) const override {
    return not_served();
  }
  Result<chat::ChatRequest> decode_request(const json::Document&, const RequestTarget&) const override {
    return not_served();
  }
  std::string edit(std::string_view body, const RequestOutline&, const BodyEdit&) const override {
    return std::string(body);
  }
  bool forwards_header(std::string_view /*name*/) const override { return false; }
  std::unique_ptr<StreamWatcher> watch_stream(bool /*hide_usage_event*/) const override {
    return std::make_unique<NobodyWatches>();
  }
  std::string encode_response(const chat::ChatResponse&, const StreamOptions&) const override { return "{}"; }
  std::unique_ptr<StreamEncoder> encode_stream(const StreamOptions&) const override {
    return std::make_unique<NobodyReads>();
  }
  ErrorBody encode_error(const Error& error, std::string_view /*request_id*/) const override {
    return {.status = 500, .body = message_body(error), .headers = {}};
  }
  std::string encode_stream_error(const Error& error, std::string_view /*request_id*/) const override {
    return message_body(error);
  }

 private:
  class NobodyWatches : public Watching {
   public:
    Relay see(std::string_view /*event*/, std::string_view /*data*/) override { return Relay::forward; }
    std::string_view end_marker() const override { return {}; }
  };
  class NobodyReads : public StreamEncoder {
   public:
    void encode(const chat::ChatEvent& /*event*/, std::string& /*out*/) override {}
  };

  static std::unexpected<Error> not_served() {
    return fail(ErrorKind::invalid_request, "no client is served in Bedrock's Converse API",
                "send the request in OpenAI's or Anthropic's API");
  }
  static std::string message_body(const Error& error) {
    std::string body;
    json::Writer(body).begin_object().member("message", error.message).end_object();
    return body;
  }
};

}  // namespace

std::unique_ptr<Dialect> make_bedrock_converse() { return std::make_unique<BedrockConverse>(); }

}  // namespace sluice::dialects
