// Errors both ways. Source of the statuses: google.rpc.Code; of the details: google/rpc/error_details.proto.
#include <array>
#include <cmath>

#include "dialects/gemini/parts.h"
#include "dialects/provider_error.h"

namespace sluice::dialects::gemini {
namespace {

struct Shape {
  int code;
  std::string_view status;
};

constexpr std::array<Shape, 12> shapes = {{{400, "INVALID_ARGUMENT"},
                                           {400, "FAILED_PRECONDITION"},
                                           {400, "OUT_OF_RANGE"},
                                           {401, "UNAUTHENTICATED"},
                                           {403, "PERMISSION_DENIED"},
                                           {404, "NOT_FOUND"},
                                           {409, "ABORTED"},
                                           {429, "RESOURCE_EXHAUSTED"},
                                           {500, "INTERNAL"},
                                           {501, "UNIMPLEMENTED"},
                                           {503, "UNAVAILABLE"},
                                           {504, "DEADLINE_EXCEEDED"}}};

Shape of(int code) {
  for (const Shape& shape : shapes)
    if (shape.code == code) return shape;
  return {code, code == 502   ? "UNAVAILABLE"
                : code == 408 ? "DEADLINE_EXCEEDED"
                : code >= 500 ? "INTERNAL"
                              : "INVALID_ARGUMENT"};
}

Shape shape(const Error& error) {
  switch (error.kind) {
    case ErrorKind::invalid_request: return of(400);
    case ErrorKind::unauthenticated: return of(401);
    case ErrorKind::forbidden: return of(403);
    case ErrorKind::not_found: return of(404);
    case ErrorKind::method_not_allowed: return of(405);
    case ErrorKind::request_too_large: return of(413);
    case ErrorKind::unsupported_media: return of(415);
    case ErrorKind::rate_limited:
    case ErrorKind::budget_exceeded: return of(429);
    case ErrorKind::headers_too_large: return of(431);
    case ErrorKind::provider_rejected: return of(client_status_of_provider(error));
    case ErrorKind::provider_unreachable: return of(502);
    case ErrorKind::provider_timeout: return of(504);
    case ErrorKind::unavailable:
    case ErrorKind::overloaded: return of(503);
    case ErrorKind::client_gone:
    case ErrorKind::internal: return of(500);
  }
  return of(500);
}

json::Writer& begin_detail(json::Writer& writer, std::string_view type) {
  return writer.begin_object().member("@type", "type.googleapis.com/google.rpc." + std::string(type));
}

void write_details(json::Writer& writer, const Error& error, std::string_view request_id) {
  writer.key("details").begin_array();
  if (!error.code.empty())
    begin_detail(writer, "ErrorInfo").member("reason", error.code).member("domain", "sluice").end_object();
  if (!error.param.empty()) {
    std::string_view what = error.message;
    if (what.starts_with(error.param + ": ")) what.remove_prefix(error.param.size() + 2);
    begin_detail(writer, "BadRequest").key("fieldViolations").begin_array().begin_object();
    writer.member("field", error.param).member("description", what).end_object().end_array().end_object();
  }
  if (error.retry_after) {
    const std::int64_t seconds = (error.retry_after->count() + 999) / 1000;
    begin_detail(writer, "RetryInfo").member("retryDelay", std::to_string(seconds) + "s").end_object();
  }
  if (!request_id.empty()) begin_detail(writer, "RequestInfo").member("requestId", request_id).end_object();
  writer.end_array();
}

std::string body_of(const Error& error, std::string_view request_id) {
  const Shape found = shape(error);
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("error").begin_object().member("code", found.code);
  writer.member("message", message_with_hint(error)).member("status", found.status);
  write_details(writer, error, request_id);
  writer.end_object().end_object();
  return body;
}

json::Value detail(json::Value error, std::string_view type) {
  for (const json::Value& each : error["details"].elements())
    if (each["@type"].string().value_or("").ends_with(type)) return each;
  return {};
}

// A quota that comes back tomorrow: waiting here helps nobody.
bool day_is_spent(json::Value error) {
  for (const json::Value& violation : detail(error, "google.rpc.QuotaFailure")["violations"].elements())
    if (violation["quotaId"].string().value_or("").contains("PerDay")) return true;
  return false;
}

Error read_error(int status, json::Value error, const http::Headers& headers) {
  ProviderFault fault{.status = status};
  fault.type = error["status"].string().value_or("");
  fault.message = error["message"].string().value_or("");
  fault.code = detail(error, "google.rpc.ErrorInfo")["reason"].string().value_or("");
  fault.param = detail(error, "google.rpc.BadRequest")["fieldViolations"].at(0)["field"].string().value_or("");
  if (fault.code == "API_KEY_INVALID") fault.status = 401;  // the API says 400 of it
  http::Headers with_delay = headers;
  std::string_view delay = detail(error, "google.rpc.RetryInfo")["retryDelay"].string().value_or("");
  if (delay.ends_with('s') && !headers.get("retry-after"))
    with_delay.set("retry-after", std::string(delay.substr(0, delay.size() - 1)));
  Error read = provider_error(fault, with_delay);
  if (status == 429 && day_is_spent(error)) read.retry = Retry::elsewhere;
  if (status == 400 && fault.type == "FAILED_PRECONDITION")
    read.retry = Retry::elsewhere;  // the account's place, its plan
  return read;
}

}  // namespace

Error decode_error(int status, std::string_view body, const http::Headers& headers) {
  const auto parsed = json::Document::parse(body);
  if (!parsed) return provider_error({.status = status}, headers);
  const json::Value root = parsed->root().is_array() ? parsed->root().at(0) : parsed->root();
  return read_error(status, root["error"], headers);
}

Error decode_stream_error(json::Value error) {
  int status = 500;
  const auto code = error["code"].integer();
  for (const Shape& shape : shapes)
    if (error["status"].string() == shape.status) status = shape.code;
  if (code && *code >= 400 && *code < 600) status = static_cast<int>(*code);
  return read_error(status, error, {});
}

ErrorBody encode_error(const Error& error, std::string_view request_id) {
  return {.status = shape(error).code, .body = body_of(error, request_id), .headers = retry_headers(error)};
}

std::string encode_stream_error(const Error& error, std::string_view request_id) {
  return "data: " + body_of(error, request_id) + "\n\n";
}

}  // namespace sluice::dialects::gemini
