// Errors both ways. Source of the types and codes: OpenAI's API documentation, "Error codes".
#include "dialects/openai_chat/parts.h"
#include "dialects/provider_error.h"

namespace sluice::dialects::openai {
namespace {

struct Shape {
  int status;
  std::string_view type;
  std::string_view code;  // when the error brings none; may be empty
};

Shape provider_shape(const Error& error) {
  const int status = client_status_of_provider(error);
  if (status == 429) return {429, "rate_limit_error", "rate_limit_exceeded"};
  if (status >= 500) return {status, "server_error", "provider_error"};
  return {status, "invalid_request_error", status == 404 ? "model_not_found" : ""};
}

Shape shape(const Error& error) {
  switch (error.kind) {
    case ErrorKind::invalid_request: return {400, "invalid_request_error", ""};
    case ErrorKind::unauthenticated: return {401, "invalid_request_error", "invalid_api_key"};
    case ErrorKind::forbidden: return {403, "permission_error", "forbidden"};
    case ErrorKind::not_found: return {404, "invalid_request_error", "not_found"};
    case ErrorKind::method_not_allowed: return {405, "invalid_request_error", "method_not_allowed"};
    case ErrorKind::request_too_large: return {413, "invalid_request_error", "request_too_large"};
    case ErrorKind::unsupported_media: return {415, "invalid_request_error", "unsupported_media_type"};
    case ErrorKind::rate_limited: return {429, "rate_limit_error", "rate_limit_exceeded"};
    case ErrorKind::budget_exceeded: return {429, "insufficient_quota", "insufficient_quota"};
    case ErrorKind::headers_too_large: return {431, "invalid_request_error", "headers_too_large"};
    case ErrorKind::provider_rejected: return provider_shape(error);
    case ErrorKind::provider_unreachable: return {502, "server_error", "provider_unreachable"};
    case ErrorKind::provider_timeout: return {504, "server_error", "provider_timeout"};
    case ErrorKind::unavailable: return {503, "server_error", "no_provider_available"};
    case ErrorKind::overloaded: return {503, "server_error", "overloaded"};
    case ErrorKind::client_gone:
    case ErrorKind::internal: return {500, "server_error", "internal_error"};
  }
  return {500, "server_error", "internal_error"};
}

void write_or_null(json::Writer& writer, std::string_view name, std::string_view value) {
  writer.key(name);
  if (value.empty())
    writer.null();
  else
    writer.string(value);
}

// The request's id is not in the body here: the client finds it in a header.
std::string body_of(const Error& error, const Shape& found) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object()
      .key("error")
      .begin_object()
      .member("message", message_with_hint(error))
      .member("type", found.type);
  write_or_null(writer, "param", error.param);
  write_or_null(
      writer, "code",
      error.code.empty() || error.kind == ErrorKind::budget_exceeded ? found.code : std::string_view(error.code));
  writer.end_object().end_object();
  return body;
}

void read_error(json::Value error, ProviderFault& fault) {
  if (const auto text = error.string())
    fault.message = *text;  // {"error":"..."}: Ollama and others
  else {
    fault.type = error["type"].string().value_or("");
    fault.code = error["code"].string().value_or("");
    fault.message = error["message"].string().value_or("");
    fault.param = error["param"].string().value_or("");
  }
}

}  // namespace

Error decode_error(int status, std::string_view body, const http::Headers& headers) {
  ProviderFault fault{.status = status};
  const auto parsed = json::Document::parse(body);
  if (parsed) {
    json::Value root = parsed->root();
    if (root.is_array()) root = root.at(0);  // Google wraps it
    if (root["error"].exists())
      read_error(root["error"], fault);
    else
      read_error(root, fault);  // Mistral and vLLM put the error's members at the top
    // FastAPI's way: a sentence, or one for each field.
    if (fault.message.empty())
      fault.message = root["detail"].string().value_or(root["detail"].at(0)["msg"].string().value_or(""));
  }
  return provider_error(fault, headers);
}

Error decode_stream_error(json::Value error) {
  ProviderFault fault{.status = 500};
  read_error(error, fault);
  if (fault.type.find("rate_limit") != std::string_view::npos || fault.code == "rate_limit_exceeded")
    fault.status = 429;
  else if (fault.type == "invalid_request_error")
    fault.status = 400;
  else if (const auto status = error["code"].integer(); status && *status >= 400 && *status < 600)
    fault.status = static_cast<int>(*status);
  return provider_error(fault, {});
}

ErrorBody encode_error(const Error& error, std::string_view /*request_id*/) {
  const Shape found = shape(error);
  return {.status = found.status, .body = body_of(error, found), .headers = retry_headers(error)};
}

std::string encode_stream_error(const Error& error, std::string_view /*request_id*/) {
  return "data: " + body_of(error, shape(error)) + "\n\n";
}

}  // namespace sluice::dialects::openai
