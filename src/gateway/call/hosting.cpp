#include "gateway/call/hosting.h"

#include "base/percent.h"
#include "json/json.h"

namespace sluice::gateway {
namespace {

constexpr std::string_view vertex_version = R"("anthropic_version":"vertex-2023-10-16")";

// Source: Microsoft, "Azure OpenAI in Microsoft Foundry Models REST API reference".
void to_azure_deployment(const std::string& version, std::string_view model, dialects::ProviderRequest& request) {
  const std::size_t query = request.path.find('?');
  std::string path = "/openai/deployments/" + percent_encoded(model) + request.path.substr(0, query) +
                     "?api-version=" + percent_encoded(version);
  if (query != std::string::npos) path.append("&").append(request.path, query + 1);
  request.path = std::move(path);
}

// Prompts of all models are counted at one place, so the model stays in the body. Source: Google, "Count tokens for
// Claude models"; Anthropic's SDKs for Vertex.
Result<void> to_vertex_counting(dialects::ProviderRequest& request) {
  TRY(const auto version, json::find_members(request.body, {"anthropic_version"}));
  if (!version.front()) {
    const std::size_t first = request.body.find('{') + 1;
    const bool is_empty = request.body.find_first_not_of(" \t\r\n", first) == request.body.rfind('}');
    request.body.insert(first, std::string(vertex_version) + (is_empty ? "" : ","));
  }
  request.path = "/models/count-tokens:rawPredict";
  request.headers.remove("anthropic-version");
  return {};
}

// Source: Anthropic, "Claude on Vertex AI": the model moves into the path, and the version of the API takes its place
// in the body, where no other byte changes. The query goes: Google refuses parameters that it does not know.
Result<void> to_vertex(std::string_view model, bool stream, dialects::ProviderRequest& request) {
  const std::string_view call = std::string_view(request.path).substr(0, request.path.find('?'));
  if (call == "/messages/count_tokens") return to_vertex_counting(request);
  if (call != "/messages")
    return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                                 .message = "Claude on Vertex AI has no such operation",
                                 .hint = "ask a provider with Anthropic's own API",
                                 .retry = Retry::elsewhere});
  TRY(const auto spans, json::find_members(request.body, {"model"}));
  if (!spans[0]) return fail(ErrorKind::internal, "the request names no model");
  const std::size_t colon = request.body.rfind(':', spans[0]->begin);
  const std::size_t name_end = request.body.rfind('"', colon);
  const std::size_t name =
      name_end == 0 || name_end == std::string::npos ? std::string::npos : request.body.rfind('"', name_end - 1);
  if (name == std::string::npos) return fail(ErrorKind::internal, "the request names no model");
  request.body.replace(name, spans[0]->end - name, vertex_version);
  request.path = "/models/" + percent_encoded(model, "@") + (stream ? ":streamRawPredict" : ":rawPredict");
  request.headers.remove("anthropic-version");
  return {};
}

// Where the path of an account ends; npos when it is none.
std::size_t end_of_account(std::string_view path) {
  const bool account = path.contains("/projects/") && path.contains("/locations/");
  return account ? path.rfind("/publishers/") : std::string_view::npos;
}

}  // namespace

std::string_view account_of(const BaseUrl& place) {
  const std::string_view path = place.path_prefix;
  const std::size_t end = end_of_account(path);
  if (end == std::string_view::npos) return {};
  const std::size_t begin = path.find("/projects/") + 1;
  return path.substr(begin, end - begin);
}

BaseUrl keeping_place(BaseUrl place) {
  if (const std::size_t end = end_of_account(place.path_prefix); end != std::string_view::npos)
    place.path_prefix.resize(end);
  return place;
}

BaseUrl upload_place(BaseUrl place) {
  place.path_prefix.insert(0, "/upload");
  return place;
}

Result<void> adapt_to_host(const catalog::Quirks& quirks, std::string_view model, bool stream,
                           dialects::ProviderRequest& request) {
  if (!quirks.azure_api_version.empty()) to_azure_deployment(quirks.azure_api_version, model, request);
  if (quirks.vertex) return to_vertex(model, stream, request);
  return {};
}

}  // namespace sluice::gateway
