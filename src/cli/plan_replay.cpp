// `sluice plan replay`: the calls of a ledger or a trace at the prices known now, and under what-ifs.
#include <fmt/format.h>

#include <ostream>

#include "base/utc.h"
#include "cli/duration.h"
#include "cli/table.h"
#include "cli/traffic_source.h"
#include "cli/verbs.h"
#include "json/json.h"
#include "replay/what_if.h"
#include "store/usage_report.h"

namespace sluice::cli {
namespace {

constexpr std::size_t max_what_ifs = 50;

struct ReplayFlags {
  TrafficFlags traffic;
  std::vector<std::string> what_ifs;
};

struct Outcome {
  std::string name;
  replay::Repriced priced;
};

struct Replayed {
  std::optional<replay::Recorded> recorded;
  replay::Repriced now;
  std::vector<replay::Differs> differences;
  std::vector<Outcome> outcomes;
  // What a what-if is compared with: what was paid, else today's prices.
  MoneySum base() const { return recorded ? recorded->pico : now.pico; }
};

void print_json(const Replayed& all, const TrafficSource& source, Console& console) {
  std::string text;
  json::Writer out(text);
  const replay::Traffic& traffic = source.traffic;
  out.begin_object().member("source", source.says).member("calls", static_cast<std::int64_t>(traffic.requests()));
  out.member("from", utc_text(source.span.from_us)).member("to", utc_text(source.span.to_us));
  out.key("faults").begin_object().member("rows", static_cast<std::int64_t>(traffic.fault_count())).key("named");
  out.begin_array();
  for (const replay::Fault& fault : traffic.faults())
    out.begin_object().member("line", static_cast<std::int64_t>(fault.line)).member("what", fault.what).end_object();
  out.end_array().end_object();
  out.key("recorded_usd");
  if (all.recorded)
    out.string(store::usd(all.recorded->pico));
  else
    out.null();
  out.member("recorded_unpriced", all.recorded ? all.recorded->unpriced : 0);
  out.member("priced_usd", store::usd(all.now.pico)).member("unpriced", all.now.unpriced);
  out.member("self_hosted", all.now.self_hosted);
  out.member("identical", all.recorded && all.recorded->pico == all.now.pico && all.differences.empty());
  out.key("differences").begin_array();
  for (const replay::Differs& one : all.differences) {
    const replay::Stream& stream = traffic.streams()[one.stream];
    out.begin_object().member("model", stream.provider + "/" + stream.model).member("calls", one.calls);
    out.member("first_at", utc_text(one.start_us)).member("recorded_usd", Money::pico(one.recorded_pico).usd());
    out.member("priced_usd", Money::pico(one.priced_pico).usd()).end_object();
  }
  out.end_array().key("what_ifs").begin_array();
  for (const Outcome& one : all.outcomes) {
    out.begin_object().member("name", one.name).member("cost_usd", store::usd(one.priced.pico));
    out.member("difference_usd", store::usd(one.priced.pico - all.base())).member("moved", one.priced.moved);
    out.member("unpriced", one.priced.unpriced).member("self_hosted", one.priced.self_hosted).end_object();
  }
  out.end_array().end_object();
  console.out << text << '\n';
}

void print_table(const Replayed& all, const TrafficSource& source, Console& console) {
  using enum Column::Align;
  console.out << fmt::format("{}: {} calls\n", printable_line(source.says), source.traffic.requests());
  Table table({{"PRICED"}, {"USD", right}, {"DIFFERENCE", right}, {"MOVED", right}, {"UNPRICED", right}});
  if (all.recorded)
    table.add({"as recorded", store::usd(all.recorded->pico), "", "", std::to_string(all.recorded->unpriced)});
  table.add({"at the prices known now", store::usd(all.now.pico),
             all.recorded ? store::usd(all.now.pico - all.recorded->pico) : "", "", std::to_string(all.now.unpriced)});
  for (const Outcome& one : all.outcomes)
    table.add({one.name, store::usd(one.priced.pico), store::usd(one.priced.pico - all.base()),
               std::to_string(one.priced.moved), std::to_string(one.priced.unpriced)});
  table.print(console.out, console.colour());
  for (const replay::Differs& one : all.differences) {
    const replay::Stream& stream = source.traffic.streams()[one.stream];
    console.out << printable_line(
                       fmt::format("{} calls of {}/{} have another price now; the first, of {}: {} USD then, {} now",
                                   one.calls, stream.provider, stream.model, utc_text(one.start_us),
                                   Money::pico(one.recorded_pico).usd(), Money::pico(one.priced_pico).usd()))
                << '\n';
  }
  if (all.now.self_hosted > 0)
    console.out << all.now.self_hosted
                << " calls stood on engines of your own, whose hardware is in none of the sums\n";
}

Result<int> run_replay(const ReplayFlags& flags, Invocation& invocation) {
  if (flags.what_ifs.size() > max_what_ifs)
    return usage_error(fmt::format("more than {} what-ifs at once", max_what_ifs), "ask in two runs");
  TRY(const TrafficSource source, open_traffic(flags.traffic, invocation));
  const catalog::PriceBook& book = source.snapshot->prices();
  const replay::RegionOf region = region_of(*source.snapshot);
  Replayed all;
  if (source.traffic.has_costs()) {
    all.recorded = replay::recorded(source.traffic);
    all.differences = replay::differences(source.traffic, book, region);
  }
  all.now = replay::reprice(source.traffic, book, {}, region);
  for (const std::string& file : flags.what_ifs) {
    TRY(std::string text, read_plan_file(file));
    yaml::Diagnostics diagnostics;
    const auto what_if = replay::read_what_if(file, std::move(text), source.traffic, book, diagnostics);
    invocation.console.err << printable(diagnostics.render());
    if (!what_if) return exit_failed;
    all.outcomes.push_back({what_if->name, replay::reprice(source.traffic, book, *what_if, region)});
  }
  if (invocation.json())
    print_json(all, source, invocation.console);
  else
    print_table(all, source, invocation.console);
  return exit_ok;
}

}  // namespace

void add_plan_replay(CLI::App& plan, Invocation& invocation) {
  CLI::App& verb = add_verb(plan, invocation,
                            {"replay", "Price recorded calls again: as they are, and under what-ifs",
                             "sluice plan replay --ledger --since 7d --what-if batch.yaml\n"
                             "sluice plan replay --trace calls.csv"});
  auto flags = std::make_shared<ReplayFlags>();
  add_ledger_flag(verb, flags->traffic);
  add_traffic_flags(verb, flags->traffic);
  verb.add_option("--what-if", flags->what_ifs, "A file of moves and prices; may be given several times")
      ->type_name(file_value);
  on_selected(verb, invocation, flags, run_replay);
}

}  // namespace sluice::cli
