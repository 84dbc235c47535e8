// What the table of settings cannot say: texts that must be more than a text, and settings that only make sense
// together. Fills in what is parsed from them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "config/snapshot.h"

namespace sluice::config {

// The section and the setting that are wrong, what is, and what to do.
using TellSetting = std::function<void(const char* section, const char* name, std::string message, std::string help)>;
using FindVariable = std::function<std::optional<std::string>(std::string_view)>;

void check_settings(Snapshot::Parts& parts, const FindVariable& env, const TellSetting& wrong);

}  // namespace sluice::config
