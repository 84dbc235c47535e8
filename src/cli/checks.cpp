#include "cli/checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/utc.h"
#include "cli/connection.h"
#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/probe.h"
#include "cli/retirement.h"
#include "redis/connection.h"
#include "store/store.h"

namespace sluice::cli {
namespace {

using State = Check::State;
namespace fs = std::filesystem;

// The directory itself, or the nearest one above it that is there.
fs::path nearest_existing(fs::path path) {
  std::error_code ignored;
  path = fs::absolute(path, ignored);
  while (!fs::exists(path, ignored) && path.has_parent_path() && path != path.parent_path()) path = path.parent_path();
  return path;
}

bool may_write(const fs::path& directory) { return access(directory.c_str(), W_OK | X_OK) == 0; }

// No price in the catalogue is older: a machine that says so has lost its time.
constexpr Time earliest_plausible = std::chrono::sys_days(
    std::chrono::year_month_day(std::chrono::year(2026), std::chrono::January, std::chrono::day(1)));

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ", ")); }

}  // namespace

Check check_data_directory(const std::string& data_dir) {
  Check check{.name = "data directory", .detail = data_dir};
  struct stat status = {};
  if (stat(data_dir.c_str(), &status) != 0) {
    const fs::path parent = nearest_existing(data_dir);
    if (may_write(parent)) {
      check.detail += " does not exist yet; serve makes it";
      return check;
    }
    check.state = State::fail;
    check.detail += fmt::format(" does not exist and {} may not be written", parent.string());
    check.todo = "make it and give it to the user who runs sluice, or name another with --data";
  } else if (!S_ISDIR(status.st_mode)) {
    check.state = State::fail;
    check.detail += " is not a directory";
    check.todo = "name a directory with --data";
  } else if (!may_write(data_dir)) {
    check.state = State::fail;
    check.detail += " may not be written by this user";
    check.todo = "chown it to the user who runs sluice, or name another with --data";
  } else if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    check.state = State::warn;
    check.detail += " may be read by other users";
    check.todo = fmt::format("chmod 700 {}", data_dir);
  }
  return check;
}

Check check_disk_space(const std::string& data_dir) {
  std::error_code error;
  const fs::space_info space = fs::space(nearest_existing(data_dir), error);
  if (error)
    return {.name = "disk space",
            .state = State::warn,
            .detail = "cannot be read: " + error.message(),
            .todo = "look at it with df"};
  return judge_disk_space(space.available);
}

Check judge_disk_space(std::uintmax_t free_bytes) {
  Check check{.name = "disk space", .detail = fmt::format("{} MiB free", free_bytes >> 20)};
  if (free_bytes >= warn_below_free_bytes) return check;
  check.state = free_bytes < fail_below_free_bytes ? State::fail : State::warn;
  check.todo = "make room: a request that cannot be recorded is refused";
  return check;
}

std::vector<Check> check_ledger(const store::Home& home) {
  if (!has_store(home)) return {{.name = "ledger", .detail = "none yet"}};
  const auto broken = [](const Error& error) {
    return std::vector<Check>{{.name = "ledger", .state = State::fail, .detail = error.message, .todo = error.hint}};
  };
  auto store = store::Store::open(home);
  if (!store) return broken(store.error());
  const auto integrity = store->check();
  if (!integrity) return broken(integrity.error());
  std::vector<Check> checks;
  for (const std::string& finding : integrity->findings)
    checks.push_back({.name = "ledger",
                      .state = integrity->sound ? State::warn : State::fail,
                      .detail = finding,
                      .todo = "keep a copy of the data directory before anything else"});
  if (checks.empty())
    checks.push_back(
        {.name = "ledger",
         .detail = fmt::format(
             "sound: {} rows in {}, {} records in the log{}", integrity->ledger_rows,
             home.postgres ? "PostgreSQL" : "the database", integrity->log_records,
             integrity->rows_since_us == 0 ? "" : "; rows are kept since " + utc_text(integrity->rows_since_us))});
  return checks;
}

