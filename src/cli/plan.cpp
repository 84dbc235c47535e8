// `sluice plan FILE`: where each workload belongs and what it costs. Reads a plan file and the catalogue, asks no
// server.
#include <ostream>

#include "cli/plan_views.h"
#include "cli/table.h"
#include "cli/traffic_source.h"
#include "cli/verbs.h"
#include "plan/answer.h"
#include "plan/quantity.h"
#include "plan/schema.h"

namespace sluice::cli {
namespace {

using enum Column::Align;

struct PlanFlags {
  std::string file;
  TrafficFlags traffic;
};

int exit_of(const plan::Answer& answer) {
  return answer.placement && !answer.placement->feasible ? exit_failed : exit_ok;
}

// The plan with real traffic for its workloads.
Result<int> run_on_traffic(const PlanFlags& flags, Invocation& invocation) {
  TRY(const TrafficSource source, open_traffic(flags.traffic, invocation));
  TRY(TrafficPlan made, plan_of_traffic(flags.file, flags.traffic, source, invocation));
  if (!made.plan) return exit_failed;
  TRY(const plan::Answer answer, plan::answer(*std::move(made.plan), made.arrivals));
  print_plan(answer, invocation);
  return exit_of(answer);
}

Result<int> run_plan(const PlanFlags& flags, Invocation& invocation) {
  if (flags.traffic.asked()) return run_on_traffic(flags, invocation);
  TRY(const auto read, base_plan(flags.file, flags.traffic.calibrations, invocation));
  if (!read) return exit_failed;
  TRY(const plan::Answer answer, plan::answer(*read));
  print_plan(answer, invocation);
  return exit_of(answer);
}

struct NoFlags {};

Result<int> run_schema(const NoFlags&, Invocation& invocation) {
  invocation.console.out << plan::plan_schema();
  return exit_ok;
}

Result<int> run_assumptions(const NoFlags&, Invocation& invocation) {
  Table table({{"ASSUMPTION"}, {"VALUE", right}, {"LOW", right}, {"HIGH", right}, {"UNIT"}, {"SOURCE"}});
  for (const plan::Assumption& one : plan::Assumptions::defaults().all())
    table.add({one.id, plan::short_number(one.value), plan::short_number(one.low), plan::short_number(one.high),
               one.unit, one.source});
  table.print(invocation.console.out, invocation.console.colour());
  return exit_ok;
}

}  // namespace

void add_plan(CLI::App& root, Invocation& invocation) {
  CLI::App& verb = add_verb(root, invocation,
                            {"plan", "Where each workload belongs, what it costs, and what must be true for that",
                             "sluice plan init\nsluice plan plan.yaml -o html >report.html\n"
                             "sluice plan --ledger --since 30d --by route"});
  auto flags = std::make_shared<PlanFlags>();
  verb.add_option("file", flags->file, "The plan")->type_name(file_value);
  add_ledger_flag(verb, flags->traffic);
  add_traffic_flags(verb, flags->traffic);
  add_workload_flags(verb, flags->traffic);
  verb.require_subcommand(0, 1);
  verb.remove_option(verb.get_option("--output"));
  one_of(verb.add_option("-o,--output", invocation.output, "Output: table, json or html"), {"table", "json", "html"});
  verb.callback([&invocation, flags, &verb] {
    if (!verb.get_subcommands().empty()) return;
    invocation.action = [&invocation, flags]() -> Result<int> {
      if (flags->file.empty() && !flags->traffic.asked())
        return usage_error("sluice plan needs a file, or traffic",
                           "`sluice plan init` writes a file to begin with; `sluice plan --ledger` plans what has run");
      return run_plan(*flags, invocation);
    };
  });
  add_plan_init(verb, invocation);
  CLI::App& schema =
      add_verb(verb, invocation, {"schema", "Print the JSON Schema of a plan, for editors", "sluice plan schema"});
  on_selected(schema, invocation, std::make_shared<NoFlags>(), run_schema);
  CLI::App& assumptions = add_verb(
      verb, invocation, {"assumptions", "Print the stated defaults with their sources", "sluice plan assumptions"});
  on_selected(assumptions, invocation, std::make_shared<NoFlags>(), run_assumptions);
  add_plan_replay(verb, invocation);
  add_plan_calibrate(verb, invocation);
}

}  // namespace sluice::cli
