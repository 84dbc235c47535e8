// `sluice usage anomalies`: the unusual hours of a time, each with its reason in numbers. The server tells the same as
// they happen (serve/spend_watch.h); this reads the data directory, with or without one.
#include <cstdio>
#include <ostream>

#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/load_config.h"
#include "cli/table.h"
#include "cli/usage_views.h"
#include "json/json.h"
#include "spend/anomalies_json.h"
#include "spend/watch.h"

namespace sluice::cli {
namespace {

constexpr std::int64_t us_per_hour = 3'600'000'000;
constexpr std::int64_t most_hours = 31 * 24;

struct AnomalyFlags {
  std::string since = "7d";
  std::string until;
  std::string config;
};

Result<int> anomalies(const AnomalyFlags& flags, Invocation& invocation) {
  TRY(const std::optional<std::int64_t> since_us, parse_time_us(flags.since, "--since"));
  TRY(const std::optional<std::int64_t> until_us, parse_time_us(flags.until, "--until"));
  const std::int64_t now_hour = store::wall_clock_us() / us_per_hour;  // not over, so not judged
  const std::int64_t from = since_us.value_or(0) / us_per_hour;
  const std::int64_t to = std::min(now_hour, until_us ? *until_us / us_per_hour : now_hour);
  if (to - from > most_hours) return usage_error("at most 31 days are looked at", "say a later --since, or an --until");
  TRY(const auto snapshot, load_snapshot(flags.config, invocation));
  TRY(store::Store store, open_ledger(invocation));
  const spend::Sensitivity by{.least = snapshot->alerts().anomaly_least};
  TRY(const spend::Found found, spend::find_anomalies(store, snapshot->prices(), from, to, by));
  Console& console = invocation.console;
  if (invocation.json()) {
    std::string text;
    json::Writer out(text);
    out.begin_object().key("anomalies").begin_array();
    for (const spend::Anomaly& one : found.anomalies) spend::write(out, one);
    out.end_array().member("series_left_out", found.series_left_out);
    out.member("hours_not_explained", found.hours_not_explained).end_object();
    console.out << text << '\n';
    return exit_ok;
  }
  if (found.anomalies.empty()) {
    console.out << "nothing unusual in that time\n";
  } else {
    using enum Column::Align;
    Table table({{"HOUR"}, {"KIND"}, {"TEAM"}, {"MODEL"}, {"COST USD", right}, {"USUAL USD", right}, {"REASON"}});
    for (const spend::Anomaly& one : found.anomalies)
      table.add({spend::hour_text(one.hour), std::string(name(one.kind)), one.series.team,
                 one.series.provider + "/" + one.series.model, store::usd(one.cost), store::usd(one.usual),
                 one.reason + (one.explained ? ": " + spend::sentence(*one.explained) : "")});
    table.print(console.out, console.colour());
  }
  if (found.series_left_out > 0)
    console.err << found.series_left_out << " of the teams' models were not looked at: there are too many\n";
  if (found.hours_not_explained > 0)
    console.err << found.hours_not_explained << " hours could not be explained: their rows are too many, or not kept\n";
  return exit_ok;
}

}  // namespace

void add_usage_anomalies(CLI::App& usage, Invocation& invocation) {
  CLI::App& verb =
      add_verb(usage, invocation,
               {"anomalies", "Hours that cost more than usual, lost caches, retry storms, prices; with reasons",
                "sluice usage anomalies --since 7d"});
  auto flags = std::make_shared<AnomalyFlags>();
  verb.add_option("--since", flags->since, "Hours from: 2026-04-01, or 7d ago (default)")->type_name("TIME");
  verb.add_option("--until", flags->until, "Hours before; default: the last whole one")->type_name("TIME");
  add_config_flag(verb, flags->config);
  on_selected(verb, invocation, flags, anomalies);
}

}  // namespace sluice::cli
