#include "serve/serve.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <span>

#include "base/cores.h"
#include "dialects/anthropic_messages/anthropic_messages.h"
#include "dialects/bedrock_converse/bedrock_converse.h"
#include "dialects/gemini/gemini.h"
#include "dialects/openai_chat/openai_chat.h"
#include "dialects/openai_operations/openai_operations.h"
#include "dialects/openai_responses/openai_responses.h"
#include "dialects/resources/resources.h"
#include "engines/llama_server.h"
#include "engines/supervisor.h"
#include "redis/connection.h"
#include "serve/administration.h"
#include "serve/alerts.h"
#include "serve/banner.h"
#include "serve/claims.h"
#include "serve/configuration.h"
#include "serve/default_key.h"
#include "serve/home.h"
#include "serve/main_loop.h"
#include "serve/records.h"
#include "serve/spend_watch.h"
#include "serve/startup_memory.h"
#include "serve/upgrade.h"
#include "serve/worker.h"
#include "store/corrections.h"
#include "store/data_directory.h"

namespace sluice::serve {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

store::LiveStore::Options store_options(const config::StoreSettings& settings, bool shares_limits) {
  store::LiveStore::Options options{.shared_limits = shares_limits};
  if (!settings.on_postgres()) return options;
  options.key_poll_ms = milliseconds(250);  // a look is a question over the network; notices come sooner
  if (settings.when_stale == "fail_closed") options.stale_limit = seconds(settings.stale_limit_s);
  return options;
}

int refuse(const Error& error) {
  std::cerr << "sluice: " << error.message << (error.hint.empty() ? "" : "\n  " + error.hint) << "\n";
  return 1;
}

Result<std::shared_ptr<const config::Snapshot>> load_config(const ServeOptions& options) {
  TRY(config::Loaded loaded, read_configuration(options, nullptr));
  std::cerr << loaded.diagnostics.render(isatty(STDERR_FILENO));
  if (!loaded.snapshot)
    return fail(ErrorKind::unavailable, "the configuration has errors",
                "`sluice config validate` shows them without starting");
  return loaded.snapshot;
}

// Tells the CLI where this server is and what it runs; gone when it stops.
class AddressFile {
 public:
  AddressFile(const std::string& data_dir, const std::string& url, const std::optional<std::string>& config)
      : path_(data_dir + "/serve.json") {
    std::error_code ignored;
    std::string text;
    json::Writer(text)
        .begin_object()
        .member("url", url)
        .member("pid", static_cast<std::int64_t>(getpid()))
        .member("config", config ? std::filesystem::absolute(*config, ignored).string() : "")
        .end_object();
    // As a whole or not at all: a reader never sees half of it.
    std::ofstream file(path_ + ".new");
    file << text << "\n";
    file.close();
    if (file) std::filesystem::rename(path_ + ".new", path_, ignored);
  }
  ~AddressFile() {
    std::error_code ignored;
    if (!left_) std::filesystem::remove(path_, ignored);
  }
  void leave() { left_ = true; }  // another server's lies there by now

