#include "engines/llama_server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/cores.h"
#include "engines/model_file.h"

namespace sluice::engines {
namespace {

// The release that set-up fetches. Its folder holds the program with its libraries beside it.
constexpr std::string_view fetched_program = "/engine/llama-server-b10068/llama-server";

// What an engine may see of our environment: enough to find libraries and devices. No LLAMA_ARG_*, which would change
// its arguments behind our back, and above all no key of a provider.
constexpr std::string_view passed_on[] = {
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "XDG_CACHE_HOME",
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "GGML_VK_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
};

bool is_program(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

// The child runs in another directory, so a path from the user is made absolute here.
std::string absolute(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::absolute(path, ignored);
}

std::optional<std::string> find_on_path(const Environment& environment) {
  const std::string path = environment("PATH").value_or("");
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string folder = path.substr(begin, end - begin);
    // Only absolute folders: "." would run whatever lies in the current directory.
    if (folder.starts_with('/') && is_program(folder + "/llama-server")) return folder + "/llama-server";
    begin = end + 1;
  }
  return std::nullopt;
}

Result<LlamaServer> named(const std::string& path, const std::string& origin) {
  const std::string full = absolute(path);
  if (is_program(full)) return LlamaServer{full};
  return fail(ErrorKind::not_found, "there is no program at " + full + " (from " + origin + ")",
              "correct " + origin + ", or remove it to use the engine that ./dev setup fetches");
}

}  // namespace

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = ::getenv(std::string(name).c_str());
    if (!value) return std::nullopt;
    return std::string(value);
  };
}

std::string cache_directory(const Environment& environment) {
  if (const auto own = environment("SLUICE_CACHE"); own && !own->empty()) return absolute(*own);
  if (const auto xdg = environment("XDG_CACHE_HOME"); xdg && xdg->starts_with('/')) return *xdg + "/sluice";
  return environment("HOME").value_or("") + "/.cache/sluice";
}

Result<LlamaServer> find_llama_server(const std::string& configured, const Environment& environment) {
  if (!configured.empty()) return named(configured, "the engine's llama_server in the configuration");
  if (const auto own = environment("SLUICE_LLAMA_SERVER"); own && !own->empty())
    return named(*own, "SLUICE_LLAMA_SERVER");
  if (const auto found = find_on_path(environment)) return LlamaServer{*found};
  const std::string fetched = cache_directory(environment) + std::string(fetched_program);
  if (is_program(fetched)) return LlamaServer{fetched, true};
  return fail(ErrorKind::not_found,
              "there is no llama-server: SLUICE_LLAMA_SERVER is not set, none is on PATH, none at " + fetched,
              "./dev setup fetches one, or name your own with SLUICE_LLAMA_SERVER");
}

Result<std::string> LlamaServerCommand::checked_model(const std::function<bool()>& stopping) {
  const bool is_default = settings_.model.empty();
  std::string path = is_default ? cache_directory(environment_) + "/models/" + std::string(default_model_file)
                                : absolute(settings_.model);
  const std::string_view sha256 = is_default && settings_.sha256.empty() ? default_model_sha256 : settings_.sha256;
  struct stat info{};
  std::string seen;
  if (::stat(path.c_str(), &info) == 0)
    seen = path + " " + std::to_string(info.st_size) + " " + std::to_string(info.st_mtim.tv_sec) + "." +
           std::to_string(info.st_mtim.tv_nsec);
  if (seen.empty() || seen != checked_) {
    fault_.reset();
    if (Result<void> good = check_model_file(path, sha256, stopping); !good) {
      // What may be otherwise the next time is no property of the file.
      if (seen.empty() || good.error().kind == ErrorKind::unavailable) return std::unexpected(good.error());
      fault_ = std::move(good).error();
    }
    checked_ = std::move(seen);
  }
  if (fault_) return std::unexpected(*fault_);
  return path;
}

Result<Command> LlamaServerCommand::operator()(const std::string& socket_path, const std::function<bool()>& stopping) {
  TRY(const LlamaServer server, find_llama_server(settings_.program, environment_));
  TRY(const std::string model, checked_model(stopping));
  const int threads = settings_.threads > 0 ? settings_.threads : usable_cores();
  Command command;
  command.program = server.path;
  command.arguments = {"--model",
                       model,
                       "--host",
                       socket_path,
                       "--ctx-size",
                       std::to_string(settings_.context_tokens),
                       "--parallel",
                       std::to_string(settings_.slots),
                       "--kv-unified",
                       "--threads",
                       std::to_string(threads),
                       "--jinja",
                       "--metrics",
                       "--no-webui",
                       "--offline"};
  if (server.fetched) {
    command.arguments.emplace_back("--device");
    command.arguments.emplace_back("none");
  }
  command.arguments.insert(command.arguments.end(), settings_.arguments.begin(), settings_.arguments.end());
  for (const std::string_view name : passed_on)
    if (const auto value = environment_(name)) command.environment.push_back(std::string(name) + "=" + *value);
  return command;
}

}  // namespace sluice::engines
