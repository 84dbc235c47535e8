// What the clouds want that is more than one key at one place: completed from the environment variables and files that
// their own tools use.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "catalog/provider.h"

namespace sluice::config {

using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// A key, not a book: empty when it cannot be read or has more than 64 KiB. Without the line ends at its end.
std::optional<std::string> read_secret_file(const std::string& path);

// Completes all that the environment says of a provider that is called with a key, of whatever kind. What is still
// missing as "set ..."; empty when it can be called.
std::string take_credentials(catalog::Provider& provider, const Environment& env);

// Where the provider is, by the first of base_url_from whose variables are all set. What is missing as above.
std::string take_base_url(catalog::Provider& provider, const Environment& env);

// Completes what the configuration says of an aws_sigv4 provider. With a bearer token nothing is signed, so its auth
// becomes bearer. What is still missing as "set ..."; empty when it can be called.
std::string take_aws_key(catalog::Provider& provider, const Environment& env);
// "bedrock-runtime.eu-west-1.amazonaws.com" -> "eu-west-1"; empty when the host does not say.
std::string aws_region_of(std::string_view host);

// The same of a google_service_account provider.
std::string take_google_key(catalog::Provider& provider, const Environment& env);
// The JSON file that Google gives for an account's key. Errors (invalid_request) never quote it.
Result<catalog::GoogleServiceAccount> read_service_account(const std::string& path);

}  // namespace sluice::config
