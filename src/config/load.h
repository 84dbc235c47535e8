// Reads the configuration: file, environment and command line in, an immutable Snapshot out, or all errors at once.
// Touches the outside only through what Sources hands it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "catalog/imported_prices.h"
#include "config/snapshot.h"
#include "yaml/diagnostics.h"

namespace sluice::config {

// A setting given on the command line: beats the file.
struct Override {
  std::string path;  // "server.listen"; "engines" with the value "none" switches every engine off
  std::string value;
  std::string origin;  // what to call it in an error: "--listen"
};

struct Sources {
  std::string name = "sluice.yaml";      // for messages
  std::optional<std::string> text = {};  // the file's bytes; empty: there is no configuration file
  std::function<std::optional<std::string>(std::string_view)> env = {};  // look up a variable; none = all unset
  // Reads a whole file for ${file:...}; empty when it cannot. None = the file system, at most 64 KiB.
  std::function<std::optional<std::string>(const std::string& path)> read_file = {};
  std::vector<Override> overrides = {};
  // Prices that were imported into the data directory, oldest first.
  std::vector<catalog::ImportedFile> prices = {};
  std::optional<catalog::Date> prices_known_on = {};  // only what had been imported by that day
  // What runs when this is a reload: its sockets, threads and engines stay, whatever the file says of them.
  const Snapshot* in_force = nullptr;
  // The text was pushed into the store: where that is, is the file's to say.
  bool from_store = false;
};

struct Loaded {
  std::shared_ptr<const Snapshot> snapshot;  // null when there are errors
  yaml::Diagnostics diagnostics;             // errors, or the warnings of a good configuration
  // What the file says and only a start does, in words: "server.threads: 4, and 2 run". Of a reload.
  std::vector<std::string> needs_restart = {};
};

// The text of a configuration file for Sources; of one that is larger than the reader takes, enough for it to say so.
// Errors: not_found, when it cannot be read.
Result<std::string> read_source(const std::string& path);

Loaded load(const Sources& sources);
// The same over another catalogue than the embedded one.
Loaded load(const Sources& sources, catalog::Catalog catalog);

}  // namespace sluice::config
