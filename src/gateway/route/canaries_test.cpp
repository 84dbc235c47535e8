#include "gateway/route/canaries.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

config::Workload with_canary(std::int64_t percent = 10) {
  config::Workload workload{.name = "letters"};
  workload.canary = {.target = "new/m",
                     .percent = percent,
                     .min_requests = 20,
                     .max_error_increase_percent = 5,
                     .max_latency_increase_percent = 50};
  return workload;
}

// Requests until `taken` of them went to the canary; each side fails each nth time (0: never).
void run(Canaries& canaries, const config::Workload& workload, int requests, int canary_fails, int others_fail,
         std::int64_t canary_us = 1'000, std::int64_t others_us = 1'000) {
  int canary = 0;
  int others = 0;
  for (int i = 0; i < requests; ++i) {
    const bool is_canary = canaries.take(workload);
    int& number = is_canary ? canary : others;
    const int each = is_canary ? canary_fails : others_fail;
    canaries.note(workload, is_canary, each > 0 && ++number % each == 0, is_canary ? canary_us : others_us);
  }
}

TEST(Canary, Gets_exactly_its_share) {
  Canaries canaries;
  for (const std::int64_t percent : {0, 1, 7, 50, 100}) {
    config::Workload workload = with_canary(percent);
    int taken = 0;
    for (int i = 0; i < 1'000; ++i) taken += canaries.take(workload);
    EXPECT_EQ(taken, percent * 10);
  }
}

TEST(Canary, Keeps_its_share_while_it_is_as_good) {
  int told = 0;
  Canaries canaries([&](const Canaries::Report&) { ++told; });
  run(canaries, with_canary(), 5'000, 10, 10);
  EXPECT_EQ(told, 0);
  EXPECT_EQ(canaries.report()[0].percent, 10);
}

TEST(Canary, Loses_it_when_it_fails_more_often_and_says_why) {
  std::string why;
  Canaries canaries([&](const Canaries::Report& report) { why = report.why; });
  run(canaries, with_canary(), 199, 2, 0);
  EXPECT_EQ(why, "") << "19 requests are not enough";
  run(canaries, with_canary(), 1'000, 2, 0);
  EXPECT_NE(why.find("of its calls fail, and 0.0 % of the others'"), std::string::npos) << why;
  const auto report = canaries.report();
  ASSERT_EQ(report.size(), 1u);
  EXPECT_TRUE(report[0].rolled_back);
  EXPECT_EQ(report[0].percent, 0);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(canaries.take(with_canary()));
  EXPECT_TRUE(canaries.take(with_canary(100))) << "other settings begin anew";
}

TEST(Canary, Loses_it_when_it_is_slower_by_more_than_the_margin) {
  Canaries close;
  run(close, with_canary(), 2'000, 0, 0, 1'490, 1'000);
  EXPECT_FALSE(close.report()[0].rolled_back);
  Canaries slow;
  run(slow, with_canary(), 2'000, 0, 0, 1'510'000, 1'000'000);
  EXPECT_TRUE(slow.report()[0].rolled_back);
  EXPECT_EQ(slow.report()[0].why, "its answers take 1510 ms, and the others' 1000 ms");
}

TEST(Canary, Does_not_come_back_with_what_began_before_its_settings_changed) {
  Canaries canaries;
  run(canaries, with_canary(), 1'000, 2, 0);
  ASSERT_TRUE(canaries.report()[0].rolled_back);
  canaries.note(with_canary(50), false, false, 1'000);
  EXPECT_TRUE(canaries.report()[0].rolled_back);
  EXPECT_FALSE(canaries.take(with_canary()));
}

TEST(Canary, That_gets_bad_late_is_found) {
  Canaries canaries;
  run(canaries, with_canary(), 20'000, 0, 0);
  ASSERT_FALSE(canaries.report()[0].rolled_back);
  run(canaries, with_canary(), 400, 1, 0);
  EXPECT_TRUE(canaries.report()[0].rolled_back) << "of 40 failures among 2,000 calls";
}

}  // namespace
}  // namespace sluice::gateway
