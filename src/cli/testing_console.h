// A console made of strings, for tests.
#pragma once

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "cli/exit_code.h"

namespace sluice::cli {

struct TestingConsole {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  std::map<std::string, std::string, std::less<>> environment;
  std::atomic<bool> interrupted = false;
  Console console{.in = in,
                  .out = out,
                  .err = err,
                  .env = [this](std::string_view name) -> std::optional<std::string> {
                    const auto at = environment.find(name);
                    return at == environment.end() ? std::nullopt : std::optional(at->second);
                  },
                  .interrupted = interrupted};

  // The exit code; out and err hold what this run wrote.
  int run(const std::vector<std::string>& arguments) {
    out.str("");
    err.str("");
    return cli::run(arguments, console);
  }
};

}  // namespace sluice::cli
