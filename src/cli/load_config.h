// The configuration as a server started here and now would see it: the named file, this shell's environment, and the
// catalogue. Verbs that explain (models, route, doctor) work on it; they ask no running server.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/verb.h"
#include "config/load.h"

namespace sluice::cli {

// --config, read by add_config_flag; else SLUICE_CONFIG. Empty: no configuration file.
std::optional<std::string> config_path(const std::string& flag, const Console& console);
void add_config_flag(CLI::App& verb, std::string& flag);

// Everything that is wrong with it is in the answer's diagnostics. Error: the file cannot be read.
Result<config::Loaded> load_config(const std::optional<std::string>& path, const Console& console);

// The same for verbs that need a good one. Error: all diagnostics, as they are printed.
Result<std::shared_ptr<const config::Snapshot>> load_snapshot(const std::string& flag, const Console& console);

}  // namespace sluice::cli
