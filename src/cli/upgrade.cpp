// `sluice upgrade`: has the running server start the program that lies in its own program's place, and hand over to it.
#include <fmt/format.h>

#include <ostream>

#include "cli/connection.h"
#include "cli/verbs.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

constexpr std::chrono::seconds answer_within{180};  // the new program's engines load their models first

struct UpgradeFlags {};

// Errors: not_serving_code; unavailable, when the new program has not taken over: the old one goes on.
Result<int> upgrade(const UpgradeFlags&, Invocation& invocation) {
  TRY(const std::string line, order_server(invocation, R"({"verb":"upgrade"})", answer_within));
  TRY(const json::Document answer, json::Document::parse(line));
  const json::Value root = answer.root();
  if (const auto error = root["error"].string())
    return fail(ErrorKind::unavailable, std::string(*error), std::string(root["hint"].string().value_or("")));
  if (invocation.json())
    invocation.console.out << line << '\n';
  else
    invocation.console.out << fmt::format("process {} serves; the one before finishes what it has begun\n",
                                          root["pid"].integer().value_or(0));
  return exit_ok;
}

}  // namespace

void add_upgrade(CLI::App& root, Invocation& invocation) {
  CLI::App& verb = add_verb(root, invocation,
                            {"upgrade",
                             "Have the running server hand over to the program that lies in its place now; no request "
                             "is refused",
                             "sluice upgrade"});
  on_selected(verb, invocation, std::make_shared<UpgradeFlags>(), upgrade);
}

}  // namespace sluice::cli
