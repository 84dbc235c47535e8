// How `chat` and `run` find the server and get in: its address, and a key.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/chat_transport.h"
#include "cli/temporary_key.h"
#include "cli/verb.h"
#include "store/home.h"

namespace sluice::cli {

struct ConnectionFlags {
  std::string url;  // --url, SLUICE_URL
  std::string key;  // --key, SLUICE_API_KEY
};

void add_connection_flags(CLI::App& verb, ConnectionFlags& flags);

// The file that a running server leaves in its data directory:
// {"url":"http://127.0.0.1:8080","pid":4711,"config":"/etc/sluice.yaml"}.
struct ServeFile {
  std::string url;
  std::int64_t pid = 0;
  std::string config;  // absolute path; empty: it runs without one
};
// Empty when there is none, it is not such a file, or the process that left it is gone.
std::optional<ServeFile> read_serve_file(const std::string& data_dir);

// --url, else SLUICE_URL, else what the data directory's serve.json says. Error: not_serving_code.
Result<std::string> server_url(const ConnectionFlags& flags, const Invocation& invocation);

// Sends one line of JSON to the server that serves this data directory, and gives its answer's line, waiting `within`
// at most. Errors: not_serving_code, and those of serve::call_server.
Result<std::string> order_server(const Invocation& invocation, std::string_view line, std::chrono::seconds within);

// An open way to the server.
class Connection {
 public:
  // With neither --key nor SLUICE_API_KEY it makes a TemporaryKey in the data directory: whoever may write there may
  // make keys. `invocation` must outlive the connection.
  static Result<Connection> open(const ConnectionFlags& flags, const Invocation& invocation);

  // Asks, and completes a streamed answer's facts: its cost is known only after its headers were sent, so it is read
  // from the ledger when the data directory is the server's.
  Result<Answer> ask(const chat::ChatRequest& request, const OnText& on_text);

  // Another way to the same server with the same key, for one thread at a time: so several may ask at once. The
  // connection must outlive it.
  Result<std::unique_ptr<ChatTransport>> another() const;

 private:
  Connection(std::string url, Secret key, const Invocation& invocation)
      : url_(std::move(url)), key_(std::move(key)), invocation_(&invocation) {}
  Result<void> connect();

  std::string url_;
  Secret key_;  // empty: own_key_ counts
  const Invocation* invocation_;
  std::optional<TemporaryKey> own_key_;
  std::unique_ptr<ChatTransport> transport_;
};

// What a request cost, from the ledger; waits up to a second for its row. Empty when there is none; "unpriced".
std::string settled_cost(const store::Home& home, const std::string& request_id);

}  // namespace sluice::cli
