#include "admin/problem.h"

#include <cstdint>
#include <utility>

#include "json/json.h"

namespace sluice::admin {
namespace {

std::string_view title_of(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    default: return "Internal Server Error";
  }
}

}  // namespace

int status_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::invalid_request:
      return error.code == "conflict"          ? 409
             : error.code == "not_implemented" ? 501
             : error.code == "changed_since"   ? 412
                                               : 400;
    case ErrorKind::unauthenticated: return 401;
    case ErrorKind::forbidden: return 403;
    case ErrorKind::not_found: return 404;
    case ErrorKind::method_not_allowed: return 405;
    case ErrorKind::request_too_large: return 413;
    case ErrorKind::unsupported_media: return 415;
    case ErrorKind::unavailable:
    case ErrorKind::overloaded: return 503;
    default: return 500;
  }
}

Answer problem(const Error& error) {
  Answer answer{.status = status_of(error), .headers = {{"content-type", "application/problem+json"}}, .body = {}};
  if (answer.status == 401) answer.headers.set("www-authenticate", "Bearer");
  json::Writer out(answer.body);
  out.begin_object().member("type", "urn:sluice:problem:" + std::string(name(error.kind)));
  out.member("title", title_of(answer.status)).member("status", answer.status).member("detail", error.message);
  if (!error.hint.empty()) out.member("hint", error.hint);
  if (!error.param.empty()) out.member("field", error.param);
  if (!error.code.empty()) out.member("code", error.code);
  out.end_object();
  return answer;
}

Answer litellm_problem(const Error& error) {
  Answer answer{.status = status_of(error), .headers = {{"content-type", "application/json"}}, .body = {}};
  if (answer.status == 401) answer.headers.set("www-authenticate", "Bearer");
  json::Writer out(answer.body);
  out.begin_object().key("error").begin_object();
  out.member("message", error.message + (error.hint.empty() ? "" : "; " + error.hint));
  out.member("type", name(error.kind)).key("param");
  error.param.empty() ? out.null() : out.string(error.param);
  out.member("code", std::to_string(answer.status)).end_object().end_object();
  return answer;
}

std::unexpected<Error> wrong_field(std::string_view field, std::string message, std::string hint) {
  return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                               .message = std::move(message),
                               .hint = std::move(hint),
                               .param = std::string(field)});
}

}  // namespace sluice::admin
