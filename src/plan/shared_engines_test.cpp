// Workloads that stand at one own option: what they need together, how it reaches the plan's cost, and when it does
// not.
#include "plan/shared_engines.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
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

constexpr double per_month = 250e3;

// Long prompts on small hardware: few places a node.
Plan two_workloads(const std::string& first = "", const std::string& second = "") {
  const std::string common =
      ", requests_per_month: 250k, input_tokens: 60000, output_tokens: 400, peak: 1, profile: flat, only: [own]";
  yaml::Diagnostics diagnostics;
  auto plan =
      read_plan("p.yaml",
                "plan: p\npools: [{ name: n, gpu: L40S, gpus: 2, price_usd: 30k, most_nodes: 400 }]\n"
                "options:\n  - { name: own, pool: n, model: llama-3.1-8b, weights: bf16, kv_cache: bf16 }\n"
                "  - { name: api, price: { input: 5, output: 25 } }\n"
                "workloads:\n  - { name: a" +
                    common + first + " }\n  - { name: b" + common + second + " }\n",
                catalog::embedded_catalog(), std::chrono::sys_days(std::chrono::year(2026) / 11 / 27), diagnostics);
  EXPECT_TRUE(plan) << diagnostics.render();
  if (!plan) return {};
  plan->draws = 200;
  return *std::move(plan);
}

// `together` at once, every so many seconds that the month's number is right, from `first_s` on.
Recorded bursts(std::size_t count, std::size_t together, double first_s) {
  Recorded out{.of = count};
  const double every_s = static_cast<double>(together) * seconds_per_month / per_month;
  for (std::size_t i = 0; i < count; ++i)
    out.calls.push_back({.at_s = first_s + static_cast<double>(i / together) * every_s, .input = 60000, .output = 400});
  return out;
}
double half_way(std::size_t together) { return static_cast<double>(together) * seconds_per_month / per_month / 2; }

Answer answered(Plan plan, const RecordedArrivals& arrivals) {
  auto got = answer(std::move(plan), arrivals);
  EXPECT_TRUE(got) << got.error().message;
  return got ? *std::move(got) : Answer();
}

TEST(SharedEngines, Whose_bursts_never_meet_need_less_together_than_each_alone) {
  const RecordedArrivals arrivals = {{"a", bursts(1'600, 40, 0)}, {"b", bursts(1'600, 40, half_way(40))}};
  const Answer got = answered(two_workloads(), arrivals);
  ASSERT_EQ(got.shared.size(), 1u);
  const SharedEngines& one = got.shared[0];
  EXPECT_EQ(one.option, "own");
  EXPECT_EQ(one.workloads, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(one.calls, 3'200u);
  EXPECT_LT(one.nodes, 0.8 * one.nodes_alone) << one.says;
  EXPECT_GE(one.within, 0.95);
  // The plan buys what they need together.
  EXPECT_EQ(got.placement->best.nodes[0], std::ceil(one.nodes - 1e-6));
  EXPECT_LT(got.placement->best.nodes[0], std::floor(one.nodes_alone));
  // What each takes alone is still said of each.
  EXPECT_NEAR(got.costs[0].lines[0].nodes + got.costs[1].lines[0].nodes, one.nodes_alone, 1e-6);
}

TEST(SharedEngines, Whose_bursts_come_at_the_same_moment_need_the_sum) {
  const RecordedArrivals arrivals = {{"a", bursts(1'600, 40, 0)}, {"b", bursts(1'600, 40, 0)}};
  const Answer got = answered(two_workloads(), arrivals);
  ASSERT_EQ(got.shared.size(), 1u);
  EXPECT_NEAR(got.shared[0].nodes / got.shared[0].nodes_alone, 1, 0.05) << got.shared[0].says;
}

TEST(SharedEngines, Each_keeps_its_own_limit) {
  // Alone `b` may wait for minutes and needs little. Its calls come just before those of `a`, which may not wait; first
  // come, first served, they take the places that `a` needs, so it is more than the sum, and less than for two of `a`.
  const RecordedArrivals arrivals = {{"a", bursts(1'600, 40, 1)}, {"b", bursts(1'600, 40, 0)}};
  const Answer strict = answered(two_workloads(), arrivals);
  const Answer patient = answered(two_workloads("", ", ttft_p95_ms: 400000"), arrivals);
  ASSERT_EQ(patient.shared.size(), 1u);
  EXPECT_GT(patient.shared[0].nodes, patient.shared[0].nodes_alone) << patient.shared[0].says;
  EXPECT_LE(patient.shared[0].nodes, strict.shared[0].nodes);
  EXPECT_GE(patient.shared[0].within, 0.95);
  EXPECT_EQ(patient.placement->best.nodes[0], std::ceil(patient.shared[0].nodes - 1e-6));
}

TEST(SharedEngines, Are_not_those_of_who_stands_elsewhere_or_left_no_arrivals) {
  EXPECT_TRUE(answered(two_workloads(), {}).shared.empty());
  EXPECT_TRUE(answered(two_workloads(), {{"a", bursts(1'600, 40, 0)}}).shared.empty());
  Plan apart = two_workloads();
  apart.workloads[1].only = {"api"};
  const RecordedArrivals arrivals = {{"a", bursts(1'600, 40, 0)}, {"b", bursts(1'600, 40, 0)}};
  EXPECT_TRUE(answered(apart, arrivals).shared.empty());
}

TEST(SharedEngines, Are_replayed_in_the_time_that_all_were_recorded_in) {
  RecordedArrivals arrivals = {{"a", bursts(1'600, 40, 0)}, {"b", bursts(1'600, 40, half_way(40))}};
  arrivals["b"].calls.erase(arrivals["b"].calls.begin(), arrivals["b"].calls.begin() + 800);  // the busiest in a row
  const Answer got = answered(two_workloads(), arrivals);
  ASSERT_EQ(got.shared.size(), 1u);
  EXPECT_LE(got.shared[0].calls, 1'640u);
  EXPECT_LT(got.shared[0].nodes, 0.8 * got.shared[0].nodes_alone);
}

TEST(SharedEngines, Are_in_both_reports) {
  const Answer got = answered(two_workloads(), {{"a", bursts(1'600, 40, 0)}, {"b", bursts(1'600, 40, half_way(40))}});
  const auto document = json::Document::parse(report_json(got));
  ASSERT_TRUE(document);
  const json::Value one = document->root()["shared_engines"].at(0);
  EXPECT_EQ(one["option"].string(), "own");
  EXPECT_NEAR(*one["nodes"].number(), got.shared[0].nodes, 1e-9);
  EXPECT_NE(report_html(got).find("shared_engines.0.nodes_alone"), std::string::npos);
}

}  // namespace
}  // namespace sluice::plan
