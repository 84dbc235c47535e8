// How to find llama.cpp's llama-server and a model, and with which arguments and environment to start it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engines/process.h"

namespace sluice::engines {

using Environment = std::function<std::optional<std::string>(std::string_view name)>;
Environment process_environment();  // of this process

// The folder that `./dev setup` fills: $SLUICE_CACHE, else $XDG_CACHE_HOME/sluice, else $HOME/.cache/sluice.
std::string cache_directory(const Environment& environment);

struct LlamaServer {
  std::string path;
  bool fetched = false;  // by set-up: built for any machine, so it is told to use the CPU alone
};
// `configured` when it is not empty, else $SLUICE_LLAMA_SERVER, else "llama-server" on $PATH, else the fetched one.
// Errors: not_found, naming what was looked for; a place that is named but holds no program is never passed over.
Result<LlamaServer> find_llama_server(const std::string& configured, const Environment& environment);

struct LlamaServerSettings {
  std::string program;                 // empty: find it
  std::string model;                   // GGUF file; empty: the default model in the cache
  std::string sha256;                  // of the model; empty: the known one of the default model, else not checked
  int context_tokens = 8'192;          // shared by the slots: one request may use all of it while the others are short
  int slots = 2;                       // requests that are answered at the same time
  int threads = 0;                     // 0: one for each core
  std::vector<std::string> arguments;  // more of them, as they are
};

// Finds, checks and puts together: what an EngineSpec's prepare() returns. A model that has been checked once is read
// again only when its size or time of change differs. Errors: of find_llama_server and check_model_file.
class LlamaServerCommand {
 public:
  LlamaServerCommand(LlamaServerSettings settings, Environment environment)
      : settings_(std::move(settings)), environment_(std::move(environment)) {}
  Result<Command> operator()(
      const std::string& socket_path, const std::function<bool()>& stopping = [] { return false; });

 private:
  Result<std::string> checked_model(const std::function<bool()>& stopping);

  LlamaServerSettings settings_;
  Environment environment_;
  std::string checked_;         // path, size and time of the file that was looked at last: that takes a while
  std::optional<Error> fault_;  // what was wrong with it
};

}  // namespace sluice::engines
