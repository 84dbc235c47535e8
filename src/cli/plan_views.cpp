#include "cli/plan_views.h"

#include <fmt/format.h>

#include <cmath>
#include <ostream>
#include <string>

#include "cli/table.h"
#include "plan/quantity.h"
#include "plan/report_html.h"
#include "plan/report_json.h"

namespace sluice::cli {
namespace {

using enum Column::Align;

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
      "total {} USD a month: bills {}, nodes {}, people {}, evidence {}; hardware {} USD at the start. Each for "
      "itself: {}.\n",
      plan::cents(placed.best.usd_per_month), plan::cents(placed.best.api_usd), plan::cents(placed.best.node_usd),
      plan::cents(placed.best.people_usd), plan::cents(placed.best.evidence_usd), plan::cents(placed.best.capex_usd),
      plan::cents(placed.greedy_usd));
  for (const plan::Scenario& one : placed.scenarios)
    console.out << fmt::format(
        "  {}: {}\n", one.name,
        one.placement ? plan::cents(one.placement->usd_per_month) + " USD a month" : one.impossible);
  for (const plan::RulePrice& rule : placed.rules)
    if (rule.usd_per_month > 0)
      console.out << fmt::format("  {} costs {} USD a month; {}\n", rule.rule, plan::cents(rule.usd_per_month),
                                 rule.effect);
  for (const plan::RuleGroup& group : placed.rule_groups)
    if (group.usd_per_month > group.alone_usd + 0.005)
      console.out << fmt::format("  {} together cost {} USD a month, and {} one by one; {}\n", group.name,
                                 plan::cents(group.usd_per_month), plan::cents(group.alone_usd), group.effect);
  for (std::size_t o = 0; o < answer.plan.options.size(); ++o) {
    const plan::Option& option = answer.plan.options[o];
    if (!option.has_terms()) continue;
    const double list = placed.best.list_usd[o];
    console.out << fmt::format("  {}: {} USD by the list, {} under its terms{}\n", option.name, plan::cents(list),
                               plan::cents(plan::under_terms(option, list)),
                               !option.commitment                     ? ""
                               : plan::takes_commitment(option, list) ? " (with the commitment)"
                                                                      : " (the commitment is not worth signing)");
  }
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

std::string milliseconds(double seconds) { return fmt::format("{:.0f} ms", seconds * 1e3); }

std::string pays_in_words(const plan::WorkloadCost::Line& line) {
  if (!line.pays) return "no API may take it";
  if (!line.pays->never.empty()) return "never: " + line.pays->never;
  return fmt::format("{} requests a month, {} nodes, against {}",
                     plan::short_number(std::round(line.pays->requests_per_month)),
                     plan::short_number(line.pays->nodes), line.pays_against);
}

// What each own engine needs, and what recorded arrivals say of it.
void print_sizes(const plan::Answer& answer, Console& console) {
  Table sizes({{"WORKLOAD"},
               {"OWN ENGINE"},
               {"PEAK/S", right},
               {"EACH TAKES", right},
               {"PLACES/NODE", right},
               {"SERVERS", right},
               {"NODES", right},
               {"WAIT P95", right},
               {"LIMIT", right},
               {"BOUND BY"},
               {"PAYS ALONE FROM"}});
  Table replays({{"WORKLOAD"},
                 {"OWN ENGINE"},
                 {"CALLS", right},
                 {"SERVERS", right},
                 {"WAIT P50", right},
                 {"P95", right},
                 {"P99", right},
                 {"WITHIN", right},
                 {"USE", right},
                 {"NEEDS", right},
                 {"BURSTINESS", right},
                 {"REPLAY SAYS"}});
  bool any = false;
  bool replayed = false;
  for (const plan::WorkloadCost& cost : answer.costs)
    for (const plan::WorkloadCost::Line& line : cost.lines) {
      if (!line.sizing) continue;
      any = true;
      const plan::Sizing& one = *line.sizing;
      sizes.add({cost.workload, line.option, fmt::format("{:.3g}", one.load.per_second),
                 fmt::format("{:.3g} s", one.load.service_s), plan::short_number(one.slots_a_node),
                 plan::short_number(one.slots), fmt::format("{:.2f}", one.nodes), milliseconds(one.wait_p95_s),
                 milliseconds(one.limit_s), std::string(plan::name(one.by)), pays_in_words(line)});
      if (!line.replay) continue;
      replayed = true;
      const plan::ReplayCheck& check = *line.replay;
      replays.add(
          {cost.workload, line.option,
           check.calls < check.of ? fmt::format("{} of {}", check.calls, check.of) : std::to_string(check.calls),
           plan::short_number(check.slots), milliseconds(check.seen.p50_s), milliseconds(check.seen.p95_s),
           milliseconds(check.seen.p99_s), fmt::format("{:.1f} %", check.seen.within * 100),
           fmt::format("{:.1f} %", check.seen.utilisation * 100),
           check.needs > 0 ? plan::short_number(check.needs) : "none",
           check.arrival_scv > 0 ? fmt::format("{:.3g}", check.arrival_scv) : "", check.says});
    }
  if (!any) return;
  console.out << "\nServers at the peak (places in an engine's batch), by Erlang C and Kimura:\n";
  sizes.print(console.out, console.colour());
  if (!replayed) return;
  console.out << "\nThe recorded arrivals replayed with that size:\n";
  replays.print(console.out, console.colour());
  for (const plan::SharedEngines& one : answer.shared) console.out << printable_line(one.says) << '\n';
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

}  // namespace

void print_answer(const plan::Answer& answer, Console& console) {
  console.out << styled(answer.plan.name, Style::bold, console.colour()) << '\n';
  if (answer.placement) print_placement(answer, console);
  print_sizes(answer, console);
  for (const plan::BreakEvenAnswer& one : answer.break_even) print_break_even(one.table, console);
  for (const plan::RentOrBuyTable& one : answer.rent_or_buy) print_rent_or_buy(one, console);
  if (!answer.warnings.empty() || !answer.plan.notes.empty()) console.out << "\nRead this, too:\n";
  for (const std::string& one : answer.warnings) console.out << "- " << printable_line(one) << '\n';
  for (const std::string& one : answer.plan.notes) console.out << "- " << printable_line(one) << '\n';
  console.out << "\nAssumptions (change them under `assumptions:`; all with their sources: -o json or html):\n";
  for (const plan::Assumption& one : answer.plan.assumptions.all())
    if (one.changed)
      console.out << fmt::format("- {} = {} {} ({})\n", one.id, plan::short_number(one.value), one.unit, one.source);
}

void print_plan(const plan::Answer& answer, Invocation& invocation) {
  Console& console = invocation.console;
  if (invocation.output == "json")
    console.out << plan::report_json(answer) << '\n';
  else if (invocation.output == "html")
    console.out << plan::report_html(answer);
  else
    print_answer(answer, console);
}

}  // namespace sluice::cli
