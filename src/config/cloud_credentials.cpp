#include "config/cloud_credentials.h"

#include <algorithm>
#include <fstream>
#include <vector>

#include "json/json.h"

namespace sluice::config {
namespace {

constexpr std::size_t max_secret_file_bytes = 64 * 1024;

// The first variable of these that is set.
std::optional<std::string> first_of(const Environment& env, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (auto value = env(name)) return value;
  return std::nullopt;
}

// A text with variables in it, "https://${NAME}.example".
struct Filled {
  std::string text;
  std::vector<std::string> unset;  // the variables that are missing
};

Filled fill(std::string_view text, const Environment& env) {
  Filled filled;
  while (!text.empty()) {
    const std::size_t begin = std::min(text.find("${"), text.size());
    filled.text += text.substr(0, begin);
    text.remove_prefix(begin);
    if (text.empty()) break;
    const std::size_t end = std::min(text.find('}'), text.size());
    const std::string name(text.substr(2, end - std::min<std::size_t>(end, 2)));
    text.remove_prefix(std::min(end + 1, text.size()));
    std::string value = env(name).value_or("");
    while (value.ends_with('/')) value.pop_back();  // of a URL that goes on
    if (value.empty() && std::ranges::find(filled.unset, name) == filled.unset.end()) filled.unset.push_back(name);
    filled.text += value;
  }
  return filled;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text.append(text.empty() ? "" : " and ").append(name);
  return text;
}

// The classic paths have a root of their own, and no Responses.
void to_classic_azure(catalog::Provider& provider) {
  constexpr std::string_view newer = "/openai/v1";
  std::string& prefix = provider.base_url.path_prefix;
  if (prefix.ends_with(newer)) prefix.resize(prefix.size() - newer.size());
  provider.also.clear();
}

// Where a key goes as it is.
std::string take_plain_key(catalog::Provider& provider, const Environment& env) {
  const auto take = [&](const std::vector<std::string>& names) {
    for (const std::string& name : names)
      if (auto key = env(name); key && provider.api_key.empty()) provider.api_key = Secret(*std::move(key));
    return !provider.api_key.empty();
  };
  if (take(provider.key_env)) return {};
  if (take(provider.bearer_env)) {
    provider.auth = catalog::AuthKind::bearer;
    return {};
  }
  if (provider.enabled) return {};  // an engine of one's own needs none
  return provider.key_env.empty() ? "give it an api_key, or `auth: none`" : "set " + provider.key_env.front();
}

}  // namespace

std::string take_base_url(catalog::Provider& provider, const Environment& env) {
  const Environment with_settings = [&](std::string_view name) -> std::optional<std::string> {
    if (name == "AWS_REGION" && !provider.aws.region.empty()) return provider.aws.region;
    auto value = env(name);
    if (!value && name == "GOOGLE_CLOUD_PROJECT" && !provider.google.project.empty()) return provider.google.project;
    return value;
  };
  std::optional<std::vector<std::string>> fewest;
  for (const std::string& text : provider.base_url_from) {
    Filled filled = fill(text, with_settings);
    if (!filled.unset.empty()) {
      if (!fewest || filled.unset.size() < fewest->size()) fewest = std::move(filled.unset);
      continue;
    }
    // Google's global endpoint has no location in its name.
    constexpr std::string_view global = "https://global-aiplatform.";
    if (filled.text.starts_with(global)) filled.text.replace(0, global.size(), "https://aiplatform.");
    auto url = parse_base_url(filled.text);
    if (!url) return "set other variables for its place: " + url.error().message;
    provider.base_url = *std::move(url);
    return {};
  }
  if (!fewest || !provider.base_url.host_header.empty()) return {};
  return "set " + joined(*fewest);
}

std::string take_credentials(catalog::Provider& provider, const Environment& env) {
  const bool google = provider.auth == catalog::AuthKind::google_service_account;
  std::vector<std::string> missing;
  const auto add = [&](std::string what) {
    if (!what.empty()) missing.push_back(std::move(what));
  };
  if (google) add(take_google_key(provider, env));  // it may know the project, which is a part of the place
  add(take_base_url(provider, env));                // it may know the region, which is a part of the signature
  if (provider.auth == catalog::AuthKind::aws_sigv4)
    add(take_aws_key(provider, env));
  else if (!google)
    add(take_plain_key(provider, env));
  if (!provider.quirks.azure_api_version.empty()) to_classic_azure(provider);
  return joined(missing);
}

std::optional<std::string> read_secret_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(max_secret_file_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if ((!file.eof() && file.fail()) || text.size() > max_secret_file_bytes || !file.eof()) return std::nullopt;
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

std::string aws_region_of(std::string_view host) {
  const std::size_t first = host.find('.');
  const std::size_t second = first == std::string_view::npos ? first : host.find('.', first + 1);
  if (second == std::string_view::npos) return {};
  const std::string_view rest = host.substr(second + 1);
  if (rest != "amazonaws.com" && rest != "amazonaws.com.cn" && rest != "api.aws") return {};
  return std::string(host.substr(first + 1, second - first - 1));
}

std::string take_aws_key(catalog::Provider& provider, const Environment& env) {
  catalog::AwsKey& aws = provider.aws;
  if (aws.access_key_id.empty() && provider.api_key.empty())
    if (auto token = env("AWS_BEARER_TOKEN_BEDROCK")) provider.api_key = Secret(*std::move(token));
  if (!provider.api_key.empty()) {
    provider.auth = catalog::AuthKind::bearer;
    return {};
  }
  if (aws.region.empty()) aws.region = aws_region_of(provider.base_url.endpoint.host);
  if (aws.region.empty()) aws.region = first_of(env, {"AWS_REGION", "AWS_DEFAULT_REGION"}).value_or("");
  const auto id = env("AWS_ACCESS_KEY_ID");
  const auto secret = env("AWS_SECRET_ACCESS_KEY");
  // All of one key, or nothing: a token fits no other key.
  if (aws.access_key_id.empty() && id && secret) {
    aws.access_key_id = *id;
    aws.secret_access_key = Secret(*secret);
    aws.session_token = Secret(env("AWS_SESSION_TOKEN").value_or(""));
  }
  if (aws.access_key_id.empty() || aws.secret_access_key.empty())
    return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK";
  return aws.region.empty() ? "set AWS_REGION" : "";
}

Result<catalog::GoogleServiceAccount> read_service_account(const std::string& path) {
  const auto wrong = [&](std::string what, std::string todo) {
    return fail(ErrorKind::invalid_request, "the file " + path + " " + std::move(what), std::move(todo));
  };
  const auto text = read_secret_file(path);
  if (!text) return wrong("cannot be read", "it must be readable and at most 64 KiB");
  const auto parsed = json::Document::parse(*text);
  const auto member = [&](const char* name) {
    return parsed ? std::string(parsed->root()[name].string().value_or("")) : std::string();
  };
  if (member("type") != "service_account")
    return wrong("is no key of a service account", "make one with `gcloud iam service-accounts keys create`");
  catalog::GoogleServiceAccount account{.email = member("client_email"),
                                        .key_id = member("private_key_id"),
                                        .project = member("project_id"),
                                        .private_key = Secret(member("private_key")),
                                        .token_uri = member("token_uri")};
  if (account.token_uri.empty()) account.token_uri = "https://oauth2.googleapis.com/token";
  auto url = parse_base_url(account.token_uri);
  if (!url || account.email.empty() || account.private_key.empty())
    return wrong("lacks client_email, private_key or a token_uri that is a URL", "download the key again");
  if (!url->endpoint.tls && !is_private_host(url->endpoint.host))
    return wrong("has a token_uri that is not encrypted", "token_uri must begin with https://");
  account.token_url = *std::move(url);
  return account;
}

std::string take_google_key(catalog::Provider& provider, const Environment& env) {
  if (!provider.google.private_key.empty()) return {};
  const auto path = env("GOOGLE_APPLICATION_CREDENTIALS");
  if (!path) return "set GOOGLE_APPLICATION_CREDENTIALS";
  auto account = read_service_account(*path);
  if (!account) return "set GOOGLE_APPLICATION_CREDENTIALS to another file: " + account.error().message;
  provider.google = *std::move(account);
  return {};
}

}  // namespace sluice::config
