#include "replay/read_traffic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "plan/cost.h"
#include "replay/reprice.h"
#include "replay/testing_traffic.h"
#include "replay/workloads.h"

namespace sluice::replay {
namespace {

std::optional<std::string> recorded_trace(const char* name) {
  const char* other = std::getenv("SLUICE_SHARED_DATA");
  std::ifstream file(std::filesystem::path(other ? other : SLUICE_SHARED_DATA_DEFAULT) / "traces" / name);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Tokens all(const Traffic& traffic, Tokens (Call::*of)() const) {
  Tokens sum = 0;
  for (const Call& call : traffic.calls()) sum += (call.*of)();
  return sum;
}

TEST(ReadTraffic, Reads_the_recorded_traces_to_the_last_token) {
  struct Expected {
    const char* name;
    std::size_t requests;
    Tokens input, output;
  };
  for (const Expected& one : {Expected{"AzureLLMInferenceTrace_conv.csv", 19'366, 22'361'870, 4'088'665},
                              Expected{"AzureLLMInferenceTrace_code.csv", 8'819, 18'059'974, 245'896},
                              Expected{"mooncake_conversation_trace.jsonl", 12'031, 144'793'823, 4'122'048}}) {
    const auto text = recorded_trace(one.name);
    if (!text) GTEST_SKIP() << one.name << " is not in the shared data";
    const auto traffic = read_traffic(*text);
    ASSERT_TRUE(traffic) << traffic.error().message;
    EXPECT_EQ(traffic->requests(), one.requests);
    EXPECT_EQ(all(*traffic, &Call::input), one.input);
    EXPECT_EQ(all(*traffic, &Call::output), one.output);
    EXPECT_EQ(traffic->fault_count(), 0U);
    EXPECT_EQ(all(*traffic, &Call::cached) > 0, std::string(one.name).starts_with("mooncake"));
  }
}

TEST(ReadTraffic, A_cache_holds_a_block_as_long_as_it_lives) {
  const std::string lines = R"({"timestamp": 0, "input_length": 1100, "output_length": 5, "hash_ids": [1, 2, 3]})"
                            "\n"
                            R"({"timestamp": 60000, "input_length": 1100, "output_length": 5, "hash_ids": [1, 2, 9]})"
                            "\n"
                            R"({"timestamp": 120000, "input_length": 600, "output_length": 5, "hash_ids": [9, 1]})"
                            "\n"
                            R"({"timestamp": 900000, "input_length": 600, "output_length": 5, "hash_ids": [1, 2]})"
                            "\n";
  const auto cached = [&](std::chrono::seconds life) {
    const auto traffic = read_traffic(lines, {.cache_life = life});
    EXPECT_TRUE(traffic);
    std::vector<Tokens> tokens;
    for (const Call& call : traffic->calls()) tokens.push_back(call.cached());
    return tokens;
  };
  EXPECT_EQ(cached(std::chrono::minutes(5)), (std::vector<Tokens>{0, 1024, 600, 0}));
  EXPECT_EQ(cached(std::chrono::hours(1)), (std::vector<Tokens>{0, 1024, 600, 600}));
  EXPECT_EQ(cached(std::chrono::seconds(1)), (std::vector<Tokens>{0, 0, 0, 0}));
}

constexpr const char* own_csv =
    "row,started_at,key,requested_model,provider,model,input_tokens,cache_read_tokens,output_tokens,service_tier,"
    "correction,cost_usd\r\n"
    "1,2026-11-01T10:00:00.5Z,\"a, \"\"b\"\"\",chat,p0,m0,1000,200,50,batch,false,0.000000000001\r\n"
    "2,2026-11-01T10:00:01Z,k,chat,p0,m0,10,0,5,standard,false,\r\n"
    "3,2026-11-01T10:00:02Z,k,chat,p0,m0,0,0,0,standard,true,-0.25\r\n";

TEST(ReadTraffic, What_is_no_text_stands_apart_and_is_not_counted_twice) {
  const std::string header =
      "started_at,provider,model,workload,input_tokens,cache_read_tokens,output_tokens,input_audio_tokens,"
      "input_image_tokens,input_video_tokens,cache_read_audio_tokens,output_audio_tokens,output_image_tokens\n";
  const auto traffic = read_traffic(header + "2026-11-01T10:00:00Z,p,m,calls,1000,200,90,100,30,20,50,40,30\n" +
                                    "2026-11-01T10:00:01Z,p,m,calls,10,0,5,11,0,0,0,0,0\n");
  ASSERT_TRUE(traffic) << traffic.error().message;
  ASSERT_EQ(traffic->requests(), 1U);
  const Call& one = traffic->calls()[0];
  EXPECT_EQ(one.input(), 1200);
  EXPECT_EQ(one.cached(), 250 - 50);
  EXPECT_EQ(one.output(), 90);
  const auto count = [&](catalog::Unit unit) {
    return one.counts[static_cast<std::size_t>(std::ranges::find(counted_units, unit) - counted_units.begin())];
  };
  EXPECT_EQ(count(catalog::Unit::input), 850U);
  EXPECT_EQ(count(catalog::Unit::input_audio), 100U);
  EXPECT_EQ(count(catalog::Unit::cache_read), 150U);
  EXPECT_EQ(count(catalog::Unit::cache_read_audio), 50U);
  EXPECT_EQ(count(catalog::Unit::output), 20U);
  EXPECT_EQ(count(catalog::Unit::output_image), 30U);
  EXPECT_EQ(traffic->streams()[0].workload, "calls");
  ASSERT_EQ(traffic->fault_count(), 1U);
  EXPECT_EQ(traffic->faults()[0].what, "input_audio_tokens is more than the tokens that it is a part of");
}

TEST(ReadTraffic, Reads_our_own_rows_as_csv_and_as_json_lines) {
  const std::string lines =
      R"({"row":1,"started_at":"2026-11-01T10:00:00.5Z","key":"a, \"b\"","requested_model":"chat","provider":"p0","model":"m0","input_tokens":1000,"cache_read_tokens":200,"output_tokens":50,"service_tier":"batch","correction":false,"cost_usd":0.000000000001})"
      "\n"
      R"({"row":2,"started_at":"2026-11-01T10:00:01Z","key":"k","requested_model":"chat","provider":"p0","model":"m0","input_tokens":10,"cache_read_tokens":0,"output_tokens":5,"service_tier":"standard","correction":false,"cost_usd":null})"
      "\n"
      R"({"row":3,"started_at":"2026-11-01T10:00:02Z","key":"k","requested_model":"chat","provider":"p0","model":"m0","input_tokens":0,"cache_read_tokens":0,"output_tokens":0,"service_tier":"standard","correction":true,"cost_usd":-0.25})"
      "\n";
  for (const std::string& text : {std::string(own_csv), lines}) {
    const auto traffic = read_traffic(text);
    ASSERT_TRUE(traffic) << traffic.error().message;
    EXPECT_EQ(traffic->fault_count(), 0U);
    EXPECT_EQ(traffic->requests(), 2U);
    EXPECT_TRUE(traffic->has_costs());
    const Recorded was = recorded(*traffic);
    EXPECT_TRUE(was.pico == -249'999'999'999) << static_cast<long long>(was.pico);
    EXPECT_EQ(was.unpriced, 1);
    const Call& first = traffic->calls()[0];
    EXPECT_EQ(first.input(), 1200);
    EXPECT_EQ(first.cached(), 200);
    EXPECT_EQ(traffic->streams()[0].key, "a, \"b\"");
    EXPECT_EQ(traffic->streams()[0].service_tier, chat::ServiceTier::batch);
    EXPECT_EQ(traffic->last_us() - traffic->first_us(), 500'000);
  }
}

TEST(ReadTraffic, Names_counts_and_leaves_out_what_it_cannot_read) {
  std::string text = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.97,10,1\n";
  for (int i = 0; i < 30; ++i) text += "2023-11-16 18:17:04.0,-5,1\n";
  text += "2023-11-16 18:17:05.0,1\nyesterday,1,1\n2023-11-16 18:17:06.5,20,2\n";
  const auto traffic = read_traffic(text);
  ASSERT_TRUE(traffic);
  EXPECT_EQ(traffic->requests(), 2U);
  EXPECT_EQ(traffic->fault_count(), 32U);
  ASSERT_EQ(traffic->faults().size(), max_named_faults);
  EXPECT_EQ(traffic->faults()[0].line, 3U);
  EXPECT_EQ(traffic->faults()[0].what, "ContextTokens cannot be -5");
  const auto groups = groups_of(*traffic, By::model, span_of(*traffic));
  EXPECT_NE(notes_on(*traffic, span_of(*traffic), groups).back().find("32 rows could not be read"), std::string::npos);
}

TEST(ReadTraffic, Refuses_what_is_no_trace) {
  struct Wrong {
    std::string text;
    const char* says;
  };
  std::string rubbish = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.97,10,1\n";
  for (std::size_t i = 0; i <= max_faults; ++i) rubbish += "x\n";
  for (const Wrong& one :
       {Wrong{"", "no trace that is known"}, Wrong{"PAR1abc", "Parquet"},
        Wrong{"BilledCost,ChargePeriodStart\n", "FOCUS"},
        Wrong{"TIMESTAMP,ContextTokens,GeneratedTokens\n", "no calls in it"},
        Wrong{"TIMESTAMP,ContextTokens,GeneratedTokens\na,b,c\n", "none of 1 rows can be read; the first: line 2"},
        Wrong{rubbish, "more than 100000 rows cannot be read"}}) {
    const auto traffic = read_traffic(one.text);
    ASSERT_FALSE(traffic);
    EXPECT_NE(traffic.error().message.find(one.says), std::string::npos) << traffic.error().message;
  }
}

// Two weeks and two days, one call an hour on the first day and 3 % more each day after, on top of a busy noon.
TEST(Workloads, Have_the_volume_hours_peak_and_growth_of_the_traffic) {
  Traffic traffic;
  const std::int64_t midnight = testing::start_us / testing::day_us * testing::day_us;
  const Stream stream{.provider = "p", .model = "m", .route = "chat", .key = "k", .team = "t"};
  std::int64_t calls = 0;
  for (int day = 0; day < 23; ++day) {
    const int count = static_cast<int>(std::lround(200 * std::pow(1.02, day)));
    for (int i = 0; i < count; ++i, ++calls) {
      const std::int64_t at = midnight + day * testing::day_us + 12 * 3'600'000'000 + i * 3'000'000LL;
      ASSERT_TRUE(traffic.add(at, stream, {.input = 900, .cache_read = 100, .output = 50, .reported = true},
                              Money::pico(10), false));
    }
  }
  traffic.sort();
  const Span span{.from_us = midnight, .to_us = midnight + 23 * testing::day_us};
  for (const auto& [by, name] : {std::pair(By::workload, "p/m"), std::pair(By::model, "p/m"),
                                 std::pair(By::route, "chat"), std::pair(By::team, "t"), std::pair(By::key, "k")}) {
    const auto groups = groups_of(traffic, by, span);
    ASSERT_EQ(groups.size(), 1U);
    const Group& one = groups[0];
    EXPECT_EQ(one.name, name);
    EXPECT_EQ(one.calls, calls);
    EXPECT_TRUE(one.recorded_pico == 10 * calls);
    ASSERT_TRUE(one.profile);
    EXPECT_DOUBLE_EQ((*one.profile)[12], 24);
    // 20 calls in its busiest minute; 309 in its busiest hour.
    EXPECT_NEAR(one.peak_minute, 20 / (309 / 60.0), 1e-9);
    ASSERT_TRUE(one.growth_per_month);
    EXPECT_NEAR(*one.growth_per_month, std::pow(1.02, 730 / 24.0) - 1, 0.02);
    const plan::Workload workload = workload_of(one, traffic, span, nullptr, {});
    EXPECT_NEAR(workload.requests_per_month, static_cast<double>(calls) * 730 / (23 * 24), 1e-6);
    EXPECT_EQ(workload.input_tokens, 1000);
    EXPECT_EQ(workload.output_tokens, 50);
    EXPECT_DOUBLE_EQ(workload.cached, 0.1);
    EXPECT_EQ(workload.context_tokens, 1050);
  }
}

TEST(Workloads, Keep_the_rules_of_a_plan_and_take_the_volumes_from_the_traffic) {
  testing::World world(4);
  const catalog::PriceBook book = world.book();
  const Traffic traffic = world.traffic(book, 2'000);
  const Span span = span_of(traffic);
  const auto groups = groups_of(traffic, By::route, span);
  ASSERT_EQ(groups.size(), 3U);
  plan::Plan base;
  base.workloads = {{.name = "r1", .requests_per_month = 5, .data_class = DataClass::restricted},
                    {.name = "not yet", .requests_per_month = 7, .input_tokens = 10, .output_tokens = 1}};
  plan::Option api{.name = "api",
                   .price = *book.quote(ProviderId("p0"), ModelName("m0"),
                                        catalog::Moment(std::chrono::seconds(testing::start_us / 1'000'000)))
                                 .fact()};
  const plan::Plan made = plan_of(base, traffic, span, groups, {api});
  ASSERT_EQ(made.workloads.size(), 4U);
  MoneySum all = 0;
  double measured = 0;
  for (const plan::Workload& one : made.workloads) {
    if (one.name == "not yet") {
      EXPECT_EQ(one.requests_per_month, 7);
      continue;
    }
    EXPECT_EQ(one.data_class == DataClass::restricted, one.name == "r1");
    EXPECT_GT(one.requests_per_month, 1'000);
    measured += one.measured_usd.at("api");
    EXPECT_DOUBLE_EQ(plan::bill_usd(api, one, 2), 2 * one.measured_usd.at("api"));
  }
  for (const Call& call : traffic.calls()) all += catalog::cost(api.price, quantities(call.counts)).pico();
  EXPECT_NEAR(measured, plan::usd(all) * span.per_month(), measured * 1e-12);
}

TEST(Workloads, Are_at_most_fifty_and_lose_no_call) {
  Traffic traffic;
  for (int i = 0; i < 400; ++i)
    ASSERT_TRUE(traffic.add(testing::start_us + i, {.key = "k" + std::to_string(i % 80)},
                            {.input = i + 1, .reported = true}, Money::pico(i + 1), false));
  traffic.sort();
  const auto groups = groups_of(traffic, By::key, span_of(traffic));
  EXPECT_EQ(groups.size(), most_groups);
  std::int64_t calls = 0;
  MoneySum pico = 0;
  for (const Group& one : groups) {
    calls += one.calls;
    pico += one.recorded_pico;
  }
  EXPECT_EQ(calls, 400);
  EXPECT_TRUE(pico == recorded(traffic).pico);
  EXPECT_EQ(groups.back().name, "(the others)");
}

TEST(Workloads, Give_their_calls_in_the_order_of_their_coming_and_money_alone_is_none) {
  Traffic traffic;
  const auto add = [&](const char* key, std::int64_t at_us, Tokens input, bool correction) {
    ASSERT_TRUE(traffic.add(testing::start_us + at_us, {.key = key},
                            {.input = input, .cache_read = 5, .output = 7, .reported = true}, Money::pico(1),
                            correction));
  };
  add("a", 3'000'000, 30, false);
  add("b", 500'000, 99, false);
  add("a", 1'000'000, 10, false);
  add("a", 2'000'000, 20, true);
  add("only money", 2'000'000, 20, true);
  traffic.sort();
  const auto arrivals = arrivals_of(traffic, groups_of(traffic, By::key, span_of(traffic)));
  ASSERT_EQ(arrivals.size(), 2U);
  const plan::Recorded& a = arrivals.at("a");
  EXPECT_EQ(a.of, 2U);
  ASSERT_EQ(a.calls.size(), 2U);
  EXPECT_EQ(a.calls[0].at_s, 0.5);  // since the traffic's first call
  EXPECT_EQ(a.calls[0].input, 15);
  EXPECT_EQ(a.calls[1].at_s, 2.5);
  EXPECT_EQ(a.calls[1].output, 7);
  EXPECT_EQ(arrivals.at("b").calls.size(), 1U);
}

TEST(Workloads, Give_the_busiest_calls_in_a_row_where_there_are_too_many) {
  Traffic traffic;
  const auto add = [&](const std::string& key, std::int64_t at_us) {
    ASSERT_TRUE(traffic.add(testing::start_us + at_us, {.key = key}, {.input = 1, .output = 1, .reported = true},
                            Money::pico(1), false));
  };
  for (int other = 0; other < 30; ++other) add("k" + std::to_string(other), 0);
  constexpr int many = 30'000;  // one a second, but in the middle third two
  std::int64_t at = 0;
  for (int i = 0; i < many; ++i) add("busy", at += i >= 10'000 && i < 20'000 ? 500'000 : 1'000'000);
  traffic.sort();
  const auto arrivals = arrivals_of(traffic, groups_of(traffic, By::key, span_of(traffic)));
  const plan::Recorded& busy = arrivals.at("busy");
  EXPECT_EQ(busy.of, std::size_t{many});
  ASSERT_EQ(busy.calls.size(), plan::least_replayed_calls);
  EXPECT_NEAR(busy.calls.back().at_s - busy.calls.front().at_s, 15'000, 1);
}

}  // namespace
}  // namespace sluice::replay
