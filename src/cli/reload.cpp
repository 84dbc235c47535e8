// `sluice reload`: has the running server read its configuration again, and says what came of it.
#include <fmt/format.h>

#include <ostream>

#include "cli/connection.h"
#include "cli/verbs.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

constexpr std::chrono::seconds answer_within{30};  // a megabyte of configuration takes a fraction of a second

struct ReloadFlags {};

// The answer, however it is to be shown. Errors: not_serving_code; failed, when there was nothing to read.
Result<int> reload(const ReloadFlags&, Invocation& invocation) {
  Console& console = invocation.console;
  TRY(const std::string line, order_server(invocation, R"({"verb":"reload"})", answer_within));
  TRY(const json::Document answer, json::Document::parse(line));
  const json::Value root = answer.root();
  const bool applied = root["applied"].boolean().value_or(false);
  if (invocation.json()) {
    console.out << line << '\n';
    return applied ? exit_ok : exit_failed;
  }
  console.err << printable(root["report"].string().value_or(""));
  if (!applied) {
    const auto error = root["error"].string();
    return fail(ErrorKind::invalid_request,
                error ? std::string(*error) : "the configuration has errors, so the old one stays in force",
                std::string(root["hint"].string().value_or(
                    "mend what is named above; `sluice config validate` checks it without a server")));
  }
  console.out << fmt::format("in force after {:.1f} ms: configuration {}\n",
                             static_cast<double>(root["took_us"].integer().value_or(0)) / 1000,
                             printable_line(root["config_sha256"].string().value_or("").substr(0, 12)));
  for (const json::Value& setting : root["needs_restart"].elements())
    console.out << "needs a restart: " << printable_line(setting.string().value_or("")) << '\n';
  return exit_ok;
}

}  // namespace

void add_reload(CLI::App& root, Invocation& invocation) {
  CLI::App& verb =
      add_verb(root, invocation,
               {"reload", "Have the running server read its configuration again; with errors the old one stays",
                "sluice reload"});
  on_selected(verb, invocation, std::make_shared<ReloadFlags>(), reload);
}

}  // namespace sluice::cli
