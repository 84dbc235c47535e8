#include "gateway/call/authentication.h"

#include <chrono>

#include "gateway/credentials/aws_sigv4.h"

namespace sluice::gateway {
namespace {

void sign(const catalog::Provider& provider, const BaseUrl& place, dialects::ProviderRequest& request) {
  const std::string target = place.path_prefix + request.path;
  sign_aws(request.headers, {.target = target, .host = place.host_header, .body = request.body}, provider.aws,
           "bedrock", std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
}

}  // namespace

async::Task<Result<void>> authenticate(Gateway& gateway, const catalog::Provider& provider, const BaseUrl& place,
                                       dialects::ProviderRequest& request, async::Deadline deadline) {
  using catalog::AuthKind;
  http::Headers& headers = request.headers;
  const std::string& key = provider.api_key.reveal();
  if (provider.auth == AuthKind::bearer && !key.empty()) headers.set("authorization", "Bearer " + key);
  if (provider.auth == AuthKind::x_api_key && !key.empty()) headers.set("x-api-key", key);
  if (provider.auth == AuthKind::x_goog_api_key && !key.empty()) headers.set("x-goog-api-key", key);
  if (provider.auth == AuthKind::api_key && !key.empty()) headers.set("api-key", key);
  if (provider.auth == AuthKind::google_service_account) {
    CO_TRY(const std::string token, co_await gateway.google_tokens.get(provider.google, deadline));
    headers.set("authorization", "Bearer " + token);
  }
  for (const auto& [name, value] : provider.extra_headers) headers.set(name, value);
  if (provider.auth == AuthKind::aws_sigv4) sign(provider, place, request);
  co_return Result<void>();
}

}  // namespace sluice::gateway
