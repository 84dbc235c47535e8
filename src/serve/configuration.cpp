#include "serve/configuration.h"

#include <algorithm>

#include "base/crypto.h"
#include "engines/llama_server.h"
#include "json/json.h"
#include "store/price_files.h"

namespace sluice::serve {
namespace {

// Of the configuration file and of which prices were imported. Empty: the file is not there.
std::string digest_of(const ServeOptions& options) {
  std::string text;
  if (options.config_path) {
    const Result<std::string> file = config::read_source(*options.config_path);
    if (!file) return {};
    text = *file;
  }
  text += '\0' + store::price_files_stamp(options.data_dir);
  return crypto::hex(crypto::sha256(text));
}

std::string_view name(Reloader::Trigger trigger) {
  switch (trigger) {
    case Reloader::Trigger::signal: return "signal";
    case Reloader::Trigger::call: return "call";
    case Reloader::Trigger::store: return "store";
    case Reloader::Trigger::file: break;
  }
  return "file";
}

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string place_of(const yaml::Diagnostic& finding) {
  if (!finding.source) return {};
  std::string place = finding.source->name;
  if (finding.place.line)
    place += ":" + std::to_string(finding.place.line) + ":" + std::to_string(finding.place.column);
  return place;
}

Result<config::Sources> file_of(const ServeOptions& options) {
  config::Sources sources;
  if (options.config_path) {
    sources.name = *options.config_path;
    TRY(sources.text, config::read_source(*options.config_path));
  }
  return sources;
}

// With what the command line, the environment and the data directory say beside a text.
Result<config::Loaded> read(const ServeOptions& options, config::Sources sources, const config::Snapshot* in_force,
                            std::optional<std::vector<catalog::ImportedFile>> prices = std::nullopt) {
  sources.env = engines::process_environment();
  if (options.listen) sources.overrides.push_back({"server.listen", *options.listen, "--listen"});
  if (options.engine == "none") sources.overrides.push_back({"engines", "none", "--engine"});
  if (prices) {
    sources.prices = *std::move(prices);
  } else {
    TRY(sources.prices, store::read_price_files(options.data_dir));
  }
  sources.in_force = in_force;
  return config::load(sources);
}

}  // namespace

Result<config::Loaded> read_configuration(const ServeOptions& options, const config::Snapshot* in_force) {
  TRY(config::Sources sources, file_of(options));
  return read(options, std::move(sources), in_force);
}

Result<config::Loaded> read_configuration(const ServeOptions& options, const config::Snapshot& in_force,
                                          FromStore from_store) {
  config::Sources sources;
  if (from_store.pushed) {
    sources.name = "generation " + std::to_string(from_store.pushed->number);
    sources.text = from_store.pushed->text;
    sources.from_store = true;
  } else {
    TRY(sources, file_of(options));
  }
  return read(options, std::move(sources), &in_force, std::move(from_store.prices));
}

std::string reloaded_json(const Reloaded& reloaded) {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("applied", reloaded.applied);
  out.member("took_us", static_cast<std::int64_t>(reloaded.took.count()));
  if (reloaded.loaded.snapshot) out.member("config_sha256", reloaded.loaded.snapshot->sha256());
  out.key("needs_restart").begin_array();
  for (const std::string& setting : reloaded.loaded.needs_restart) out.string(setting);
  out.end_array().key("findings");
  yaml::write_findings(out, reloaded.loaded.diagnostics);
  out.member("report", reloaded.loaded.diagnostics.render());
  if (reloaded.error) out.member("error", reloaded.error->message).member("hint", reloaded.error->hint);
  out.end_object();
  return text;
}

Reloader::Reloader(const ServeOptions& options, gateway::SnapshotCell& snapshots, telemetry::Log& log,
                   telemetry::ServerMetrics& metrics)
    : options_(options), snapshots_(snapshots), log_(log), metrics_(metrics) {
  read_last_ = digest_of(options_);
  metrics_.config_since.with().set(unix_seconds());
}

Reloaded Reloader::reload(Trigger trigger) {
  Reloaded reloaded;
  const std::string now = digest_of(options_);
  if (!options_.config_path && now == read_last_) {  // no prices were imported either
    reloaded.error =
        Error{.kind = ErrorKind::not_found,
              .message =
                  "this server runs without a configuration file and no prices came, so there is nothing to read again",
              .hint = "start it with --config FILE or SLUICE_CONFIG"};
    tell(trigger, reloaded);
    return reloaded;
  }
  read_last_ = now;
  const auto start = std::chrono::steady_clock::now();
  const std::shared_ptr<const config::Snapshot> before = snapshots_.load();
  Result<config::Loaded> loaded = load(*before);
  if (!loaded) {
    reloaded.error = std::move(loaded).error();
  } else {
    reloaded.loaded = *std::move(loaded);
    if (reloaded.loaded.snapshot) {
      snapshots_.store(reloaded.loaded.snapshot);
      reloaded.applied = true;
      retired_.push_back(before);
    }
  }
  reloaded.took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  tell(trigger, reloaded);
  return reloaded;
}

Result<config::Loaded> Reloader::load(const config::Snapshot& before) {
  if (!store_) return read_configuration(options_, &before);
  FromStore from_store;
  const std::int64_t version = store_->prices_version();  // what comes meanwhile is read once more
  TRY(from_store.prices, store_->store().imported_prices());
  tried_prices_ = version;
  if (takes_configuration_) {
    TRY(from_store.pushed, store_->store().configuration());
    if (from_store.pushed) tried_ = from_store.pushed->number;
  }
  return read_configuration(options_, before, std::move(from_store));
}

Result<void> Reloader::follow(store::LiveStore& store) {
  store_ = &store;
  takes_configuration_ = snapshots_.load()->store().has_configuration();
  if (store.store().is_shared()) {
    TRY(const std::size_t adopted, store.store().adopt_price_files(store::wall_clock_us()));
    if (adopted > 0) log_.info("imported prices of the data directory are in the store", {{"imports", adopted}});
    CHECK_OK(store.reload_keys());  // sees what was adopted
  }
  TRY(const auto prices, store.store().list_price_imports());
  std::optional<store::ConfigGeneration> pushed;
  if (takes_configuration_) {
    TRY(pushed, store.store().configuration());
  }
  if (!pushed && prices.empty()) return {};
  read_last_.clear();  // so that there is something to read, also without a file
  const Reloaded reloaded = reload(Trigger::store);
  if (reloaded.applied) return {};
  if (reloaded.error) return std::unexpected(*reloaded.error);
  return fail(ErrorKind::invalid_request,
              (pushed ? "generation " + std::to_string(pushed->number) + " of the configuration in the store is"
                      : std::string("the configuration with the prices in the store is")) +
                  " not valid here\n" + reloaded.loaded.diagnostics.render(),
              pushed ? "set what it refers to, or push another: `sluice config push FILE`, `sluice config rollback`"
                     : "withdraw what is wrong: `sluice prices imports`, `sluice prices withdraw NUMBER`");
}

void Reloader::reload_if_pushed() {
  if (!store_) return;
  const bool pushed = takes_configuration_ && store_->config_generation() != tried_;
  const bool priced = store_->prices_version() != tried_prices_;
  if (!pushed && !priced) return;
  if (pushed) tried_ = store_->config_generation();  // also when it cannot be read now
  if (priced) tried_prices_ = store_->prices_version();
  read_last_.clear();
  reload(Trigger::store);
}

void Reloader::reload_if_changed() {
  if (!snapshots_.load()->server().watch_config) return;
  const std::string now = digest_of(options_);
  // A file that is gone may be about to be replaced: the one in force stays, and nothing is said.
  if (!now.empty() && now != read_last_) reload(Trigger::file);
}

void Reloader::free_retired() {
  std::erase_if(retired_, [](const auto& snapshot) { return snapshot.use_count() == 1; });
  if (retired_.size() > most_retired) retired_.erase(retired_.begin(), retired_.end() - most_retired);
}

void Reloader::tell(Trigger trigger, const Reloaded& reloaded) {
  metrics_.reloads.with(name(trigger), reloaded.applied ? "applied" : "refused").add();
  metrics_.config_errors.with().set(reloaded.error ? 1 : static_cast<double>(reloaded.loaded.diagnostics.errors()));
  for (const yaml::Diagnostic& finding : reloaded.loaded.diagnostics.all())
    log_.write(finding.severity == yaml::Severity::error ? telemetry::Level::error : telemetry::Level::warn,
               "configuration", {{"place", place_of(finding)}, {"message", finding.message}, {"hint", finding.help}});
  if (!reloaded.applied) {
    log_.error("the configuration was not taken: the old one stays in force",
               {{"trigger", name(trigger)},
                {"errors", reloaded.loaded.diagnostics.errors()},
                {"reason", reloaded.error ? std::string_view(reloaded.error->message) : std::string_view()}});
    return;
  }
  metrics_.config_since.with().set(unix_seconds());
  metrics_.needs_restart.with().set(static_cast<double>(reloaded.loaded.needs_restart.size()));
  for (const std::string& setting : reloaded.loaded.needs_restart)
    log_.warn("needs a restart to come into force", {{"setting", setting}});
  log_.info(
      "configuration in force",
      {{"trigger", name(trigger)}, {"sha256", reloaded.loaded.snapshot->sha256()}, {"took_us", reloaded.took.count()}});
}

}  // namespace sluice::serve
