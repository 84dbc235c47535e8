// The configuration of a server: read when it starts, and again while it runs. A reload either puts a whole new
// Snapshot in the old one's place or leaves that as it is; requests under way keep the one that they began with.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "gateway/shared/gateway.h"
#include "serve/serve.h"
#include "store/live_store.h"
#include "telemetry/log.h"
#include "telemetry/server_metrics.h"

namespace sluice::serve {

// What the file, the environment and the command line say. `in_force`: what runs, when this is a reload. Errors:
// not_found, when the file cannot be read.
Result<config::Loaded> read_configuration(const ServeOptions& options, const config::Snapshot* in_force);
// What a store has in the place of the file's and the directory's.
struct FromStore {
  std::optional<store::ConfigGeneration> pushed;
  std::optional<std::vector<catalog::ImportedFile>> prices;
};
Result<config::Loaded> read_configuration(const ServeOptions& options, const config::Snapshot& in_force,
                                          FromStore from_store);

// What came of a reload.
struct Reloaded {
  bool applied = false;
  config::Loaded loaded;              // findings, and what needs a restart
  std::optional<Error> error;         // when there was nothing to read
  std::chrono::microseconds took{0};  // from the first byte read to the exchange
};

// One line of JSON, for the control socket: applied, config_sha256, took_us, needs_restart, findings, and as text for
// people: report.
std::string reloaded_json(const Reloaded& reloaded);

// One thread.
class Reloader {
 public:
  enum class Trigger : std::uint8_t { signal, call, file, store };

  // All of them outlive it.
  Reloader(const ServeOptions& options, gateway::SnapshotCell& snapshots, telemetry::Log& log,
           telemetry::ServerMetrics& metrics);

  // From here on imported prices are the shared database's, with those that this directory had; and the configuration,
  // where the one in force says so, is what was pushed there, as soon as anything was. Puts both in force. Errors:
  // those of the store; invalid_request for a generation that this server cannot take.
  Result<void> follow(store::LiveStore& store);

  // Reads, judges, and exchanges the Snapshot or not; the log and the metrics tell.
  Reloaded reload(Trigger trigger);
  // The same when the file holds other bytes than when it was read last.
  void reload_if_changed();
  // The same when another generation, or prices, have come into the store; each is tried once.
  void reload_if_pushed();
  // Lets go of Snapshots that no request uses any more: they are freed here, not by a reactor.
  void free_retired();

 private:
  Result<config::Loaded> load(const config::Snapshot& before);
  void tell(Trigger trigger, const Reloaded& reloaded);

  const ServeOptions& options_;
  gateway::SnapshotCell& snapshots_;
  telemetry::Log& log_;
  telemetry::ServerMetrics& metrics_;
  std::string read_last_;                          // SHA-256 of the file's bytes
  store::LiveStore* store_ = nullptr;              // that prices come from; null: from the directory
  bool takes_configuration_ = false;               // from there, too; else from the file
  std::int64_t tried_ = 0;                         // the last generation that was read
  std::int64_t tried_prices_ = 0;                  // the version of the prices that was read
  static constexpr std::size_t most_retired = 16;  // beyond that the last request frees its Snapshot
  std::vector<std::shared_ptr<const config::Snapshot>> retired_;
};

}  // namespace sluice::serve
