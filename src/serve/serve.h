// `sluice serve`: builds every part by hand, runs until a signal ends it, and takes the parts down in reverse order.
#pragma once

#include <optional>
#include <string>

namespace sluice::serve {

struct ServeOptions {
  std::optional<std::string> config_path;  // --config, SLUICE_CONFIG
  std::optional<std::string> listen;  // --listen, SLUICE_LISTEN: "ADDR:PORT" (port 0 = any free one) or "unix:/PATH"
  std::string data_dir;               // --data, SLUICE_DATA
  std::string engine = "auto";        // --engine, SLUICE_ENGINE: "auto" or "none"
  bool json = false;                  // -o json: the announcement is one line for programs
};

// Returns the process's exit code: 0 after a clean stop, 1 when it could not start (one line on stderr says why).
int serve(const ServeOptions& options);

}  // namespace sluice::serve
