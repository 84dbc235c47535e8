// The command line of sluice: picks the verb, runs it and gives its exit code. One file per verb beside this one.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"

namespace sluice::cli {

// What main() calls: the process's own streams and environment. Returns the exit code (exit_code.h).
int run(int argc, char** argv);

// The same over any console; `arguments` without the program's name.
int run(const std::vector<std::string>& arguments, Console& console);

}  // namespace sluice::cli
