#include "plan/report_json.h"

#include <fmt/format.h>

#include "json/json.h"
#include "plan/quantity.h"

namespace sluice::plan {
namespace {

using json::Writer;

void number(Writer& out, std::string_view name, double value) { out.key(name).raw(figure(value)); }
void number(Writer& out, std::string_view name, const std::optional<double>& value) {
  if (value)
    number(out, name, *value);
  else
    out.key(name).null();
}
void money(Writer& out, std::string_view name, double usd) { out.member(name, cents(usd)); }

void texts(Writer& out, std::string_view name, const std::vector<std::string>& all) {
  out.key(name).begin_array();
  for (const std::string& one : all) out.string(one);
  out.end_array();
}

void write_bars(Writer& out, std::string_view name, const std::vector<Bar>& bars) {
  out.key(name).begin_array();
  for (const Bar& bar : bars) {
    out.begin_object().member("what", bar.what).member("low_is", bar.low_is).member("high_is", bar.high_is);
    number(out, "low", bar.low);
    number(out, "high", bar.high);
    number(out, "swing", bar.swing());
    out.end_object();
  }
  out.end_array();
}

void write_assumptions(Writer& out, const Plan& plan) {
  out.key("assumptions").begin_array();
  for (const Assumption& one : plan.assumptions.all()) {
    out.begin_object().member("id", one.id).member("meaning", one.meaning);
    number(out, "value", one.value);
    number(out, "low", one.low);
    number(out, "high", one.high);
    out.member("unit", one.unit).member("source", one.source).member("changed", one.changed).end_object();
  }
  out.end_array();
}

void write_options(Writer& out, const Plan& plan) {
  out.key("options").begin_array();
  for (const Option& option : plan.options) {
    out.begin_object()
        .member("name", option.name)
        .member("ground", name(option.ground))
        .member("vendor", option.vendor);
    if (option.self_hosted()) {
      out.member("pool", option.pool).end_object();
      continue;
    }
    for (const auto& [key, unit] : {std::pair{"input_usd_per_million", catalog::Unit::input},
                                    std::pair{"output_usd_per_million", catalog::Unit::output},
                                    std::pair{"cached_usd_per_million", catalog::Unit::cache_read}})
      number(out, key, static_cast<double>(option.price.rates[unit]) / 1e6);
    out.member("price_source", option.price_source).end_object();
  }
  out.end_array().key("pools").begin_array();
  for (const Pool& pool : plan.pools) {
    const NodeCost cost = node_cost(pool, plan.assumptions);
    out.begin_object().member("name", pool.name);
    money(out, "node_usd_per_month", cost.usd_per_month());
    money(out, "node_capex_usd", cost.capex_usd);
    out.key("lines").begin_array();
    for (const CostLine& line : cost.lines) {
      out.begin_object().member("name", line.name);
      money(out, "usd_per_month", line.usd_per_month);
      out.member("how", line.how).end_object();
    }
    out.end_array().end_object();
  }
  out.end_array().key("people").begin_array();
  for (const CostLine& line : people_cost(plan, plan.assumptions, plan.pools.empty() ? 0 : 1).lines) {
    out.begin_object().member("name", line.name);
    money(out, "usd_per_month", line.usd_per_month);
    out.member("how", line.how).end_object();
  }
  out.end_array();
}

void write_replay(Writer& out, const std::optional<ReplayCheck>& check) {
  out.key("replay");
  if (!check) {
    out.null();
    return;
  }
  out.begin_object().member("calls", static_cast<std::int64_t>(check->calls));
  out.member("of", static_cast<std::int64_t>(check->of));
  number(out, "seconds", check->seconds);
  number(out, "slots", check->slots);
  number(out, "slots_by_formula", check->by_formula);
  number(out, "slots_needed", check->needs);
  out.member("raised", check->raised).member("holds", check->needs > 0);
  out.member("limit_is", check->first_token ? "first token" : "wait");
  number(out, "limit_ms", check->limit_s * 1e3);
  number(out, "within", check->seen.within);
  number(out, "within_by_formula", check->at_formula);
  number(out, "wait_p50_ms", check->seen.p50_s * 1e3);
  number(out, "wait_p95_ms", check->seen.p95_s * 1e3);
  number(out, "wait_p99_ms", check->seen.p99_s * 1e3);
  number(out, "first_token_p95_ms", check->seen.first_p95_s * 1e3);
  number(out, "utilisation", check->seen.utilisation);
  number(out, "most_waiting", check->seen.most_waiting);
  number(out, "arrival_scv", check->arrival_scv);
  out.member("says", check->says).end_object();
}

void write_sizing(Writer& out, const WorkloadCost::Line& line) {
  out.key("sizing");
  if (!line.sizing) {
    out.null();
    return;
  }
  const Sizing& sizing = *line.sizing;
  out.begin_object();
  number(out, "peak_per_second", sizing.load.per_second);
  number(out, "service_s", sizing.load.service_s);
  number(out, "arrival_scv", sizing.load.arrival_scv);
  number(out, "service_scv", sizing.load.service_scv);
  number(out, "slots_a_node", sizing.slots_a_node);
  number(out, "slots", sizing.slots);
  number(out, "slots_by_formula", sizing.by_formula);
  number(out, "nodes", sizing.nodes);
  number(out, "prefill_ms", sizing.prefill_s * 1e3);
  number(out, "wait_limit_ms", sizing.limit_s * 1e3);
  number(out, "wait_p95_ms", sizing.wait_p95_s * 1e3);
  number(out, "utilisation", sizing.utilisation);
  out.member("bound_by", name(sizing.by));
  out.key("pays_from");
  if (line.pays) {
    out.begin_object().member("against", line.pays_against);
    number(out, "requests_per_month", line.pays->requests_per_month);
    number(out, "nodes", line.pays->nodes);
    out.member("never", line.pays->never).end_object();
  } else {
    out.null();
  }
  write_replay(out, line.replay);
  out.end_object();
}

void write_costs(Writer& out, const Answer& answer) {
  out.key("costs").begin_array();
  for (const WorkloadCost& one : answer.costs) {
    out.begin_object().member("workload", one.workload).member("eval", one.eval).key("options").begin_array();
    for (const WorkloadCost::Line& line : one.lines) {
      out.begin_object()
          .member("option", line.option)
          .member("ground", name(line.ground))
          .member("usd_per_month", line.cost);
      number(out, "nodes", line.nodes);
      number(out, "quality", line.quality);
      out.member("out", line.out).member("capacity", line.capacity);
      write_sizing(out, line);
      out.end_object();
    }
    out.end_array().end_object();
  }
  out.end_array();
}

void write_break_even(Writer& out, const BreakEvenAnswer& answer) {
  const BreakEvenTable& table = answer.table;
  out.begin_object().member("name", table.study.name).member("self_hosted", table.study.self_hosted);
  money(out, "node_usd_per_month", table.node_usd_per_month);
  out.member("capacity_source", table.capacity_source).key("cells").begin_array();
  for (const BreakEven& cell : table.cells) {
    out.begin_object().member("against", cell.against).member("ground", name(cell.ground));
    number(out, "mix", cell.mix);
    number(out, "cached", cell.cached);
    number(out, "utilisation", cell.utilisation);
    money(out, "staff_usd_per_month", cell.staff_usd_per_month);
    money(out, "fixed_usd_per_month", cell.fixed_usd_per_month);
    number(out, "usd_per_million", cell.usd_per_million);
    number(out, "tokens_per_month", cell.tokens_per_month);
    number(out, "node_ceiling_tokens", cell.node_ceiling_tokens);
    number(out, "needed_utilisation", cell.needed_utilisation);
    number(out, "nodes", cell.nodes);
    number(out, "tokens_with_nodes", cell.tokens_with_nodes);
    out.member("verdict", cell.verdict).end_object();
  }
  out.end_array();
  number(out, "bills_mix", table.bills_mix);
  out.key("bills").begin_array();
  for (const Bill& bill : table.bills) {
    out.begin_object();
    number(out, "tokens_per_month", bill.tokens_per_month);
    out.key("apis").begin_array();
    for (const auto& [name, pico] : bill.apis)
      out.begin_object().member("name", name).member("usd", cents(pico)).end_object();
    out.end_array();
    money(out, "self_hosted_usd", bill.self_hosted_usd);
    number(out, "nodes", bill.nodes);
    out.end_object();
  }
  out.end_array();
  texts(out, "rules_of_thumb", table.rules);
  write_bars(out, "tornado", answer.tornado);
  out.key("bands").begin_array();
  for (const Band& band : answer.bands) {
    out.begin_object().member("against", band.against);
    number(out, "mix", band.mix);
    number(out, "p5", band.p5);
    number(out, "p50", band.p50);
    number(out, "p95", band.p95);
    out.end_object();
  }
  out.end_array().end_object();
}

void write_rent_or_buy(Writer& out, const RentOrBuyTable& table) {
  out.begin_object().member("name", table.study.name).member("pool", table.study.pool);
  money(out, "price_usd", table.price_usd);
  number(out, "opex_usd_per_hour", table.opex_usd_per_hour);
  number(out, "owner_usd_per_hour", table.owner_usd_per_hour);
  number(out, "life_hours", table.life_hours);
  money(out, "owner_life_usd", table.owner_life_usd);
  out.key("rows").begin_array();
  for (const RentRow& row : table.rows) {
    out.begin_object().member("rent", row.name);
    number(out, "usd_per_hour", row.usd_per_hour);
    number(out, "utilisation", row.utilisation);
    number(out, "hours", row.hours);
    number(out, "months", row.months);
    number(out, "hours_per_day", row.hours_per_day);
    out.member("verdict", row.verdict).end_object();
  }
  out.end_array().key("per_million_output").begin_array();
  for (const RentOrBuyTable::PerMillion& row : table.per_million) {
    out.begin_object();
    number(out, "utilisation", row.utilisation);
    number(out, "usd", row.usd);
    number(out, "usd_with_staff", row.usd_with_staff);
    number(out, "api_is_times_dearer", row.api_is_times_dearer);
    number(out, "with_staff", row.with_staff);
    out.end_object();
  }
  out.end_array();
  texts(out, "notes", table.study.notes);
  out.end_object();
}

void write_placement(Writer& out, const Plan& plan, const PlacementResult& placed) {
  out.key("placement").begin_object().member("feasible", placed.feasible).member("solver", placed.solver);
  texts(out, "conflict", placed.conflict);
  out.member("conflict_says", placed.conflict_says);
  money(out, "usd_per_month", placed.best.usd_per_month);
  money(out, "api_usd", placed.best.api_usd);
  money(out, "node_usd", placed.best.node_usd);
  money(out, "people_usd", placed.best.people_usd);
  money(out, "evidence_usd", placed.best.evidence_usd);
  out.key("terms").begin_array();
  for (std::size_t o = 0; o < placed.best.list_usd.size(); ++o) {
    const Option& option = plan.options[o];
    if (!option.has_terms()) continue;
    const double list = placed.best.list_usd[o];
    out.begin_object().member("option", option.name);
    money(out, "list_usd_per_month", list);
    money(out, "usd_per_month", under_terms(option, list));
    out.member("commitment", option.commitment.has_value() && takes_commitment(option, list)).end_object();
  }
  out.end_array();
  money(out, "capex_usd", placed.best.capex_usd);
  money(out, "greedy_usd_per_month", placed.greedy_usd);
  out.key("nodes").begin_array();
  for (std::size_t p = 0; p < placed.best.nodes.size(); ++p) {
    out.begin_object().member("pool", plan.pools[p].name);
    number(out, "nodes", placed.best.nodes[p]);
    out.end_object();
  }
  out.end_array().key("workloads").begin_array();
  for (const Chosen& one : placed.workloads) {
    out.begin_object().member("workload", one.workload).key("chosen").begin_array();
    for (const auto& [option, share] : one.shares) {
      out.begin_object().member("option", option);
      number(out, "share", share);
      out.end_object();
    }
    out.end_array();
    money(out, "usd_per_month", one.usd_per_month);
    out.member("runner_up", one.runner_up);
    money(out, "runner_up_gap_usd", one.runner_up_gap_usd);
    out.member("no_runner_up", one.no_runner_up).key("rejected").begin_array();
    for (const Rejected& rejected : one.rejected)
      out.begin_object()
          .member("option", rejected.option)
          .member("rule", rejected.rule)
          .member("reason", rejected.reason)
          .end_object();
    out.end_array().end_object();
  }
  out.end_array().key("rules").begin_array();
  for (const RulePrice& rule : placed.rules) {
    out.begin_object().member("rule", rule.rule);
    money(out, "usd_per_month", rule.usd_per_month);
    out.member("effect", rule.effect).end_object();
  }
  out.end_array().key("rule_groups").begin_array();
  for (const RuleGroup& group : placed.rule_groups) {
    out.begin_object().member("group", group.name);
    texts(out, "rules", group.rules);
    money(out, "usd_per_month", group.usd_per_month);
    money(out, "alone_usd_per_month", group.alone_usd);
    out.member("effect", group.effect).end_object();
  }
  out.end_array();
  texts(out, "binding", placed.binding);
  out.key("scenarios").begin_array();
  for (const Scenario& one : placed.scenarios) {
    out.begin_object().member("name", one.name).member("what", one.what).key("usd_per_month");
    if (one.placement)
      out.string(cents(one.placement->usd_per_month));
    else
      out.null();
    out.member("impossible", one.impossible).end_object();
  }
  out.end_array().end_object();
}

void write_future(Writer& out, const Answer& answer) {
  if (answer.draws) {
    out.key("draws").begin_object().member("count", answer.draws->count);
    out.member("seed", static_cast<std::int64_t>(answer.draws->seed));
    out.member("least_most_regret", answer.draws->least_most_regret).key("plans").begin_array();
    for (const Spread& one : answer.draws->plans) {
      out.begin_object().member("name", one.name);
      money(out, "p5_usd", one.p5);
      money(out, "p50_usd", one.p50);
      money(out, "p95_usd", one.p95);
      money(out, "mean_usd", one.mean);
      number(out, "best_share", one.best_share);
      money(out, "expected_regret_usd", one.expected_regret);
      money(out, "most_regret_usd", one.most_regret);
      out.end_object();
    }
    out.end_array().end_object();
  }
  write_bars(out, "tornado", answer.tornado);
  out.key("flips").begin_array();
  for (const Flip& flip : answer.flips) {
    out.begin_object().member("assumption", flip.assumption).member("unit", flip.unit);
    number(out, "value", flip.value);
    number(out, "flips_at", flip.flips_at);
    out.member("becomes", flip.becomes).end_object();
  }
  out.end_array().key("cash_flow").begin_array();
  for (const NamedFlow& one : answer.flows) {
    out.begin_object().member("name", one.name);
    money(out, "total_usd", one.flow.total_usd);
    money(out, "present_value_usd", one.flow.present_value_usd);
    out.key("months").begin_array();
    for (const Month& month : one.flow.months) {
      out.begin_object().member("month", month.number);
      money(out, "out_usd", month.out_usd());
      money(out, "apis_usd", month.apis_usd);
      money(out, "running_usd", month.running_usd);
      money(out, "capex_usd", month.capex_usd);
      money(out, "resale_usd", month.resale_usd);
      number(out, "nodes", month.nodes);
      out.end_object();
    }
    out.end_array().end_object();
  }
  out.end_array().key("payback_month");
  if (answer.payback)
    out.integer(*answer.payback);
  else
    out.null();
}

}  // namespace

std::string figure(double value) { return fmt::format("{:.6g}", value); }

std::string report_json(const Answer& answer) {
  std::string text;
  Writer out(text);
  out.begin_object().member("plan", answer.plan.name).member("prices_on", catalog::date_text(answer.plan.prices_on));
  out.member("horizon_months", answer.plan.horizon_months);
  out.member("lifecycle", answer.plan.lifecycle == Lifecycle::top_down ? "top_down" : "bottom_up");
  texts(out, "warnings", answer.warnings);
  texts(out, "notes", answer.plan.notes);
  write_assumptions(out, answer.plan);
  write_options(out, answer.plan);
  write_costs(out, answer);
  out.key("break_even").begin_array();
  for (const BreakEvenAnswer& one : answer.break_even) write_break_even(out, one);
  out.end_array().key("rent_or_buy").begin_array();
  for (const RentOrBuyTable& one : answer.rent_or_buy) write_rent_or_buy(out, one);
  out.end_array();
  if (answer.placement)
    write_placement(out, answer.plan, *answer.placement);
  else
    out.key("placement").null();
  out.key("shared_engines").begin_array();
  for (const SharedEngines& one : answer.shared) {
    out.begin_object().member("option", one.option).member("calls", static_cast<std::int64_t>(one.calls));
    texts(out, "workloads", one.workloads);
    number(out, "slots", one.slots);
    number(out, "nodes", one.nodes);
    number(out, "nodes_alone", one.nodes_alone);
    number(out, "within", one.within);
    out.member("says", one.says).end_object();
  }
  out.end_array();
  write_future(out, answer);
  out.end_object();
  return text;
}

}  // namespace sluice::plan
