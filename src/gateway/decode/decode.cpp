#include "gateway/decode/decode.h"

#include <algorithm>
#include <iterator>

#include "dialects/form_data.h"
#include "dialects/shared_parts.h"

namespace sluice::gateway {
namespace {

bool is_responses_shaped(json::Value body) {
  const json::Value input = body["input"];
  const json::Value messages = body["messages"];
  return (!messages.exists() || messages.is_null()) && (input.is_array() || input.is_string());
}

// The body of the Responses API as one of Chat Completions; `dropped` gets what is lost.
Result<std::string> as_chat_body(const dialects::Dialects& dialects, const dialects::Dialect& chat,
                                 const json::Document& parsed, std::vector<std::string>& dropped) {
  const dialects::Dialect& responses = dialects.get(dialects::DialectId::openai_responses);
  TRY(const chat::ChatRequest request, responses.decode_request(parsed, {}));
  const bool usage = parsed.root()["stream_options"]["include_usage"].boolean().value_or(false);
  Result<dialects::ProviderRequest> encoded = chat.encode_request(request, {.model = request.model,
                                                                            .ask_for_stream_usage = usage,
                                                                            .max_completion_tokens = true,
                                                                            .continues_prefill = true,
                                                                            .reasoning = true});
  if (!encoded) return std::unexpected(dialects::in_words_of(responses, std::move(encoded).error()));
  dialects::in_words_of(responses, request, *encoded);
  dropped = std::move(encoded->dropped_params);
  return std::move(encoded->body);
}

// The calls below Azure's deployments: the path names the model of a body that names none.
constexpr dialects::DialectId calls_of_deployments[] = {
    dialects::DialectId::openai_chat,   dialects::DialectId::openai_completions, dialects::DialectId::openai_embeddings,
    dialects::DialectId::openai_speech, dialects::DialectId::openai_images,
};

bool lacks_model(dialects::DialectId dialect, const dialects::RequestTarget& target, json::Value body) {
  return !target.model.empty() && std::ranges::find(calls_of_deployments, dialect) != std::end(calls_of_deployments) &&
         (!body["model"].exists() || body["model"].is_null());
}

Result<std::string> with_model(std::string_view body, std::string_view model) {
  TRY(const auto found, json::find_members(body, {"model"}));
  std::string member;
  json::append_quoted(member, model);
  if (const auto& place = found.front())
    return std::string(body.substr(0, place->begin)).append(member).append(body.substr(place->end));
  const std::size_t open = body.find('{') + 1;
  const bool empty = body.substr(open).find_first_not_of(" \t\r\n}") == std::string_view::npos;
  return "{\"model\":" + member + (empty ? "" : ",") + std::string(body.substr(open));
}

}  // namespace

async::Task<Result<void>> decode(http::Exchange& client, const dialects::Dialects& dialects,
                                 const dialects::Dialect& dialect, std::unique_ptr<dialects::RequestTarget> of_path,
                                 std::optional<DecodedRequest>& decoded) {
  dialects::RequestTarget target;
  if (of_path) target = std::move(*of_path);
  if (const auto encoding = client.head().get("content-encoding");
      encoding && !http::equal_ignoring_case(*encoding, "identity"))
    co_return fail(ErrorKind::unsupported_media,
                   "the request body is compressed (content-encoding: " + std::string(*encoding) + ")",
                   "send it uncompressed");
  CO_TRY(std::string body, co_await client.read_body());
  if (dialect.opaque()) {
    const bool is_upload = target.resource && target.resource->is_upload;
    const std::string_view usual = is_upload ? "application/octet-stream" : "application/json";
    target.content_type = client.head().get("content-type").value_or(usual);
    if (dialects::is_form(target.content_type) || is_upload || (target.resource && body.empty())) {
      CO_TRY(json::Document nothing, json::Document::parse("{}"));
      CO_TRY(dialects::RequestOutline outline, dialect.outline(body, nothing, target));
      decoded = DecodedRequest{std::move(body), std::move(nothing), std::move(outline), std::move(target)};
      co_return Result<void>();
    }
  }
  if (body.empty()) co_return fail(ErrorKind::invalid_request, "the request has no body", "send a JSON object");
  CO_TRY(json::Document parsed, json::Document::parse_in_place(body));
  if (!parsed.root().is_object())
    co_return fail(ErrorKind::invalid_request, "the request body is not a JSON object",
                   "send {\"model\": ..., \"messages\": [...]}");
  if (lacks_model(dialect.id(), target, parsed.root())) {
    CO_TRY(body, with_model(body, target.model));
    CO_TRY(parsed, json::Document::parse_in_place(body));
  }
  std::vector<std::string> dropped;
  if (dialect.id() == dialects::DialectId::openai_chat && is_responses_shaped(parsed.root())) {
    CO_TRY(body, as_chat_body(dialects, dialect, parsed, dropped));
    CO_TRY(parsed, json::Document::parse_in_place(body));
  }
  CO_TRY(dialects::RequestOutline outline, dialect.outline(body, parsed, target));
  decoded = DecodedRequest{std::move(body), std::move(parsed), std::move(outline), std::move(target)};
  decoded->dropped_params = std::move(dropped);
  co_return Result<void>();
}

}  // namespace sluice::gateway
