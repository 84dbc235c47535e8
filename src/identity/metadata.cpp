#include "identity/metadata.h"

#include <algorithm>
#include <vector>

#include "json/json.h"

namespace sluice::identity {
namespace {

std::unexpected<Error> unusable(const std::string& why) {
  return fail(ErrorKind::invalid_request, "the issuer's discovery document cannot be used: " + why,
              "check `admin.oidc: { issuer: ... }` in the configuration");
}

Result<Place> place(const json::Value& document, const char* name, const config::OidcSettings& settings) {
  const auto text = document[name].string();
  if (!text) return unusable(std::string("it has no `") + name + "`");
  const std::size_t query = std::min(text->find('?'), text->size());
  const Result<BaseUrl> url = parse_base_url(text->substr(0, query));
  if (!url) return unusable(std::string("`") + name + "` is no URL");
  const std::string_view rest = text->substr(query);
  if (std::ranges::any_of(rest, [](char c) { return c <= 0x20 || c >= 0x7f || c == '#'; }))
    return unusable(std::string("`") + name + "` is no URL");
  const Endpoint& issuer = settings.issuer_url.endpoint;
  if (!url->endpoint.tls && (issuer.tls || url->endpoint.host != issuer.host))
    return unusable(std::string("`") + name + "` has no TLS");
  if (url->endpoint.host != issuer.host && is_private_host(url->endpoint.host) && !is_private_host(issuer.host))
    return unusable(std::string("`") + name + "` is in a private network, and the issuer is not");
  return Place{.url = *url, .query = std::string(rest)};
}

bool names(const json::Value& list, std::string_view text) {
  const std::vector<json::Value> elements = list.elements();
  return std::ranges::any_of(elements, [&](const json::Value& one) { return one.string() == text; });
}

}  // namespace

Result<Metadata> Metadata::read(std::string_view text, const config::OidcSettings& settings) {
  if (text.size() > most_bytes) return unusable("it is larger than 256 KiB");
  const auto document = json::Document::parse(text);
  if (!document || !document->root().is_object()) return unusable("it is no JSON object");
  const json::Value root = document->root();
  if (root["issuer"].string() != settings.issuer)
    return unusable("it is of `" + std::string(root["issuer"].string().value_or("nobody").substr(0, 200)) +
                    "`, and not of the configured issuer");
  Metadata metadata;
  TRY(const Place authorization, place(root, "authorization_endpoint", settings));
  (void)authorization;
  metadata.authorization_endpoint = *root["authorization_endpoint"].string();
  TRY(metadata.token_endpoint, place(root, "token_endpoint", settings));
  TRY(metadata.key_set, place(root, "jwks_uri", settings));
  const json::Value ways = root["token_endpoint_auth_methods_supported"];
  metadata.post_secret = ways.is_array() && !names(ways, "client_secret_basic") && names(ways, "client_secret_post");
  metadata.names_itself = root["authorization_response_iss_parameter_supported"].boolean().value_or(false);
  return metadata;
}

}  // namespace sluice::identity
