// Every scalar setting once: its name, meaning and bounds. The reader, the JSON Schema and the reference page all walk
// these tables, so a new setting is one line here and one member in settings.h.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "config/settings.h"

namespace sluice::config {

template <class Section>
struct Setting {
  const char* name;
  const char* meaning;
  std::int64_t Section::* number = nullptr;  // either a whole number ...
  std::int64_t least = 0;
  std::int64_t most = 0;
  std::string Section::* text = nullptr;  // ... or a text ...
  bool Section::* flag = nullptr;         // ... or true or false
};

constexpr std::int64_t an_hour_ms = 3'600'000;

inline constexpr Setting<ServerSettings> server_table[] = {
    {.name = "listen",
     .meaning = "Address to listen on: ADDR:PORT, [::1]:PORT, :PORT or unix:/path. Port 0 takes any free one.",
     .text = &ServerSettings::listen},
    {"threads", "Reactor threads; 0 = one for each core. A Unix socket is served by one.", &ServerSettings::threads, 0,
     256},
    {"max_connections", "Open client connections; more wait in the kernel's queue.", &ServerSettings::max_connections,
     1, 1'000'000},
    {"max_body_bytes", "Largest request body; a larger one gets 413.", &ServerSettings::max_body_bytes, 1'024, 1 << 30},
    {"max_header_bytes", "Largest request head; a larger one gets 431.", &ServerSettings::max_header_bytes, 1'024,
     1 << 20},
    {"header_timeout_ms", "From the first byte of a head to its last.", &ServerSettings::header_timeout_ms, 10,
     an_hour_ms},
    {"body_timeout_ms", "For a whole request body.", &ServerSettings::body_timeout_ms, 10, an_hour_ms},
    {"idle_timeout_ms", "Between two requests on one connection.", &ServerSettings::idle_timeout_ms, 10, an_hour_ms},
    {"unready_ms",
     "After a signal to stop: how long /health/ready says 503 while requests are still taken, so that a load balancer "
     "sends no more.",
     &ServerSettings::unready_ms, 0, an_hour_ms},
    {"drain_timeout_ms",
     "How long running requests may go on after that; what then still runs ends with an error of its dialect.",
     &ServerSettings::drain_timeout_ms, 0, an_hour_ms},
    {.name = "watch_config",
     .meaning = "Read the configuration again when its file changes. `sluice reload` and SIGHUP do so in any case.",
     .flag = &ServerSettings::watch_config},
};

inline constexpr Setting<RetrySettings> retry_table[] = {
    {"attempts", "Calls of providers after which a request is not tried again once every candidate was asked.",
     &RetrySettings::attempts, 1, 10},
    {"pause_ms", "Before the first candidate is asked again; doubles, with jitter.", &RetrySettings::pause_ms, 0,
     60'000},
    {"connect_timeout_ms", "To connect to a provider, TLS included.", &RetrySettings::connect_timeout_ms, 10, 600'000},
    {"first_token_timeout_ms", "From the request to a stream's first token; then the next candidate is asked.",
     &RetrySettings::first_token_timeout_ms, 10, an_hour_ms},
    {"answer_timeout_ms",
     "From the request to the end of an answer that is not streamed; then the next candidate is asked.",
     &RetrySettings::answer_timeout_ms, 10, an_hour_ms},
    {"stream_idle_timeout_ms", "Between two pieces of a stream.", &RetrySettings::stream_idle_timeout_ms, 10,
     an_hour_ms},
    {"total_timeout_ms", "For a whole request, all attempts together.", &RetrySettings::total_timeout_ms, 10,
     24 * an_hour_ms},
};

inline constexpr Setting<ResponsesSettings> responses_table[] = {
    {"keep_days",
     "How long answers of /v1/responses are kept for previous_response_id, in the data directory and with their "
     "content, where the provider keeps none itself; 0 = not at all.",
     &ResponsesSettings::keep_days, 0, 3'650},
    {"max_mb", "What all of them together may take; then the oldest are deleted.", &ResponsesSettings::max_mb, 1,
     1 << 20},
};

inline constexpr Setting<KeyDefaults> key_table[] = {
    {.name = "budget_usd", .meaning = "Budget of a new key in USD; empty = none.", .text = &KeyDefaults::budget_usd},
    {"requests_per_minute", "Requests per minute of a new key; 0 = no limit.", &KeyDefaults::requests_per_minute, 0,
     1'000'000'000},
    {"tokens_per_minute", "Tokens per minute of a new key; 0 = no limit.", &KeyDefaults::tokens_per_minute, 0,
     1'000'000'000},
    {.name = "data_class",
     .meaning = "Data class of a new key: public, internal or restricted.",
     .text = &KeyDefaults::data_class},
};

inline constexpr Setting<EngineSettings> engine_table[] = {
    {.name = "model", .meaning = "The name that clients use.", .text = &EngineSettings::model},
    {.name = "path", .meaning = "GGUF file; empty = the model that set-up has fetched.", .text = &EngineSettings::path},
    {.name = "sha256",
     .meaning = "Digest of that file, checked before every start; empty = not checked.",
     .text = &EngineSettings::sha256},
    {.name = "llama_server",
     .meaning = "Program; empty = SLUICE_LLAMA_SERVER, else PATH, else the fetched one.",
     .text = &EngineSettings::llama_server},
    {"context", "Context in tokens.", &EngineSettings::context, 256, 10'000'000},
    {"threads", "Threads of the engine; 0 = one for each core.", &EngineSettings::threads, 0, 1'024},
    {"parallel", "Requests that are answered at the same time.", &EngineSettings::parallel, 1, 256},
};

}  // namespace sluice::config
