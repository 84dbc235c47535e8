// Reads `workloads:`, and finds what in it can never do what it says.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "config/snapshot.h"
#include "yaml/fields.h"

namespace sluice::config {

// Whoever looks through thousands of classes for each request is slow, and nobody reads so many.
inline constexpr std::size_t most_workloads = 200;

using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;
// The score that `difficulty:` names, which has been read into parts.difficulty.
void read_difficulty(const yaml::Member& member, Snapshot::Parts& parts, const ReadFile& read_file,
                     const yaml::Report& report);

// Each by itself: words, numbers, and settings that only make sense together. `parts` has providers and licences.
void read_workloads(const yaml::Member& member, Snapshot::Parts& parts, const yaml::Report& report);

// Against the names and candidates that the Snapshot has: an unknown name, a workload that the ones before it take
// everything from, and rules that nobody can keep are errors, at their place in the file.
void check_workloads(const yaml::Node& root, const Snapshot& snapshot, const yaml::Report& report);

}  // namespace sluice::config
