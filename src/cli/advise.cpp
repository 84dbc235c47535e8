// `sluice advise`: after traffic, which workloads to move, when, and what must be true. Reads the ledger or a trace, a
// plan file for options and rules, and the catalogue; changes nothing and asks no server.
#include <fmt/format.h>

#include <ostream>

#include "base/utc.h"
#include "cli/duration.h"
#include "cli/table.h"
#include "cli/traffic_source.h"
#include "cli/verbs.h"
#include "json/json.h"
#include "plan/quantity.h"
#include "replay/advise.h"
#include "store/usage_report.h"

namespace sluice::cli {
namespace {

using replay::Advised;
using When = Advised::When;

struct AdviseFlags {
  std::string file;
  TrafficFlags traffic;
};

const char* word(When when) {
  switch (when) {
    case When::stays: return "stays";
    case When::now: return "now";
    case When::if_shown: return "if_shown";
    case When::later: return "later";
  }
  return "stays";
}

std::string when_in_words(const Advised& one) {
  switch (one.when) {
    case When::stays: return "stays";
    case When::now: return "now";
    case When::if_shown: return "once shown";
    case When::later:
      return one.on ? catalog::date_text(*one.on)
                    : fmt::format("from {} requests a month",
                                  plan::short_number(std::round(one.from_requests.value_or(0))));
  }
  return "";
}

void texts(json::Writer& out, std::string_view name, const std::vector<std::string>& all) {
  out.key(name).begin_array();
  for (const std::string& one : all) out.string(one);
  out.end_array();
}

void write_workload(json::Writer& out, const Advised& one) {
  out.begin_object().member("workload", one.workload).member("cost_usd", store::usd(one.recorded_pico));
  out.member("unpriced", one.unpriced).member("usd_per_month", plan::cents(one.usd_per_month));
  out.member("from", one.from).member("to", one.to).member("when", word(one.when));
  out.member("saves_usd_per_month", plan::cents(one.saves_usd_per_month));
  for (const auto& [name, value] : {std::pair("requests_per_month", one.requests_per_month),
                                    std::pair("moves_from_requests_per_month", one.from_requests)}) {
    out.key(name);
    if (value)
      out.number(std::round(*value));
    else
      out.null();
  }
  out.key("moves_on");
  if (one.on)
    out.string(catalog::date_text(*one.on));
  else
    out.null();
  out.member("never", one.never);
  texts(out, "must_be_true", one.must_be_true);
  texts(out, "missing", one.missing);
  out.end_object();
}

void print_json(const replay::Advice& advice, const TrafficSource& source, Console& console) {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("source", source.says).member("from", utc_text(source.span.from_us));
  out.member("to", utc_text(source.span.to_us)).member("calls", advice.calls).key("current").begin_object();
  out.member("cost_usd", store::usd(advice.recorded_pico)).member("unpriced", advice.unpriced);
  out.member("usd_per_month", plan::cents(advice.usd_per_month));
  out.member("at_todays_prices_usd_per_month", plan::cents(advice.stay_usd_per_month)).end_object();
  out.key("plan").begin_object().member("usd_per_month", plan::cents(advice.plan_usd_per_month)).end_object();
  out.key("workloads").begin_array();
  for (const Advised& one : advice.workloads) write_workload(out, one);
  out.end_array().key("flips").begin_array();
  for (const plan::Flip& flip : advice.flips) {
    out.begin_object().member("assumption", flip.assumption).member("unit", flip.unit).key("value").number(flip.value);
    out.key("flips_at").number(flip.flips_at).member("becomes", flip.becomes).end_object();
  }
  out.end_array();
  out.key("faults").integer(static_cast<std::int64_t>(source.traffic.fault_count()));
  texts(out, "notes", advice.notes);
  out.end_object();
  console.out << text << '\n';
}

void print_table(const replay::Advice& advice, const TrafficSource& source, Console& console) {
  using enum Column::Align;
  console.out << printable_line(
                     fmt::format("{}: {} calls, {} USD", source.says, advice.calls, store::usd(advice.recorded_pico)))
              << fmt::format("; a month {} USD, at today's prices {}; as planned {}\n",
                             plan::cents(advice.usd_per_month), plan::cents(advice.stay_usd_per_month),
                             plan::cents(advice.plan_usd_per_month));
  if (advice.unpriced > 0) console.out << advice.unpriced << " calls have no known price and are in none of the sums\n";
  Table table(
      {{"WORKLOAD"}, {"USD/MONTH", right}, {"STANDS AT"}, {"SHOULD STAND AT"}, {"WHEN"}, {"SAVES/MONTH", right}});
  for (const Advised& one : advice.workloads)
    table.add({one.workload, plan::cents(one.usd_per_month), one.from, one.to, when_in_words(one),
               one.when == When::now || one.when == When::if_shown ? plan::cents(one.saves_usd_per_month) : ""});
  table.print(console.out, console.colour());
  const auto line = [&](const Advised& one, std::string_view what, const std::string& text) {
    console.out << printable_line(fmt::format("  {}: {}{}", one.workload, what, text)) << '\n';
  };
  for (const Advised& one : advice.workloads) {
    for (const std::string& text : one.must_be_true) line(one, "must be true: ", text);
    for (const std::string& text : one.missing) line(one, "missing: ", text);
    if (!one.never.empty()) line(one, "", one.never);
  }
  if (!advice.notes.empty()) console.out << "\nRead this, too:\n";
  for (const std::string& note : advice.notes) console.out << "- " << printable_line(note) << '\n';
}

Result<int> run_advise(const AdviseFlags& flags, Invocation& invocation) {
  TrafficFlags asked = flags.traffic;
  asked.ledger = asked.trace.empty();
  TRY(const TrafficSource source, open_traffic(asked, invocation));
  TRY(TrafficPlan made, plan_of_traffic(flags.file, asked, source, invocation));
  if (!made.plan) return exit_failed;
  TRY(const plan::Answer answer, plan::answer(*std::move(made.plan), made.arrivals));
  TRY(const replay::Advice advice, replay::advise(answer, source.traffic, source.span, made.groups, catalog::today()));
  if (invocation.json())
    print_json(advice, source, invocation.console);
  else
    print_table(advice, source, invocation.console);
  return exit_ok;
}

}  // namespace

void add_advise(CLI::App& root, Invocation& invocation) {
  CLI::App& verb = add_verb(root, invocation,
                            {"advise", "After traffic: which workloads to move, when, and what must be true",
                             "sluice advise --since 7d --by route\nsluice advise plan.yaml -o json"});
  auto flags = std::make_shared<AdviseFlags>();
  verb.add_option("file", flags->file, "A plan with your options, pools and rules")->type_name(file_value);
  add_traffic_flags(verb, flags->traffic);
  add_workload_flags(verb, flags->traffic);
  on_selected(verb, invocation, flags, run_advise);
}

}  // namespace sluice::cli
