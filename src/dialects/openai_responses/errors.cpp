// Errors within streams; those before them are the same as in openai_chat.
#include <algorithm>
#include <array>

#include "dialects/openai_chat/parts.h"
#include "dialects/openai_responses/answer.h"
#include "dialects/openai_responses/parts.h"
#include "dialects/provider_error.h"

namespace sluice::dialects::responses {
namespace {

// Codes that say that the request itself is at fault: ResponseErrorCode without those of the server, and what the API
// sends besides.
constexpr std::array<std::string_view, 17> request_codes = {"invalid_prompt",
                                                            "bio_policy",
                                                            "data_residency_mismatch",
                                                            "invalid_image",
                                                            "invalid_image_format",
                                                            "invalid_base64_image",
                                                            "invalid_image_url",
                                                            "image_too_large",
                                                            "image_too_small",
                                                            "image_parse_error",
                                                            "image_content_policy_violation",
                                                            "invalid_image_mode",
                                                            "image_file_too_large",
                                                            "unsupported_image_media_type",
                                                            "empty_image_file",
                                                            "context_length_exceeded",
                                                            "cyber_policy"};

bool is_request_code(std::string_view code) { return std::ranges::find(request_codes, code) != request_codes.end(); }

int status_of(std::string_view type, std::string_view code) {
  if (code == "rate_limit_exceeded" || code == "insufficient_quota" || type.contains("rate_limit")) return 429;
  if (is_request_code(code) || type == "invalid_request_error") return 400;
  return 500;
}

Error failure(std::string_view type, std::string_view code, json::Value error) {
  return provider_error({.status = status_of(type, code),
                         .type = type,
                         .code = code,
                         .message = error["message"].string().value_or(""),
                         .param = error["param"].string().value_or("")},
                        {});
}

}  // namespace

Error decode_failure(json::Value error) {
  return failure(error["type"].string().value_or(""), error["code"].string().value_or(""), error);
}

// The specification has the error's members in the event itself, where `type` is the event's; the wire has an object.
Error decode_error_event(json::Value event) {
  if (event["error"].is_object()) return decode_failure(event["error"]);
  return failure("", event["code"].string().value_or(""), event);
}

std::string failure_code(const Error& error) {
  if (is_request_code(error.code) || error.code == "insufficient_quota" || error.code == "rate_limit_exceeded")
    return error.code;
  if (error.kind == ErrorKind::budget_exceeded) return "insufficient_quota";
  const int status = openai::encode_error(error, "").status;
  return status == 429 ? "rate_limit_exceeded" : status < 500 ? "invalid_prompt" : "server_error";
}

std::string failed_event(const Error& error, const StreamOptions& options, std::int64_t sequence_number,
                         std::span<const std::string> items) {
  std::string out = "event: response.failed\ndata: ";
  json::Writer writer(out);
  writer.begin_object().member("type", "response.failed").key("response");
  write_response(writer, options, {.status = "failed", .error = &error}, items);
  writer.member("sequence_number", sequence_number).end_object();
  out.append("\n\n");
  return out;
}

}  // namespace sluice::dialects::responses
