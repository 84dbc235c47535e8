// Errors both ways. Source of the types and statuses: Anthropic's API documentation, "Errors".
#include "dialects/anthropic_messages/parts.h"
#include "dialects/provider_error.h"

namespace sluice::dialects::anthropic {
namespace {

struct Shape {
  int status;
  std::string_view type;
};

std::string_view type_of_status(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 402: return "billing_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 504: return "timeout_error";
    case 529: return "overloaded_error";
    default: return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

Shape shape(const Error& error) {
  const auto of = [](int status) { return Shape{status, type_of_status(status)}; };
  switch (error.kind) {
    case ErrorKind::invalid_request: return of(400);
    case ErrorKind::unauthenticated: return of(401);
    case ErrorKind::forbidden: return of(403);
    case ErrorKind::not_found: return of(404);
    case ErrorKind::method_not_allowed: return of(405);
    case ErrorKind::request_too_large: return of(413);
    case ErrorKind::unsupported_media: return of(415);
    case ErrorKind::rate_limited: return of(429);
    case ErrorKind::budget_exceeded: return of(402);
    case ErrorKind::headers_too_large: return of(431);
    case ErrorKind::provider_rejected: return of(error.provider_status == 529 ? 529 : client_status_of_provider(error));
    case ErrorKind::provider_unreachable: return of(502);
    case ErrorKind::provider_timeout: return of(504);
    case ErrorKind::unavailable: return of(503);
    case ErrorKind::overloaded: return of(529);
    case ErrorKind::client_gone:
    case ErrorKind::internal: return of(500);
  }
  return of(500);
}

std::string body_of(const Error& error, std::string_view type, std::string_view request_id) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("type", "error").key("error").begin_object().member("type", type);
  writer.member("message", message_with_hint(error)).end_object().key("request_id");
  if (request_id.empty())
    writer.null();
  else
    writer.string(request_id);
  writer.end_object();
  return body;
}

// In a stream the status went out long ago; the type stands for the status that the same error has before a stream.
int status_of_type(std::string_view type) {
  for (const int status : {400, 401, 402, 403, 404, 413, 429, 500, 504, 529})
    if (type == type_of_status(status)) return status;
  return 500;
}

}  // namespace

Error decode_error(int status, std::string_view body, const http::Headers& headers) {
  ProviderFault fault{.status = status};
  const auto parsed = json::Document::parse(body);
  if (parsed) {
    const json::Value error = parsed->root()["error"];
    fault.type = error["type"].string().value_or("");
    fault.message = error["message"].string().value_or("");
  }
  Error error = provider_error(fault, headers);
  // A spent limit answers 429 without saying when to come back.
  if (status == 429 && !error.retry_after) error.retry = Retry::elsewhere;
  return error;
}

Error decode_stream_error(json::Value error) {
  const std::string_view type = error["type"].string().value_or("");
  return provider_error(
      {.status = status_of_type(type), .type = type, .message = error["message"].string().value_or("")}, {});
}

ErrorBody encode_error(const Error& error, std::string_view request_id) {
  const Shape found = shape(error);
  return {.status = found.status, .body = body_of(error, found.type, request_id), .headers = retry_headers(error)};
}

std::string encode_stream_error(const Error& error, std::string_view request_id) {
  return "event: error\ndata: " + body_of(error, shape(error).type, request_id) + "\n\n";
}

}  // namespace sluice::dialects::anthropic
