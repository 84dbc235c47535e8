// `sluice doctor`: looks at all that a server needs, one line each, and says what to do. Changes nothing, and shows no
// key.
#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "cli/checks.h"
#include "cli/data_store.h"
#include "cli/load_config.h"
#include "cli/verbs.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

struct DoctorFlags {
  std::string config;
  std::string listen;
};

std::vector<Check> look_at_everything(const DoctorFlags& flags, const Invocation& invocation) {
  const std::string& data_dir = invocation.data_dir;
  std::vector<Check> checks{check_data_directory(data_dir), check_disk_space(data_dir)};
  const bool usable = checks.front().state != Check::State::fail;
  const auto home = home_of(invocation);
  if (usable && home)
    for (Check& check : check_ledger(*home)) checks.push_back(std::move(check));
  if (!home)
    checks.push_back(
        {.name = "ledger", .state = Check::State::fail, .detail = home.error().message, .todo = home.error().hint});
  const auto snapshot = load_snapshot(flags.config, invocation);
  const auto path = config_in_use(flags.config, invocation);
  if (snapshot)
    checks.push_back({.name = "configuration", .detail = path ? *path + " is valid" : "none: the defaults count"});
  else
    checks.push_back({.name = "configuration",
                      .state = Check::State::fail,
                      .detail = "not valid",
                      .todo = "see everything that is wrong: sluice config validate" + (path ? " " + *path : "")});
  if (snapshot) {
    const auto listen = flags.listen.empty() ? Result<Endpoint>((*snapshot)->server().listen_endpoint)
                                             : parse_listen_address(flags.listen);
    if (listen)
      checks.push_back(check_server(data_dir, *listen));
    else
      checks.push_back({.name = "server",
                        .state = Check::State::fail,
                        .detail = listen.error().message,
                        .todo = listen.error().hint});
    for (Check& check : check_engines(**snapshot, invocation.console.env)) checks.push_back(std::move(check));
    checks.push_back(check_providers(**snapshot));
    for (Check& check : check_limits(**snapshot)) checks.push_back(std::move(check));
    checks.push_back(check_retirements(**snapshot, catalog::today()));
  }
  checks.push_back(judge_certificates(net::system_authorities()));
  checks.push_back(check_clock(usable && home ? std::optional(*home) : std::nullopt));
  checks.push_back(check_open_files());
  return checks;
}

Style style_of(Check::State state) {
  return state == Check::State::ok ? Style::green : state == Check::State::warn ? Style::yellow : Style::red;
}

void print_checks(const std::vector<Check>& checks, Console& console) {
  std::size_t width = 0;
  for (const Check& check : checks) width = std::max(width, check.name.size());
  for (const Check& check : checks) {
    const std::string state = styled(fmt::format("{:4}", name(check.state)), style_of(check.state), console.colour());
    console.out << fmt::format("{}  {:{}}  {}\n", state, check.name, width, printable_line(check.detail));
    if (!check.todo.empty()) console.out << fmt::format("      {:{}}  -> {}\n", "", width, printable_line(check.todo));
  }
}

std::string checks_json(const std::vector<Check>& checks, bool well) {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("ok", well).key("checks").begin_array();
  for (const Check& check : checks) {
    out.begin_object().member("name", check.name).member("state", name(check.state));
    out.member("detail", check.detail).member("todo", check.todo).end_object();
  }
  out.end_array().end_object();
  return text;
}

Result<int> doctor(const DoctorFlags& flags, Invocation& invocation) {
  const std::vector<Check> checks = look_at_everything(flags, invocation);
  const bool well =
      std::none_of(checks.begin(), checks.end(), [](const Check& check) { return check.state == Check::State::fail; });
  if (invocation.json())
    invocation.console.out << checks_json(checks, well) << '\n';
  else
    print_checks(checks, invocation.console);
  return well ? exit_ok : exit_failed;
}

}  // namespace

void add_doctor(CLI::App& root, Invocation& invocation) {
  CLI::App& verb =
      add_verb(root, invocation, {"doctor", "Look at all that a server needs, and say what to do", "sluice doctor"});
  auto flags = std::make_shared<DoctorFlags>();
  add_config_flag(verb, flags->config);
  verb.add_option("--listen", flags->listen, "Where the server is to listen, if not where the configuration says")
      ->type_name("ADDR:PORT|unix:/PATH");
  on_selected(verb, invocation, flags, doctor);
}

}  // namespace sluice::cli
