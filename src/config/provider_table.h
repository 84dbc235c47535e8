// Every setting of a provider once: its name, what it may be, what it means, and how it is read. The reader, the JSON
// Schema and the reference page all walk this table, so a new setting is one row here and one function in
// provider_reader.cpp.
#pragma once

#include <span>

#include "config/provider_reader.h"

namespace sluice::config {

struct ProviderSetting {
  const char* name;
  const char* meaning;
  std::span<const char* const> words = {};  // what it may be: one of these ...
  const char* schema = nullptr;             // ... or what these members of a JSON Schema say
  void (ProviderReader::*read)(const ProviderSetting& setting);
};

namespace provider_words {
inline constexpr const char* kind[] = {"openai_compatible", "anthropic_compatible", "responses_compatible",
                                       "gemini_compatible", "azure_openai",         "bedrock_converse"};
inline constexpr const char* ground[] = {"self_hosted", "hosted_open", "proprietary"};
inline constexpr const char* auth[] = {
    "bearer", "x_api_key", "x_goog_api_key", "api_key", "aws_sigv4", "google_service_account", "none"};
inline constexpr const char* stream_usage[] = {"option", "automatic"};
inline constexpr const char* http_version[] = {"auto", "http1", "http2"};
}  // namespace provider_words

// In the order in which they are read: models and prices are those of a provider that is known by then.
inline constexpr ProviderSetting provider_table[] = {
    {.name = "kind",
     .meaning = "For a provider of your own: the dialect that it speaks.",
     .words = provider_words::kind,
     .read = &ProviderReader::kind},
    {.name = "base_url",
     .meaning = "Where it is; the dialect's paths go below it.",
     .schema = R"("type":"string")",
     .read = &ProviderReader::base_url},
    {.name = "api_key",
     .meaning = "Its key. Known vendors take theirs from the environment.",
     .schema = R"("type":"string")",
     .read = &ProviderReader::api_key},
    {.name = "ground",
     .meaning = "Which ground it is. Restricted data goes only to self_hosted; a provider of your own is hosted_open "
                "unless you say otherwise. For ollama, vllm, sglang and local it must be said when base_url is not on "
                "this machine or a private network.",
     .words = provider_words::ground,
     .read = &ProviderReader::ground},
    {.name = "region",
     .meaning = "Where it works on data, for `regions` of a workload: eu, eu-central-1.",
     .schema = R"("type":"string")",
     .read = &ProviderReader::region},
    {.name = "auth", .meaning = "How the key is sent.", .words = provider_words::auth, .read = &ProviderReader::auth},
    {.name = "aws",
     .meaning =
         "For aws_sigv4: region, access_key_id, secret_access_key, session_token. The region is read from base_url "
         "where it stands there, the rest from AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
         "AWS_SESSION_TOKEN. With an api_key, or AWS_BEARER_TOKEN_BEDROCK, nothing is signed.",
     .schema =
         R"("type":"object","properties":{"region":{"type":"string"},"access_key_id":{"type":"string"},)"
         R"("secret_access_key":{"type":"string"},"session_token":{"type":"string"}},"additionalProperties":false)",
     .read = &ProviderReader::aws},
    {.name = "google_key_file",
     .meaning = "For google_service_account: the file with the account's key. Default: GOOGLE_APPLICATION_CREDENTIALS.",
     .schema = R"("type":"string")",
     .read = &ProviderReader::google_key_file},
    {.name = "azure_api_version",
     .meaning =
         "For Azure OpenAI's classic paths below /openai/deployments: the version of the API, such as 2024-10-21. "
         "A model is called like its deployment. The paths below /openai/v1, the default, do not need it.",
     .schema = R"("type":"string")",
     .read = &ProviderReader::azure_api_version},
    {.name = "vertex",
     .meaning = "true for Claude on Google's Vertex AI, with `kind: anthropic_compatible`; base_url ends with "
                "/publishers/anthropic.",
     .schema = R"("type":"boolean")",
     .read = &ProviderReader::vertex},
    {.name = "stores_responses",
     .meaning =
         "Whether it keeps the answers of /v1/responses and knows previous_response_id. Where it does not, Sluice "
         "keeps them.",
     .schema = R"("type":"boolean")",
     .read = &ProviderReader::stores_responses},
    {.name = "stream_usage",
     .meaning = "Whether streams must be asked for usage (option) or always report it.",
     .words = provider_words::stream_usage,
     .read = &ProviderReader::stream_usage},
    {.name = "headers",
     .meaning = "Header fields to send with every call; no credentials.",
     .schema = R"("type":"object","additionalProperties":{"type":"string"})",
     .read = &ProviderReader::headers},
    {.name = "max_in_flight",
     .meaning = "Calls under way there at the same time; further ones wait or go elsewhere as `limits` says. 0 = no "
                "limit.",
     .schema = R"("type":"integer","minimum":0,"maximum":1000000)",
     .read = &ProviderReader::max_in_flight},
    {.name = "http_version",
     .meaning = "auto: HTTP/2 where TLS offers it, else HTTP/1.1. http1: never HTTP/2. http2: nothing else, also "
                "without TLS (prior knowledge).",
     .words = provider_words::http_version,
     .read = &ProviderReader::http_version},
    {.name = "warm_connections",
     .meaning =
         "Connections that each thread keeps ready there, from the start on, so that a request need not wait for "
         "a handshake; one of HTTP/2 is enough for all. 0 = connect when a request comes, and keep what is used.",
     .schema = R"("type":"integer","minimum":0,"maximum":64)",
     .read = &ProviderReader::warm_connections},
    {.name = "internal_links",
     .meaning = "Hosts inside your network that a request may tell this engine of your own to open (images, files): "
                "names or addresses as the links have them. Links to others inside are refused. Engines outside reach "
                "nothing inside, so for them nothing is refused.",
     .schema = R"("type":"array","items":{"type":"string"})",
     .read = &ProviderReader::internal_links},
    {.name = "enabled",
     .meaning = "false switches it off.",
     .schema = R"("type":"boolean")",
     .read = &ProviderReader::enabled},
    {.name = "models",
     .meaning =
         "Its models: a list of names, or a map of names to context, max_output, tools, images, licence. One that is "
         "named counts as offered, also where the catalogue says that it is retired.",
     .schema = R"("type":["array","object"])",
     .read = &ProviderReader::models},
    {.name = "prices",
     .meaning =
         "The contract's prices for each model, one or a list with conditions: USD per million tokens (input, output, "
         "cache_read, cache_write_5m, cache_write_1h, reasoning, input_audio and others), or USD each (request, "
         "search, image and others); tiers, service_tier, region, hours, effective_from, effective_to "
         "(docs/guides/prices.md).",
     .schema = R"("type":"object","additionalProperties":{"anyOf":[{"$ref":"#/$defs/price"},{"type":"array",)"
               R"("items":{"$ref":"#/$defs/price"}}]})",
     .read = &ProviderReader::prices},
};

}  // namespace sluice::config