 private:
  std::string path_;
  bool left_ = false;
};

gateway::EngineState route_state(const engines::Supervisor& engines, const ProviderId& id) {
  const engines::Engine* engine = engines.find(id.str());
  if (!engine) return gateway::EngineState::absent;
  switch (engine->state()) {
    case engines::EngineState::ready: return gateway::EngineState::ready;
    case engines::EngineState::starting:
    case engines::EngineState::restarting: return gateway::EngineState::starting;
    case engines::EngineState::missing:
    case engines::EngineState::failed:
    case engines::EngineState::stopped: break;
  }
  return gateway::EngineState::failed;
}

std::optional<Endpoint> endpoint_of(const engines::Supervisor& engines, const ProviderId& id) {
  const engines::Engine* engine = engines.find(id.str());
  if (!engine || engine->state() != engines::EngineState::ready) return std::nullopt;
  return engine->endpoint();
}

// Two servers at once, while one takes over from the other, have their engines' sockets in two places.
std::string engine_directory(const std::string& data_dir, int generation) {
  if (generation % 2 == 0) return data_dir;
  const std::string other = data_dir + "/upgraded";
  std::error_code ignored;
  std::filesystem::create_directory(other, ignored);
  return other;
}

// An engine that does not come up is no reason to wait for ever: the old server had tried it as well.
void wait_for_engines(const engines::Supervisor& engines, const config::Snapshot& snapshot) {
  constexpr seconds longest{90};
  const auto end = std::chrono::steady_clock::now() + longest;
  const auto starts = [&](const config::EngineSettings& engine) {
    const std::optional<engines::EngineStatus> status = engines.status(engine.name);
    return status && status->state == engines::EngineState::starting;
  };
  while (std::ranges::any_of(snapshot.engines(), starts) && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(milliseconds(50));
}

Result<void> start_engines(engines::Supervisor& engines, const config::Snapshot& snapshot,
                           const std::string& data_dir) {
  const engines::Environment environment = engines::process_environment();
  for (const config::EngineSettings& settings : snapshot.engines()) {
    // The model's name in answers is the configured one, not a path of this machine. Where a request does not say,
    // small models get what keeps them from wandering and from never ending.
    std::vector<std::string> arguments = {"--alias", settings.model, "--temp", "0.2", "--predict", "1024"};
    arguments.insert(arguments.end(), settings.args.begin(), settings.args.end());
    const engines::LlamaServerSettings command{.program = settings.llama_server,
                                               .model = settings.path,
                                               .sha256 = settings.sha256,
                                               .context_tokens = static_cast<int>(settings.context),
                                               .slots = static_cast<int>(settings.parallel),
                                               .threads = static_cast<int>(settings.threads),
                                               .arguments = std::move(arguments)};
    CHECK_OK(engines.add(
        {.name = settings.name, .prepare = engines::LlamaServerCommand(command, environment), .directory = data_dir}));
  }
  return {};
}

constexpr std::string_view disk_is_behind =
    "the disk of the data directory does not take the records as fast as they come, or hangs";

// Why nobody can be served, in one sentence; empty when somebody can.
std::string readiness_problem(store::LiveStore& store, const gateway::SnapshotCell& snapshots,
                              const engines::Supervisor& engines, bool stopping) {
  if (stopping) return "the server stops";
  if (store.keys_are_stale()) return std::string(store::keys_unknown);
  if (store.refuses_new_work()) {
    const std::string problem = store.health().problem();
    return problem.empty() ? std::string(disk_is_behind) : problem;
  }
  const auto snapshot = snapshots.load();
  std::string waiting;  // stays empty when nothing is configured: waiting would not change that
  for (const catalog::Provider& provider : snapshot->providers()) {
    if (!provider.enabled) continue;
    if (!provider.engine) return {};
    const std::optional<engines::EngineStatus> status = engines.status(provider.id.str());
    if (!status) continue;
    if (status->state == engines::EngineState::ready) return {};
    waiting = "the engine '" + provider.id.str() + "' is " + std::string(engines::state_name(status->state)) +
              (status->reason.empty() ? "" : ": " + status->reason);
  }
  return waiting;
}

// One line when the store begins to fail or fails otherwise, and one when it is well again.
void tell_store_problem(telemetry::Log& log, const store::LiveStore& store, const store::ResourceDesk& desk,
                        std::string& told) {
  std::string problem = store.health().problem();
  if (problem.empty() && store.refuses_new_work()) problem = disk_is_behind;
  if (problem.empty()) problem = desk.problem();
  if (problem == told) return;
  told = std::move(problem);
  if (told.empty())
    log.info("the store is well again");
  else
    log.error("the store has a problem", {{"problem", told}});
}

// The same of the store of shared limits.
void tell_limits_problem(telemetry::Log& log, const std::string& problem, std::string& told) {
  if (problem.empty() == told.empty()) return;
  told = problem;
  if (told.empty())
    log.info("the store of shared limits answers");
  else
    log.error("the store of shared limits has a problem", {{"problem", told}});
}

Result<std::unique_ptr<gateway::Leases>> make_leases(const config::Snapshot& snapshot, const std::string& data_dir,
                                                     store::LiveStore& store, telemetry::LimitMetrics& metrics,
                                                     gateway::Admission& admission) {
  const config::LimitSettings& limits = snapshot.limits();
  gateway::Leases::Options options{.prefix = limits.prefix, .slice_permille = limits.slice_permille};
  TRY(options.redis.address, redis::Address::parse(limits.url));
  options.redis.password = limits.password;
  TRY(options.process, store::instance_of(data_dir));
  if (const auto rule = store::read_store_down(limits.store_down)) options.money_down = options.rates_down = *rule;
  options.patience_ms = milliseconds(limits.store_patience_ms);
  return std::make_unique<gateway::Leases>(
      std::move(options),
      gateway::Leases::Source{
          .lines = [&store] { return store.keys()->all_lines(); },
          .generation = [&store] { return store.keys_generation(); },
          .on_round_trip = [&metrics](double took_s) { metrics.round_trip.with().observe(took_s); },
          .on_answer = [&metrics](std::string_view answer) { metrics.store_calls.with(answer).add(); },
          .on_alert =
              [&admission](const store::Line& line, int percent) {
                admission.tell(line.rule, gateway::LimitEvent::What::alert, percent,
                               line.state->account.standing(store::wall_clock_us()));
              }});
}

// Null: this process has nobody to agree with.
Result<std::unique_ptr<Claims>> make_claims(const config::Snapshot& snapshot, const store::Home& home) {
  std::unique_ptr<Claims> claims;
  const config::LimitSettings& limits = snapshot.limits();
  if (home.postgres) {
    claims = std::make_unique<DatabaseClaims>(home);
  } else if (limits.backend == "redis") {
    redis::Connection::Options options{.password = limits.password};
    TRY(options.address, redis::Address::parse(limits.url));
    claims = std::make_unique<RedisClaims>(std::move(options), limits.prefix);
  }
  return claims;
}

// The announcement stays in one piece where the log goes to the same terminal. True when a signal came meanwhile.
bool announce_to_people(telemetry::Log& log, Announcement announcement) {
  std::optional<telemetry::Log::Hold> hold;
  if (announcement.to_terminal && isatty(STDERR_FILENO) == 1) hold.emplace(log);
  return announce(std::cout, std::move(announcement));
}

struct FirstKey {
  std::optional<Secret> secret;  // empty: keys were there already
};

Result<FirstKey> ensure_first_key(store::LiveStore& store, const config::Snapshot& snapshot) {
  TRY(const std::vector<store::KeyReport> keys, store.store().list_keys(true));
  if (!keys.empty()) return FirstKey{};
  store::NewKey wanted = default_key(snapshot.key_defaults());
  wanted.name = "default";
  Result<store::CreatedKey> made = store.store().create_key(wanted, store::wall_clock_us());
  if (!made) {  // another process that started at the same moment may have been faster
    TRY(const std::vector<store::KeyReport> since, store.store().list_keys(true));
    if (!since.empty()) return FirstKey{};
  }
  TRY(store::CreatedKey created, std::move(made));
  (void)store.reload_keys();  // the key is made and must be shown; the store goes on trying to load it
  return FirstKey{std::move(created.secret)};
}

// First nobody is ready any more, then nobody new is let in, then what runs ends, or is ended. Another signal to stop
// means: now.
void part_with_clients(std::span<const std::unique_ptr<Worker>> workers, MainLoop& loop,
                       const config::ServerSettings& settings) {
  constexpr milliseconds look_again{20};
  for (const auto& worker : workers) worker->leave();
  const bool hurry = loop.wait(milliseconds(settings.unready_ms));
  for (const auto& worker : workers) worker->drain(milliseconds(hurry ? 0 : settings.drain_timeout_ms));
  while (!std::ranges::all_of(workers, [](const auto& worker) { return worker->ended(); }))
    if (loop.wait(look_again))
      for (const auto& worker : workers) worker->cut();
}

// What an upgrade needs of the server that runs.
struct Running {
  const Program& program;
  const Signals& signals;
  store::LiveStore& store;
  const gateway::Health& health;
  std::span<const std::unique_ptr<Worker>> workers;
  telemetry::Log& log;
  gateway::Leases* leases = nullptr;
  int generation = 0;
};

Error aborted(const Channel& channel, const std::optional<Channel::Message>& message, const char* otherwise) {
  (void)channel;
  if (message && message->kind == Saying::failed) {
    const std::size_t line = message->text.find('\n');
    return {.kind = ErrorKind::unavailable,
            .message = "the new program did not take over: " + message->text.substr(0, line),
            .hint = line == std::string::npos ? "" : message->text.substr(line + 1)};
  }
  return {.kind = ErrorKind::unavailable,
          .message = std::string("the new program did not take over: ") + otherwise,
          .hint = "this server goes on; what the new one has said stands in the log"};
}

// While the reactors stand still: gives the books to the new process and waits until that serves. On an error the books
// are back.
Result<void> hand_books_over(const Running& running, Heir& heir) {
  constexpr seconds to_write{5};
  constexpr seconds to_serve{10};
  CHECK_OK(running.store.hand_over([&](std::string_view record) { return heir.record(Saying::ledger, record); },
                                   [&](std::string_view record) { return heir.record(Saying::audit, record); },
                                   to_write));
  heir.inherit(*running.store.keys());
  heir.inherit(running.health);
  for (const auto& worker : running.workers)
    worker->tell_reservations([&](const gateway::Reservation& reservation) { heir.inherit(reservation); });
  heir.channel().say(Saying::cut);
  const auto answer = heir.channel().hear(to_serve);
  if (answer && answer->kind == Saying::serves) return {};
  return std::unexpected(aborted(heir.channel(), answer, "it did not begin to serve"));
}

// Starts the new program and lets it take over. On an error everything is as before. `heir` outlives the requests.
Result<pid_t> upgrade(const Running& running, std::unique_ptr<Heir>& heir) {
  constexpr seconds to_prepare{120};  // its engines load their models
  constexpr seconds to_stand_still{5};
  TRY(auto ends, Channel::pair());
  std::vector<int> listening;
  for (const auto& worker : running.workers) listening.push_back(worker->listening_fd());
  TRY(const pid_t pid, running.program.start(ends.second, listening, running.generation + 1));
  ends.second = Channel(Fd());
  auto candidate = std::make_unique<Heir>(std::move(ends.first));
  const auto give_up = [&](Error error) -> Result<pid_t> {
    candidate.reset();
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return std::unexpected(std::move(error));
  };
  running.log.info("upgrade: the new program starts", {{"pid", static_cast<std::int64_t>(pid)}});
  const auto prepared = candidate->channel().hear(to_prepare, running.signals.fd());
  if (!prepared || prepared->kind != Saying::prepared)
    return give_up(aborted(candidate->channel(), prepared, "it has ended, or was not ready in time, or a signal came"));

  const auto began = std::chrono::steady_clock::now();
  const auto freeze = std::make_shared<Freeze>();
  for (const auto& worker : running.workers) worker->freeze(freeze);
  Result<void> done = freeze->wait_for(running.workers.size(), to_stand_still)
                          ? hand_books_over(running, *candidate)
                          : fail(ErrorKind::unavailable, "this server is too busy to hand over", "try again");
  if (!done) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);  // its lock is free
    if (const Result<void> back = running.store.take_back(); !back)
      running.log.error("the books cannot be taken back", {{"reason", back.error().message}});
    if (running.leases) running.leases->take_back();
    freeze->end();
    return give_up(std::move(done).error());
  }
  heir = std::move(candidate);
  if (running.leases) running.leases->hand_over();
  for (const auto& worker : running.workers) worker->succeed_by(*heir);
  freeze->end();
  const auto took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
  running.log.info("upgrade: the new program serves",
                   {{"pid", static_cast<std::int64_t>(pid)}, {"stood_still_ms", took.count()}});
  return pid;
}

