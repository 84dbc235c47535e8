// `sluice plan FILE`: where each workload belongs and what it costs. Reads a plan file and the catalogue, asks no
// server.
#include <fmt/format.h>

#include <fstream>
#include <ostream>

#include "cli/table.h"
#include "cli/verbs.h"
#include "plan/answer.h"
#include "plan/quantity.h"
#include "plan/read_plan.h"
#include "plan/report_html.h"
#include "plan/report_json.h"
#include "plan/schema.h"
#include "plan/starter.h"
#include "yaml/node.h"

namespace sluice::cli {
namespace {

using enum Column::Align;

struct PlanFlags {
  std::string file;
};

Result<std::string> read_plan_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return fail(ErrorKind::not_found, fmt::format("{} cannot be read", path),
                "`sluice plan init` writes a plan to begin with");
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (text.size() > yaml::max_source_bytes)
    return fail(ErrorKind::request_too_large, fmt::format("{} is larger than {} bytes", path, yaml::max_source_bytes),
                "is it a plan?");
  return text;
}

void print_placement(const plan::Answer& answer, Console& console) {
  const plan::PlacementResult& placed = *answer.placement;
  if (!placed.feasible) {
    console.out << "No plan keeps all rules: " << placed.conflict_says << '\n';
    return;
  }
  Table table({{"WORKLOAD"}, {"PLACE"}, {"BILLS USD/MONTH", right}, {"RUNNER-UP"}, {"COSTS MORE BY", right}});
  for (const plan::Chosen& one : placed.workloads) {
    std::string where;
    for (const auto& [option, share] : one.shares)
      where += fmt::format("{}{}{}", where.empty() ? "" : " + ", option,
                           share < 0.9999 ? fmt::format(" {:.0f} %", share * 100) : "");
    table.add({one.workload, where, plan::cents(one.usd_per_month),
               one.runner_up.empty() ? one.no_runner_up : one.runner_up,
               one.runner_up.empty() ? "" : plan::cents(one.runner_up_gap_usd)});
  }
  table.print(console.out, console.colour());
  console.out << fmt::format(
      "total {} USD a month: bills {}, nodes {}, people {}; hardware {} USD at the start. Each for itself: {}.\n",
      plan::cents(placed.best.usd_per_month), plan::cents(placed.best.api_usd), plan::cents(placed.best.node_usd),
      plan::cents(placed.best.people_usd), plan::cents(placed.best.capex_usd), plan::cents(placed.greedy_usd));
  for (const plan::Scenario& one : placed.scenarios)
    console.out << fmt::format(
        "  {}: {}\n", one.name,
        one.placement ? plan::cents(one.placement->usd_per_month) + " USD a month" : one.impossible);
  for (const plan::RulePrice& rule : placed.rules)
    if (rule.usd_per_month > 0)
      console.out << fmt::format("  {} costs {} USD a month; {}\n", rule.rule, plan::cents(rule.usd_per_month),
                                 rule.effect);
  if (answer.draws) {
    const plan::Spread& chosen = answer.draws->plans.front();
    console.out << fmt::format(
        "  a month may cost {} to {} USD (P5 to P95), and in {:.0f} % of {} draws nothing compared is cheaper\n",
        plan::cents(chosen.p5), plan::cents(chosen.p95), chosen.best_share * 100, answer.draws->count);
  }
  for (const plan::Flip& flip : answer.flips)
    console.out << fmt::format("  at {} = {} {} it changes: {}\n", flip.assumption, plan::short_number(flip.flips_at),
                               flip.unit, flip.becomes);
  for (const plan::Chosen& one : placed.workloads)
    for (const plan::Rejected& out : one.rejected)
      console.out << fmt::format("  {} not at {}: {}\n", one.workload, out.option, out.reason);
}

void print_break_even(const plan::BreakEvenTable& table, Console& console) {
  if (table.cells.empty()) return;
  const plan::BreakEven& first = table.cells.front();
  console.out << fmt::format(
      "\nBreak-even, {}: {} against APIs. People {} USD a month, with one node {}; use {:.3g} %; capacity: {}\n",
      table.study.name, table.study.self_hosted, plan::cents(first.staff_usd_per_month),
      plan::cents(first.fixed_usd_per_month), first.utilisation * 100, table.capacity_source);
  Table rows(
      {{"IN:OUT", right}, {"AGAINST"}, {"USD/M", right}, {"TOKENS/MONTH", right}, {"NODE SERVES", right}, {"VERDICT"}});
  for (const plan::BreakEven& cell : table.cells)
    rows.add({plan::short_number(cell.mix) + ":1", cell.against, fmt::format("{:.4g}", cell.usd_per_million),
              plan::short_number(cell.tokens_per_month), plan::short_number(cell.node_ceiling_tokens), cell.verdict});
  rows.print(console.out, console.colour());
  for (const plan::Bill& bill : table.bills) {
    console.out << fmt::format("{} tokens a month at {}:1:", plan::short_number(bill.tokens_per_month),
                               plan::short_number(table.bills_mix));
    for (const auto& [name, usd] : bill.apis) console.out << fmt::format(" {} {};", name, plan::cents(usd));
    console.out << fmt::format(" self-hosted {} on {} nodes\n", plan::cents(bill.self_hosted_usd),
                               plan::short_number(bill.nodes));
  }
  for (const std::string& rule : table.rules) console.out << "rule of thumb " << rule << '\n';
}

void print_rent_or_buy(const plan::RentOrBuyTable& table, Console& console) {
  console.out << fmt::format("\nRent or buy, {}: {} USD and {} an hour; {:.3f} an hour to its owner over {} hours\n",
                             table.study.name, plan::cents(table.price_usd),
                             plan::short_number(table.opex_usd_per_hour), table.owner_usd_per_hour,
                             plan::short_number(table.life_hours));
  Table rows({{"RENTED FROM"}, {"USD/H", right}, {"HOURS PAID", right}, {"PAYS BACK"}});
  for (const plan::RentRow& row : table.rows)
    rows.add(
        {row.name, plan::short_number(row.usd_per_hour), fmt::format("{:.3g} %", row.utilisation * 100), row.verdict});
  rows.print(console.out, console.colour());
  for (const auto& row : table.per_million)
    console.out << fmt::format("at {:.3g} % use: {:.3f} USD per million output tokens, {:.3f} with people{}\n",
                               row.utilisation * 100, row.usd, row.usd_with_staff,
                               row.api_is_times_dearer
                                   ? fmt::format("; {} is {:.1f} times as dear, {:.1f} with people",
                                                 table.study.api_name, *row.api_is_times_dearer, *row.with_staff)
                                   : "");
}

void print_answer(const plan::Answer& answer, Console& console) {
  console.out << styled(answer.plan.name, Style::bold, console.colour()) << '\n';
  if (answer.placement) print_placement(answer, console);
  for (const plan::BreakEvenAnswer& one : answer.break_even) print_break_even(one.table, console);
  for (const plan::RentOrBuyTable& one : answer.rent_or_buy) print_rent_or_buy(one, console);
  if (!answer.warnings.empty() || !answer.plan.notes.empty()) console.out << "\nRead this, too:\n";
  for (const std::string& one : answer.warnings) console.out << "- " << one << '\n';
  for (const std::string& one : answer.plan.notes) console.out << "- " << one << '\n';
  console.out << "\nAssumptions (change them under `assumptions:`; all with their sources: -o json or html):\n";
  for (const plan::Assumption& one : answer.plan.assumptions.all())
    if (one.changed)
      console.out << fmt::format("- {} = {} {} ({})\n", one.id, plan::short_number(one.value), one.unit, one.source);
}

Result<int> run_plan(const PlanFlags& flags, Invocation& invocation) {
  Console& console = invocation.console;
  TRY(std::string text, read_plan_file(flags.file));
  yaml::Diagnostics diagnostics;
  const auto read =
      plan::read_plan(flags.file, std::move(text), catalog::embedded_catalog(), catalog::today(), diagnostics);
  console.err << printable(diagnostics.render());
  if (!read) return exit_failed;
  TRY(const plan::Answer answer, plan::answer(*read));
  if (invocation.output == "json")
    console.out << plan::report_json(answer) << '\n';
  else if (invocation.output == "html")
    console.out << plan::report_html(answer);
  else
    print_answer(answer, console);
  return answer.placement && !answer.placement->feasible ? exit_failed : exit_ok;
}

struct InitFlags {
  std::string file = "plan.yaml";
};

Result<int> run_init(const InitFlags& flags, Invocation& invocation) {
  if (std::ifstream(flags.file))
    return fail(ErrorKind::invalid_request, fmt::format("{} is there already", flags.file),
                "name another file: sluice plan init OTHER.yaml");
  std::ofstream file(flags.file);
  file << plan::starter_plan();
  if (!file.flush())
    return fail(ErrorKind::unavailable, fmt::format("{} cannot be written", flags.file),
                "look at the folder's permissions and room");
  invocation.console.out << fmt::format("wrote {}: change it, then `sluice plan {}`\n", flags.file, flags.file);
  return exit_ok;
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
                             "sluice plan init\nsluice plan plan.yaml -o html >report.html"});
  auto flags = std::make_shared<PlanFlags>();
  verb.add_option("file", flags->file, "The plan")->type_name(file_value);
  verb.require_subcommand(0, 1);
  verb.remove_option(verb.get_option("--output"));
  one_of(verb.add_option("-o,--output", invocation.output, "Output: table, json or html"), {"table", "json", "html"});
  verb.callback([&invocation, flags, &verb] {
    if (!verb.get_subcommands().empty()) return;
    invocation.action = [&invocation, flags]() -> Result<int> {
      if (flags->file.empty())
        return usage_error("sluice plan needs a file", "`sluice plan init` writes one to begin with");
      return run_plan(*flags, invocation);
    };
  });
  CLI::App& init = add_verb(verb, invocation, {"init", "Write a plan to begin with", "sluice plan init my-plan.yaml"});
  auto init_flags = std::make_shared<InitFlags>();
  init.add_option("file", init_flags->file, "Where to; plan.yaml unless said")->type_name(file_value);
  on_selected(init, invocation, init_flags, run_init);
  CLI::App& schema =
      add_verb(verb, invocation, {"schema", "Print the JSON Schema of a plan, for editors", "sluice plan schema"});
  on_selected(schema, invocation, std::make_shared<NoFlags>(), run_schema);
  CLI::App& assumptions = add_verb(
      verb, invocation, {"assumptions", "Print the stated defaults with their sources", "sluice plan assumptions"});
  on_selected(assumptions, invocation, std::make_shared<NoFlags>(), run_assumptions);
}

}  // namespace sluice::cli
