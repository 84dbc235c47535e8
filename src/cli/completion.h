// Completion scripts for shells, made from the parser's own tree of verbs and flags, so that they cannot name a flag
// that is not there or miss one that is.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace sluice::cli {

std::string bash_completion(const CLI::App& root);
std::string zsh_completion(const CLI::App& root);
std::string fish_completion(const CLI::App& root);

}  // namespace sluice::cli
