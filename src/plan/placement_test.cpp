#include "plan/placement.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "plan/read_plan.h"

namespace sluice::plan {
namespace {

Plan plan_of(const std::string& text) {
  yaml::Diagnostics diagnostics;
  auto plan = read_plan("p.yaml", text, catalog::embedded_catalog(),
                        std::chrono::sys_days(std::chrono::year(2026) / 11 / 27), diagnostics);
  EXPECT_TRUE(plan) << diagnostics.render();
  return plan ? std::move(*plan) : Plan();
}

// Two workloads that a node would serve together: alone neither pays for it.
const char* shared_node = R"(plan: two share a node
pools:
  - { name: node, gpu: H100, price_usd: 250k, opex_usd_per_hour: 6, most_nodes: 2, regions: [home] }
options:
  - { name: api, vendor: a, price: { input: 2, output: 10 }, quality: { eval: 0.9 } }
  - { name: cheap, vendor: b, price: { input: 0.1, output: 0.4 }, quality: { eval: 0.6 } }
  - { name: own, pool: node, model: llama-3.1-70b, quality: { eval: 0.85 } }
workloads:
  - { name: one, tokens_per_month: 8B, mix: 3:1, quality: { eval: 0.8 } }
  - { name: two, tokens_per_month: 8B, mix: 3:1, quality: { eval: 0.8 } }
)";

PlacementResult placed(const std::string& text) {
  const Plan plan = plan_of(text);
  auto got = place(plan, plan.assumptions);
  EXPECT_TRUE(got) << got.error().message;
  return got ? std::move(*got) : PlacementResult();
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

TEST(Place, Two_workloads_pay_for_a_node_that_neither_would_pay_alone) {
  const PlacementResult got = placed(shared_node);
  ASSERT_TRUE(got.feasible);
  EXPECT_EQ(got.workloads[0].shares, (std::vector<std::pair<std::string, double>>{{"own", 1}}));
  EXPECT_EQ(got.workloads[1].shares, got.workloads[0].shares);
  EXPECT_GT(got.greedy_usd, got.best.usd_per_month);
  EXPECT_EQ(got.greedy_usd, 2 * 32000);  // 8 B at (3 x 2 + 10) / 4 a million
  EXPECT_EQ(got.workloads[0].runner_up, "api");
  EXPECT_GT(got.workloads[0].runner_up_gap_usd, 0);
}

TEST(Place, Says_the_first_rule_that_each_option_fails) {
  const PlacementResult got = placed(shared_node);
  ASSERT_EQ(got.workloads[0].rejected.size(), 1u);
  EXPECT_EQ(got.workloads[0].rejected[0].option, "cheap");
  EXPECT_EQ(got.workloads[0].rejected[0].rule, "quality");
  EXPECT_EQ(got.workloads[0].rejected[0].reason, "0.6 in eval is below the floor of 0.8");
}

TEST(Place, The_price_of_a_rule_is_what_the_plan_saves_without_it) {
  const PlacementResult got = placed(shared_node);
  const Plan without = plan_of(replaced(shared_node, "mix: 3:1, quality: { eval: 0.8 }", "mix: 3:1"));
  const auto cheaper = place(without, without.assumptions);
  ASSERT_TRUE(cheaper);
  const auto rule = std::ranges::find_if(got.rules, [](const RulePrice& r) { return r.workload == "one"; });
  ASSERT_NE(rule, got.rules.end());
  EXPECT_NEAR(rule->usd_per_month, got.best.usd_per_month - cheaper->best.usd_per_month, 0.01);
  EXPECT_NE(std::ranges::find(got.binding, rule->rule), got.binding.end());
}

TEST(Place, Two_rules_that_forbid_the_same_have_a_price_together) {
  const PlacementResult got = placed(replaced(shared_node, "mix: 3:1, quality: { eval: 0.8 } }",
                                              "mix: 3:1, quality: { eval: 0.8 }, only: [api, own] }"));
  ASSERT_TRUE(got.feasible);
  const auto group = std::ranges::find(got.rule_groups, "all rules of `one`", &RuleGroup::name);
  ASSERT_NE(group, got.rule_groups.end());
  EXPECT_EQ(group->rules.size(), 2u);
  // Alone each of them saves nothing: the other one still forbids the cheap option.
  EXPECT_EQ(group->alone_usd, 0);
  const Plan without = plan_of(replaced(shared_node, "mix: 3:1, quality: { eval: 0.8 }", "mix: 3:1"));
  const auto cheaper = place(without, without.assumptions);
  ASSERT_TRUE(cheaper);
  EXPECT_NEAR(group->usd_per_month, got.best.usd_per_month - cheaper->best.usd_per_month, 0.01);
  EXPECT_GT(group->usd_per_month, 1'000);
  EXPECT_TRUE(group->effect.starts_with("without it: one to cheap")) << group->effect;
}

constexpr const char* terms = R"(plan: terms
options:
  - { name: listed, price: { input: 1, output: 5 } }
  - { name: committed, price: { input: 1.1, output: 5.5 }, commitment: { usd_per_month: 9000, discount: 30 % } }
workloads:
  - { name: one, requests_per_month: 1M, input_tokens: 1000, output_tokens: 1000 }
  - { name: two, requests_per_month: 1M, input_tokens: 1000, output_tokens: 1000 }
)";

TEST(Place, A_commitment_is_signed_when_workloads_together_make_it_worth_it) {
  // 6,000 a month each by the list; committed 6,600 each, less 30 %, at least 9,000.
  const PlacementResult both = placed(terms);
  EXPECT_NEAR(both.best.usd_per_month, 13'200 * 0.7, 1e-6);
  const PlacementResult one =
      placed(replaced(terms, "{ name: two, requests_per_month: 1M", "{ name: two, requests_per_month: 1k"));
  EXPECT_NEAR(one.best.usd_per_month, 6'006, 1e-6);
  // Signed, it is paid in any case, and so it is used.
  const PlacementResult signed_one =
      placed(replaced(replaced(terms, "{ name: two, requests_per_month: 1M", "{ name: two, requests_per_month: 1k"),
                      "discount: 30 %", "signed: true"));
  EXPECT_NEAR(signed_one.best.usd_per_month, 9'000, 1e-6);
  EXPECT_EQ(signed_one.workloads[0].shares[0].first, "committed");
}

TEST(Place, A_volume_discount_counts_on_the_part_above_its_amount) {
  const PlacementResult got =
      placed(replaced(replaced(terms, "discount: 30 %", "discount: 1 %"), "price: { input: 1, output: 5 }",
                      "price: { input: 1, output: 5 }, volume_discounts: [{ above_usd: 5k, share: 10 % }, { above_usd: "
                      "10k, share: 50 % }]"));
  EXPECT_NEAR(got.best.usd_per_month, 5'000 + 5'000 * 0.9 + 2'000 * 0.5, 1e-6);
}

TEST(Place, Evidence_is_paid_on_any_ground_and_moves_nothing) {
  const PlacementResult without = placed(shared_node);
  const std::string text = std::string(shared_node) + "assumptions: { evidence.usd_per_month: 4000 }\n";
  const PlacementResult with = placed(text);
  EXPECT_NEAR(with.best.usd_per_month, without.best.usd_per_month + 4'000, 1e-6);
  EXPECT_EQ(with.best.shares, without.best.shares);
  for (std::size_t i = 0; i < with.scenarios.size(); ++i)
    if (with.scenarios[i].placement) {
      EXPECT_NEAR(with.scenarios[i].placement->usd_per_month, without.scenarios[i].placement->usd_per_month + 4'000,
                  1e-6);
    }
  // A limit on the month counts it.
  EXPECT_TRUE(placed(text + fmt::format("limits: {{ monthly_usd: {} }}\n", with.best.usd_per_month + 1)).feasible);
  EXPECT_FALSE(placed(text + fmt::format("limits: {{ monthly_usd: {} }}\n", with.best.usd_per_month - 3'999)).feasible);
}

TEST(Place, An_eval_that_an_option_has_not_run_is_no_pass) {
  const PlacementResult got = placed(replaced(shared_node, "quality: { eval: 0.9 }", "quality: { other: 0.99 }"));
  EXPECT_NE(got.workloads[0].rejected[0].reason.find("no result in eval; results of other tests are not compared"),
            std::string::npos);
}

TEST(Place, Restricted_data_stays_at_home_whatever_it_costs) {
  const std::string text = replaced(shared_node, "quality: { eval: 0.8 } }", "data_class: restricted }");
  const PlacementResult got = placed(replaced(text, "tokens_per_month: 8B", "tokens_per_month: 10M"));
  ASSERT_TRUE(got.feasible);
  EXPECT_EQ(got.workloads[0].shares[0].first, "own");
  for (const Rejected& one : got.workloads[0].rejected) EXPECT_EQ(one.rule, "data_class");
}

TEST(Place, Contradictory_rules_are_named_and_are_minimal) {
  // Restricted data needs the pool, the budget forbids it; everything else is innocent.
  std::string text = replaced(shared_node, "quality: { eval: 0.8 } }", "data_class: restricted, residency: [home] }");
  text += "limits: { capex_usd: 100k, vendor_share: 0.9 }\n";
  const PlacementResult got = placed(text);
  EXPECT_FALSE(got.feasible);
  ASSERT_EQ(got.conflict.size(), 2u) << got.conflict_says;
  EXPECT_NE(got.conflict_says.find("limits.capex_usd: at most 100000.00 USD"), std::string::npos) << got.conflict_says;
  EXPECT_NE(got.conflict_says.find("`one`"), std::string::npos) << got.conflict_says;
}

TEST(Place, A_workload_without_any_option_is_a_conflict_by_itself) {
  const PlacementResult got = placed(replaced(shared_node, "quality: { eval: 0.8 } }", "quality: { eval: 0.95 } }"));
  EXPECT_FALSE(got.feasible);
  ASSERT_EQ(got.conflict.size(), 1u);
  EXPECT_EQ(got.conflict[0], "`one`: quality eval at least 0.95");
}

TEST(Place, A_critical_workload_stands_on_two_vendors) {
  if (!have_cbc()) GTEST_SKIP() << "no CBC in this build";
  const PlacementResult got =
      placed(replaced(shared_node, "mix: 3:1, quality: { eval: 0.8 } }", "mix: 3:1, critical: true }"));
  ASSERT_TRUE(got.feasible);
  ASSERT_EQ(got.workloads[0].shares.size(), 2u);
  double sum = 0;
  for (const auto& [option, share] : got.workloads[0].shares) {
    EXPECT_LE(share, most_of_critical + 1e-6);
    sum += share;
  }
  EXPECT_NEAR(sum, 1, 1e-6);
}

TEST(Place, What_is_free_is_never_chosen_unless_it_is_named) {
  const std::string text = replaced(shared_node, "quality: { eval: 0.6 } }",
                                    "quality: { eval: 0.99 } }\n  - { name: gift, price: { free: true, input: 1, "
                                    "output: 1 }, quality: { eval: 0.99 } }");
  const PlacementResult got = placed(text);
  ASSERT_TRUE(got.feasible);
  EXPECT_EQ(got.workloads[0].shares[0].first, "cheap");
  EXPECT_EQ(got.workloads[0].rejected[0].rule, "free_price");
}

TEST(Place, Night_work_shares_the_nodes_of_the_day) {
  const auto nodes = [](const char* second) {
    return placed(replaced(replaced(replaced(shared_node, "8B, mix: 3:1, quality: { eval: 0.8 }",
                                             "40B, mix: 3:1, only: [own], profile: office"),
                                    "8B, mix: 3:1, quality: { eval: 0.8 }",
                                    std::string("40B, mix: 3:1, only: [own], profile: ") + second),
                           "most_nodes: 2", "most_nodes: 200"))
        .best.nodes[0];
  };
  EXPECT_LT(nodes("night"), nodes("office"));
}

}  // namespace
}  // namespace sluice::plan
