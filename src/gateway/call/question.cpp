#include "gateway/call/question.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "base/percent.h"
#include "base/query.h"
#include "dialects/resources/resources.h"
#include "dialects/shared_parts.h"
#include "gateway/call/hosting.h"
#include "http/trace_context.h"

namespace sluice::gateway {
namespace {

std::string issuer_of(const Attempt& attempt) { return attempt.provider().id.str() + "/" + attempt.model().str(); }

// What a client says in the query is for the provider, but for its key here and what stands for one, the form of stream
// that the path asks for already, and the version of Azure's API, which its own provider is asked with.
std::string query_for_provider(std::string_view query, std::string_view left_out, bool asks_for_bytes) {
  std::string kept;
  while (const auto one = take_parameter(query)) {
    const bool is_ours = one->name == "key" || one->name == "$alt" || one->name == "api-version" ||
                         one->name == upload_ticket_parameter ||
                         (one->name == "alt" && !(asks_for_bytes && one->value == "media"));
    if (one->text.empty() || is_ours || (!left_out.empty() && one->name == left_out)) continue;
    kept.append(kept.empty() ? "" : "&").append(one->text);
  }
  return kept;
}

// What signs a body or writes it anew for its host must have it in one piece.
bool needs_whole_body(const catalog::Provider& provider) {
  return provider.auth == catalog::AuthKind::aws_sigv4 || provider.quirks.vertex;
}

// A client counts its own items, and not those that have been put in front of them.
Error in_own_count(Error error, const DecodedRequest& request) {
  constexpr std::string_view member = "input[";
  if (request.own_input.empty() || !error.param.starts_with(member)) return error;
  const auto own = json::Document::parse(request.own_input);
  const std::size_t of_client = own && own->root().is_array() ? own->root().size() : 1;
  const std::size_t all = request.parsed.root()["input"].size();
  std::size_t number = 0;
  const char* const begin = error.param.data() + member.size();
  const char* const end = std::from_chars(begin, error.param.data() + error.param.size(), number).ptr;
  if (all < of_client || number < all - of_client) return error;
  error.param = std::string(member) + std::to_string(number - (all - of_client)) +
                error.param.substr(static_cast<std::size_t>(end - error.param.data()));
  return error;
}

// Whether its Chat Completions takes tools only while the model does not think.
bool gives_tools_without_effort(const Attempt& attempt) {
  return attempt.candidate->takes.chat_tools_without_effort && attempt.provider().quirks.official_openai;
}

}  // namespace

std::string_view vendor_of(const catalog::Provider& provider) {
  return provider.engine ? std::string_view(provider.id.str()) : std::string_view(provider.base_url.host_header);
}

std::string_view media_type(dialects::Framing framing) {
  return framing == dialects::Framing::sse ? "text/event-stream" : "application/vnd.amazon.eventstream";
}

Tokens default_output_limit(const catalog::Model* model) {
  constexpr Tokens usual = 8'192;
  return model && model->max_output > 0 ? std::min(model->max_output, usual) : usual;
}

Result<void> Question::decode() {
  if (neutral_) return {};
  Result<chat::ChatRequest> decoded = client_dialect_.decode_request(request_.parsed, request_.target);
  if (!decoded) return std::unexpected(in_own_count(std::move(decoded).error(), request_));
  neutral_ = std::make_unique<chat::ChatRequest>(*std::move(decoded));
  return {};
}

dialects::DialectId Question::dialect_at(const Attempt& attempt) {
  using dialects::DialectId;
  if (attempt.lane == Lane::same_dialect) return client_dialect_.id();
  const catalog::Provider& provider = attempt.provider();
  if (!gives_tools_without_effort(attempt) || !provider.speaks(DialectId::openai_responses) ||
      !chat::is_chat(client_dialect_.id()) || !request_.outline.has_tools || !decode())
    return provider.dialect;
  return dialects::thinks(*neutral_, attempt.candidate->takes) ? DialectId::openai_responses : provider.dialect;
}

Result<dialects::ProviderRequest> Question::for_provider(const Attempt& attempt,
                                                         const dialects::Dialect& provider_dialect,
                                                         const IssuerMemory& issuers) {
  const catalog::Provider& provider = attempt.provider();
  const bool ask_for_usage = request_.outline.stream && provider.quirks.stream_usage == catalog::StreamUsage::option;
  dialects::ProviderRequest request;
  if (attempt.lane == Lane::same_dialect) {
    request.path = resource() ? dialects::path_of(*resource(), attempt.model().str())
                              : provider_dialect.path(attempt.model().str(), request_.outline.stream);
    if (resource()) request.method = resource()->method;
    std::string query = query_for_provider(head_.query, page_ ? page_->parameter : std::string(),
                                           resource() && resource()->gives_bytes);
    if (page_) query.append(query.empty() ? "" : "&").append(page_->parameter + "=" + percent_encoded(page_->id));
    if (!query.empty()) request.path.append(request.path.contains('?') ? "&" : "?").append(query);
    dialects::BodyEdit edit{.model = attempt.model().str(),
                            .ask_for_stream_usage = ask_for_usage,
                            .account = account_of(provider.base_url),
                            .dropped_params = &request.dropped_params,
                            .kept = needs_whole_body(provider) ? nullptr : &request.kept};
    const std::string_view vendor = vendor_of(provider);
    if (issuers.knows_others(provider_dialect.id(), vendor))
      edit.is_foreign = [&](std::string_view state) { return issuers.is_foreign(state, vendor); };
    request.body = provider_dialect.edit(request_.body, request_.outline, edit);
    for (const http::Field& field : head_)
      if (provider_dialect.forwards_header(field.name)) request.headers.add(field.name, field.value);
    const http::Headers& required = provider_dialect.required_headers();
    for (const http::Field& field : required)
      if (!request.headers.get(field.name)) request.headers.add(field.name, field.value);
  } else if (chat::embeds(client_dialect_.id())) {
    TRY(request, embedding_for(attempt, provider_dialect));
  } else {
    CHECK_OK(decode());
    const std::string issuer = issuer_of(attempt);
    Result<dialects::ProviderRequest> encoded =
        tool_names(provider_dialect)
            .encode(provider_dialect, *neutral_,
                    {.model = attempt.model().str(),
                     .default_max_output_tokens = default_output_limit(attempt.candidate->model),
                     .ask_for_stream_usage = ask_for_usage,
                     .max_completion_tokens =
                         provider.quirks.max_tokens_field == catalog::MaxTokensField::max_completion_tokens,
                     .continues_prefill = provider.quirks.prefill == catalog::Prefill::continued,
                     .developer_role = provider.quirks.official_openai,
                     .leading_system = provider.quirks.leading_system,
                     .refuses_prefill = attempt.candidate->model && attempt.candidate->model->refuses_prefill,
                     .reasoning = attempt.candidate->reasons(),
                     .takes = attempt.candidate->takes,
                     .tools_without_effort = gives_tools_without_effort(attempt),
                     .service_tiers = provider.quirks.service_tiers,
                     .issuer = issuer,
                     .client_bytes = request_.body.size()});
    if (!encoded) {
      encoded.error() = dialects::in_words_of(client_dialect_, std::move(encoded).error());
      encoded.error().retry = Retry::elsewhere;  // a provider of another dialect may be able to
      return encoded;
    }
    request = *std::move(encoded);
    dialects::in_words_of(client_dialect_, *neutral_, request);
  }
  const bool opaque = provider_dialect.opaque();
  if (!resource() || !request.body.empty())
    request.headers.set("content-type", opaque ? request_.target.content_type : "application/json");
  if (opaque)
    request.headers.set("accept", std::string(head_.get("accept").value_or("*/*")));
  else
    request.headers.set("accept", std::string(request_.outline.stream ? media_type(provider_dialect.framing())
                                                                      : std::string_view("application/json")));
  request.headers.set("accept-encoding", "identity");  // what is compressed cannot be metered as it goes by
  request.headers.set("user-agent", "sluice");
  const http::TraceContext trace = http::trace_context({head_.begin(), head_.end()});
  if (!trace.traceparent.empty()) request.headers.set("traceparent", trace.traceparent);
  if (!trace.tracestate.empty()) request.headers.set("tracestate", trace.tracestate);
  return request;
}

dialects::ToolNames Question::tool_names(const dialects::Dialect& provider_dialect) const {
  return neutral_ ? dialects::ToolNames(*neutral_, provider_dialect.tool_names()) : dialects::ToolNames();
}

dialects::StreamOptions Question::answer_options(const Attempt& attempt) const {
  return {.response_id = request_id_,
          .model = attempt.model().str(),
          .created_unix_seconds = created_unix_seconds_,
          .include_usage = request_.outline.wants_stream_usage,
          .json_array = request_.outline.json_array,
          .issuer = issuer_of(attempt),
          .request = request_.parsed.root(),
          .tools = neutral_ ? std::span<const chat::Tool>(neutral_->tools) : std::span<const chat::Tool>(),
          .stored = keeps_answer_,
          .previous_response_id = request_.previous_response_id};
}

bool Question::is_kept_here(const Attempt& attempt) const {
  const bool provider_keeps = attempt.lane == Lane::same_dialect && attempt.provider().quirks.stores_responses;
  return keeps_answer_ && client_dialect_.id() == dialects::DialectId::openai_responses && !provider_keeps;
}

bool Question::usage_is_ours_alone(const Attempt& attempt) const {
  return !request_.outline.wants_stream_usage && attempt.provider().quirks.stream_usage == catalog::StreamUsage::option;
}

}  // namespace sluice::gateway
