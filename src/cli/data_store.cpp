#include "cli/data_store.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/load_config.h"
#include "serve/home.h"
#include "yaml/diagnostics.h"

namespace sluice::cli {

Result<store::Home> home_of(const Invocation& invocation) {
  const auto noted = serve::noted_config(invocation.data_dir);
  auto path = config_in_use("", invocation);
  if (!path && noted && !noted->empty()) path = noted;
  if (!path && !noted) return store::Home(invocation.data_dir);
  auto loaded = load_config(path, invocation.console, "");
  if (loaded && loaded->snapshot) return serve::home_of(loaded->snapshot->store(), invocation.data_dir);
  // No server has kept its keys elsewhere, and none starts from a configuration that is not valid.
  if (!noted) return store::Home(invocation.data_dir);
  if (!loaded) return std::unexpected(std::move(loaded).error());
  return fail(
      ErrorKind::invalid_request,
      fmt::format("keys and ledger of {} are in PostgreSQL, and the configuration that says where is not valid\n{}",
                  invocation.data_dir, loaded->diagnostics.render()),
      "set what it refers to, or name another with SLUICE_CONFIG");
}

bool has_store(const store::Home& home) {
  std::error_code ignored;
  return home.postgres || std::filesystem::exists(home.directory + "/sluice.db", ignored);
}

Result<store::Store> open_store(const Invocation& invocation, IfMissing if_missing) {
  std::error_code ignored;
  if (if_missing == IfMissing::refuse && !std::filesystem::is_directory(invocation.data_dir, ignored))
    return fail(ErrorKind::not_found, fmt::format("there is no data directory at {}", invocation.data_dir),
                "name the server's one with --data DIR or SLUICE_DATA; `sluice serve` makes it when it starts");
  TRY(const store::Home home, home_of(invocation));
  return store::Store::open(home);
}

Result<store::Store> open_ledger(const Invocation& invocation) {
  TRY(store::Store store, open_store(invocation, IfMissing::refuse));
  CHECK_OK(store.fold());
  return store;
}

Result<store::KeyReport> find_key(store::Store& store, std::string_view id_or_name) {
  TRY(const std::vector<store::KeyReport> keys, store.list_keys());
  const store::KeyReport* found = nullptr;
  std::vector<std::string> known;
  for (const store::KeyReport& report : keys) {
    const store::VirtualKey& key = report.key;
    if (key.id.str() == id_or_name) return report;
    if (key.name == id_or_name && (!found || found->key.revoked_at_us)) found = &report;
    known.push_back(key.name);
    known.push_back(key.id.str());
  }
  if (found) return *found;
  const std::string near = yaml::nearest(id_or_name, known);
  return fail(ErrorKind::not_found, fmt::format("there is no key `{}`", id_or_name),
              near.empty() ? "see: sluice keys list" : fmt::format("did you mean `{}`? see: sluice keys list", near));
}

}  // namespace sluice::cli
