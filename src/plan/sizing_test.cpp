// The size of a workload at an own engine: by formula from the plan's words, by replay from recorded arrivals, and how
// it reaches what the plan costs. The recorded traces are in replay/, which reads them.
#include "plan/sizing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "json/json.h"
#include "plan/answer.h"
#include "plan/read_plan.h"
#include "plan/report_html.h"
#include "plan/report_json.h"

namespace sluice::plan {
namespace {

constexpr catalog::Date november = std::chrono::sys_days(std::chrono::year(2026) / 11 / 27);

std::optional<Plan> read(const std::string& text, std::string* complaints = nullptr) {
  yaml::Diagnostics diagnostics;
  auto plan = read_plan("p.yaml", text, catalog::embedded_catalog(), november, diagnostics);
  if (complaints) *complaints = diagnostics.render();
  if (plan) plan->draws = 200;
  return plan;
}

// Long prompts on small hardware: few places a node, so waiting matters.
std::string few_places(const std::string& workload) {
  return "plan: p\npools: [{ name: n, gpu: L40S, gpus: 2, price_usd: 30k, most_nodes: 400 }]\n"
         "options:\n  - { name: own, pool: n, model: llama-3.1-8b, weights: bf16, kv_cache: bf16 }\n"
         "  - { name: api, price: { input: 5, output: 25 } }\n"
         "workloads: [{ name: w, requests_per_month: 250k, input_tokens: 60000, output_tokens: 400, peak: 2, " +
         workload + " }]\n";
}

Plan plan_of(const std::string& workload) {
  std::string complaints;
  auto plan = read(few_places(workload), &complaints);
  EXPECT_TRUE(plan) << complaints;
  return plan ? *std::move(plan) : Plan();
}

Sizing size_in(const Plan& plan, double volume = 1) {
  const auto served = capacity(plan.options[0], plan.pools[0], shape_of(plan.workloads[0]), plan.assumptions);
  EXPECT_TRUE(served) << served.error().message;
  return served ? size_of(plan.workloads[0], plan.options[0], *served, plan.assumptions, volume) : Sizing();
}

Answer answered(Plan plan, const RecordedArrivals& arrivals = {}) {
  auto got = answer(std::move(plan), arrivals);
  EXPECT_TRUE(got) << got.error().message;
  return got ? *std::move(got) : Answer();
}

// Calls of the mean size, `together` at once every so many seconds.
Recorded bursts(std::size_t count, std::size_t together, double every_s) {
  Recorded out{.of = count};
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t burst = i / together;
    out.calls.push_back({.at_s = static_cast<double>(burst) * every_s, .input = 60000, .output = 400});
  }
  return out;
}

TEST(Size, Is_the_formulas_at_the_peak) {
  const Plan plan = plan_of("profile: flat, ttft_p95_ms: 20000");
  const Sizing got = size_in(plan);
  EXPECT_NEAR(got.load.per_second, 250e3 / seconds_per_month * 2, 1e-12);
  EXPECT_NEAR(got.limit_s, 20 - got.prefill_s, 1e-9);
  EXPECT_EQ(got.slots, servers_needed(got.load, 0.95, got.limit_s, 0.85));
  EXPECT_NEAR(got.nodes,
              std::max(got.load.offered() / 0.85, got.by == Sizing::By::wait ? got.slots : 0) / got.slots_a_node, 1e-9);
  EXPECT_LE(got.wait_p95_s, got.limit_s);
}

TEST(Size, Places_and_throughput_say_the_same) {
  const Plan plan = plan_of("profile: flat");
  const auto served = capacity(plan.options[0], plan.pools[0], shape_of(plan.workloads[0]), plan.assumptions);
  ASSERT_TRUE(served);
  const SlotTime time(plan.options[0], plan.pools[0], shape_of(plan.workloads[0]), *served, plan.assumptions);
  EXPECT_NEAR(served->batch / time.seconds(60000, 400), served->requests_per_s, 1e-9);
  EXPECT_GT(time.seconds(60000, 800), time.seconds(60000, 400));
  EXPECT_GT(time.seconds(90000, 400), time.seconds(60000, 400));
  // Half the throughput of the forecast: each place is taken for twice as long.
  const Assumptions slow = plan.assumptions.with("hardware.throughput_factor", 0.5);
  const auto half = capacity(plan.options[0], plan.pools[0], shape_of(plan.workloads[0]), slow);
  ASSERT_TRUE(half);
  EXPECT_NEAR(SlotTime(plan.options[0], plan.pools[0], shape_of(plan.workloads[0]), *half, slow).seconds(60000, 400),
              2 * time.seconds(60000, 400), 1e-9);
}

TEST(Size, A_tighter_limit_and_burstier_arrivals_take_more_nodes_and_more_money) {
  const auto cost = [](const std::string& more) {
    const Answer got = answered(plan_of("profile: flat, only: [own], " + more));
    return std::pair(got.costs[0].lines[0].nodes, got.placement->best.node_usd);
  };
  const auto loose = cost("ttft_p95_ms: 120000");
  const auto tight = cost("ttft_p95_ms: 15500");
  const auto bursty = cost("ttft_p95_ms: 15500, arrival_scv: 20");
  EXPECT_GT(tight.first, loose.first * 1.1);
  EXPECT_GT(bursty.first, tight.first * 1.3);
  EXPECT_GT(bursty.second, tight.second);
  EXPECT_GE(tight.second, loose.second);
}

TEST(Size, Without_a_limit_of_its_own_a_workload_has_the_stated_one) {
  EXPECT_EQ(size_in(plan_of("profile: flat")).limit_s, 1);
  std::string complaints;
  const auto changed =
      read("assumptions: { load.wait_p95_ms: 250, load.arrival_scv: 7, load.service_scv: 3, load.peak_factor: 5 }\n" +
               few_places("profile: flat"),
           &complaints);
  ASSERT_TRUE(changed) << complaints;
  EXPECT_EQ(size_in(*changed).limit_s, 0.25);
  EXPECT_EQ(changed->workloads[0].arrival_scv, 7);
  EXPECT_EQ(changed->workloads[0].service_scv, 3);
  EXPECT_EQ(changed->workloads[0].peak, 2);  // it says one itself
}

TEST(Size, A_replay_that_the_formula_does_not_hold_for_raises_nodes_and_cost) {
  const Plan plan = plan_of("profile: flat, only: [own], ttft_p95_ms: 20000");
  const Answer alone = answered(plan);
  // They come faster than the peak that the plan states.
  const RecordedArrivals arrivals = {{"w", bursts(4'000, 1, 2)}};
  const Answer got = answered(plan, arrivals);
  ASSERT_TRUE(got.costs[0].lines[0].replay);
  const ReplayCheck& check = *got.costs[0].lines[0].replay;
  const Sizing& sizing = *got.costs[0].lines[0].sizing;
  EXPECT_TRUE(check.raised);
  EXPECT_LT(check.at_formula, 0.95);
  EXPECT_GE(check.seen.within, 0.95);
  EXPECT_GT(check.slots, check.by_formula);
  EXPECT_EQ(check.slots, sizing.slots);
  EXPECT_EQ(sizing.by, Sizing::By::replay);
  EXPECT_NE(check.says.find("raised to"), std::string::npos) << check.says;
  EXPECT_NEAR(got.costs[0].lines[0].nodes, sizing.slots / sizing.slots_a_node, 1e-9);
  EXPECT_GT(got.costs[0].lines[0].nodes, alone.costs[0].lines[0].nodes);
  EXPECT_GT(got.placement->best.usd_per_month, alone.placement->best.usd_per_month);
  // One server fewer does not hold.
  const auto served = capacity(plan.options[0], plan.pools[0], shape_of(plan.workloads[0]), plan.assumptions);
  const SlotTime time(plan.options[0], plan.pools[0], shape_of(plan.workloads[0]), *served, plan.assumptions);
  std::vector<Arrival> there;
  for (const Recorded::Call& call : arrivals.at("w").calls)
    there.push_back({call.at_s, time.seconds(call.input, call.output), time.prefill_s(call.input)});
  EXPECT_GT(replay(there, static_cast<std::size_t>(check.slots) - 1, 20).first_p95_s, 20);
}

TEST(Size, A_replay_for_which_it_holds_changes_nothing) {
  const Plan plan = plan_of("profile: flat, only: [own], ttft_p95_ms: 20000");
  const Answer alone = answered(plan);
  Recorded clock = bursts(4'000, 1, seconds_per_month / 250e3);
  const Answer got = answered(plan, {{"w", clock}});
  const ReplayCheck& check = *got.costs[0].lines[0].replay;
  EXPECT_FALSE(check.raised);
  EXPECT_EQ(check.seen.within, 1);
  EXPECT_EQ(check.says.find("busiest"), std::string::npos) << check.says;
  clock.of = 9'000;
  EXPECT_NE(answered(plan, {{"w", clock}}).costs[0].lines[0].replay->says.find("(the busiest 4000 of 9000 in a row)"),
            std::string::npos);
  EXPECT_LE(check.needs, check.slots);
  EXPECT_LE(got.costs[0].lines[0].nodes, alone.costs[0].lines[0].nodes);
  EXPECT_LT(check.arrival_scv, 0.1);  // measured: a clock
}

TEST(Size, Prompts_that_take_too_long_alone_are_out_whatever_the_size) {
  Recorded mixed = bursts(1'000, 1, 30);
  for (std::size_t i = 0; i < mixed.calls.size(); i += 5) mixed.calls[i].input = 110'000;
  const Answer got = answered(plan_of("profile: flat, ttft_p95_ms: 6000"), {{"w", mixed}});
  const WorkloadCost::Line& own = got.costs[0].lines[0];
  ASSERT_TRUE(own.replay);
  EXPECT_EQ(own.replay->needs, 0);
  EXPECT_NE(own.out.find("no number of servers"), std::string::npos) << own.out;
  EXPECT_EQ(got.placement->workloads[0].shares[0].first, "api");
  ASSERT_FALSE(got.placement->workloads[0].rejected.empty());
  EXPECT_EQ(got.placement->workloads[0].rejected[0].rule, "hardware");
}

TEST(Size, A_workload_pays_alone_from_the_volume_at_which_it_does) {
  const Plan plan = plan_of("profile: flat, ttft_p95_ms: 20000");
  const auto served = capacity(plan.options[0], plan.pools[0], shape_of(plan.workloads[0]), plan.assumptions);
  ASSERT_TRUE(served);
  const PaysFrom got = pays_from(plan, plan.workloads[0], plan.options[0], *served, plan.options[1]);
  ASSERT_TRUE(got.never.empty()) << got.never;
  const double volume = got.requests_per_month / plan.workloads[0].requests_per_month;
  const auto own = [&](double nodes) {
    return people_cost(plan, plan.assumptions, 1).usd_per_month() +
           nodes * node_cost(plan.pools[0], plan.assumptions).usd_per_month();
  };
  EXPECT_NEAR(bill_usd(plan.options[1], plan.workloads[0], volume), own(got.nodes), 1);
  EXPECT_LE(size_in(plan, volume).nodes, got.nodes);
  // With one node fewer what pays for it does not fit on it.
  const double fewer = own(got.nodes - 1) / bill_usd(plan.options[1], plan.workloads[0], 1);
  EXPECT_TRUE(got.nodes == 1 || size_in(plan, fewer).nodes > got.nodes - 1);
  Plan cheap = plan;
  cheap.options[1].price.rates[catalog::Unit::input] = 1'000;
  cheap.options[1].price.rates[catalog::Unit::output] = 1'000;
  EXPECT_FALSE(pays_from(cheap, cheap.workloads[0], cheap.options[0], *served, cheap.options[1]).never.empty());
}

TEST(Size, Both_reports_have_the_replay) {
  const Answer got = answered(plan_of("profile: flat, ttft_p95_ms: 20000"), {{"w", bursts(4'000, 1, 2)}});
  const std::string text = report_json(got);
  const auto document = json::Document::parse(text);
  ASSERT_TRUE(document);
  const json::Value sizing = document->root()["costs"].at(0)["options"].at(0)["sizing"];
  EXPECT_EQ(sizing["bound_by"].string(), "replay");
  EXPECT_EQ(sizing["replay"]["raised"].boolean(), true);
  EXPECT_EQ(*sizing["replay"]["calls"].number(), 4000);
  EXPECT_GE(*sizing["replay"]["within"].number(), 0.95);
  const std::string html = report_html(got);
  EXPECT_NE(html.find("costs.0.options.0.sizing.replay.wait_p95_ms"), std::string::npos);
  EXPECT_NE(html.find("raised to"), std::string::npos);
}

TEST(Size, What_cannot_be_is_named_with_its_line_and_what_was_meant) {
  std::string complaints;
  for (const auto& [said, told] : std::vector<std::pair<std::string, std::string>>{
           {"arrival_scv: 0", "`arrival_scv` of the workload `w` must lie between 0.01 and 1000, not 0"},
           {"arrival_scv: -3", "never negative"},
           {"service_scv: 1e9", "`service_scv` of the workload `w`"},
           {"ttft_p95_ms: 1.5", "it looks like seconds: then write 1500"}}) {
    EXPECT_FALSE(read(few_places("profile: flat, " + said), &complaints)) << said;
    EXPECT_NE(complaints.find(told), std::string::npos) << complaints;
    EXPECT_NE(complaints.find("p.yaml:6:"), std::string::npos) << complaints;
  }
  for (const auto& [said, told] : std::vector<std::pair<std::string, std::string>>{
           {"load.wait_p95_ms: 0.25", "it looks like seconds: then write 250"},
           {"load.wait_p95_ms: 0", "must lie between 5 and 600000"},
           {"load.peak_factor: 0.5", "`load.peak_factor` must lie between 1 and 100, not 0.5"},
           {"load.arrival_scv: 0", "squared coefficient of variation"},
           {"load.arrival_scv: { value: 2, high: 1e7 }", "must lie between 0.01 and 1000"}}) {
    EXPECT_FALSE(read("assumptions: { " + said + " }\n" + few_places("profile: flat"), &complaints)) << said;
    EXPECT_NE(complaints.find(told), std::string::npos) << complaints;
  }
}

}  // namespace
}  // namespace sluice::plan
