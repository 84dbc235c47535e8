// A provider is data: where it is, what it speaks, how it wants its key, and in which few ways it differs from its
// dialect. The known ones are files in data/providers; the configuration adds others and keys.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/ids.h"
#include "base/secret.h"
#include "catalog/ground.h"
#include "chat/dialect_id.h"

namespace sluice::catalog {

enum class AuthKind : std::uint8_t {
  bearer,                  // Authorization: Bearer KEY
  x_api_key,               // x-api-key: KEY
  x_goog_api_key,          // x-goog-api-key: KEY
  api_key,                 // api-key: KEY
  aws_sigv4,               // each request is signed with a key of AWS
  google_service_account,  // Authorization: Bearer TOKEN, and the token is fetched with a service account's key
  none,
};
inline constexpr std::array all_auth_kinds = {AuthKind::bearer,  AuthKind::x_api_key, AuthKind::x_goog_api_key,
                                              AuthKind::api_key, AuthKind::aws_sigv4, AuthKind::google_service_account,
                                              AuthKind::none};
constexpr std::string_view name(AuthKind kind) {
  switch (kind) {
    case AuthKind::bearer: return "bearer";
    case AuthKind::x_api_key: return "x_api_key";
    case AuthKind::x_goog_api_key: return "x_goog_api_key";
    case AuthKind::api_key: return "api_key";
    case AuthKind::aws_sigv4: return "aws_sigv4";
    case AuthKind::google_service_account: return "google_service_account";
    case AuthKind::none: return "none";
  }
  return "none";
}

struct AwsKey {
  std::string region;  // "eu-west-1"
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;  // of temporary keys; else empty
};

struct GoogleServiceAccount {
  std::string email;
  std::string key_id;
  std::string project;  // whose account it is; may be empty
  Secret private_key;   // PEM
  BaseUrl token_url;
  std::string token_uri;  // the same as it is written, which the key is shown for
};

// How a provider is brought to report usage in a stream.
enum class StreamUsage : std::uint8_t {
  option,     // stream_options.include_usage
  automatic,  // it always does, or refuses the option
};

// What the field with the limit of generated tokens is called (OpenAI dialect).
enum class MaxTokensField : std::uint8_t { max_tokens, max_completion_tokens };

// What becomes of a last message of the assistant (OpenAI dialect): most providers begin a new message after it.
enum class Prefill : std::uint8_t { ignored, continued };

struct Quirks {
  StreamUsage stream_usage = StreamUsage::option;
  MaxTokensField max_tokens_field = MaxTokensField::max_tokens;
  Prefill prefill = Prefill::ignored;
  // It takes system messages before all others only: templates of many open models refuse one within the conversation.
  bool leading_system = false;
  // Azure OpenAI's classic paths, where the deployment and the API's version stand in the path: "2024-10-21".
  std::string azure_api_version;
  // Claude on Google's Vertex AI: the model stands in the path, the API's version in the body.
  bool vertex = false;
  // It keeps the responses of the Responses API and knows them by their ids.
  bool stores_responses = false;
  // OpenAI itself answers, with its own rules: the role `developer` is known, and models that take tools in Chat
  // Completions only while they do not think (Takes::chat_tools_without_effort) are asked over Responses.
  bool official_openai = false;
  // What may be asked for as service tier, in the provider's words; none: it has no such field (OpenAI's Chat
  // Completions and Gemini's dialect).
  std::vector<std::string> service_tiers;
};

// How long a provider is waited for, in milliseconds. 0 = as the settings under `retry` say.
struct Patience {
  std::int64_t connect_timeout_ms = 0;
  std::int64_t first_token_timeout_ms = 0;
  std::int64_t answer_timeout_ms = 0;
  std::int64_t stream_idle_timeout_ms = 0;
};

struct Provider {
  ProviderId id;
  std::string display_name;
  chat::DialectId dialect = chat::DialectId::openai_chat;
  std::vector<std::string> forwarded;  // an engine of one's own hands models whose names end so to its vendor's cloud
  std::vector<chat::DialectId> also;   // that its API takes below the same base URL, as they are
  // Paths of the dialect go below it: "https://api.openai.com/v1". Not set (empty host) for an engine of Sluice's own.
  BaseUrl base_url;
  // Where it is by variables of the environment, "https://${NAME}.openai.azure.com/openai/v1": the first whose
  // variables are all set replaces base_url.
  std::vector<std::string> base_url_from;
  Ground ground = Ground::proprietary;  // of a model that the catalogue does not know
  AuthKind auth = AuthKind::bearer;
  std::vector<std::string> key_env;     // environment variables that may hold the key, the first that is set counts
  std::vector<std::string> bearer_env;  // the same of a token, which is sent as `Authorization: Bearer`
  Secret api_key;
  AwsKey aws;                   // for aws_sigv4
  std::string region;           // where it works on data, as the operator says; empty = nobody has said
  GoogleServiceAccount google;  // for google_service_account
  Quirks quirks;
  Patience patience;
  std::int64_t max_in_flight = 0;  // requests under way there; 0 = no limit
  HttpVersion http = HttpVersion::offered;
  std::int64_t warm_connections = 0;        // kept ready, for each reactor
  std::vector<std::string> internal_links;  // hosts inside, in small letters, that a request may have this engine open
  std::vector<std::pair<std::string, std::string>> extra_headers;  // sent with every call; never a credential
  std::string default_model;  // its model in the route `auto` when there is no configuration; may be empty
  std::string docs;           // where its interface is documented

  // Sluice starts and supervises the engine behind this provider: its endpoint is asked for at call time.
  bool engine = false;
  bool listed = false;  // the configuration names it
  // It may be called: it has a key or needs none, and nobody switched it off.
  bool enabled = false;
  // What to do to enable it: "set GROQ_API_KEY". Empty when it is enabled.
  std::string how_to_enable;

  // Of a model here: the provider's, unless its name ends as one of `forwarded`.
  Ground ground_of(std::string_view model) const {
    const auto ends = [&](const std::string& end) { return model.ends_with(end); };
    return ground == Ground::self_hosted && std::ranges::any_of(forwarded, ends) ? Ground::hosted_open : ground;
  }
  // Whether requests in that dialect go there as they are.
  bool speaks(chat::DialectId request) const {
    return chat::speaks(dialect, request) || std::ranges::find(also, request) != also.end();
  }
};

}  // namespace sluice::catalog