// Connections end with their next answer, or by themselves when none is asked for in time; a request ends by its own
// limit. Another signal to stop means: soon.
void finish_after_upgrade(std::span<const std::unique_ptr<Worker>> workers, MainLoop& loop, const Shared& shared,
                          const config::Snapshot& snapshot) {
  constexpr milliseconds look_again{20};
  for (const auto& worker : workers) worker->leave_to_successor();
  const auto end = std::chrono::steady_clock::now() + milliseconds(snapshot.server().idle_timeout_ms);
  bool hurry = false;
  while (!hurry && shared.connections.load() > 0 && std::chrono::steady_clock::now() < end)
    hurry = loop.wait(look_again);
  const std::int64_t most = snapshot.server().drain_timeout_ms;
  const std::int64_t limit = hurry ? most : std::max(most, snapshot.retry().total_timeout_ms);
  for (const auto& worker : workers) worker->drain(milliseconds(limit));
  while (!std::ranges::all_of(workers, [](const auto& worker) { return worker->ended(); }))
    if (loop.wait(look_again))
      for (const auto& worker : workers) worker->cut();
}

// The server before this one ends as well, and leaves what it has to say here.
void end_with_predecessor(const Inheritance& inheritance, pid_t predecessor, MainLoop& loop,
                          const config::ServerSettings& settings) {
  constexpr milliseconds look_again{20};
  constexpr milliseconds to_record{5'000};
  if (inheritance.over()) return;
  ::kill(predecessor, SIGTERM);
  const auto end = std::chrono::steady_clock::now() + milliseconds(settings.drain_timeout_ms) + to_record;
  while (!inheritance.over() && std::chrono::steady_clock::now() < end) (void)loop.wait(look_again);
}

}  // namespace

