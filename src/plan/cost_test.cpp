#include "plan/cost.h"

#include <gtest/gtest.h>

#include "plan/read_plan.h"

namespace sluice::plan {
namespace {

Plan plan_of(const std::string& text) {
  yaml::Diagnostics diagnostics;
  auto plan = read_plan("p.yaml", "plan: p\n" + text, catalog::embedded_catalog(),
                        std::chrono::sys_days(std::chrono::year(2026) / 11 / 27), diagnostics);
  EXPECT_TRUE(plan) << diagnostics.render();
  return plan ? std::move(*plan) : Plan();
}

TEST(Cost, Cents_are_rounded_half_to_even_and_once) {
  EXPECT_EQ(cents(MoneySum(5'000'000'000)), "0.00");
  EXPECT_EQ(cents(MoneySum(15'000'000'000)), "0.02");
  EXPECT_EQ(cents(MoneySum(-15'000'000'000)), "-0.02");
  EXPECT_EQ(cents(MoneySum(1'000'000'000'000) * 12'345'678), "12345678.00");
}

TEST(Cost, A_cached_token_is_paid_once_at_its_own_rate) {
  const Plan plan = plan_of(
      "options: [{ name: a, price: { input: 2.5, output: 15, cached: 0.25 } }]\n"
      "workloads: [{ name: w, requests_per_month: 1M, input_tokens: 1000, output_tokens: 100, cached: 40 % }]\n");
  // 600 M at 2.50, 400 M at 0.25, 100 M at 15.
  EXPECT_EQ(cents(bill(plan.options[0], monthly_tokens(plan.workloads[0], 1))), "3100.00");
}

TEST(Cost, A_large_prompt_costs_its_tier) {
  const auto usd_of = [](const char* input) {
    const Plan plan = plan_of(
        "prices_on: 2026-04-30\noptions: [{ name: g, api: gemini/gemini-3.1-pro-preview }]\n"
        "workloads: [{ name: w, requests_per_month: 1000, output_tokens: 1000, input_tokens: " +
        std::string(input) + " }]\n");
    return cents(bill(plan.options[0], monthly_tokens(plan.workloads[0], 1)));
  };
  EXPECT_EQ(usd_of("200000"), "412.00");
  EXPECT_EQ(usd_of("200001"), "818.00");  // 0.818004 a request; the article's doubling would say 0.824004
}

TEST(Cost, Every_line_of_a_node_says_how_it_came_about) {
  const Plan plan = plan_of("pools: [{ name: p, gpu: H100, gpus: 8, price_usd: 240k, power_kw: 10, racks: 1 }]\n");
  const NodeCost cost = node_cost(plan.pools[0], plan.assumptions);
  ASSERT_EQ(cost.lines.size(), 5u);
  EXPECT_NEAR(cost.lines[0].usd_per_month, 4000, 0.01);  // over 60 months
  EXPECT_NEAR(cost.lines[1].usd_per_month, 2400, 0.01);  // 12 % a year
  EXPECT_NEAR(cost.lines[2].usd_per_month, 876, 0.01);   // 7,300 kWh at 0.12
  EXPECT_NEAR(cost.lines[3].usd_per_month, 1314, 0.01);  // and 0.18 for cooling
  EXPECT_NEAR(cost.lines[4].usd_per_month, 1500, 0.01);
  for (const CostLine& line : cost.lines) EXPECT_FALSE(line.how.empty()) << line.name;
}

TEST(Cost, People_by_heads_or_by_sum_or_top_down_and_never_twice) {
  const auto people = [](const std::string& text) {
    const Plan plan = plan_of(text);
    return people_cost(plan, plan.assumptions, 1);
  };
  EXPECT_EQ(people("").usd_per_month(), 33000);
  EXPECT_NEAR(people("assumptions: { staff.fte: 2 }\n").usd_per_month(), 2 * 212500 * 1.3 / 12, 0.01);
  const PeopleCost top_down = people("lifecycle: top_down\nassumptions: { build.one_off_usd: 594000 }\n");
  EXPECT_NEAR(top_down.usd_per_month(), 33000, 0.01);  // twice the build over 36 months; no people beside it
  EXPECT_EQ(top_down.lines.size(), 1u);
  EXPECT_NEAR(top_down.one_off_usd, 594000 * 1.3, 0.01);  // with data preparation
}

}  // namespace
}  // namespace sluice::plan
