// The size of an own engine on the arrivals of real traces: the way that `sluice plan --trace` goes, from the file to
// the replay.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "plan/capacity.h"
#include "plan/queue.h"
#include "plan/read_plan.h"
#include "plan/sizing.h"
#include "replay/read_traffic.h"
#include "replay/workloads.h"

namespace sluice::replay {
namespace {

std::optional<std::string> recorded_trace(const std::string& name) {
  const char* other = std::getenv("SLUICE_SHARED_DATA");
  std::ifstream file(std::filesystem::path(other ? other : SLUICE_SHARED_DATA_DEFAULT) / "traces" / name);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class RecordedTrace : public ::testing::TestWithParam<const char*> {};

// The replay has the last word: with the servers it needs the limit holds, with one fewer it does not. What the closed
// formula says of the mean is not enough for any of them.
TEST_P(RecordedTrace, Is_served_in_time_by_the_servers_that_its_replay_needs_and_not_by_one_fewer) {
  const auto text = recorded_trace(GetParam());
  if (!text) GTEST_SKIP() << "no " << GetParam() << ": set SLUICE_SHARED_DATA to a folder with traces/";
  const auto traffic = read_traffic(*text);
  ASSERT_TRUE(traffic) << traffic.error().message;
  const Span span = span_of(*traffic);
  const std::vector<Group> groups = groups_of(*traffic, By::model, span);
  ASSERT_EQ(groups.size(), 1u);

  yaml::Diagnostics diagnostics;
  auto plan = plan::read_plan("p.yaml",
                              "plan: p\npools: [{ name: n, gpu: H100, gpus: 8, price_usd: 250k, most_nodes: 1000 }]\n"
                              "options: [{ name: own, pool: n, model: llama-3.1-70b }]\n"
                              "workloads: [{ name: traffic, tokens_per_month: 1B, mix: 1, tpot_ms: 60 }]\n",
                              catalog::embedded_catalog(), std::chrono::sys_days(std::chrono::year(2026) / 11 / 27),
                              diagnostics);
  ASSERT_TRUE(plan) << diagnostics.render();
  plan::Workload& workload = plan->workloads[0];
  workload = workload_of(groups[0], *traffic, span, &workload, plan->options);
  workload.cached = 0;  // the engine's own prefix cache is not counted
  const plan::RecordedArrivals recorded = arrivals_of(*traffic, groups);
  const auto served = plan::capacity(plan->options[0], plan->pools[0], plan::shape_of(workload), plan->assumptions);
  ASSERT_TRUE(served) << served.error().message;
  const plan::SlotTime time(plan->options[0], plan->pools[0], plan::shape_of(workload), *served, plan->assumptions);
  std::vector<plan::Arrival> arrivals;
  for (const plan::Recorded::Call& call : recorded.at("traffic").calls)
    arrivals.push_back({.at_s = call.at_s, .service_s = time.seconds(call.input, call.output)});
  const plan::ReplayChecks checks = plan::replay_recorded(*plan, recorded);
  const plan::ReplayCheck& check = checks.at("traffic").at("own");
  const auto chosen = static_cast<std::size_t>(check.needs);
  ASSERT_GT(chosen, 1u);
  EXPECT_LE(plan::replay(arrivals, chosen, check.limit_s).p95_s, check.limit_s);
  EXPECT_GE(plan::replay(arrivals, chosen, check.limit_s).p95_s, 0.9 * check.limit_s);
  EXPECT_GT(plan::replay(arrivals, chosen - 1, check.limit_s).p95_s, check.limit_s);
  EXPECT_GE(check.slots, check.needs);
  EXPECT_GE(check.seen.within, 0.95);
  const plan::Sizing sizing = plan::size_of(workload, plan->options[0], *served, plan->assumptions);
  plan::Load mean = sizing.load;
  mean.per_second = static_cast<double>(groups[0].calls) / span.seconds();
  const double of_the_mean = plan::servers_needed(mean, 0.95, check.limit_s, 1);
  EXPECT_GT(check.needs, of_the_mean);
  std::printf(
      "%s: peaks %.2f (minute) %.1f (second); dispersion %.2f, service %.2f; servers by the mean %.0f, by the formula "
      "on the peak minute %.0f, needed by the replay %zu; chosen %.0f (%.2f nodes of %.0f): %s; wait p95 with the "
      "fewest %.0f of %.0f ms\n",
      GetParam(), groups[0].peak_minute, groups[0].peak_second, check.arrival_scv, sizing.load.service_scv, of_the_mean,
      check.by_formula, chosen, sizing.slots, sizing.nodes, sizing.slots_a_node, check.says.c_str(),
      plan::replay(arrivals, chosen, check.limit_s).p95_s * 1e3, check.limit_s * 1e3);
}

INSTANTIATE_TEST_SUITE_P(Traces, RecordedTrace,
                         ::testing::Values("AzureLLMInferenceTrace_conv.csv", "AzureLLMInferenceTrace_code.csv",
                                           "mooncake_conversation_trace.jsonl"));

}  // namespace
}  // namespace sluice::replay
