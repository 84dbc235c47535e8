// What `sluice serve` says when it is up: its address, the first key once, and three requests that work as they stand;
// or the facts of it as one line of JSON.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

#include "base/secret.h"
#include "config/snapshot.h"
#include "engines/supervisor.h"

namespace sluice::serve {

struct Announcement {
  std::string url;  // "http://127.0.0.1:8080" or "unix:/run/sluice.sock"
  std::string data_dir;
  std::optional<Secret> first_key;  // empty: it was shown at an earlier start
  bool to_terminal = false;         // else each line is written as a whole: the log may go to the same place
  const config::Snapshot& snapshot;
  const engines::Supervisor& engines;
  // Waits that long for a signal to stop; true when one came.
  std::function<bool(std::chrono::milliseconds)> stopped;
};

// One line, at once: a program that starts a server asks /health/ready for the engines. `config_path` may be empty.
void announce_json(std::ostream& out, const Announcement& announcement, std::string_view config_path);

// Waits for the engines (with a line on what it waits for), then prints. True when a signal came meanwhile.
bool announce(std::ostream& out, Announcement announcement);

}  // namespace sluice::serve
