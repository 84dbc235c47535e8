// What `sluice doctor` looks at. Each check touches one thing, changes nothing, and says what to do when it is not
// well.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/snapshot.h"
#include "engines/llama_server.h"
#include "net/tls.h"
#include "store/home.h"

namespace sluice::cli {

struct Check {
  enum class State : std::uint8_t { ok, warn, fail };  // warn: it works, but not for long or not fully
  std::string name;
  State state = State::ok;
  std::string detail;     // what was found
  std::string todo = {};  // what to do; empty when ok
};

constexpr std::string_view name(Check::State state) {
  switch (state) {
    case Check::State::ok: return "ok";
    case Check::State::warn: return "warn";
    case Check::State::fail: return "fail";
  }
  return "unknown";
}

// Free bytes in the data directory: below the first nothing can be recorded for long, below the second it is time to
// act. A ledger row and its audit record are about 1 KB: 100 MB last for 100,000 requests.
constexpr std::uintmax_t fail_below_free_bytes = std::uintmax_t{100} << 20;
constexpr std::uintmax_t warn_below_free_bytes = std::uintmax_t{1} << 30;

// One descriptor per client and one per provider call: the default of 10,000 connections needs some more than twice
// that.
constexpr std::uint64_t wanted_open_files = 20'500;
constexpr std::uint64_t fewest_open_files = 1'024;

// Exists, is a directory, may be written, and is nobody else's to read.
Check check_data_directory(const std::string& data_dir);
Check check_disk_space(const std::string& data_dir);
Check judge_disk_space(std::uintmax_t free_bytes);
// The database's own check, the log's checksums, and whether both tell the same. Several lines when there are findings.
std::vector<Check> check_ledger(const store::Home& home);
// Which server answers for the data directory; if none, whether `listen` is free.
Check check_server(const std::string& data_dir, const Endpoint& listen);
// Whether the store of limits that several processes share answers; nothing when this process counts alone.
std::vector<Check> check_limits(const config::Snapshot& snapshot);
// Which providers have a key. Never shows one.
Check check_providers(const config::Snapshot& snapshot);
// Whether a route of the configuration relies on a model that its provider has stopped by `when`, or soon will.
Check check_retirements(const config::Snapshot& snapshot, catalog::Date when);
// Whether each engine of the configuration could be started: its program is there and its model is what it should be.
std::vector<Check> check_engines(const config::Snapshot& snapshot, const engines::Environment& environment);
// Whether calls over TLS can be verified: with net::system_authorities().
Check judge_certificates(const net::Authorities& authorities);
// Against the date of this program and the last ledger row; says whether the kernel knows it to be synchronised.
Check check_clock(const std::optional<store::Home>& home);
Check check_open_files();
Check judge_open_files(std::uint64_t limit);

}  // namespace sluice::cli