Check check_server(const std::string& data_dir, const Endpoint& listen) {
  Check check{.name = "server", .detail = {}};
  if (const auto serve = read_serve_file(data_dir)) {
    const auto status = probe(serve->url, "/health/ready");
    check.detail = fmt::format("process {} serves {}", serve->pid, serve->url);
    if (status == 200) return check;
    check.state = status ? State::warn : State::fail;
    check.detail += status ? fmt::format(", but is not ready (status {})", *status)
                           : ", but does not answer: " + status.error().message;
    check.todo = status ? "an engine may still be loading its model; see GET /health/ready"
                        : "look at its log, or start it again";
    return check;
  }
  const auto listening = try_to_listen(listen);
  if (listening) {
    check.detail = fmt::format("none is running; {} is free", place_text(listen));
    return check;
  }
  check.state = State::fail;
  check.detail = listening.error().message;
  check.todo = listening.error().hint.empty() ? "choose another address with --listen" : listening.error().hint;
  return check;
}

bool needs_no_key(const catalog::Provider& provider) {
  const bool cloud =
      provider.auth == catalog::AuthKind::aws_sigv4 || provider.auth == catalog::AuthKind::google_service_account;
  return provider.api_key.empty() && !cloud;
}

std::vector<Check> check_limits(const config::Snapshot& snapshot) {
  const config::LimitSettings& limits = snapshot.limits();
  if (limits.backend != "redis") return {};
  const auto seen = [&]() -> Result<std::string> {
    redis::Connection::Options options;
    TRY(options.address, redis::Address::parse(limits.url));
    options.password = limits.password;
    TRY(redis::Connection connection, redis::Connection::open(options));
    TRY(const redis::Reply info, connection.call({"INFO", "server"}));
    if (info.kind == redis::Reply::Kind::error)
      return fail(ErrorKind::unavailable, "Redis at " + options.address.text() + " answers: " + info.text,
                  "look at limits.password_env and at the access list of Redis");
    constexpr std::string_view name = "redis_version:";
    const std::size_t at = info.text.find(name);
    const std::string version =
        at == std::string::npos ? "?" : info.text.substr(at + name.size(), info.text.find('\r', at) - at - name.size());
    return "Redis " + version + " at " + options.address.text() + " answers";
  }();
  if (seen) return {{.name = "limits", .detail = *seen}};
  return {{.name = "limits", .state = State::fail, .detail = seen.error().message, .todo = seen.error().hint}};
}

Check check_providers(const config::Snapshot& snapshot) {
  std::vector<std::string> enabled;
  constexpr std::size_t most_ways = 8;  // dozens of vendors are known; `sluice models --all` has them all
  std::vector<std::string> ways;
  std::vector<std::string> missed;  // whoever lists a provider means to call it
  for (const catalog::Provider& provider : snapshot.providers()) {
    if (provider.listed && !provider.enabled) missed.push_back(provider.id.str() + ": " + provider.how_to_enable);
    if (provider.enabled)
      enabled.push_back(provider.engine          ? provider.id.str() + " (engine)"
                        : needs_no_key(provider) ? provider.id.str() + " (no key needed)"
                                                 : provider.id.str() + " (key present)");
    else if (!provider.how_to_enable.empty() && ways.size() < most_ways)
      ways.push_back(provider.how_to_enable);
  }
  if (!enabled.empty())
    return {.name = "providers",
            .state = missed.empty() ? State::ok : State::warn,
            .detail = joined(enabled),
            .todo = joined(missed)};
  return {.name = "providers",
          .state = State::fail,
          .detail = "none may be called",
          .todo = ways.empty() ? "add one under `providers:` of the configuration" : "one of: " + joined(ways)};
}

Check check_retirements(const config::Snapshot& snapshot, catalog::Date when) {
  constexpr std::size_t most_named = 8;  // more do not fit into a line; `sluice models --all` has them all
  std::vector<std::string> ending;
  for (const config::Target& route : snapshot.routes())
    for (const config::Candidate* candidate : route.candidates) {
      if (!candidate->provider->enabled || !candidate->model) continue;
      const bool retired = candidate->model->retired(when);
      if ((!retired && !retires_soon(*candidate, when)) || ending.size() >= most_named) continue;
      std::string text =
          candidate->name + " in `" + route.name + "` " + retirement_text(*candidate->model->retires, when);
      if (std::ranges::find(ending, text) == ending.end()) ending.push_back(std::move(text));
    }
  if (ending.empty()) return {.name = "models", .detail = "no route relies on one that its provider stops soon"};
  return {.name = "models",
          .state = State::warn,
          .detail = fmt::format("{}", fmt::join(ending, "; ")),
          .todo = "try another one, and name it under `models:` of the configuration"};
}

