// `sluice version`: which build this is.
#include <ostream>

#include "cli/verbs.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

struct VersionFlags {};

Result<int> print_version(const VersionFlags&, Invocation& invocation) {
  if (!invocation.json()) {
    invocation.console.out << "sluice " << SLUICE_VERSION << '\n';
    return exit_ok;
  }
  std::string out;
  json::Writer(out).begin_object().member("name", "sluice").member("version", SLUICE_VERSION).end_object();
  invocation.console.out << out << '\n';
  return exit_ok;
}

}  // namespace

void add_version(CLI::App& root, Invocation& invocation) {
  CLI::App& verb = add_verb(root, invocation, {"version", "Print the version", "sluice version"});
  on_selected(verb, invocation, std::make_shared<VersionFlags>(), print_version);
}

}  // namespace sluice::cli
