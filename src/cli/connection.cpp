#include "cli/connection.h"

#include <fmt/format.h>

#include <signal.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "cli/data_store.h"
#include "cli/http_transport.h"
#include "cli/load_config.h"
#include "dialects/openai_chat/openai_chat.h"
#include "json/json.h"
#include "serve/control_socket.h"
#include "store/store.h"

namespace sluice::cli {
namespace {

constexpr std::size_t most_serve_file_bytes = 16 * 1024;                 // a path of 4,096 bytes, escaped, is the most
constexpr auto ledger_settles_within = std::chrono::milliseconds(1000);  // it is written within milliseconds
constexpr auto pause_between_looks = std::chrono::milliseconds(20);
constexpr std::size_t rows_to_search = 100;  // that other clients may have added meanwhile

// Ended by a signal that nobody can catch, a server leaves its file behind.
bool is_running(std::int64_t pid) { return pid > 0 && (kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM); }

std::unexpected<Error> not_serving(const Invocation& invocation, std::string_view else_name) {
  return std::unexpected(Error{.kind = ErrorKind::unavailable,
                               .message = fmt::format("no sluice is serving {}", invocation.data_dir),
                               .hint = fmt::format("start it with: sluice serve (or name {})", else_name),
                               .code = not_serving_code});
}

}  // namespace

void add_connection_flags(CLI::App& verb, ConnectionFlags& flags) {
  verb.add_option("--url", flags.url, "The server (SLUICE_URL; default: the one that serves the data directory)")
      ->type_name("URL|unix:/PATH");
  verb.add_option("--key", flags.key, "Its key (SLUICE_API_KEY; default: a temporary one from the data directory)")
      ->type_name("KEY");
}

std::optional<ServeFile> read_serve_file(const std::string& data_dir) {
  std::ifstream file(data_dir + "/serve.json", std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(most_serve_file_bytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  const auto document = json::Document::parse(text);
  if (!document) return std::nullopt;
  const auto url = document->root()["url"].string();
  if (!url) return std::nullopt;
  const std::int64_t pid = document->root()["pid"].integer().value_or(0);
  if (!is_running(pid)) return std::nullopt;
  return ServeFile{
      .url = std::string(*url), .pid = pid, .config = std::string(document->root()["config"].string().value_or(""))};
}

Result<std::string> server_url(const ConnectionFlags& flags, const Invocation& invocation) {
  if (!flags.url.empty()) return flags.url;
  if (const auto url = invocation.console.variable("SLUICE_URL")) return *url;
  if (const auto serve = read_serve_file(invocation.data_dir)) return serve->url;
  return not_serving(invocation, "a server with --url or SLUICE_URL");
}

Result<std::string> order_server(const Invocation& invocation, std::string_view line, std::chrono::seconds within) {
  if (!read_serve_file(invocation.data_dir)) return not_serving(invocation, "its data directory with --data");
  return serve::call_server(invocation.data_dir, line, within);
}

Result<Connection> Connection::open(const ConnectionFlags& flags, const Invocation& invocation) {
  TRY(std::string url, server_url(flags, invocation));
  std::string key = flags.key.empty() ? invocation.console.variable("SLUICE_API_KEY").value_or("") : flags.key;
  TRY(const store::Home home, home_of(invocation));
  if (key.empty() && !has_store(home))
    return fail(ErrorKind::unauthenticated, fmt::format("no key for {}", url),
                "name one with --key or SLUICE_API_KEY, or the server's data directory with --data");
  Connection connection(std::move(url), Secret(std::move(key)), invocation);
  CHECK_OK(connection.connect());
  return connection;
}

Result<void> Connection::connect() {
  if (key_.empty()) {
    TRY(store::NewKey like, key_by_configuration("", *invocation_));
    TRY(const store::Home home, home_of(*invocation_));
    TRY(own_key_, TemporaryKey::make(home, std::move(like)));
  }
  TRY(transport_, another());
  return {};
}

Result<std::unique_ptr<ChatTransport>> Connection::another() const {
  HttpTarget target{.url = url_, .key = own_key_ ? own_key_->secret() : key_};
  return http_transport(std::move(target), dialects::make_openai_chat(), invocation_->console.interrupted);
}

Result<Answer> Connection::ask(const chat::ChatRequest& request, const OnText& on_text) {
  if (own_key_ && own_key_->stale()) CHECK_OK(connect());
  TRY(Answer answer, transport_->ask(request, on_text));
  if (answer.facts.cost_usd.empty() && !answer.facts.request_id.empty())
    if (const auto home = home_of(*invocation_); home && has_store(*home))
      answer.facts.cost_usd = settled_cost(*home, answer.facts.request_id);
  return answer;
}

std::string settled_cost(const store::Home& home, const std::string& request_id) {
  const auto give_up = std::chrono::steady_clock::now() + ledger_settles_within;
  auto store = store::Store::open(home);
  while (store && store->fold()) {
    const auto entries = store->last_entries(rows_to_search);
    if (!entries) break;
    std::optional<Money> sum = Money();
    bool found = false;
    for (const store::LoggedEntry& logged : *entries) {
      if (logged.entry.request_id.str() != request_id) continue;
      found = found || logged.entry.final;
      sum = sum && logged.entry.cost ? std::optional(*sum + *logged.entry.cost) : std::nullopt;
    }
    if (found) return sum ? sum->usd() : "unpriced";
    if (std::chrono::steady_clock::now() >= give_up) break;
    std::this_thread::sleep_for(pause_between_looks);
  }
  return {};
}

}  // namespace sluice::cli