std::vector<Check> check_engines(const config::Snapshot& snapshot, const engines::Environment& environment) {
  std::vector<Check> checks;
  for (const config::EngineSettings& engine : snapshot.engines()) {
    engines::LlamaServerCommand prepare(
        {.program = engine.llama_server, .model = engine.path, .sha256 = engine.sha256, .arguments = {}}, environment);
    Check check{.name = "engine " + engine.name, .detail = {}};
    if (const auto command = prepare("doctor.sock")) {
      check.detail = fmt::format("{} and its model are there", command->program);
    } else {
      check.state = State::fail;
      check.detail = command.error().message;
      check.todo = command.error().hint;
    }
    checks.push_back(std::move(check));
  }
  if (checks.empty()) checks.push_back({.name = "engine", .detail = "none is configured"});
  return checks;
}

Check judge_certificates(const net::Authorities& authorities) {
  Check check{.name = "certificates", .detail = {}};
  const std::string& file = authorities.file;
  if (authorities.in_file == 0 && authorities.in_directory == 0) {
    check.state = State::fail;
    check.detail =
        fmt::format("no authority is in {} nor in {}: no provider can be verified, so none over TLS is called", file,
                    authorities.directory);
    check.todo = "apt-get install ca-certificates, or let SSL_CERT_FILE name a PEM file with the authorities to trust";
    return check;
  }
  check.detail = authorities.in_file > 0
                     ? fmt::format("{} authorities in {}", authorities.in_file, file)
                     : fmt::format("{} authorities in {}", authorities.in_directory, authorities.directory);
  if (authorities.in_file == 0 && authorities.file_is_named) {
    check.state = State::warn;
    check.detail += fmt::format("; SSL_CERT_FILE names {}, where there is none", file);
    check.todo = "let SSL_CERT_FILE name a PEM file with certificates, or unset it";
  }
  return check;
}

Check check_clock(const std::optional<store::Home>& home) {
  const std::int64_t now_us = store::wall_clock_us();
  const Time now(std::chrono::floor<std::chrono::milliseconds>(std::chrono::microseconds(now_us)));
  Check check{.name = "clock", .detail = time_text(now)};
  std::int64_t newest_us = 0;
  if (home && has_store(*home))
    if (auto store = store::Store::open(*home))
      if (const auto last = store->last_entries(1); last && !last->empty()) newest_us = last->front().entry.start_us;
  if (now < earliest_plausible || now_us < newest_us) {
    check.state = State::fail;
    check.detail +=
        now < earliest_plausible ? " is before this program was written" : " is before the last request in the ledger";
    check.todo = "set the clock: prices and budgets go by the date (timedatectl set-ntp true)";
    return check;
  }
  timex status = {};
  if (const int state = adjtimex(&status); state == TIME_ERROR || (status.status & STA_UNSYNC) != 0) {
    check.detail += ", not synchronised as far as the kernel knows";
  }
  return check;
}

Check check_open_files() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return {.name = "open files",
            .state = State::warn,
            .detail = std::string("cannot be read: ") + std::strerror(errno),
            .todo = "look at it with ulimit -n"};
  return judge_open_files(limit.rlim_max);
}

Check judge_open_files(std::uint64_t limit) {
  Check check{.name = "open files", .detail = fmt::format("at most {}", limit)};
  if (limit >= wanted_open_files) return check;
  check.state = limit < fewest_open_files ? State::fail : State::warn;
  check.todo = fmt::format("raise the limit to {} (ulimit -n, LimitNOFILE= of systemd)", wanted_open_files);
  return check;
}

}  // namespace sluice::cli
