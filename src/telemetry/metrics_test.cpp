#include "telemetry/metrics.h"

#include <gtest/gtest.h>

#include <thread>

#include "telemetry/request_metrics.h"

namespace sluice::telemetry {
namespace {

constexpr std::array bounds{0.1, 1.0};

TEST(Metrics, A_counter_is_exposed_with_help_type_and_labels) {
  Registry registry;
  CounterFamily& requests = registry.counter("requests_total", "All \\ of\nthem.", {"dialect", "outcome"});
  requests.with("openai_chat", "ok").add();
  requests.with("openai_chat", "ok").add(2);
  requests.with("a\"b\\c\nd", "ok").add();
  EXPECT_EQ(registry.text(),
            "# HELP requests_total All \\\\ of\\nthem.\n"
            "# TYPE requests_total counter\n"
            "requests_total{dialect=\"a\\\"b\\\\c\\nd\",outcome=\"ok\"} 1\n"
            "requests_total{dialect=\"openai_chat\",outcome=\"ok\"} 3\n");
}

TEST(Metrics, A_family_without_labels_has_one_series) {
  Registry registry;
  GaugeFamily& gauge = registry.gauge("depth", "Depth.");
  gauge.with().set(1.5);
  gauge.with().add(-3);
  EXPECT_EQ(registry.text(), "# HELP depth Depth.\n# TYPE depth gauge\ndepth -1.5\n");
}

TEST(Metrics, A_histogram_counts_cumulatively_and_a_bound_belongs_to_its_bucket) {
  Registry registry;
  HistogramFamily& family = registry.histogram("seconds", "Time.", bounds, {"ground"});
  for (const double value : {0.0625, 0.1, 0.5, 8.0}) family.with("self_hosted").observe(value);
  EXPECT_EQ(registry.text(),
            "# HELP seconds Time.\n# TYPE seconds histogram\n"
            "seconds_bucket{ground=\"self_hosted\",le=\"0.1\"} 2\n"
            "seconds_bucket{ground=\"self_hosted\",le=\"1\"} 3\n"
            "seconds_bucket{ground=\"self_hosted\",le=\"+Inf\"} 4\n"
            "seconds_sum{ground=\"self_hosted\"} 8.6625\n"
            "seconds_count{ground=\"self_hosted\"} 4\n");
}

TEST(Metrics, Label_values_beyond_the_bound_are_counted_under_other) {
  Registry registry;
  CounterFamily& family = registry.counter("c_total", "C.", {"provider"}, 3);
  for (int i = 0; i < 10; ++i) family.with("p" + std::to_string(i)).add();
  family.with("p0").add();
  EXPECT_EQ(registry.text(),
            "# HELP c_total C.\n# TYPE c_total counter\n"
            "c_total{provider=\"p0\"} 2\nc_total{provider=\"p1\"} 1\nc_total{provider=\"p2\"} 1\n"
            "c_total{provider=\"other\"} 7\n");
}

TEST(Metrics, A_long_label_value_is_cut) {
  Registry registry;
  registry.counter("c_total", "C.", {"provider"}).with(std::string(10'000, 'x')).add();
  EXPECT_LT(registry.text().size(), 300U);
}

TEST(Metrics, The_same_labels_give_the_same_series_and_a_split_elsewhere_another) {
  Registry registry;
  CounterFamily& family = registry.counter("c_total", "C.", {"a", "b"});
  EXPECT_EQ(&family.with("ab", "c"), &family.with(std::string("ab"), "c"));
  EXPECT_NE(&family.with("ab", "c"), &family.with("a", "bc"));
  EXPECT_NE(&family.with("a", "b"), &family.with("b", "a"));
}

TEST(Metrics, Nothing_is_lost_when_threads_add_and_make_series_while_one_scrapes) {
  constexpr int rounds = 2'000;
  Registry registry(4);
  CounterFamily& counters = registry.counter("c_total", "C.", {"name"}, 8);
  HistogramFamily& histograms = registry.histogram("h", "H.", bounds, {"name"});
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < rounds; ++i) {
        counters.with("n" + std::to_string(i % 12)).add();
        histograms.with("x").observe(0.5);
      }
    });
  threads.emplace_back([&] {
    for (int i = 0; i < 50; ++i) EXPECT_FALSE(registry.text().empty());
  });
  for (std::thread& thread : threads) thread.join();
  std::uint64_t sum = counters.with("beyond the bound").value();
  for (int i = 0; i < 12; ++i)
    if (Counter& counter = counters.with("n" + std::to_string(i)); &counter != &counters.with("beyond the bound"))
      sum += counter.value();
  EXPECT_EQ(sum, 3U * rounds);
  EXPECT_NE(registry.text().find("h_count{name=\"x\"} " + std::to_string(3 * rounds)), std::string::npos);
}

TEST(Metrics, The_request_metrics_are_all_declared_under_their_public_names) {
  Registry registry;
  const RequestMetrics metrics(registry);
  metrics.requests.with("openai_chat", "groq", "hosted_open", "ok").add();
  metrics.tokens.with("groq", "hosted_open", "output").add(17);
  const std::string text = registry.text();
  for (const char* name :
       {"sluice_requests_total{dialect=\"openai_chat\",provider=\"groq\",ground=\"hosted_open\",outcome=\"ok\"} 1",
        "sluice_tokens_total{provider=\"groq\",ground=\"hosted_open\",class=\"output\"} 17",
        "# TYPE sluice_cost_picodollars_total counter", "# TYPE sluice_request_duration_seconds histogram",
        "# TYPE sluice_time_to_first_token_seconds histogram", "# TYPE sluice_overhead_seconds histogram"})
    EXPECT_NE(text.find(name), std::string::npos) << name;
}

}  // namespace
}  // namespace sluice::telemetry
