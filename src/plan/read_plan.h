// From the text of a plan file to a Plan, or to everything that is wrong with it at once: each with its place, and for
// a number that cannot be right with what it was probably meant to be.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "catalog/catalog.h"
#include "plan/plan.h"
#include "yaml/diagnostics.h"

namespace sluice::plan {

// The text of a file that a plan names, by its path as the plan has it; empty: it cannot be read.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;

// `today` is the day whose catalogue prices count when the file names none. Empty when diagnostics has errors.
std::optional<Plan> read_plan(std::string name, std::string text, const catalog::Catalog& catalog, catalog::Date today,
                              yaml::Diagnostics& diagnostics, const ReadFile& read_file = {});

// "office": more in the day's middle; sums to 24.
Profile profile_of(std::string_view word);

}  // namespace sluice::plan
