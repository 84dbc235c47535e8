// Errors of the service. Source of the names and statuses: the service model's exceptions.
#include <algorithm>
#include <array>

#include "dialects/bedrock_converse/parts.h"
#include "dialects/provider_error.h"

namespace sluice::dialects::bedrock {
namespace {

struct Exception {
  std::string_view name;  // in a stream it begins with a small letter
  int status;
};
constexpr std::array<Exception, 13> exceptions = {{{"AccessDeniedException", 403},
                                                   {"ConflictException", 400},
                                                   {"InternalServerException", 500},
                                                   {"ModelErrorException", 424},
                                                   {"ModelNotReadyException", 429},
                                                   {"ModelStreamErrorException", 424},
                                                   {"ModelTimeoutException", 408},
                                                   {"ResourceNotFoundException", 404},
                                                   {"ServiceQuotaExceededException", 400},
                                                   {"ServiceUnavailableException", 503},
                                                   {"ThrottlingException", 429},
                                                   {"UnrecognizedClientException", 403},
                                                   {"ValidationException", 400}}};

// "com.amazon.coral.service#ThrottlingException" and "ThrottlingException:http://internal.amazon.com/..." alike.
std::string_view bare_name(std::string_view name) {
  name = name.substr(0, name.find(':'));
  return name.substr(name.rfind('#') + 1);
}

int status_of(std::string_view name) {
  for (const Exception& exception : exceptions)
    if (http::equal_ignoring_case(exception.name, name)) return exception.status;
  return 500;
}

// What this model or this account cannot do, though the request itself is in order: another candidate may.
bool is_about_the_place(std::string_view name, std::string_view message) {
  if (name == "ServiceQuotaExceededException") return true;
  return std::ranges::any_of(std::array<std::string_view, 4>{"model identifier is invalid", "on-demand throughput",
                                                             "Too many tokens per day", "doesn't support"},
                             [&](std::string_view words) { return message.contains(words); });
}

Error error_of(int status, std::string_view name, std::string_view message, const http::Headers& headers) {
  const bool too_long = message.contains("Input is too long") || message.contains("input is too long");
  Error error = provider_error(
      {.status = status, .type = name, .code = too_long ? "context_length_exceeded" : "", .message = message}, headers);
  if (status == 424) error.retry = Retry::anywhere;  // the model failed, not the request
  if (error.retry != Retry::elsewhere && is_about_the_place(name, message)) error.retry = Retry::elsewhere;
  return error;
}

std::string_view message_of(json::Value body) {
  const auto message = body["message"].string();
  return message ? *message : body["Message"].string().value_or("");
}

}  // namespace

Error decode_error(int status, std::string_view body, const http::Headers& headers) {
  std::string_view name = headers.get("x-amzn-errortype").value_or("");
  const auto parsed = json::Document::parse(body);
  if (!parsed) return error_of(status, bare_name(name), "", headers);
  if (name.empty()) name = parsed->root()["__type"].string().value_or("");
  return error_of(status, bare_name(name), message_of(parsed->root()), headers);
}

Error decode_exception(std::string_view name, json::Value payload) {
  return error_of(status_of(name), name, message_of(payload), {});
}

}  // namespace sluice::dialects::bedrock
