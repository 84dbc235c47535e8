// The configuration that verbs which explain (models, route, doctor) work on: the named file, else the one of the
// server that serves the data directory; this shell's environment; the catalogue. They ask no running server.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/verb.h"
#include "config/load.h"
#include "store/key.h"

namespace sluice::cli {

// --config, read by add_config_flag; else SLUICE_CONFIG. Empty: no configuration file.
std::optional<std::string> config_path(const std::string& flag, const Console& console);
// The same; else that of the server that serves the data directory.
std::optional<std::string> config_in_use(const std::string& flag, const Invocation& invocation);
void add_config_flag(CLI::App& verb, std::string& flag,
                     const std::string& otherwise = "that of the running server, else none");

// Everything that is wrong with it is in the answer's diagnostics. Error: the file cannot be read.
// `data_dir`: whose imported prices count; empty: none. `known_on`: only those that had been imported by that day.
Result<config::Loaded> load_config(const std::optional<std::string>& path, const Console& console,
                                   const std::string& data_dir, std::optional<catalog::Date> known_on = std::nullopt);

// The same for verbs that need a good one. Error: all diagnostics, as they are printed.
Result<std::shared_ptr<const config::Snapshot>> load_snapshot(const std::string& flag, const Invocation& invocation,
                                                              std::optional<catalog::Date> known_on = std::nullopt);

// What a new key gets when nobody says otherwise: the `keys:` of that configuration; without one, those of the
// settings' table, which limit nothing.
Result<store::NewKey> key_by_configuration(const std::string& flag, const Invocation& invocation);

}  // namespace sluice::cli