// As many files as the hard limit lets us have: a connection is one, and the usual soft limit is 1,024.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int serve(const ServeOptions& options) {
  StartupMemory startup_memory;
  const Program program;
  std::optional<Bequest> bequest = Bequest::take_from_environment();
  const pid_t predecessor = ::getppid();  // where there is a bequest
  // The old server's operator is told as well.
  const auto refuse = [&](const Error& error) {
    if (bequest) bequest->channel.say_error(Saying::failed, error);
    return serve::refuse(error);
  };
  raise_file_limit();
  const Signals signals;
  auto loaded = load_config(options);
  if (!loaded) return refuse(loaded.error());
  const std::shared_ptr<const config::Snapshot> snapshot = *loaded;
  const config::ServerSettings& server = snapshot->server();
  auto address = net::listen_address(server.listen_endpoint);
  if (!address) return refuse(address.error());
  auto tls = net::TlsContext::create("");
  if (!tls) return refuse(tls.error());

  // From the ground up; taken down in reverse order when this function returns.
  telemetry::Log log(telemetry::LogSettings{});
  telemetry::Registry registry;
  telemetry::RequestMetrics metrics(registry);
  telemetry::StoreMetrics store_metrics(registry);
  telemetry::ServerMetrics server_metrics(registry);
  telemetry::TargetMetrics target_metrics(registry);
  telemetry::LimitMetrics limit_metrics(registry);
  engines::Supervisor engines(log, registry);
  const int generation = bequest ? bequest->generation : 0;
  const std::string engines_at = engine_directory(options.data_dir, generation);
  std::vector<Channel::Message> inherited;
  if (bequest) {
    // All that takes its time, and may fail, while the old server serves.
    if (auto started = start_engines(engines, *snapshot, engines_at); !started) return refuse(started.error());
    wait_for_engines(engines, *snapshot);
    bequest->channel.say(Saying::prepared);
    for (;;) {
      auto message = bequest->channel.hear(seconds(30));
      if (!message) return serve::refuse({.message = "the old server has not handed over", .hint = "try again"});
      if (message->kind == Saying::cut) break;
      inherited.push_back(*std::move(message));
    }
  }
  const store::Home home = home_of(snapshot->store(), options.data_dir);
  const bool shares_limits = snapshot->limits().backend == "redis";
  auto store = store::LiveStore::start(home, store_options(snapshot->store(), shares_limits));
  if (!store) return refuse(store.error());
  if (auto noted = note_home(home, options.config_path); !noted) return refuse(noted.error());
  auto desk = store::ResourceDesk::start(options.data_dir);
  if (!desk) return refuse(desk.error());
  auto session_store = store::Store::open(home);
  if (!session_store) return refuse(session_store.error());
  identity::Desk sessions(*std::move(session_store));
  gateway::SnapshotCell snapshots(snapshot);
  const gateway::TimeSource time;
  identity::SignIn sign_in([&] { return snapshots.load(); }, (*store)->audit(), log, [&] { return time.unix_us(); });
  auto actors = identity::Actors::open(home, sign_in);
  if (!actors) return refuse(actors.error());
  std::atomic<bool> stopping{false};
  (*store)->keep_days(snapshot->ledger().keep_days);
  auto claims = make_claims(*snapshot, home);
  if (!claims) return refuse(claims.error());
  Alerts alerts(log, limit_metrics, snapshots, *tls, *std::move(claims));
  const SpendWatch spend_watch(home, log, limit_metrics, snapshots, alerts, [&time] { return time.unix_us(); });
  gateway::Admission admission(
      {.max_in_flight = static_cast<std::int32_t>(snapshot->limits().in_flight),
       .max_in_flight_per_key = static_cast<std::int32_t>(snapshot->limits().in_flight_per_key)},
      [&](const store::LimitLine& line, const gateway::LimitEvent& event) { alerts.tell(line, event); });
  std::unique_ptr<gateway::Leases> leases;
  if (shares_limits) {
    auto made = make_leases(*snapshot, options.data_dir, **store, limit_metrics, admission);
    if (!made) return refuse(made.error());
    leases = *std::move(made);
    admission.share(*leases);
    leases->start();
  }
  gateway::Places places;
  gateway::Health health([&](const gateway::TargetChange& change) { record_change(log, target_metrics, change); });
  gateway::Speeds speeds;
  gateway::Shadows shadows;
  gateway::Canaries canaries(
      [&](const gateway::Canaries::Report& report) { record_rollback(log, target_metrics, report); });
  gateway::IssuerMemory issuers;
  gateway::Affinity affinity([&](const gateway::AffinityChoice& choice) { record_choice(target_metrics, choice); });
  std::vector<std::unique_ptr<dialects::Dialect>> all_dialects;
  all_dialects.push_back(dialects::make_openai_chat());
  all_dialects.push_back(dialects::make_openai_responses());
  all_dialects.push_back(dialects::make_openai_embeddings());
  all_dialects.push_back(dialects::make_openai_completions());
  all_dialects.push_back(dialects::make_openai_moderations());
  all_dialects.push_back(dialects::make_openai_speech());
  all_dialects.push_back(dialects::make_openai_transcriptions());
  all_dialects.push_back(dialects::make_openai_translations());
  all_dialects.push_back(dialects::make_openai_images());
  all_dialects.push_back(dialects::make_openai_image_edits());
  all_dialects.push_back(dialects::make_openai_image_variations());
  all_dialects.push_back(dialects::make_rerank());
  all_dialects.push_back(dialects::make_openai_resources());
  all_dialects.push_back(dialects::make_anthropic_resources());
  all_dialects.push_back(dialects::make_gemini_resources());
  all_dialects.push_back(dialects::make_anthropic_messages());
  all_dialects.push_back(dialects::make_gemini());
  all_dialects.push_back(dialects::make_bedrock_converse());
  all_dialects.push_back(dialects::make_anthropic_count_tokens());
  all_dialects.push_back(dialects::make_openai_input_tokens());
  all_dialects.push_back(dialects::make_openai_compact());
  all_dialects.push_back(dialects::make_gemini_count_tokens());
  all_dialects.push_back(dialects::make_gemini_embed());
  all_dialects.push_back(dialects::make_gemini_batch_embed());
  const dialects::Dialects dialects(std::move(all_dialects));

  std::unique_ptr<admin::Desk> administration;
  if (const config::AdminSettings& wanted = snapshot->admin(); wanted.enabled) {
    auto opened = open_administration(
        {.home = home,
         .snapshots = snapshots,
         .time = time,
         .health = health,
         .store = **store,
         .log = log,
         .metrics = server_metrics,
         .readiness_problem = [&] { return readiness_problem(**store, snapshots, engines, stopping.load()); },
         .sign_ins = {actors->get()}});
    if (!opened) return refuse(opened.error());
    administration = *std::move(opened);
  }

  // A Unix socket has one listener, so one reactor has all its connections.
  const auto threads = bequest ? bequest->listening.size()
                       : address->family() == AF_UNIX
                           ? std::size_t{1}
                           : static_cast<std::size_t>(server.threads > 0 ? server.threads : usable_cores());
  Shared shared{.log = log,
                .tls = *tls,
                .dialects = dialects,
                .snapshots = snapshots,
                .time = time,
                .store = **store,
                .desk = **desk,
                .sign_in = sign_in,
                .sessions = sessions,
                .admission = admission,
                .health = health,
                .speeds = speeds,
                .canaries = canaries,
                .shadows = shadows,
                .places = places,
                .issuers = issuers,
                .affinity = affinity,
                .books = {.ledger = &(*store)->ledger(),
                          .on_entry =
                              [&](const store::LedgerEntry& entry, store::Appended appended) {
                                record_attempt(metrics, entry);
                                record_append(store_metrics, "ledger", appended);
                              }},
                // The desk's thread alone calls it, and seldom: it opens the database when somebody does.
                .price_once = [home, settling = std::make_shared<std::optional<store::Store>>()](
                                  const store::LedgerEntry& entry) -> Result<void> {
                  if (!*settling) {
                    TRY(*settling, store::Store::open(home));
                  }
                  TRY([[maybe_unused]] const bool was_first, store::price_once(**settling, home.directory, entry));
                  return {};
                },
                .engines = {.state = [&](const ProviderId& id) { return route_state(engines, id); },
                            .endpoint = [&](const ProviderId& id) { return endpoint_of(engines, id); }},
                .on_begin = [&](chat::DialectId dialect) { metrics.in_flight.with(chat::name(dialect)).add(1); },
                .on_end =
                    [&](const gateway::AuditRecord& record, store::Appended audited, const gateway::Timing& timing,
                        const Error* error) {
                      record_request(log, metrics, record, timing, error);
                      if (error) record_limit(server_metrics, *error);
                      record_append(store_metrics, "audit", audited);
                    },
                .metrics_page =
                    [&] {
                      record_health(store_metrics, (*store)->health());
                      record_targets(target_metrics, health.report(time.now()));
                      record_places(target_metrics, places.report());
                      server_metrics.certificate_ends.with().set(
                          static_cast<double>(snapshots.load()->server().certificate.expires_unix_seconds));
                      record_affinity(target_metrics, affinity, time.now());
                      record_canaries(target_metrics, canaries.report());
                      limit_metrics.store_down.with().set(leases && !leases->health().problem.empty() ? 1 : 0);
                      record_limits(limit_metrics, (*store)->keys()->lines(), time.unix_us());
                      server_metrics.connections.with().set(static_cast<double>(shared.connections.load()));
                      server_metrics.crowded_out.with().set(static_cast<double>(shared.crowded_out.load()));
                      return registry.text();
                    },
                .readiness_problem = [&] { return readiness_problem(**store, snapshots, engines, stopping.load()); },
                .limits_problem = [&] { return leases ? leases->health().problem : std::string(); },
                .threads = threads,
                .beyond_limit = [&](std::string_view limit) { server_metrics.beyond(limit); },
                .no_handshake = [&] { server_metrics.no_handshakes.with().add(); },
                .administration = snapshot->admin().listen.empty() ? administration.get() : nullptr};
  if (!server.certificate.empty())
    if (auto usable = shared.client_tls.current(server); !usable) return refuse(usable.error());

  // The reactors share one address; another process must not, or it would answer half of the clients.
  if (address->port() != 0 && !bequest)
    if (auto is_free = net::Listener::check_free(*address); !is_free) return refuse(is_free.error());
  std::vector<std::unique_ptr<Worker>> workers;
  for (std::size_t i = 0; i < threads; ++i) {
    auto worker = std::make_unique<Worker>(shared);
    auto bound = bequest ? worker->adopt(std::move(bequest->listening[i])) : worker->listen(*address);
    if (!bound) return refuse(bound.error());
    *address = *bound;  // port 0 has become a real one, which the others share
    workers.push_back(std::move(worker));
  }
  std::unique_ptr<AdminListener> admin_listener;
  if (administration && !snapshot->admin().listen.empty()) {
    auto at = net::listen_address(snapshot->admin().listen_endpoint);
    if (!at) return refuse(at.error());
    if (at->port() != 0 && !bequest)
      if (auto is_free = net::Listener::check_free(*at); !is_free) return refuse(is_free.error());
    auto started = AdminListener::start(*at, {.desk = *administration,
                                              .sign_in = sign_in,
                                              .sessions = sessions,
                                              .tls = *tls,
                                              .snapshots = snapshots,
                                              .client_tls = shared.client_tls});
    if (!started) return refuse(started.error());
    admin_listener = *std::move(started);
    log.info("administration listens", {{"address", admin_listener->address()}});
  }
  if (!bequest)
    if (auto started = start_engines(engines, *snapshot, engines_at); !started) return refuse(started.error());
  Reloader reloader(options, snapshots, log, server_metrics);
  const bool follows_store = home.postgres.has_value() || snapshot->store().has_configuration();
  if (follows_store)
    if (auto followed = reloader.follow(**store); !followed) return refuse(followed.error());
  // After all that may refuse to start: it is shown once, and only by a start that comes this far.
  auto first_key = ensure_first_key(**store, *snapshots.load());
  if (!first_key) return refuse(first_key.error());
  std::optional<Inheritance> inheritance;
  if (bequest) {
    inheritance.emplace(bequest->channel, **store, admission, health, log);
    for (const Channel::Message& message : inherited) inheritance->inherit(message);
  }
  for (auto& worker : workers) worker->start();

  if (const net::Authorities trusted = net::system_authorities(); trusted.in_file + trusted.in_directory == 0)
    log.warn("no provider over TLS can be verified",
             {{"reason", "no certificate authorities in " + trusted.file}, {"hint", "run `sluice doctor`"}});
  std::string store_problem;
  std::string limits_problem;
  if (leases) tell_limits_problem(log, leases->health().problem, limits_problem);
  tell_store_problem(log, **store, **desk, store_problem);
  const std::string url = (address->family() == AF_UNIX ? ""
                           : server.certificate.empty() ? "http://"
                                                        : "https://") +
                          address->text();
  auto control = ControlSocket::listen(options.data_dir);
  if (!control) return refuse(control.error());
  startup_memory.end();  // before anybody is told that the server is there
  AddressFile address_file(options.data_dir, url, options.config_path);
  const ConfigWatch watch(options.config_path.value_or(""));
  if (!watch.problem().empty())
    log.warn("changes of the configuration will not be seen",
             {{"reason", watch.problem()}, {"hint", "`sluice reload` reads it again"}});
  std::unique_ptr<Heir> heir;
  MainLoop loop(signals, *control, watch, reloader, [&]() -> Result<pid_t> {
    const bool busy = heir || stopping.load() || (inheritance && !inheritance->over());
    Result<pid_t> upgraded =
        busy ? fail(ErrorKind::unavailable, "the last upgrade, or a stop, is not over: requests of before still run",
                    "wait until the old process has ended")
             : upgrade({.program = program,
                        .signals = signals,
                        .store = **store,
                        .health = health,
                        .workers = workers,
                        .log = log,
                        .leases = leases.get(),
                        .generation = generation},
                       heir);
    if (!upgraded) log.error("upgrade failed", {{"reason", upgraded.error().message}, {"hint", upgraded.error().hint}});
    return upgraded;
  });
  Announcement announcement{.url = url,
                            .data_dir = options.data_dir,
                            .first_key = std::move(first_key->secret),
                            .to_terminal = isatty(STDOUT_FILENO) == 1,
                            .snapshot = *snapshot,
                            .engines = engines,
                            .stopped = [&](milliseconds pause) { return loop.wait(pause); }};
  bool stopped_early = false;
  if (bequest) {
    bequest->channel.say(Saying::serves);
    inheritance->start();
    log.info("took over", {{"from", static_cast<std::int64_t>(predecessor)}, {"url", url}});
  } else if (options.json)
    announce_json(std::cout, announcement, options.config_path.value_or(""));
  else
    stopped_early = announce_to_people(log, std::move(announcement));
  // What was pushed is in force within a second of its push.
  while (!stopped_early && !loop.wait(follows_store ? milliseconds(200) : milliseconds(1'000))) {
    reloader.reload_if_pushed();
    tell_store_problem(log, **store, **desk, store_problem);
    if (leases) tell_limits_problem(log, leases->health().problem, limits_problem);
    (*store)->keep_days(snapshots.load()->ledger().keep_days);
    reloader.free_retired();
  }

  log.info("stopping", {{"connections", shared.connections.load()}, {"upgraded", heir != nullptr}});
  stopping.store(true);
  server_metrics.stopping.with().set(1);
  if (heir) {
    address_file.leave();
    finish_after_upgrade(workers, loop, shared, *snapshots.load());
  } else {
    part_with_clients(workers, loop, snapshots.load()->server());
  }
  if (inheritance) end_with_predecessor(*inheritance, predecessor, loop, snapshots.load()->server());
  for (auto& worker : workers) worker->join();
  if (leases) leases->stop();  // the last of what was spent
  (*desk)->stop();             // before the reactors, to which they answer
  if (admin_listener) admin_listener->stop();
  if (admin_listener) admin_listener->join();
  if (administration) administration->stop();
  sessions.stop();
  admin_listener.reset();
  workers.clear();
  engines.stop();
  if (!(*store)->stop(seconds(10)))
    return refuse({.message = "the disk did not take all records before the end",
                   .hint = "look at the disk of the data directory, then run `sluice doctor`"});
  return 0;
}

}  // namespace sluice::serve
