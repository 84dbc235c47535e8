// `sluice config push|pull|history|rollback`: the configuration that several servers take from their store.
#include <ostream>

#include "base/utc.h"
#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/load_config.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

struct StoreFlags {
  std::string file;
  std::string said;
  std::int64_t number = 0;  // 0: nothing was said
};

void write(json::Writer& out, const store::ConfigGeneration& one) {
  out.begin_object().member("generation", one.number).member("sha256", one.sha256);
  out.member("at", utc_text(one.made_at_us)).member("by", one.made_by).member("said", one.said).end_object();
}

void tell(const store::ConfigGeneration& made, Invocation& invocation) {
  if (!invocation.json()) {
    invocation.console.out
        << "generation " << made.number
        << " is in the store; servers with `store: { configuration: store }` take it within a second\n";
    return;
  }
  std::string text;
  json::Writer out(text);
  write(out, made);
  invocation.console.out << text << '\n';
}

Result<store::ConfigGeneration> find(store::Store& store, std::optional<std::int64_t> number) {
  TRY(auto found, store.configuration(number));
  if (found) return *std::move(found);
  return fail(ErrorKind::not_found,
              number ? "there is no generation " + std::to_string(*number) + " of the configuration in the store"
                     : "there is no configuration in the store",
              number ? "see: sluice config history" : "sluice config push FILE");
}

Result<int> push(const StoreFlags& flags, Invocation& invocation) {
  Console& console = invocation.console;
  TRY(const config::Loaded loaded, load_config(flags.file, console, {}));
  console.err << loaded.diagnostics.render(console.colour());
  if (!loaded.snapshot) {
    console.err << "nothing was pushed: it is judged with this shell's environment, so set what it refers to\n";
    return exit_failed;
  }
  TRY(const std::string text, config::read_source(flags.file));
  TRY(store::Store store, open_store(invocation, IfMissing::refuse));
  TRY(const store::ConfigGeneration made, store.push_configuration(text, flags.said, store::wall_clock_us()));
  tell(made, invocation);
  return exit_ok;
}

Result<int> pull(const StoreFlags& flags, Invocation& invocation) {
  TRY(store::Store store, open_store(invocation, IfMissing::refuse));
  TRY(const store::ConfigGeneration found, find(store, flags.number > 0 ? std::optional(flags.number) : std::nullopt));
  invocation.console.out << found.text;
  return exit_ok;
}

Result<int> history(const StoreFlags&, Invocation& invocation) {
  TRY(store::Store store, open_store(invocation, IfMissing::refuse));
  TRY(const std::vector<store::ConfigGeneration> all, store.list_configurations());
  Console& console = invocation.console;
  if (invocation.json()) {
    std::string text;
    json::Writer out(text);
    out.begin_object().key("generations").begin_array();
    for (const store::ConfigGeneration& one : all) write(out, one);
    out.end_array().end_object();
    console.out << text << '\n';
    return exit_ok;
  }
  using enum Column::Align;
  Table table({{"GENERATION", right}, {"AT"}, {"BY"}, {"SHA-256"}, {"SAID"}});
  for (const store::ConfigGeneration& one : all)
    table.add({std::to_string(one.number), utc_text(one.made_at_us), printable_line(one.made_by),
               one.sha256.substr(0, 12), one.said.empty() ? "-" : printable_line(one.said)});
  if (all.empty())
    console.out << "there is no configuration in the store; sluice config push FILE\n";
  else
    table.print(console.out, console.colour());
  return exit_ok;
}

// The old one comes back as a new generation: what was in force when stays told.
Result<int> roll_back(const StoreFlags& flags, Invocation& invocation) {
  TRY(store::Store store, open_store(invocation, IfMissing::refuse));
  std::int64_t number = flags.number;
  if (number == 0) {
    TRY(const store::ConfigGeneration newest, find(store, std::nullopt));
    number = newest.number - 1;
    if (number == 0)
      return fail(ErrorKind::not_found, "there is only one configuration in the store", "sluice config push FILE");
  }
  TRY(const store::ConfigGeneration old, find(store, number));
  TRY(const store::ConfigGeneration made,
      store.push_configuration(old.text, "back to generation " + std::to_string(number), store::wall_clock_us()));
  tell(made, invocation);
  return exit_ok;
}

}  // namespace

void add_config_store(CLI::App& group, Invocation& invocation) {
  const auto flags = std::make_shared<StoreFlags>();
  CLI::App& pushing = add_verb(group, invocation,
                               {"push", "Gives a configuration to all servers that take theirs from the store",
                                "sluice config push sluice.yaml --said 'a second region'"});
  pushing.add_option("file", flags->file, "The configuration")->required()->type_name(file_value);
  pushing.add_option("--said", flags->said, "A word on it, for the history")->type_name("TEXT");
  on_selected(pushing, invocation, flags, push);

  CLI::App& pulling = add_verb(
      group, invocation, {"pull", "Prints a configuration that is in the store", "sluice config pull > sluice.yaml"});
  pulling.add_option("number", flags->number, "Which generation; the newest unless told")->type_name("NUMBER");
  on_selected(pulling, invocation, flags, pull);

  CLI::App& telling =
      add_verb(group, invocation, {"history", "Which configurations the store has had", "sluice config history"});
  on_selected(telling, invocation, flags, history);

  CLI::App& rolling = add_verb(group, invocation,
                               {"rollback", "Puts an earlier configuration in force again", "sluice config rollback"});
  rolling.add_option("number", flags->number, "Which generation; the one before the newest unless told")
      ->type_name("NUMBER");
  on_selected(rolling, invocation, flags, roll_back);
}

}  // namespace sluice::cli
