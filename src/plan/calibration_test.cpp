// A law that is known is found again from the times that it makes, and what it says of other traffic is held to the
// targets of the planner: 15 % of throughput, 25 % of the 95th percentile of the time to the first token.
#include "plan/calibration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plan/answer.h"
#include "plan/capacity.h"
#include "plan/read_plan.h"
#include "plan/uncertainty.h"

namespace sluice::plan {
namespace {

constexpr EngineLaw known = {.prefill = 0.004,
                             .prefill_per_token = 0.0011,
                             .prefill_per_pair = 3e-7,
                             .step = 0.012,
                             .step_per_sequence = 0.003,
                             .step_per_kept = 2e-6,
                             .slots = 2};

// Waves as `sluice plan calibrate` makes them, timed by a law whose times vary by `noise` either way.
std::vector<Wave> measured(const EngineLaw& law, std::size_t count, double noise) {
  Random random(3);
  std::vector<Wave> waves;
  double at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Wave wave;
    const std::size_t calls = i % 4 == 3 ? 4 : 1 + i % 2;
    for (std::size_t c = 0; c < calls; ++c)
      wave.push_back(
          {.at_s = at + (i % 4 == 3 ? 0.3 * static_cast<double>(c) : 0),
           .input = i % 4 == 3 ? 50 + 600 * random.uniform() : std::vector<double>{32, 128, 512, 1024}[i / 2 % 4],
           .output = i % 4 == 3 ? 20 + 40 * random.uniform() : 48});
    for (MeasuredCall& one : wave) one.output = std::round(one.output);
    wave = forecast(law, wave);
    for (MeasuredCall& one : wave) {
      const double slower = 1 + noise * (2 * random.uniform() - 1);
      one.ttft_s *= slower;
      one.total_s *= slower;
    }
    at += 100;
    waves.push_back(std::move(wave));
  }
  return waves;
}

TEST(Calibration, One_call_takes_what_the_law_says) {
  const auto got = forecast(known, {{.input = 100, .output = 11}});
  EXPECT_NEAR(got[0].ttft_s, prefill_s(known, 100, 100), 1e-9);
  EXPECT_NEAR(got[0].tpot_s(), step_s(known, 1, 105.5), 1e-9);
}

TEST(Calibration, Two_at_once_share_the_steps_and_a_third_waits_for_a_slot) {
  const Wave three(3, {.input = 100, .output = 50});
  const auto got = forecast(known, three);
  EXPECT_NEAR(got[0].ttft_s, got[1].ttft_s, 1e-9);
  EXPECT_GT(got[0].ttft_s, 1.9 * prefill_s(known, 100, 100) - known.prefill);
  EXPECT_NEAR(got[0].tpot_s(), step_s(known, 2, 125), 1e-4);
  EXPECT_GT(got[2].ttft_s, got[0].total_s);
  EngineLaw wider = known;
  wider.slots = 3;
  EXPECT_LT(forecast(wider, three)[2].ttft_s, got[0].total_s);
}

TEST(Calibration, A_law_is_found_from_its_times_and_holds_for_calls_that_it_has_not_seen) {
  for (const double noise : {0.0, 0.1}) {
    const Split split = split_waves(measured(known, 64, noise));
    ASSERT_EQ(split.held_out.size(), 16u);
    const auto law = fit_law(split.fitted, 2);
    ASSERT_TRUE(law) << law.error().message;
    const Accuracy held = accuracy_of(*law, split.held_out);
    EXPECT_EQ(held.calls, 64u);
    EXPECT_LT(held.throughput_mape, noise + 0.03) << noise;
    EXPECT_LT(held.tpot_mape, noise + 0.03) << noise;
    EXPECT_LT(held.ttft_p95_error, noise + 0.05) << noise;
    EXPECT_NEAR(law->prefill_per_token, known.prefill_per_token, 0.15 * known.prefill_per_token);
  }
}

// Answers that were no streams say their end alone, and have their places in the engine all the same.
TEST(Calibration, Who_did_not_stream_counts_as_load_and_by_the_end) {
  std::vector<Wave> waves = measured(known, 64, 0);
  std::vector<Wave> left_out;
  for (Wave& wave : waves) {
    Wave& streamed = left_out.emplace_back();
    for (std::size_t i = 0; i < wave.size(); ++i)
      if (i % 2 == 1)
        wave[i].ttft_s = 0;
      else
        streamed.push_back(wave[i]);
  }
  const auto law = fit_law(split_waves(waves).fitted, 2);
  ASSERT_TRUE(law) << law.error().message;
  const Accuracy held = accuracy_of(*law, split_waves(waves).held_out);
  EXPECT_EQ(held.calls, 64u);
  EXPECT_LT(held.tpot_mape, 0.03);
  EXPECT_LT(held.ttft_p95_error, 0.05);
  // Without them the others seem to wait for nobody.
  const auto blind = fit_law(split_waves(left_out).fitted, 2);
  ASSERT_TRUE(blind) << blind.error().message;
  const Accuracy worse = accuracy_of(*blind, split_waves(left_out).held_out);
  EXPECT_GT(std::max(worse.tpot_mape, worse.ttft_p95_error), 0.1);
}

TEST(Calibration, A_law_of_another_engine_is_seen_to_be_wrong) {
  EngineLaw other = known;
  other.prefill_per_token *= 2;
  other.step *= 2;
  const Accuracy off = accuracy_of(other, split_waves(measured(known, 64, 0)).held_out);
  EXPECT_GT(off.throughput_mape, throughput_target);
  EXPECT_GT(off.ttft_p95_error, ttft_target);
}

TEST(Calibration, What_cannot_tell_a_law_is_refused) {
  const auto few = fit_law(measured(known, 3, 0), 2);
  ASSERT_FALSE(few);
  EXPECT_NE(few.error().hint.find("--for"), std::string::npos);
  std::vector<Wave> same(20, forecast(known, {{.input = 100, .output = 20}}));
  const auto alike = fit_law(same, 2);
  ASSERT_FALSE(alike);
  EXPECT_NE(alike.error().message.find("100 to 100 fresh tokens"), std::string::npos) << alike.error().message;
}

TEST(Calibration, Calls_that_do_not_meet_are_waves_of_their_own) {
  const auto waves = waves_of({{.at_s = 5, .total_s = 1}, {.at_s = 0, .total_s = 2}, {.at_s = 1, .total_s = 3}});
  ASSERT_EQ(waves.size(), 2u);
  EXPECT_EQ(waves[0].size(), 2u);
}

std::string plan_with(const std::string& calibration) {
  return "plan: p\n"
         "pools: [{ name: box, gpus: 1, rent_usd_per_hour: 0.2, hardware: { name: two cores, bandwidth: 40e9, "
         "bf16_flops: 400e9, watts: 30, memory_gib: 8 } }]\n"
         "options:\n"
         "  - { name: own, pool: box, model: smollm2-135m, weights: fp8, kv_cache: bf16" +
         calibration +
         " }\n"
         "workloads: [{ name: w, requests_per_month: 10k, input_tokens: 200, output_tokens: 50 }]\n";
}

std::string section_of(const Calibration& one) {
  std::string text = ", calibration: {";
  std::string file = calibration_yaml(one);
  bool first = true;
  while (!file.empty()) {
    const std::size_t end = file.find('\n');
    if (!file.starts_with('#')) text += (std::exchange(first, false) ? " " : ", ") + file.substr(0, end);
    file.erase(0, end + 1);
  }
  return text + " }";
}

std::optional<Plan> read(const std::string& text, yaml::Diagnostics& diagnostics) {
  return read_plan("p.yaml", text, catalog::embedded_catalog(),
                   std::chrono::sys_days(std::chrono::year(2026) / 11 / 27), diagnostics);
}

TEST(Calibration, A_plan_forecasts_with_it_and_says_whose_it_is_and_how_far_it_is_off) {
  const Calibration made = {.name = "local/small",
                            .measured_on = "2026-11-28",
                            .source = "a \"test\"",
                            .law = known,
                            .throughput_error = 0.04,
                            .tpot_error = 0.03,
                            .ttft_p95_error = 0.5};
  yaml::Diagnostics diagnostics;
  const auto again = read_calibration("c.yaml", calibration_yaml(made), diagnostics);
  ASSERT_TRUE(again) << diagnostics.render();
  EXPECT_EQ(again->source, made.source);
  EXPECT_NEAR(again->law.prefill_per_pair, known.prefill_per_pair, 1e-12);
  EXPECT_EQ(again->law.slots, 2);

  const auto plan = read(plan_with(section_of(made)), diagnostics);
  ASSERT_TRUE(plan) << diagnostics.render();
  const auto served = capacity(plan->options[0], plan->pools[0], {.input = 200, .output = 50}, plan->assumptions);
  ASSERT_TRUE(served) << served.error().message;
  EXPECT_EQ(served->batch, 2);
  EXPECT_NEAR(served->prefill_s, prefill_s(known, 200, 200), 1e-9);
  EXPECT_NEAR(served->decode_step_s, step_s(known, 2, 225), 1e-9);
  const auto got = answer(*plan);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_NE(got->costs[0].lines[0].capacity.find("calibrated 2026-11-28 on local/small"), std::string::npos)
      << got->costs[0].lines[0].capacity;
  ASSERT_FALSE(got->warnings.empty());
  EXPECT_NE(got->warnings[0].find("off by 4.0 %, TTFT p95 by 50.0 %; 15 and 25 % are what"), std::string::npos)
      << got->warnings[0];
}

TEST(Calibration, A_plan_includes_the_file_and_draws_over_its_error) {
  const Calibration made = {
      .name = "local/small", .measured_on = "2026-11-28", .law = known, .throughput_error = 0.04, .tpot_error = 0.03};
  const auto read_file = [&](const std::string& path) -> std::optional<std::string> {
    if (path != "c.yaml") return std::nullopt;
    return calibration_yaml(made);
  };
  const auto read_with = [&](const std::string& text, yaml::Diagnostics& diagnostics) {
    return read_plan("p.yaml", text, catalog::embedded_catalog(),
                     std::chrono::sys_days(std::chrono::year(2026) / 11 / 27), diagnostics, read_file);
  };
  yaml::Diagnostics diagnostics;
  const auto plan = read_with(plan_with(", calibration_file: c.yaml"), diagnostics);
  ASSERT_TRUE(plan) << diagnostics.render();
  ASSERT_TRUE(plan->options[0].calibration);
  EXPECT_NEAR(plan->options[0].calibration->law.step, known.step, 1e-9);
  const auto got = answer(*plan);
  ASSERT_TRUE(got) << got.error().message;
  const Assumption& factor = got->plan.assumptions.at("hardware.throughput_factor");
  EXPECT_NEAR(factor.low, 0.96, 1e-9);
  EXPECT_NEAR(factor.high, 1.04, 1e-9);
  EXPECT_NE(factor.source.find("4.0 %"), std::string::npos) << factor.source;
  // What a person says of it counts.
  const auto own = read_with(
      "assumptions: { hardware.throughput_factor: 0.9 }\n" + plan_with(", calibration_file: c.yaml"), diagnostics);
  ASSERT_TRUE(own) << diagnostics.render();
  const auto said = answer(*own);
  ASSERT_TRUE(said) << said.error().message;
  EXPECT_EQ(said->plan.assumptions.at("hardware.throughput_factor").low, 0.85);
  yaml::Diagnostics missing;
  EXPECT_FALSE(read_with(plan_with(", calibration_file: d.yaml"), missing));
  EXPECT_NE(missing.render().find("the calibration d.yaml cannot be read"), std::string::npos) << missing.render();
  yaml::Diagnostics both;
  EXPECT_FALSE(read_with(plan_with(section_of(made) + ", calibration_file: c.yaml"), both));
  EXPECT_NE(both.render().find("a calibration and a calibration_file"), std::string::npos) << both.render();
}

TEST(Calibration, One_that_the_hardware_cannot_have_done_is_refused) {
  Calibration fast = {.name = "local/small", .measured_on = "2026-11-28", .law = known};
  fast.law.prefill_per_token = 1e-5;  // 2 x 134.5e6 operations in 10 us are 27e12 a second
  yaml::Diagnostics diagnostics;
  const auto plan = read(plan_with(section_of(fast)), diagnostics);
  ASSERT_TRUE(plan) << diagnostics.render();
  const auto got = answer(*plan);
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().message.find("needs MFU 67.25"), std::string::npos) << got.error().message;
}

TEST(Calibration, It_is_of_an_engine_and_of_nothing_else_that_says_the_same) {
  const std::string section = section_of({.name = "x", .measured_on = "2026-11-28", .law = known});
  yaml::Diagnostics twice;
  EXPECT_FALSE(read(plan_with(", output_tokens_per_s: 100" + section), twice));
  EXPECT_NE(twice.render().find("has a calibration and output_tokens_per_s"), std::string::npos) << twice.render();
  yaml::Diagnostics api;
  EXPECT_FALSE(read("plan: p\noptions: [{ name: a, price: { input: 1, output: 2 }" + section + " }]\n", api));
  EXPECT_NE(api.render().find("has no pool, and a calibration"), std::string::npos) << api.render();
}

}  // namespace
}  // namespace sluice::plan
