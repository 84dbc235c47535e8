#include "plan/report_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/quantity.h"
#include "plan/report_json.h"
#include "plan/svg.h"

namespace sluice::plan {
namespace {

constexpr std::string_view style = R"(
:root{--ink:#1b2430;--soft:#5c6875;--line:#dde3ea;--paper:#fff;--wash:#f5f7fa;--accent:#0b6e8a;--good:#1a7f4b;--bad:#b3362b;
--c0:#0b6e8a;--c1:#c2571a;--c2:#5b4b9a;--c3:#1a7f4b;--c4:#8a6d0b;--c5:#7a7f87;--c6:#a3266f;--c7:#3d5a80}
@media (prefers-color-scheme:dark){:root{--ink:#e6ebf0;--soft:#9aa7b4;--line:#313b46;--paper:#141a21;--wash:#1c242d;--accent:#4fb6d3;
--good:#57c78c;--bad:#ee8378;--c0:#4fb6d3;--c1:#f0985c;--c2:#a99bea;--c3:#57c78c;--c4:#d9b84a;--c5:#a9b0b8;--c6:#e58abf;--c7:#9bb7dd}}
*{box-sizing:border-box}body{margin:0;background:var(--wash);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1040px;margin:0 auto;padding:32px 20px 64px}header h1{margin:0;font-size:28px;line-height:1.2}header p{color:var(--soft);margin:6px 0 0}
nav{margin:14px 0 0}nav a{margin-right:18px;color:var(--accent)}
section{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:24px 28px;margin-top:24px}
h2{margin:0 0 14px;font-size:21px}h3{margin:26px 0 8px;font-size:16px}p{margin:8px 0}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:14px;margin:4px 0 10px}
.card{border:1px solid var(--line);border-radius:10px;padding:14px 16px}.card b{display:block;font-size:25px;line-height:1.25;font-variant-numeric:tabular-nums}
.card span{color:var(--soft);font-size:13px}.lead{font-size:17px}
table{border-collapse:collapse;width:100%;margin:10px 0;font-size:14px}caption{text-align:left;color:var(--soft);padding-bottom:6px}
th,td{padding:7px 10px;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}th{font-weight:600;color:var(--soft);font-size:13px}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}tr.changed td:first-child{font-weight:600}
.wide{overflow-x:auto}.note{border-left:3px solid var(--c1);padding:4px 12px;margin:8px 0}.bad{color:var(--bad)}.good{color:var(--good)}.soft{color:var(--soft)}
.tag{display:inline-block;border:1px solid var(--line);border-radius:20px;padding:0 9px;font-size:12px;color:var(--soft);white-space:nowrap}
figure{margin:18px 0 6px}figcaption{font-weight:600;margin-bottom:4px}svg{width:100%;height:auto;display:block}svg text{fill:var(--ink);font-size:12px}
svg .label,svg .small{fill:var(--soft)}.grid{stroke:var(--line)}.axis{stroke:var(--soft)}.mark{stroke:var(--ink);stroke-width:2}
.line{fill:none;stroke-width:2.5}.bar{fill:var(--c5);opacity:.75}.bar.strong{fill:var(--accent);opacity:1}.dot{fill:var(--c5)}.dot.strong{fill:var(--accent)}.dot.out{fill:none;stroke:var(--c5)}
.c0{stroke:var(--c0)}.c1{stroke:var(--c1);stroke-dasharray:7 3}.c2{stroke:var(--c2);stroke-dasharray:2 3}.c3{stroke:var(--c3);stroke-dasharray:9 3 2 3}.c4{stroke:var(--c4);stroke-dasharray:4 4}.c5{stroke:var(--c5)}.c6{stroke:var(--c6);stroke-dasharray:12 4}.c7{stroke:var(--c7);stroke-dasharray:1 4}
svg .t0{fill:var(--c0)}svg .t1{fill:var(--c1)}svg .t2{fill:var(--c2)}svg .t3{fill:var(--c3)}svg .t4{fill:var(--c4)}svg .t5{fill:var(--c5)}svg .t6{fill:var(--c6)}svg .t7{fill:var(--c7)}
@media print{body{background:#fff;font-size:11pt}main{max-width:none;padding:0}nav{display:none}section{border:0;padding:0;break-inside:auto}#platform{break-before:page}#assumptions{break-before:page}figure,tr,.card{break-inside:avoid}}
)";

std::string thousands(std::string digits) {
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  for (std::size_t at = point; at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

// An amount that stands in the JSON document under `path`, with its exact value.
std::string dollars(std::string_view path, double usd) {
  const std::string exact = cents(usd);
  const std::string shown = thousands(std::abs(usd) >= 1000 ? fmt::format("{:.0f}", usd) : exact);
  return fmt::format("<data data-path=\"{}\" value=\"{}\">{}${}</data>", path, exact, shown.starts_with('-') ? "−" : "",
                     shown.starts_with('-') ? shown.substr(1) : shown);
}
std::string number(std::string_view path, double value, std::string_view shown) {
  return fmt::format("<data data-path=\"{}\" value=\"{}\">{}</data>", path, figure(value), escaped(shown));
}
std::string tokens(std::string_view path, double value) { return number(path, value, short_number(value)); }
std::string percent(double share) { return fmt::format("{:.3g} %", share * 100); }

std::string card(const std::string& value, std::string_view what) {
  return fmt::format("<div class=\"card\"><b>{}</b><span>{}</span></div>", value, escaped(what));
}

std::string row(const std::vector<std::string>& cells, std::string_view element = "td", std::size_t numbers_from = 1,
                std::size_t numbers = 99) {
  std::string out = "<tr>";
  for (std::size_t i = 0; i < cells.size(); ++i)
    out += fmt::format("<{0}{1}{3}>{2}</{0}>", element,
                       i >= numbers_from && i < numbers_from + numbers ? " class=\"n\"" : "", cells[i],
                       element == "th" ? " scope=\"col\"" : "");
  return out + "</tr>";
}

std::string path(std::string_view list, std::size_t index, std::string_view rest) {
  return fmt::format("{}.{}.{}", list, index, rest);
}

std::string chosen_words(const Chosen& one) {
  std::string out;
  for (const auto& [option, share] : one.shares)
    out += fmt::format("{}{}{}", out.empty() ? "" : " + ", escaped(option), share < 0.9999 ? " " + percent(share) : "");
  return out;
}

std::string infeasible(const PlacementResult& placed) {
  std::string out =
      "<p class=\"lead bad\">There is no plan that keeps all rules.</p><p>" + escaped(placed.conflict_says) + "</p>";
  if (!placed.conflict.empty()) {
    out += "<ul>";
    for (const std::string& one : placed.conflict) out += "<li>" + escaped(one) + "</li>";
    out += "</ul>";
  }
  return out;
}

std::string spread_of_plans(const Draws& draws) {
  std::vector<HorizontalBar> bars;
  std::string rows;
  for (std::size_t i = 0; i < draws.plans.size(); ++i) {
    const Spread& one = draws.plans[i];
    bars.push_back({.name = one.name,
                    .low = one.p5,
                    .high = one.p95,
                    .text = fmt::format("{} to {}", short_dollars(one.p5), short_dollars(one.p95)),
                    .mark = one.p50,
                    .mark_shown = true,
                    .strong = i == 0});
    rows +=
        row({escaped(one.name), dollars(path("draws.plans", i, "p5_usd"), one.p5),
             dollars(path("draws.plans", i, "p50_usd"), one.p50), dollars(path("draws.plans", i, "p95_usd"), one.p95),
             number(path("draws.plans", i, "best_share"), one.best_share, percent(one.best_share)),
             dollars(path("draws.plans", i, "expected_regret_usd"), one.expected_regret)});
  }
  return bar_chart("What a month may cost", "Bars from the 5th to the 95th percentile of each plan, with the median",
                   bars, 0) +
         fmt::format(
             "<div class=\"wide\"><table><caption>{} draws with seed {}; all plans under the same worlds. The smallest "
             "worst regret has: {}.</caption>",
             draws.count, draws.seed, escaped(draws.least_most_regret)) +
         row({"Plan", "P5", "P50", "P95", "is the cheapest", "expected regret"}, "th") + rows + "</table></div>";
}

std::string cash_chart(const std::vector<NamedFlow>& flows) {
  std::vector<Series> series;
  for (const NamedFlow& one : flows) {
    Series line{.name = one.name};
    double sum = 0;
    for (const Month& month : one.flow.months)
      line.points.push_back({static_cast<double>(month.number), sum += month.out_usd()});
    series.push_back(std::move(line));
  }
  std::string out = line_chart(fmt::format("Money spent over {} months", flows.front().flow.months.size()),
                               "Cumulative cost of each plan, hardware when it is bought and resale at the end", series,
                               {"month", "spent so far"});
  out += "<div class=\"wide\"><table>" + row({"Plan", "total", "present value"}, "th");
  for (std::size_t i = 0; i < flows.size(); ++i)
    out += row({escaped(flows[i].name), dollars(path("cash_flow", i, "total_usd"), flows[i].flow.total_usd),
                dollars(path("cash_flow", i, "present_value_usd"), flows[i].flow.present_value_usd)});
  return out + "</table></div>";
}

std::string must_be_true(const Answer& answer) {
  std::string out = "<h3>What must stay true</h3>";
  if (answer.flips.empty())
    return out +
           "<p>Nothing looked at (volume, people, price and throughput of hardware, from a tenth to ten times) changes "
           "the plan.</p>";
  out += "<ul>";
  for (std::size_t i = 0; i < std::min<std::size_t>(answer.flips.size(), 3); ++i) {
    const Flip& flip = answer.flips[i];
    out += fmt::format(
        "<li><b>{}</b> {} {} {}; beyond it: {}.</li>", escaped(answer.plan.assumptions.at(flip.assumption).meaning),
        flip.flips_at > flip.value ? "stays below" : "stays above",
        number(path("flips", i, "flips_at"), flip.flips_at, fmt::format("{:.3g}", flip.flips_at)), escaped(flip.unit),
        escaped(flip.becomes.empty() ? "the plan changes its shares" : flip.becomes));
  }
  return out + "</ul>";
}

std::string tornado_chart(const std::vector<Bar>& tornado, std::string_view title, bool is_tokens, double centre) {
  std::vector<HorizontalBar> bars;
  const auto shown = [&](double value) { return is_tokens ? short_number(value) : short_dollars(value); };
  for (const Bar& bar : tornado)
    bars.push_back(
        {.name = bar.what.size() > 34 ? bar.what.substr(0, 32) + "…" : bar.what,
         .low = bar.low,
         .high = bar.high,
         .text = fmt::format("{} to {}", shown(std::min(bar.low, bar.high)), shown(std::max(bar.low, bar.high))),
         .strong = bars.size() < 3});
  return bar_chart(title, "Each assumption alone from its low to its high value, the largest effect first", bars,
                   centre);
}

std::string cfo_page(const Answer& answer) {
  std::string out = "<section id=\"cfo\"><h2>For the CFO</h2>";
  if (!answer.placement) return out + "<p>This plan compares options and places no workloads.</p></section>";
  const PlacementResult& placed = *answer.placement;
  if (!placed.feasible) return out + infeasible(placed) + "</section>";
  std::size_t cheapest_apis = placed.scenarios.size();
  for (std::size_t i = 0; i < placed.scenarios.size(); ++i)
    if (placed.scenarios[i].name == "all APIs" && placed.scenarios[i].placement) cheapest_apis = i;
  out += "<div class=\"cards\">" +
         card(dollars("placement.usd_per_month", placed.best.usd_per_month), "a month, all of it");
  if (cheapest_apis < placed.scenarios.size())
    out += card(dollars(path("placement.scenarios", cheapest_apis, "usd_per_month"),
                        placed.scenarios[cheapest_apis].placement->usd_per_month),
                "a month with APIs alone");
  out += card(dollars("placement.capex_usd", placed.best.capex_usd), "for hardware, at the start");
  if (!answer.flows.empty())
    out += card(dollars("cash_flow.0.present_value_usd", answer.flows[0].flow.present_value_usd),
                fmt::format("present value of {} months", answer.plan.horizon_months));
  if (answer.payback)
    out += card(number("payback_month", *answer.payback, fmt::format("month {}", *answer.payback)),
                "pays back against APIs alone");
  out += "</div><div class=\"wide\"><table><caption>Where each workload stands</caption>" +
         row({"Workload", "Place", "its bills a month", "runner-up", "which costs more by"}, "th", 2, 1);
  for (std::size_t w = 0; w < placed.workloads.size(); ++w) {
    const Chosen& one = placed.workloads[w];
    const std::string at = fmt::format("placement.workloads.{}", w);
    out += row(
        {escaped(one.workload), "<b>" + chosen_words(one) + "</b>", dollars(at + ".usd_per_month", one.usd_per_month),
         one.runner_up.empty() ? "<span class=\"soft\">" + escaped(one.no_runner_up) + "</span>"
                               : escaped(one.runner_up),
         one.runner_up.empty() ? "" : dollars(at + ".runner_up_gap_usd", one.runner_up_gap_usd)},
        "td", 2, 1);
  }
  out += fmt::format(
      "</table></div><p class=\"soft\">Bills {} + nodes {} + people {} + audit evidence {}. Each workload for itself "
      "would have cost {}.</p>",
      dollars("placement.api_usd", placed.best.api_usd), dollars("placement.node_usd", placed.best.node_usd),
      dollars("placement.people_usd", placed.best.people_usd),
      dollars("placement.evidence_usd", placed.best.evidence_usd),
      dollars("placement.greedy_usd_per_month", placed.greedy_usd));
  out += "<h3>Other ways</h3><div class=\"wide\"><table>" + row({"Plan", "a month", ""}, "th", 1, 1);
  for (std::size_t i = 0; i < placed.scenarios.size(); ++i) {
    const Scenario& one = placed.scenarios[i];
    out += row({escaped(one.name),
                one.placement ? dollars(path("placement.scenarios", i, "usd_per_month"), one.placement->usd_per_month)
                              : "none",
                escaped(one.placement ? one.what : one.impossible)},
               "td", 1, 1);
  }
  out += "</table></div>" + cash_chart(answer.flows);
  if (answer.draws) out += spread_of_plans(*answer.draws);
  out += must_be_true(answer);
  if (!placed.rules.empty()) {
    out += "<h3>What each rule costs</h3><div class=\"wide\"><table>" +
           row({"Rule", "a month", "what it does"}, "th", 1, 1);
    for (std::size_t i = 0; i < placed.rules.size(); ++i)
      out += row({escaped(placed.rules[i].rule),
                  dollars(path("placement.rules", i, "usd_per_month"), placed.rules[i].usd_per_month),
                  escaped(placed.rules[i].effect)},
                 "td", 1, 1);
    out += "</table></div>";
  }
  if (!placed.rule_groups.empty()) {
    out +=
        "<h3>What rules cost together</h3><p class=\"soft\">Where two rules forbid the same, leaving out one of them "
        "alone "
        "saves nothing.</p><div class=\"wide\"><table>" +
        row({"Rules", "a month", "each alone, summed", "what they do"}, "th", 1, 2);
    for (std::size_t i = 0; i < placed.rule_groups.size(); ++i) {
      const RuleGroup& group = placed.rule_groups[i];
      out += row(
          {escaped(group.name), dollars(path("placement.rule_groups", i, "usd_per_month"), group.usd_per_month),
           dollars(path("placement.rule_groups", i, "alone_usd_per_month"), group.alone_usd), escaped(group.effect)},
          "td", 1, 2);
    }
    out += "</table></div>";
  }
  return out + "</section>";
}

std::string break_even_page(const BreakEvenAnswer& answer, const std::string& at) {
  const BreakEvenTable& table = answer.table;
  std::string out = fmt::format("<section><h2>Break-even: {}</h2>", escaped(table.study.name));
  if (table.cells.empty()) return out + "</section>";
  const BreakEven& first = table.cells.front();
  out += fmt::format(
      "<p>Tokens a month from which <b>{}</b> costs less. People {} a month, people and one node {}; use of the "
      "hardware {}; "
      "{} of the input from the provider's cache. Capacity: {}.</p>",
      escaped(table.study.self_hosted), dollars(at + ".cells.0.staff_usd_per_month", first.staff_usd_per_month),
      dollars(at + ".cells.0.fixed_usd_per_month", first.fixed_usd_per_month),
      number(at + ".cells.0.utilisation", first.utilisation, percent(first.utilisation)),
      number(at + ".cells.0.cached", first.cached, percent(first.cached)), escaped(table.capacity_source));
  std::vector<std::string> titles = {"in:out"};
  for (const std::string& name : table.study.against) titles.push_back(escaped(name));
  out += "<div class=\"wide\"><table>" + row(titles, "th");
  const std::size_t columns = table.study.against.size();
  for (std::size_t m = 0; m < table.study.mixes.size(); ++m) {
    std::vector<std::string> cells = {short_number(table.study.mixes[m]) + ":1"};
    for (std::size_t c = 0; c < columns; ++c) {
      const BreakEven& cell = table.cells[m * columns + c];
      cells.push_back(
          tokens(fmt::format("{}.cells.{}.tokens_per_month", at, m * columns + c), cell.tokens_per_month) +
          (cell.nodes == 1.0 ? "" : " <span class=\"bad\" title=\"" + escaped(cell.verdict) + "\">✕</span>"));
    }
    out += row(cells);
  }
  out +=
      "</table></div><p class=\"soft\">✕ one node cannot serve so much.</p><details open><summary>Each cell in "
      "words</summary><ul>";
  for (const BreakEven& cell : table.cells)
    out += fmt::format("<li>{} at {}:1: {}</li>", escaped(cell.against), short_number(cell.mix), escaped(cell.verdict));
  out += "</ul></details>";
  std::vector<Series> series(1, Series{.name = "self-hosted"});
  for (const std::string& name : table.study.against) series.push_back({.name = name});
  for (double volume = 1e8; volume <= 1.001e12; volume *= std::pow(10, 0.125)) {
    const double ceiling = first.node_ceiling_tokens;
    const double nodes = ceiling > 0 ? std::max(1.0, std::ceil(volume / ceiling)) : 1;
    series[0].points.push_back({volume, first.staff_usd_per_month + nodes * table.node_usd_per_month});
    for (std::size_t c = 0; c < columns; ++c) {
      const auto cell = std::ranges::find_if(table.cells, [&](const BreakEven& one) {
        return one.against == table.study.against[c] && one.mix == table.bills_mix;
      });
      if (cell != table.cells.end() && cell->usd_per_million > 0)
        series[c + 1].points.push_back({volume, volume / 1e6 * cell->usd_per_million});
    }
  }
  out += line_chart(fmt::format("Cost a month by volume, at {}:1", short_number(table.bills_mix)),
                    "Logarithmic: tokens a month against USD a month; the self-hosted line rises with each node",
                    series, {"tokens a month", "USD a month", true});
  if (!table.bills.empty()) {
    titles[0] = "tokens a month";
    titles.emplace_back("self-hosted");
    titles.emplace_back("nodes");
    out += fmt::format("<div class=\"wide\"><table><caption>Bill of a month at {}:1</caption>",
                       short_number(table.bills_mix)) +
           row(titles, "th");
    for (std::size_t b = 0; b < table.bills.size(); ++b) {
      const std::string bill_at = fmt::format("{}.bills.{}", at, b);
      std::vector<std::string> cells = {tokens(bill_at + ".tokens_per_month", table.bills[b].tokens_per_month)};
      for (std::size_t c = 0; c < columns; ++c)
        cells.push_back(dollars(fmt::format("{}.apis.{}.usd", bill_at, c), usd(table.bills[b].apis[c].second)));
      cells.push_back(dollars(bill_at + ".self_hosted_usd", table.bills[b].self_hosted_usd));
      cells.push_back(number(bill_at + ".nodes", table.bills[b].nodes, short_number(table.bills[b].nodes)));
      out += row(cells);
    }
    out += "</table></div>";
  }
  if (!answer.tornado.empty()) {
    const auto base =
        std::ranges::find_if(table.cells, [&](const BreakEven& one) { return one.mix == table.bills_mix; });
    out += tornado_chart(answer.tornado,
                         fmt::format("What moves the break-even against {} at {}:1", table.study.against.front(),
                                     short_number(table.bills_mix)),
                         true, base->tokens_per_month);
  }
  if (!answer.bands.empty()) {
    out += "<div class=\"wide\"><table><caption>With the assumptions drawn from their ranges</caption>" +
           row({"against", "P5", "P50", "P95"}, "th");
    for (std::size_t i = 0; i < answer.bands.size(); ++i) {
      const Band& band = answer.bands[i];
      const std::string band_at = fmt::format("{}.bands.{}", at, i);
      out += row({escaped(band.against), tokens(band_at + ".p5", band.p5), tokens(band_at + ".p50", band.p50),
                  tokens(band_at + ".p95", band.p95)});
    }
    out += "</table></div>";
  }
  out += "<h3>Rules of thumb beside it</h3>";
  for (const std::string& rule : table.rules) out += "<p class=\"note\">" + escaped(rule) + "</p>";
  return out + "</section>";
}

std::string rent_or_buy_page(const RentOrBuyTable& table, const std::string& at) {
  std::string out = fmt::format(
      "<section><h2>Rent or buy: {}</h2><p>A node for {}, running for {} an hour: {} an hour to its owner over {} "
      "hours.</p>",
      escaped(table.study.name), dollars(at + ".price_usd", table.price_usd),
      number(at + ".opex_usd_per_hour", table.opex_usd_per_hour, fmt::format("${:.2f}", table.opex_usd_per_hour)),
      number(at + ".owner_usd_per_hour", table.owner_usd_per_hour, fmt::format("${:.3f}", table.owner_usd_per_hour)),
      number(at + ".life_hours", table.life_hours, short_number(table.life_hours)));
  out += "<div class=\"wide\"><table>" + row({"Rented from", "USD/h", "hours paid", "pays back after months"}, "th");
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const RentRow& one = table.rows[i];
    out += row({escaped(one.name),
                number(path(at + ".rows", i, "usd_per_hour"), one.usd_per_hour, short_number(one.usd_per_hour)),
                number(path(at + ".rows", i, "utilisation"), one.utilisation, percent(one.utilisation)),
                one.months ? number(path(at + ".rows", i, "months"), *one.months, fmt::format("{:.1f}", *one.months))
                           : "<span class=\"bad\">" + escaped(one.verdict) + "</span>"});
  }
  out += "</table></div>";
  if (!table.per_million.empty()) {
    out += "<div class=\"wide\"><table><caption>USD per million output tokens" +
           (table.study.api_name.empty() ? std::string()
                                         : ", and how many times dearer " + escaped(table.study.api_name) + " is") +
           "</caption>" + row({"use", "hardware alone", "with people", "API over it", "with people"}, "th");
    for (std::size_t i = 0; i < table.per_million.size(); ++i) {
      const auto& one = table.per_million[i];
      const auto times = [&](const char* key, const std::optional<double>& value) {
        return value ? number(path(at + ".per_million_output", i, key), *value, fmt::format("{:.1f}x", *value))
                     : std::string();
      };
      out += row({number(path(at + ".per_million_output", i, "utilisation"), one.utilisation, percent(one.utilisation)),
                  number(path(at + ".per_million_output", i, "usd"), one.usd, fmt::format("${:.3f}", one.usd)),
                  number(path(at + ".per_million_output", i, "usd_with_staff"), one.usd_with_staff,
                         fmt::format("${:.3f}", one.usd_with_staff)),
                  times("api_is_times_dearer", one.api_is_times_dearer), times("with_staff", one.with_staff)});
    }
    out += "</table></div>";
  }
  for (const std::string& note : table.study.notes) out += "<p class=\"note\">" + escaped(note) + "</p>";
  return out + "</section>";
}

std::string milliseconds(std::string_view at, double seconds) {
  return number(at, seconds * 1e3, fmt::format("{:.0f} ms", seconds * 1e3));
}

std::string in_words(const std::optional<PaysFrom>& pays, const std::string& at) {
  if (!pays) return "no API may take it";
  if (!pays->never.empty()) return "<span class=\"bad\">never</span>: " + escaped(pays->never);
  return fmt::format(
      "{} requests a month, {} nodes",
      number(at + ".requests_per_month", pays->requests_per_month, short_number(std::round(pays->requests_per_month))),
      number(at + ".nodes", pays->nodes, short_number(pays->nodes)));
}

std::string replays_of(const WorkloadCost& cost, std::size_t w) {
  std::string rows;
  for (std::size_t i = 0; i < cost.lines.size(); ++i) {
    if (!cost.lines[i].replay || !cost.lines[i].sizing) continue;
    const ReplayCheck& check = *cost.lines[i].replay;
    const std::string at = fmt::format("costs.{}.options.{}.sizing.replay", w, i);
    rows +=
        row({escaped(cost.lines[i].option),
             number(at + ".calls", static_cast<double>(check.calls), short_number(static_cast<double>(check.calls))),
             number(at + ".slots", check.slots, short_number(check.slots)),
             milliseconds(at + ".wait_p50_ms", check.seen.p50_s), milliseconds(at + ".wait_p95_ms", check.seen.p95_s),
             milliseconds(at + ".wait_p99_ms", check.seen.p99_s),
             number(at + ".within", check.seen.within, percent(check.seen.within)),
             number(at + ".utilisation", check.seen.utilisation, percent(check.seen.utilisation)),
             number(at + ".slots_needed", check.needs, check.needs > 0 ? short_number(check.needs) : "none"),
             number(at + ".arrival_scv", check.arrival_scv,
                    check.arrival_scv > 0 ? fmt::format("{:.3g}", check.arrival_scv) : "not known"),
             (check.needs <= 0 || check.raised ? "<span class=\"bad\">" : "<span class=\"good\">") +
                 escaped(check.says) + "</span>"},
            "td", 1, 9);
  }
  if (rows.empty()) return {};
  return "<div class=\"wide\"><table><caption>The recorded arrivals, replayed with that size</caption>" +
         row({"Option", "calls", "servers", "wait P50", "P95", "P99", "within the limit", "use", "needs", "burstiness",
              "so"},
             "th", 1, 9) +
         rows + "</table></div>";
}

// How many servers each own option needs, by formula; and what recorded arrivals say of it.
std::string sizes_of(const WorkloadCost& cost, std::size_t w) {
  std::string rows;
  for (std::size_t i = 0; i < cost.lines.size(); ++i) {
    const WorkloadCost::Line& line = cost.lines[i];
    if (!line.sizing) continue;
    const Sizing& sizing = *line.sizing;
    const std::string at = fmt::format("costs.{}.options.{}.sizing", w, i);
    rows += row({escaped(line.option),
                 number(at + ".peak_per_second", sizing.load.per_second, fmt::format("{:.3g}", sizing.load.per_second)),
                 number(at + ".service_s", sizing.load.service_s, fmt::format("{:.3g} s", sizing.load.service_s)),
                 number(at + ".slots_a_node", sizing.slots_a_node, short_number(sizing.slots_a_node)),
                 number(at + ".slots", sizing.slots, short_number(sizing.slots)),
                 number(at + ".nodes", sizing.nodes, fmt::format("{:.2f}", sizing.nodes)),
                 milliseconds(at + ".wait_p95_ms", sizing.wait_p95_s),
                 milliseconds(at + ".wait_limit_ms", sizing.limit_s), std::string(name(sizing.by)),
                 in_words(line.pays, at + ".pays_from") +
                     (line.pays && line.pays->never.empty() ? " (against " + escaped(line.pays_against) + ")" : "")},
                "td", 1, 7);
  }
  if (rows.empty()) return {};
  return "<div class=\"wide\"><table><caption>Servers at the peak: places in the engine's batch, by Erlang C and "
         "Kimura</caption>" +
         row({"Option", "requests/s", "each takes", "places a node", "servers", "nodes", "wait P95", "limit",
              "bound by", "pays alone from"},
             "th", 1, 7) +
         rows + "</table></div>" + replays_of(cost, w);
}

std::string workload_page(const Answer& answer, std::size_t w) {
  const WorkloadCost& cost = answer.costs[w];
  std::string out = fmt::format("<h3>{}</h3>", escaped(cost.workload));
  std::vector<Dot> dots;
  const std::vector<std::pair<std::string, double>> no_shares;
  const auto& shares =
      answer.placement && answer.placement->feasible ? answer.placement->workloads[w].shares : no_shares;
  out += "<div class=\"wide\"><table>" +
         row({"Option", "a month", "nodes", cost.eval.empty() ? "quality" : escaped(cost.eval), "may it?"}, "th", 1, 3);
  for (std::size_t i = 0; i < cost.lines.size(); ++i) {
    const WorkloadCost::Line& line = cost.lines[i];
    const bool chosen = std::ranges::find(shares, line.option, &std::pair<std::string, double>::first) != shares.end();
    const std::string at = fmt::format("costs.{}.options.{}", w, i);
    out += row({(chosen ? "<b>" + escaped(line.option) + "</b>" : escaped(line.option)) + " <span class=\"tag\">" +
                    std::string(name(line.ground)) + "</span>",
                fmt::format("<data data-path=\"{}.usd_per_month\" value=\"{}\">${}</data>", at, line.cost,
                            thousands(line.cost)),
                line.nodes > 0 ? number(at + ".nodes", line.nodes, fmt::format("{:.2f}", line.nodes)) : "",
                line.quality ? number(at + ".quality", *line.quality, short_number(*line.quality)) : "",
                line.out.empty() ? "<span class=\"good\">yes</span>" +
                                       (line.capacity.empty() ? std::string() : "; " + escaped(line.capacity))
                                 : "<span class=\"bad\">no</span>: " + escaped(line.out)},
               "td", 1, 3);
    if (line.quality)
      dots.push_back(
          {.name = line.option, .at = {*line.quality, line.usd_per_month}, .chosen = chosen, .out = !line.out.empty()});
  }
  out += "</table></div>" + sizes_of(cost, w);
  if (dots.size() > 1)
    out += dot_chart(fmt::format("{}: cost against quality in {}", cost.workload, cost.eval),
                     "Each option; the chosen one is filled in colour, those that are out are rings", dots,
                     {cost.eval, "USD a month"});
  return out;
}

// Who shares engines, and what their arrivals need together.
std::string shared_of(const Answer& answer) {
  std::string rows;
  for (std::size_t i = 0; i < answer.shared.size(); ++i) {
    const SharedEngines& one = answer.shared[i];
    const std::string at = fmt::format("shared_engines.{}", i);
    std::string names;
    for (const std::string& name : one.workloads) names += (names.empty() ? "" : ", ") + escaped(name);
    rows += row({escaped(one.option), names,
                 number(at + ".calls", static_cast<double>(one.calls), short_number(static_cast<double>(one.calls))),
                 number(at + ".slots", one.slots, short_number(one.slots)),
                 number(at + ".nodes", one.nodes, fmt::format("{:.2f}", one.nodes)),
                 number(at + ".nodes_alone", one.nodes_alone, fmt::format("{:.2f}", one.nodes_alone)),
                 number(at + ".within", one.within, percent(one.within))},
                "td", 2, 5);
  }
  if (rows.empty()) return {};
  return "<div class=\"wide\"><table><caption>Workloads on the same engines: their recorded arrivals, replayed "
         "together</caption>" +
         row({"Option", "workloads", "calls", "servers", "nodes", "each alone", "within the limit, at least"}, "th", 2,
             5) +
         rows + "</table></div>";
}

std::string platform_page(const Answer& answer) {
  if (answer.costs.empty()) return {};
  std::string out = "<section id=\"platform\"><h2>For the platform's people</h2>";
  if (answer.placement && answer.placement->feasible && !answer.plan.pools.empty()) {
    out += "<div class=\"wide\"><table>" +
           row({"Pool", "nodes now", "at the end", "of at most", "spare", "a node a month"}, "th");
    for (std::size_t p = 0; p < answer.plan.pools.size(); ++p) {
      const Pool& pool = answer.plan.pools[p];
      const double nodes = answer.placement->best.nodes[p];
      out += row(
          {escaped(pool.name), number(path("placement.nodes", p, "nodes"), nodes, short_number(nodes)),
           answer.plan.pools.size() == 1 && !answer.flows.empty()
               ? short_number(answer.flows[0].flow.months.back().nodes)
               : "",
           short_number(pool.most_nodes), short_number(pool.spare),
           dollars(path("pools", p, "node_usd_per_month"), node_cost(pool, answer.plan.assumptions).usd_per_month())});
    }
    out += "</table></div>" + shared_of(answer);
  }
  if (!answer.tornado.empty())
    out +=
        tornado_chart(answer.tornado, "What moves the month of this plan", false, answer.placement->best.usd_per_month);
  for (std::size_t w = 0; w < answer.costs.size(); ++w) out += workload_page(answer, w);
  return out + "</section>";
}

std::string assumptions_page(const Answer& answer) {
  std::string out = "<section id=\"assumptions\"><h2>Assumptions and sources</h2><div class=\"wide\"><table>" +
                    row({"Assumption", "value", "range", "unit", "source"}, "th", 1, 2);
  const auto& all = answer.plan.assumptions.all();
  for (std::size_t i = 0; i < all.size(); ++i)
    out += fmt::format(
        "<tr{}><td>{}<br><span class=\"soft\">{}</span></td><td class=\"n\">{}</td><td class=\"n\">{} – "
        "{}</td><td>{}</td><td>{}</td></tr>",
        all[i].changed ? " class=\"changed\"" : "", escaped(all[i].id), escaped(all[i].meaning),
        number(path("assumptions", i, "value"), all[i].value, short_number(all[i].value)), short_number(all[i].low),
        short_number(all[i].high), escaped(all[i].unit), escaped(all[i].source));
  out += "</table></div><div class=\"wide\"><table><caption>Prices, USD per million tokens</caption>" +
         row({"Option", "input", "output", "cached", "source"}, "th", 1, 3);
  for (std::size_t i = 0; i < answer.plan.options.size(); ++i) {
    const Option& option = answer.plan.options[i];
    if (option.self_hosted()) continue;
    const auto rate = [&](const char* key, catalog::Unit unit) {
      const double usd_per_million = static_cast<double>(option.price.rates[unit]) / 1e6;
      return number(path("options", i, key), usd_per_million, short_number(usd_per_million));
    };
    out += row({escaped(option.name), rate("input_usd_per_million", catalog::Unit::input),
                rate("output_usd_per_million", catalog::Unit::output),
                rate("cached_usd_per_million", catalog::Unit::cache_read), escaped(option.price_source)},
               "td", 1, 3);
  }
  return out + "</table></div></section>";
}

}  // namespace

std::string report_html(const Answer& answer) {
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\">"
      "<title>{0}</title><style>{1}</style></head><body><main><header><h1>{0}</h1><p>Prices of {2}; horizon {3} "
      "months; {4} workloads, {5} options.</p>"
      "<nav aria-label=\"Parts\">{6}<a href=\"#assumptions\">Assumptions</a></nav></header>",
      escaped(answer.plan.name), style, catalog::date_text(answer.plan.prices_on), answer.plan.horizon_months,
      answer.plan.workloads.size(), answer.plan.options.size(),
      answer.placement ? "<a href=\"#cfo\">CFO</a><a href=\"#platform\">Platform</a>" : "");
  if (!answer.warnings.empty() || !answer.plan.notes.empty()) {
    out += "<section><h2>Read this first</h2>";
    for (const std::string& one : answer.warnings) out += "<p class=\"note\">" + escaped(one) + "</p>";
    for (const std::string& one : answer.plan.notes) out += "<p class=\"note\">" + escaped(one) + "</p>";
    out += "</section>";
  }
  if (answer.placement) out += cfo_page(answer);
  for (std::size_t i = 0; i < answer.break_even.size(); ++i)
    out += break_even_page(answer.break_even[i], fmt::format("break_even.{}", i));
  for (std::size_t i = 0; i < answer.rent_or_buy.size(); ++i)
    out += rent_or_buy_page(answer.rent_or_buy[i], fmt::format("rent_or_buy.{}", i));
  out += platform_page(answer) + assumptions_page(answer);
  return out + "</main></body></html>\n";
}

}  // namespace sluice::plan
