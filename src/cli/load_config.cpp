#include "cli/load_config.h"

#include "cli/connection.h"
#include "serve/default_key.h"
#include "serve/home.h"
#include "store/price_files.h"
#include "store/store.h"

namespace sluice::cli {

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

namespace {

// Where the configuration says that the imported prices are. One that is not valid says nothing.
Result<std::vector<catalog::ImportedFile>> prices_of(const config::Sources& sources, const std::string& data_dir) {
  const config::Loaded loaded = config::load(sources);
  if (!loaded.snapshot || !loaded.snapshot->store().on_postgres()) return store::read_price_files(data_dir);
  TRY(store::Store store, store::Store::open(serve::home_of(loaded.snapshot->store(), data_dir)));
  return store.imported_prices();
}

}  // namespace

Result<config::Loaded> load_config(const std::optional<std::string>& path, const Console& console,
                                   const std::string& data_dir, std::optional<catalog::Date> known_on) {
  config::Sources sources;
  sources.env = console.env;
  if (path) {
    sources.name = *path;
    TRY(sources.text, config::read_source(*path));
  }
  if (console.variable("SLUICE_ENGINE") == "none")
    sources.overrides.push_back({.path = "engines", .value = "none", .origin = "SLUICE_ENGINE"});
  if (!data_dir.empty()) {
    TRY(sources.prices, prices_of(sources, data_dir));
    sources.prices_known_on = known_on;
  }
  return config::load(sources);
}

Result<std::shared_ptr<const config::Snapshot>> load_snapshot(const std::string& flag, const Invocation& invocation,
                                                              std::optional<catalog::Date> known_on) {
  TRY(config::Loaded loaded,
      load_config(config_in_use(flag, invocation), invocation.console, invocation.data_dir, known_on));
  if (!loaded.snapshot)
    return fail(ErrorKind::invalid_request, "the configuration is not valid\n" + loaded.diagnostics.render(),
                "mend it, or name another with --config or SLUICE_CONFIG");
  return loaded.snapshot;
}

Result<store::NewKey> key_by_configuration(const std::string& flag, const Invocation& invocation) {
  if (!config_in_use(flag, invocation)) return serve::default_key({});
  TRY(const auto snapshot, load_snapshot(flag, invocation));
  return serve::default_key(snapshot->key_defaults());
}

}  // namespace sluice::cli
