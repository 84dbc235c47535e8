// The settings of Sluice as plain values, with their defaults. What each means, its bounds and its name in the file
// stand once, in settings_table.h; the reader, the JSON Schema and the reference page come from there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/certificate.h"
#include "base/data_class.h"
#include "base/money.h"
#include "base/secret.h"
#include "catalog/provider.h"

namespace sluice::config {

struct ServerSettings {
  std::string listen = "127.0.0.1:8080";
  Endpoint listen_endpoint = {};     // parsed from `listen`
  std::string tls_certificate = "";  // "" = no TLS
  std::string tls_key = "";
  ServerCertificate certificate = {};  // read from these
  std::int64_t threads = 0;            // 0 = one for each core
  std::int64_t max_streams = 128;
  std::int64_t max_connections = 10'000;
  std::int64_t max_body_bytes = 32 << 20;
  std::int64_t max_header_bytes = 64 << 10;
  std::int64_t header_timeout_ms = 10'000;
  std::int64_t body_timeout_ms = 60'000;
  std::int64_t idle_timeout_ms = 75'000;
  std::int64_t stream_keep_alive_ms = 0;  // 0 = no comments
  std::int64_t unready_ms = 0;
  std::int64_t drain_timeout_ms = 30'000;
  bool watch_config = true;
};

struct RetrySettings {
  std::int64_t attempts = 3;
  std::int64_t pause_ms = 200;
  std::int64_t longest_pause_ms = 5'000;
  std::int64_t budget_percent = 20;
  std::int64_t budget_least = 10;
  std::int64_t connect_timeout_ms = 5'000;
  std::int64_t first_token_timeout_ms = 120'000;
  std::int64_t answer_timeout_ms = 300'000;
  std::int64_t stream_idle_timeout_ms = 60'000;
  std::int64_t total_timeout_ms = 600'000;
};

// The administration's API.
struct AdminSettings {
  bool enabled = true;
  std::string listen = "";                   // "" = at the server's address
  Endpoint listen_endpoint = {};             // parsed from `listen`
  std::string hosts = "";                    // "a.example, b.example"
  std::vector<std::string> host_names = {};  // those
};

// When a target (provider/model) is left alone because its calls fail.
struct BreakerSettings {
  std::int64_t failures = 5;  // 0 = never
  std::int64_t percent = 50;
  std::int64_t first_ms = 5'000;
  std::int64_t longest_ms = 120'000;
};

// How many requests may be under way, and wait, at the same time.
struct LimitSettings {
  std::int64_t in_flight = 16'384;         // 10 KB of state each are 160 MB
  std::int64_t in_flight_per_key = 1'024;  // above what one application needs, below the machine's sockets
  std::int64_t self_hosted = 0;            // 0 = no limit
  std::int64_t hosted_open = 0;
  std::int64_t proprietary = 0;
  std::int64_t queue = 256;
  std::int64_t queue_ms = 2'000;
  // Where the limits of keys, teams and the like are counted.
  std::string backend = "local";
  std::string url;
  std::string prefix = "{sluice}:";
  std::string password_env;
  std::string store_down;                  // empty: by what the limit counts
  std::int64_t slice_permille = 10;        // 100 processes strand nothing: a slice is an eighth of the rest at most
  std::int64_t store_patience_ms = 5'000;  // a store that has started anew gives nothing for 3 s
  Secret password;                         // of the variable
};

// By what requests are kept at the same one of several candidates that serve one model.
enum class AffinityKind : std::uint8_t { off, prefix, session };
constexpr std::string_view name(AffinityKind kind) {
  return kind == AffinityKind::prefix ? "prefix" : kind == AffinityKind::session ? "session" : "off";
}

// What one route does otherwise than the others.
struct RouteSettings {
  std::int64_t hold_tokens = 0;  // 0 = a stream goes out with its first token
  std::int64_t hold_ms = 1'000;
  std::int64_t hold_whole = 0;      // 1 = all of it is held back
  std::int64_t hedge_after_ms = 0;  // 0 = no second call beside the first
  std::string hedge_most_usd = "0.01";
  Money hedge_most = {};  // parsed from `hedge_most_usd`
  std::string affinity = "off";
  AffinityKind affinity_kind = AffinityKind::off;  // parsed from `affinity`
  std::string session_header = "x-session-id";     // lower case
  catalog::Patience patience = {};                 // with every candidate of the route
};

// Responses of the Responses API that Sluice keeps for providers that keep none.
struct ResponsesSettings {
  std::int64_t keep_days = 30;  // 0 = none is kept
  std::int64_t max_mb = 1'024;  // of all; then the oldest go
};

// What says how hard a request is.
struct DifficultySettings {
  std::string model = "";  // a file; "" = nothing does
};

// When an answer may end, and how long the ledger's rows are kept.
struct LedgerSettings {
  std::string durability = "group";  // "group" or "strict"
  bool strict = false;               // parsed from `durability`
  std::int64_t keep_days = 0;        // of rows and of log segments; 0 = for ever
};

// Where keys, limits and the ledger are.
struct StoreSettings {
  std::string backend = "sqlite";
  std::string url = "";                    // of PostgreSQL; with a password
  std::string schema = "sluice";           // in it
  std::int64_t stale_limit_s = 300;        // how old what is known of keys may be while PostgreSQL is away
  std::string when_stale = "fail_closed";  // and then: fail_closed, serve_stale
  std::string configuration = "file";      // where the configuration is: file, store
  bool has_configuration() const { return configuration == "store"; }
  bool on_postgres() const { return backend == "postgres"; }

  friend bool operator==(const StoreSettings&, const StoreSettings&) = default;
};

// Who is told when a share of a budget is used up, besides the log and the metrics.
struct AlertSettings {
  std::string webhook = "";        // URL; "" = nobody
  BaseUrl webhook_url = {};        // parsed from `webhook`
  std::string webhook_query = "";  // with its `?`; of `webhook`
  bool anomalies = true;
  std::string anomaly_least_usd = "1";
  Money anomaly_least = Money::pico(Money::pico_per_usd);  // parsed from it
};

// What a new virtual key gets when `keys create` does not say otherwise.
struct KeyDefaults {
  std::string budget_usd = "";           // decimal USD; "" = no budget
  std::int64_t requests_per_minute = 0;  // 0 = no limit
  std::int64_t tokens_per_minute = 0;    // 0 = no limit
  std::string data_class = "internal";
  DataClass data_class_value = DataClass::internal;  // parsed from `data_class`
};

// An engine that Sluice starts and supervises. Its name is the id of its provider.
struct EngineSettings {
  std::string name = {};
  std::string model = "smollm2-135m-instruct";  // the name that clients use
  std::string path = "";                        // GGUF file; "" = the model that `dev setup` has fetched
  std::string sha256 = "";                      // of that file; "" = not checked
  std::int64_t context = 8'192;                 // tokens, shared by the slots
  std::int64_t threads = 0;                     // 0 = one for each core
  std::int64_t parallel = 2;                    // slots: requests that are answered at the same time
  std::vector<std::string> args = {};           // more arguments for llama-server, as they are
  std::string llama_server = "";                // "" = SLUICE_LLAMA_SERVER, else PATH, else the fetched one

  friend bool operator==(const EngineSettings&, const EngineSettings&) = default;
};

}  // namespace sluice::config
