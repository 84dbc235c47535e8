#include "plan/capacity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "plan/read_plan.h"

namespace sluice::plan {
namespace {

// The own option of a plan with that hardware and model.
Plan plan_of(const std::string& pool, const std::string& option) {
  yaml::Diagnostics diagnostics;
  auto plan =
      read_plan("p",
                "plan: p\npools:\n  - { name: p, price_usd: 250k, " + pool + " }\noptions:\n  - { name: o, pool: p, " +
                    option + " }\n",
                catalog::embedded_catalog(), std::chrono::sys_days(std::chrono::year(2026) / 11 / 27), diagnostics);
  EXPECT_TRUE(plan) << diagnostics.render();
  return plan ? std::move(*plan) : Plan();
}

Result<Capacity> capacity_of(const Plan& plan, const Shape& shape) {
  return capacity(plan.options[0], plan.pools[0], shape, plan.assumptions);
}

TEST(Capacity, Keys_and_values_take_what_the_papers_say) {
  const auto bytes = [](const std::string& model, const std::string& format) {
    const Plan plan = plan_of("gpu: H100, gpus: 8", "model: " + model + ", kv_cache: " + format);
    return kv_bytes_per_token(*plan.options[0].model, plan.options[0].bytes_per_kv);
  };
  EXPECT_EQ(bytes("llama-2-70b", "bf16"), 327'680);
  EXPECT_EQ(bytes("llama-2-70b", "fp8"), 163'840);
  EXPECT_EQ(bytes("llama-3.1-8b", "bf16"), 131'072);
  EXPECT_EQ(bytes("qwen3-30b-a3b", "bf16"), 98'304);
  EXPECT_EQ(bytes("deepseek-v3", "bf16"), 70'272);
}

TEST(Capacity, A_measured_figure_is_checked_against_the_arithmetic) {
  const Plan mlperf = plan_of("gpu: H100, gpus: 8", "model: llama-2-70b, output_tokens_per_s: 30576.5");
  EXPECT_NEAR(needed_mfu(mlperf.options[0], mlperf.pools[0], 2 * 30576.5), 0.541, 0.0005);
  const auto good = capacity_of(mlperf, {.input = 683, .output = 683});
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_NEAR(good->output_tokens_per_s, 30576.5, 0.1);
  const Plan wild = plan_of("gpu: H100, gpus: 8", "model: llama-2-70b, output_tokens_per_s: 79126");
  const auto refused = capacity_of(wild, {.input = 683, .output = 683});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("needs MFU 1.40: impossible"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().hint.find("several nodes"), std::string::npos);
}

TEST(Capacity, The_roofline_of_a_large_batch_is_the_arithmetic) {
  const Plan plan = plan_of("gpu: H100, gpus: 8", "model: llama-2-70b");
  const auto got = capacity_of(plan, {.input = 100, .output = 100});
  ASSERT_TRUE(got) << got.error().message;
  // 8 x 1.978e15 x 0.5 / (2 x 70e9) total tokens/s is the bound; exchange and attention take some of it.
  const double bound = 8 * 1.978e15 * 0.5 / (2 * 70e9);
  EXPECT_LT(got->total_tokens_per_s, bound);
  EXPECT_GT(got->total_tokens_per_s, 0.8 * bound);
  EXPECT_EQ(got->bound_by, "arithmetic");
}

TEST(Capacity, A_mixture_reads_the_experts_that_are_hit) {
  const Plan plan = plan_of("gpu: H100, gpus: 8", "model: qwen3-30b-a3b");
  const ModelShape& model = *plan.options[0].model;
  const double one = weight_bytes_touched(model, 1, 1);
  EXPECT_NEAR(one, 30.5e9 * (0.05 + 0.95 * 8 / 128), 1);
  EXPECT_NEAR(weight_bytes_touched(model, 1, 1e6), 30.5e9, 1);
  EXPECT_LT(weight_bytes_touched(model, 1, 8), 30.5e9);
}

TEST(Capacity, A_latency_limit_makes_the_batch_smaller_and_tokens_dearer) {
  const Plan plan = plan_of("gpu: H100, gpus: 8", "model: llama-2-70b");
  const auto loose = capacity_of(plan, {.input = 1000, .output = 300});
  const auto tight = capacity_of(plan, {.input = 1000, .output = 300, .tpot_ms = 20});
  ASSERT_TRUE(loose && tight);
  EXPECT_LT(tight->batch, loose->batch);
  EXPECT_LE(tight->decode_step_s, 0.020);
  EXPECT_LT(tight->total_tokens_per_s, loose->total_tokens_per_s);
  EXPECT_EQ(tight->bound_by, "time per token");
  const auto never = capacity_of(plan, {.input = 1000, .output = 300, .tpot_ms = 1});
  ASSERT_FALSE(never);
  EXPECT_NE(never.error().message.find("even alone"), std::string::npos);
  const auto slow = capacity_of(plan, {.input = 100'000, .output = 10, .ttft_ms = 100});
  ASSERT_FALSE(slow);
  EXPECT_NE(slow.error().message.find("first token"), std::string::npos);
}

TEST(Capacity, Prefix_hits_save_prefill_and_fewer_bytes_save_memory) {
  const Plan plan = plan_of("gpu: H100, gpus: 8", "model: llama-2-70b");
  const auto cold = capacity_of(plan, {.input = 8000, .output = 100});
  const auto warm = capacity_of(plan, {.input = 8000, .output = 100, .prefix_hit = 0.9});
  ASSERT_TRUE(cold && warm);
  EXPECT_LT(warm->prefill_s, cold->prefill_s / 5);
  EXPECT_GT(warm->requests_per_s, cold->requests_per_s);
  const auto wide =
      capacity_of(plan_of("gpu: H100, gpus: 8", "model: llama-2-70b, kv_cache: bf16"), {.input = 8000, .output = 100});
  ASSERT_TRUE(wide);
  EXPECT_LT(wide->batch, cold->batch);
}

TEST(Capacity, What_does_not_fit_says_by_how_much) {
  const auto got = capacity_of(plan_of("gpu: L4, gpus: 1", "model: llama-2-70b"), {.input = 100, .output = 100});
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().message.find("weights of 70.0 GB"), std::string::npos) << got.error().message;
  const auto format = capacity_of(plan_of("gpu: A100, gpus: 8", "model: llama-2-70b"), {.input = 100, .output = 100});
  ASSERT_FALSE(format);
  EXPECT_NE(format.error().message.find("no fp8 arithmetic"), std::string::npos);
}

}  // namespace
}  // namespace sluice::plan
