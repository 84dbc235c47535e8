// From the configuration's `store` to where a Store opens. And a note of it in the data directory, by which the CLI
// finds the same place when no server runs.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "config/settings.h"
#include "store/home.h"

namespace sluice::serve {

store::Home home_of(const config::StoreSettings& settings, const std::string& data_dir);

// DATA/store.json: which configuration says where keys and ledger are; gone while they are in the directory itself. On
// disk when this returns. Errors: unavailable.
Result<void> note_home(const store::Home& home, const std::optional<std::string>& config_path);
// The configuration that the last server on PostgreSQL had. Empty: keys and ledger are in the directory.
std::optional<std::string> noted_config(const std::string& data_dir);

}  // namespace sluice::serve
