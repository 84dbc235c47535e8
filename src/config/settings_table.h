// Every scalar setting once: its name, meaning and bounds. The reader, the JSON Schema and the reference page all walk
// these tables, so a new setting is one line here and one member in settings.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/oidc_settings.h"
#include "config/settings.h"

namespace sluice::config {

template <class Section>
struct Setting {
  const char* name;
  const char* meaning;
  std::int64_t Section::* number = nullptr;  // either a whole number ...
  std::int64_t least = 0;
  std::int64_t most = 0;
  std::string Section::* text = nullptr;                // ... or a text ...
  bool Section::* flag = nullptr;                       // ... or true or false ...
  std::vector<std::string> Section::* texts = nullptr;  // ... or a list of texts, or one ...
  std::optional<bool> Section::* maybe = nullptr;       // ... or true, false, or nothing said
};

constexpr std::int64_t an_hour_ms = 3'600'000;

inline constexpr Setting<ServerSettings> server_table[] = {
    {.name = "listen",
     .meaning = "Address to listen on: ADDR:PORT, [::1]:PORT, :PORT or unix:/path. Port 0 takes any free one.",
     .text = &ServerSettings::listen},
    {.name = "tls_certificate",
     .meaning = "PEM file of the certificate for TLS to clients, followed by those that lead to its authority; empty = "
                "no TLS. Read again with the configuration.",
     .text = &ServerSettings::tls_certificate},
    {.name = "tls_key",
     .meaning = "PEM file of that certificate's private key, without a passphrase; empty = it is in the same file.",
     .text = &ServerSettings::tls_key},
    {"threads", "Reactor threads; 0 = one for each core. A Unix socket is served by one.", &ServerSettings::threads, 0,
     256},
    {"max_connections",
     "Open client connections; for more, the oldest ones without a request are closed, and where each has one they "
     "wait "
     "in the kernel's queue.",
     &ServerSettings::max_connections, 1, 1'000'000},
    {"max_streams", "Requests at the same time on one connection of HTTP/2; more are refused, unread.",
     &ServerSettings::max_streams, 1, 10'000},
    {"max_body_bytes", "Largest request body; a larger one gets 413.", &ServerSettings::max_body_bytes, 1'024, 1 << 30},
    {"max_header_bytes", "Largest request head; a larger one gets 431.", &ServerSettings::max_header_bytes, 1'024,
     1 << 20},
    {"header_timeout_ms", "From the first byte of a head to its last.", &ServerSettings::header_timeout_ms, 10,
     an_hour_ms},
    {"body_timeout_ms", "For a whole request body.", &ServerSettings::body_timeout_ms, 10, an_hour_ms},
    {"idle_timeout_ms", "Between two requests on one connection.", &ServerSettings::idle_timeout_ms, 10, an_hour_ms},
    {"stream_keep_alive_ms",
     "A stream that waits for its first token gets an SSE comment after each such time, so that proxies do not take it "
     "for dead; 0 = none. The status 200 goes out with the first comment: a failure after that is an error event.",
     &ServerSettings::stream_keep_alive_ms, 0, an_hour_ms},
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
    {"pause_ms",
     "The longest pause before a candidate is asked again; doubles with each round. Each pause is drawn between 0 and "
     "that (full jitter), and begins when the provider's retry-after has passed.",
     &RetrySettings::pause_ms, 0, 60'000},
    {"longest_pause_ms", "A candidate whose retry-after asks for more is not waited for.",
     &RetrySettings::longest_pause_ms, 0, 600'000},
    {"budget_percent",
     "Retries of a target (provider/model), in percent of its other calls. Beyond it, it is not asked again for the "
     "same request.",
     &RetrySettings::budget_percent, 0, 1'000},
    {"budget_least", "Retries within half a minute that a target may have all the same.", &RetrySettings::budget_least,
     0, 10'000},
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

// Of a provider and of a route; 0 leaves it to the next: route, provider, `retry`.
inline constexpr Setting<catalog::Patience> patience_table[] = {
    {"connect_timeout_ms", "As under `retry`, here alone; 0 = as there.", &catalog::Patience::connect_timeout_ms, 0,
     600'000},
    {"first_token_timeout_ms", "As under `retry`, here alone; 0 = as there.",
     &catalog::Patience::first_token_timeout_ms, 0, an_hour_ms},
    {"answer_timeout_ms", "As under `retry`, here alone; 0 = as there.", &catalog::Patience::answer_timeout_ms, 0,
     an_hour_ms},
    {"stream_idle_timeout_ms", "As under `retry`, here alone; 0 = as there.",
     &catalog::Patience::stream_idle_timeout_ms, 0, an_hour_ms},
};

inline constexpr Setting<BreakerSettings> breaker_table[] = {
    {"failures",
     "A target (provider/model) is left alone after so many failed calls within about half a minute; 0 = never.",
     &BreakerSettings::failures, 0, 1'000'000},
    {"percent", "And only when they are at least so many percent of its calls.", &BreakerSettings::percent, 1, 100},
    {"first_ms", "For how long; then one request is the probe. Doubles with each probe that fails.",
     &BreakerSettings::first_ms, 10, an_hour_ms},
    {"longest_ms", "But for no longer than this.", &BreakerSettings::longest_ms, 10, 24 * an_hour_ms},
};

inline constexpr Setting<LimitSettings> limits_table[] = {
    {"in_flight", "Requests under way, of all keys together; more get 503.", &LimitSettings::in_flight, 1, 1'000'000},
    {"in_flight_per_key", "Requests under way of one key; more get 429.", &LimitSettings::in_flight_per_key, 1,
     1'000'000},
    {"self_hosted", "Calls under way of all self-hosted engines; 0 = no limit.", &LimitSettings::self_hosted, 0,
     1'000'000},
    {"hosted_open", "Calls under way of all providers of open weights; 0 = no limit.", &LimitSettings::hosted_open, 0,
     1'000'000},
    {"proprietary", "Calls under way of all vendors of models of their own; 0 = no limit.", &LimitSettings::proprietary,
     0, 1'000'000},
    {"queue",
     "Requests that may wait for a place at one provider or ground, the keys taking turns; beyond it the next "
     "candidate is asked, and a request without one gets 503.",
     &LimitSettings::queue, 0, 100'000},
    {"queue_ms", "How long one waits there at most; then as when the queue is full.", &LimitSettings::queue_ms, 0,
     600'000},
    {.name = "backend",
     .meaning = "Where limits of money, rates and requests at the same time are counted: local (this process alone) or "
                "redis (all processes with the same url and prefix). Needs a restart, as do the settings below.",
     .text = &LimitSettings::backend},
    {.name = "url",
     .meaning = "Redis 7 or Valkey: redis://[USER@]HOST[:PORT][/DATABASE] or unix:/PATH[?db=DATABASE]. No TLS: put a "
                "tunnel before it.",
     .text = &LimitSettings::url},
    {.name = "prefix",
     .meaning = "Of all keys in Redis. What stands in braces keeps them in one slot of a cluster.",
     .text = &LimitSettings::prefix},
    {.name = "password_env",
     .meaning = "Environment variable with the password for Redis; empty = none.",
     .text = &LimitSettings::password_env},
    {.name = "store_down",
     .meaning =
         "What limits do while Redis cannot be asked: fail_closed (503), local_slice_only (what this process has "
         "leased is used up, then 503) or fail_open (everything is let in, and counted afterwards). Empty = "
         "fail_closed for money, local_slice_only for the others. A limit of its own: `--store-down`.",
     .text = &LimitSettings::store_down},
    {"slice_permille", "Of a limit: how much a process leases ahead of need, in thousandths; 0 = nothing.",
     &LimitSettings::slice_permille, 0, 100},
    {"store_patience_ms", "How long a request waits for Redis to give what it needs; then 503.",
     &LimitSettings::store_patience_ms, 10, 60'000},
};

inline constexpr Setting<RouteSettings> route_table[] = {
    {"hold_tokens",
     "Start buffer: so many tokens of a stream (of 4 bytes) are held back, and while they are a stream that breaks, "
     "stalls or fails is rescued: another candidate is asked and the client sees its answer alone. 0 = none.",
     &RouteSettings::hold_tokens, 0, 1'000'000},
    {"hold_ms", "They are held back for no longer than this after the first of them.", &RouteSettings::hold_ms, 0,
     an_hour_ms},
    {"hold_whole",
     "1 = a stream is held back until it is whole (up to 8 MB), so that it can be rescued up to its end; the client "
     "gets it at once then.",
     &RouteSettings::hold_whole, 0, 1},
    {"hedge_after_ms",
     "When a candidate has not begun to answer by then, the next one is asked beside it; who begins first answers, the "
     "other is cancelled and billed as far as it went. 0 = never.",
     &RouteSettings::hedge_after_ms, 0, an_hour_ms},
    {.name = "hedge_most_usd",
     .meaning = "But only when the second call costs no more than this at worst, in USD.",
     .text = &RouteSettings::hedge_most_usd},
    {.name = "affinity",
     .meaning = "Among neighbours in the list that serve the same model on the same ground: `prefix` asks the one that "
                "has had the prompt's beginning before, so that its prompt cache is of use, while none gets more than "
                "its share; `session` the one that has the session; `off` always the first.",
     .text = &RouteSettings::affinity},
    {.name = "session_header",
     .meaning = "The request header that names the session. A request without it goes by its `prompt_cache_key`, or "
                "else by its prompt's beginning.",
     .text = &RouteSettings::session_header},
};

inline constexpr Setting<DifficultySettings> difficulty_table[] = {
    {.name = "model",
     .meaning = "File of the score that `sluice route train` has made; empty = none. Read with the configuration.",
     .text = &DifficultySettings::model},
};

inline constexpr Setting<ResponsesSettings> responses_table[] = {
    {"keep_days",
     "How long answers of /v1/responses are kept for previous_response_id, in the data directory and with their "
     "content, where the provider keeps none itself; 0 = not at all.",
     &ResponsesSettings::keep_days, 0, 3'650},
    {"max_mb", "What all of them together may take; then the oldest are deleted.", &ResponsesSettings::max_mb, 1,
     1 << 20},
};

inline constexpr Setting<LedgerSettings> ledger_table[] = {
    {.name = "durability",
     .meaning =
         "`group`: answers do not wait for the disk; a crash of the machine or `kill -9` loses at most the rows of "
         "the last 10 ms and of the write that is under way. `strict`: an answer, or a stream's end, goes out when "
         "the disk has its row.",
     .text = &LedgerSettings::durability},
    {"keep_days",
     "How long the ledger's rows and its log's segments are kept; sums by the hour and the day stay. Rows that a "
     "budget's window still needs stay, too. 0 = for ever.",
     &LedgerSettings::keep_days, 0, 36'500},
};

inline constexpr Setting<StoreSettings> store_table[] = {
    {.name = "backend",
     .meaning =
         "Where keys, organisations, teams, users, limits and the ledger are: `sqlite`, a file in the data "
         "directory, for one process; or `postgres`, for several. Each process keeps a data directory of its own "
         "for its log.",
     .text = &StoreSettings::backend},
    {.name = "url",
     .meaning =
         "Of PostgreSQL (13 or later): postgresql://USER:PASSWORD@HOST:5432/DATABASE, with libpq's options behind "
         "a `?`, such as sslmode=verify-full. Keep the password out of the file: ${NAME} or ${file:/path}.",
     .text = &StoreSettings::url},
    {.name = "schema",
     .meaning = "The schema of its tables: lower-case letters, digits and _. It is made when it is missing.",
     .text = &StoreSettings::schema},
    {"stale_limit_s",
     "While PostgreSQL cannot be reached, keys and limits are served as they were last seen, for so many seconds.",
     &StoreSettings::stale_limit_s, 0, 30 * 24 * 3'600},
    {.name = "when_stale",
     .meaning = "And then: `fail_closed` answers 503, as a key may have been revoked; `serve_stale` goes on.",
     .text = &StoreSettings::when_stale},
    {.name = "configuration",
     .meaning =
         "Where the rest of the configuration is: `file`; or `store`, where `sluice config push` puts it for all "
         "processes. Then this file says what needs a restart, and all else until something was pushed.",
     .text = &StoreSettings::configuration},
};

inline constexpr Setting<AlertSettings> alert_table[] = {
    {.name = "webhook",
     .meaning = "URL to which a JSON object is posted when 50, 80 and 100 per cent of a budget are used up, and for "
                "each anomaly; "
                "empty = none. It may have a query. It is a secret and never printed.",
     .text = &AlertSettings::webhook},
    {.name = "anomalies",
     .meaning = "Look at each hour's spend when it is over, and tell what is unusual.",
     .flag = &AlertSettings::anomalies},
    {.name = "anomaly_least_usd",
     .meaning = "What an hour must cost more than usual, in USD, to be told.",
     .text = &AlertSettings::anomaly_least_usd},
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

inline constexpr Setting<AdminSettings> admin_table[] = {
    {.name = "enabled",
     .meaning = "Whether the administration's API is there: /admin/v1/. Without an administration key nobody gets in.",
     .flag = &AdminSettings::enabled},
    {.name = "listen",
     .meaning = "An address of its own, such as 127.0.0.1:9090; it is nowhere else then. Empty = the server's address.",
     .text = &AdminSettings::listen},
    {.name = "hosts",
     .meaning = "Names by which it may be asked, with commas between; addresses and localhost always are.",
     .text = &AdminSettings::hosts},
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

inline constexpr Setting<OidcSettings> oidc_table[] = {
    {.name = "issuer",
     .meaning = "URL of the OpenID Connect issuer, exactly as its discovery document says it.",
     .text = &OidcSettings::issuer},
    {.name = "client_id", .meaning = "What the issuer calls Sluice.", .text = &OidcSettings::client_id},
    {.name = "redirect_url",
     .meaning = "Where the issuer sends browsers back to: https://HOST/admin/v1/auth/callback.",
     .text = &OidcSettings::redirect_url},
    {.name = "scopes",
     .meaning = "What is asked of the issuer, separated by blanks; must have `openid`.",
     .text = &OidcSettings::scopes},
    {"session_hours", "How long one stays signed in.", &OidcSettings::session_hours, 1, 720},
    {"leeway_seconds", "By how much the issuer's clock may differ from this machine's.", &OidcSettings::leeway_seconds,
     0, 300},
};

}  // namespace sluice::config
