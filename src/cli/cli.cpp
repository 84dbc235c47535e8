#include "cli/cli.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <unistd.h>
#include <CLI/Config.hpp>  // both are what App.hpp declares only
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>

#include "cli/verbs.h"
#include "yaml/diagnostics.h"

namespace sluice::cli {

void add_verbs(CLI::App& root, Invocation& invocation) {
  root.set_help_flag("-h,--help", "Print this help");
  root.footer(
      "Every verb takes --data DIR and -o table|json; `sluice VERB --help` shows its flags with an example.\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no sluice is serving, 130 interrupted.\n"
      "Example:\n  sluice serve");
  add_serve(root, invocation);
  add_reload(root, invocation);
  add_upgrade(root, invocation);
  add_chat(root, invocation);
  add_run(root, invocation);
  add_models(root, invocation);
  add_route(root, invocation);
  add_plan(root, invocation);
  add_advise(root, invocation);
  add_keys(root, invocation);
  add_admin_keys(root, invocation);
  add_subjects(root, invocation);
  add_limits(root, invocation);
  add_sessions(root, invocation);
  add_usage(root, invocation);
  add_prices(root, invocation);
  add_logs(root, invocation);
  add_config(root, invocation);
  add_import(root, invocation);
  add_doctor(root, invocation);
  add_completion(root, invocation);
  add_version(root, invocation);
}

namespace {

// The verb that the arguments have led to so far: "sluice keys" for `sluice keys crate`.
const CLI::App& deepest(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return *app;
}

std::string command_line(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent ? command_line(*parent) + " " + app.get_name() : app.get_name();
}

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands(nullptr)) names.push_back(verb->get_name());
  return names;
}

std::vector<std::string> flag_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

Error unknown_argument(const CLI::App& root) {
  const std::vector<std::string> at_root = root.remaining(false);
  const CLI::App& app = at_root.empty() ? deepest(root) : root;
  const std::vector<std::string> unknown = at_root.empty() ? app.remaining(false) : at_root;
  const std::string argument = printable_line(unknown.empty() ? std::string() : unknown.front());
  const bool flag = argument.starts_with('-');
  const std::vector<std::string> known = flag ? flag_names(app) : verb_names(app);
  const std::string what = flag ? "flag" : known.empty() ? "argument" : "verb";
  const std::string near = yaml::nearest(argument.substr(0, argument.find('=')), known);
  return usage_error(fmt::format("{} knows no {} `{}`{}", command_line(app), what, argument,
                                 near.empty() ? "" : fmt::format("; did you mean `{}`?", near)),
                     fmt::format("see: {} --help", command_line(app)))
      .error();
}

void print_error(const Error& error, Console& console) {
  console.err << "sluice: " << printable(error.message) << '\n';
  if (!error.hint.empty()) console.err << "  " << printable(error.hint) << '\n';
}

// What the arguments ask for. Empty when the parser has already answered them (--help).
Result<bool> parse(CLI::App& root, const std::vector<std::string>& arguments, Console& console) {
  try {
    root.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    console.out << root.help();
    return false;
  } catch (const CLI::ParseError& error) {
    if (root.remaining_size(true) > 0) return std::unexpected(unknown_argument(root));
    return usage_error(error.what(), fmt::format("see: {} --help", command_line(deepest(root))));
  }
  return true;
}

Result<int> execute(CLI::App& root, Invocation& invocation, const std::vector<std::string>& arguments) {
  TRY(const bool proceed, parse(root, arguments, invocation.console));
  if (!proceed) return exit_ok;
  if (invocation.action) return invocation.action();
  const CLI::App& group = deepest(root);
  if (&group != &root)
    return usage_error(fmt::format("{} needs one of: {}", command_line(group), fmt::join(verb_names(group), ", ")),
                       fmt::format("see: {} --help", command_line(group)));
  invocation.console.out << root.help();
  return exit_ok;
}

// The one place that a signal handler can reach.
std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = true; };  // without SA_RESTART: reading a line ends, too
  sigaction(SIGINT, &action, nullptr);
}

std::optional<std::string> environment_variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

}  // namespace

int run(const std::vector<std::string>& arguments, Console& console) {
  CLI::App root("Sluice: one gateway before proprietary APIs, hosted open models and your own engines", "sluice");
  Invocation invocation(console);
  invocation.data_dir = default_data_dir(console);
  add_verbs(root, invocation);
  const Result<int> code = execute(root, invocation, arguments);
  console.out.flush();
  if (code) return *code;
  print_error(code.error(), console);
  return exit_code_of(code.error());
}

int run(int argc, char** argv) {
  Console console{.in = std::cin,
                  .out = std::cout,
                  .err = std::cerr,
                  .env = environment_variable,
                  .in_is_terminal = isatty(STDIN_FILENO) == 1,
                  .out_is_terminal = isatty(STDOUT_FILENO) == 1,
                  .interrupted = interrupted,
                  .start_catching = catch_interrupts};
  // What the system refuses at the start (files, threads) and what libraries throw: one line, not an abort.
  try {
    return run(std::vector<std::string>(argv + std::min(argc, 1), argv + argc), console);
  } catch (const std::exception& problem) {
    const Error error{.kind = ErrorKind::unavailable,
                      .message = problem.what(),
                      .hint = "too many open files: raise the limit (ulimit -n); out of memory or disk: free some"};
    print_error(error, console);
    return exit_code_of(error);
  }
}

}  // namespace sluice::cli
