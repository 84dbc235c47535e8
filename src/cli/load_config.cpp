#include "cli/load_config.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "cli/connection.h"
#include "yaml/node.h"

namespace sluice::cli {
namespace {

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(yaml::max_source_bytes + 1, '\0');  // one more: the reader says that it is too large
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad() || (file.fail() && !file.eof()))
    return fail(ErrorKind::not_found, fmt::format("cannot read {}: {}", path, std::strerror(errno ? errno : EISDIR)),
                "name the configuration with --config FILE or SLUICE_CONFIG");
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace

std::optional<std::string> config_path(const std::string& flag, const Console& console) {
  return flag.empty() ? console.variable("SLUICE_CONFIG") : flag;
}

std::optional<std::string> config_in_use(const std::string& flag, const Invocation& invocation) {
  if (auto named = config_path(flag, invocation.console)) return named;
  const auto serve = read_serve_file(invocation.data_dir);
  return serve && !serve->config.empty() ? std::optional(serve->config) : std::nullopt;
}

void add_config_flag(CLI::App& verb, std::string& flag, const std::string& otherwise) {
  verb.add_option("--config", flag, "Configuration (SLUICE_CONFIG; default: " + otherwise + ")")->type_name(file_value);
}

Result<config::Loaded> load_config(const std::optional<std::string>& path, const Console& console) {
  config::Sources sources;
  sources.env = console.env;
  if (path) {
    sources.name = *path;
    TRY(sources.text, read_file(*path));
  }
  if (console.variable("SLUICE_ENGINE") == "none")
    sources.overrides.push_back({.path = "engines", .value = "none", .origin = "SLUICE_ENGINE"});
  return config::load(sources);
}

Result<std::shared_ptr<const config::Snapshot>> load_snapshot(const std::string& flag, const Invocation& invocation) {
  TRY(config::Loaded loaded, load_config(config_in_use(flag, invocation), invocation.console));
  if (!loaded.snapshot)
    return fail(ErrorKind::invalid_request, "the configuration is not valid\n" + loaded.diagnostics.render());
  return loaded.snapshot;
}

}  // namespace sluice::cli
