// `sluice prices`: the price book as it stands or stood (`show`), and what differs between two moments (`diff`). The
// other verbs of the group have files of their own.
#include <map>
#include <ostream>
#include <set>

#include "cli/load_config.h"
#include "cli/prices_text.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace sluice::cli {
namespace {

using catalog::Moment;
using catalog::PriceFact;

struct ShowFlags {
  std::string provider;
  std::string model;
  std::string at;
  std::string known_at;
  bool history = false;
  std::string config;
};

// The prices of one model that hold at the moment: the first of each service tier, region and hours.
std::vector<const PriceFact*> in_force(const catalog::PriceHistory& history, Moment at) {
  std::vector<const PriceFact*> facts;
  std::set<std::string> keys;
  for (const PriceFact& fact : history.facts)
    if (fact.effective_from <= at && (!fact.effective_to || at < *fact.effective_to) &&
        keys.insert(catalog::price_key(fact)).second)
      facts.push_back(&fact);
  return facts;
}

Result<int> show(const ShowFlags& flags, Invocation& invocation) {
  TRY(const Moment at, moment_of(flags.at, "--at"));
  TRY(const auto known, day_of(flags.known_at, "--known-at"));
  TRY(const auto snapshot, load_snapshot(flags.config, invocation, known));
  std::vector<const PriceFact*> facts;
  for (const auto& [name, history] : snapshot->prices().all()) {
    if (!flags.provider.empty() && name.first != flags.provider) continue;
    if (!flags.model.empty() && name.second.find(flags.model) == std::string::npos) continue;
    if (flags.history)
      for (const PriceFact& fact : history.facts) facts.push_back(&fact);
    else
      for (const PriceFact* fact : in_force(history, at)) facts.push_back(fact);
  }
  Console& console = invocation.console;
  if (invocation.json()) {
    std::string text;
    json::Writer out(text);
    out.begin_object().member("at", moment_text(at)).key("prices").begin_array();
    for (const PriceFact* fact : facts) write_fact(out, *fact);
    out.end_array().end_object();
    console.out << text << '\n';
    return exit_ok;
  }
  if (facts.empty()) {
    console.out << "no price is known " << (flags.history ? "" : "then ")
                << "for that; what is not known is unpriced\n";
    return exit_ok;
  }
  Table table({{"PRICE"}, {"LAYER"}, {"FROM"}, {"UNTIL"}, {"USD PER MILLION"}, {"SOURCE"}});
  for (const PriceFact* fact : facts)
    table.add({catalog::price_key(*fact), std::string(name(fact->source_kind)),
               fact->effective_from == catalog::Date() ? "ever" : catalog::date_text(fact->effective_from),
               fact->effective_to ? catalog::date_text(*fact->effective_to) : "", price_text(*fact), fact->source});
  table.print(console.out, console.colour());
  return exit_ok;
}

// --- diff

struct DiffFlags {
  std::string from;
  std::string to;
  std::string provider;
  std::string config;
};

Result<int> diff(const DiffFlags& flags, Invocation& invocation) {
  if (flags.from.empty()) return usage_error("from which day on?", "sluice prices diff --from 2026-07-01");
  TRY(const Moment from, moment_of(flags.from, "--from"));
  TRY(const Moment to, moment_of(flags.to, "--to"));
  TRY(const auto snapshot, load_snapshot(flags.config, invocation));
  struct Row {
    std::string key;
    const PriceFact* before;
    const PriceFact* after;
  };
  std::vector<Row> rows;
  for (const auto& [name, history] : snapshot->prices().all()) {
    if (!flags.provider.empty() && name.first != flags.provider) continue;
    std::map<std::string, Row> by_key;
    for (const PriceFact* fact : in_force(history, from)) by_key[catalog::price_key(*fact)].before = fact;
    for (const PriceFact* fact : in_force(history, to)) by_key[catalog::price_key(*fact)].after = fact;
    for (auto& [key, row] : by_key) {
      const bool same = row.before && row.after && row.before->kind == row.after->kind &&
                        row.before->rates == row.after->rates && row.before->tiers == row.after->tiers;
      if (!same) rows.push_back({key, row.before, row.after});
    }
  }
  Console& console = invocation.console;
  if (invocation.json()) {
    std::string text;
    json::Writer out(text);
    out.begin_object().member("from", moment_text(from)).member("to", moment_text(to)).key("changes").begin_array();
    for (const Row& row : rows) {
      out.begin_object().member("key", row.key);
      out.member("change", !row.before ? "added" : row.after ? "changed" : "removed").key("before");
      row.before ? write_fact(out, *row.before) : void(out.null());
      out.key("after");
      row.after ? write_fact(out, *row.after) : void(out.null());
      out.end_object();
    }
    out.end_array().end_object();
    console.out << text << '\n';
    return exit_ok;
  }
  if (rows.empty()) {
    console.out << "no price differs between the two\n";
    return exit_ok;
  }
  Table table({{"PRICE"}, {"CHANGE"}, {"BEFORE"}, {"AFTER"}});
  for (const Row& row : rows)
    table.add({row.key,
               !row.before ? "added"
               : row.after ? "changed"
                           : "removed",
               row.before ? price_text(*row.before) : "", row.after ? price_text(*row.after) : ""});
  table.print(console.out, console.colour());
  return exit_ok;
}

}  // namespace

void add_prices(CLI::App& root, Invocation& invocation) {
  CLI::App& group =
      add_group(root, {"prices", "The price book: what holds, what a catalogue changes, what an answer costs",
                       "sluice prices show --provider anthropic\n"
                       "sluice prices explain --provider openai --response answer.json"});

  CLI::App& shown = add_verb(group, invocation,
                             {"show", "The prices that hold at a moment",
                              "sluice prices show --provider openai --model gpt-5 --at 2026-07-15"});
  auto show_flags = std::make_shared<ShowFlags>();
  shown.add_option("--provider", show_flags->provider, "Only this provider's")->type_name("NAME");
  shown.add_option("--model", show_flags->model, "Only models with this in their name")->type_name("TEXT");
  shown.add_option("--at", show_flags->at, "When (default: now)")->type_name("TIME");
  shown.add_option("--known-at", show_flags->known_at, "As the book was known on that day: without later imports")
      ->type_name("DAY");
  shown.add_flag("--history", show_flags->history, "Every fact, whenever it holds");
  add_config_flag(shown, show_flags->config);
  on_selected(shown, invocation, show_flags, show);

  CLI::App& differing =
      add_verb(group, invocation,
               {"diff", "What differs between two moments", "sluice prices diff --from 2026-07-01 --to 2026-09-01"});
  auto diff_flags = std::make_shared<DiffFlags>();
  differing.add_option("--from", diff_flags->from, "The earlier moment")->type_name("TIME");
  differing.add_option("--to", diff_flags->to, "The later one (default: now)")->type_name("TIME");
  differing.add_option("--provider", diff_flags->provider, "Only this provider's")->type_name("NAME");
  add_config_flag(differing, diff_flags->config);
  on_selected(differing, invocation, diff_flags, diff);

  add_prices_import(group, invocation);
  add_prices_explain(group, invocation);
  add_prices_store(group, invocation);
  add_prices_reprice(group, invocation);
}

}  // namespace sluice::cli
