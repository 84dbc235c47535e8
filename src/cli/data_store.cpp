#include "cli/data_store.h"

#include <fmt/format.h>

#include <filesystem>

#include "yaml/diagnostics.h"

namespace sluice::cli {

Result<store::Store> open_store(const Invocation& invocation, IfMissing if_missing) {
  std::error_code ignored;
  if (if_missing == IfMissing::refuse && !std::filesystem::is_directory(invocation.data_dir, ignored))
    return fail(ErrorKind::not_found, fmt::format("there is no data directory at {}", invocation.data_dir),
                "name the server's one with --data DIR or SLUICE_DATA; `sluice serve` makes it when it starts");
  return store::Store::open(invocation.data_dir);
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
