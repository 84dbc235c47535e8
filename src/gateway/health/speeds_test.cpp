#include "gateway/health/speeds.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

const Speeds::TimePoint start{std::chrono::hours(1)};

TEST(Speeds, What_nobody_has_called_is_not_measured) {
  const Speeds speeds;
  EXPECT_EQ(speeds.of("a/m", start).expected_us(100), -1);
}

TEST(Speeds, The_end_of_an_answer_is_its_first_token_and_the_others) {
  Speeds speeds;
  speeds.answered("a/m", 200'000, 1'200'000, 100, start);
  const TargetSpeed speed = speeds.of("a/m", start);
  EXPECT_EQ(speed.first_token_us, 200'000);
  EXPECT_EQ(speed.token_ns, 10'000'000);
  EXPECT_EQ(speed.expected_us(50), 700'000);
}

TEST(Speeds, The_newest_calls_count_most_and_an_error_is_forgotten_in_time) {
  Speeds speeds;
  for (int i = 0; i < 50; ++i) speeds.answered("a/m", 100'000, 100'000, 0, start);
  speeds.failed("a/m", start);
  EXPECT_NEAR(speeds.of("a/m", start).error_share, 0.2, 1e-9);
  for (int i = 0; i < 30; ++i) speeds.answered("a/m", 500'000, 500'000, 0, start);
  EXPECT_GT(speeds.of("a/m", start).first_token_us, 490'000);
  EXPECT_LT(speeds.of("a/m", start).error_share, 0.001);
}

TEST(Speeds, A_target_that_nobody_calls_is_forgotten_and_gets_another_chance) {
  Speeds speeds;
  speeds.failed("a/m", start);
  speeds.answered("a/m", 9'000'000, 9'000'000, 0, start);
  const auto later = start + Speeds::forgotten_after + std::chrono::seconds(1);
  EXPECT_EQ(speeds.of("a/m", later).expected_us(1), -1);
  EXPECT_TRUE(speeds.report(later).empty());
  speeds.answered("a/m", 1'000, 1'000, 0, later);
  EXPECT_EQ(speeds.of("a/m", later).first_token_us, 1'000) << "what was before does not weigh on it";
  EXPECT_EQ(speeds.of("a/m", later).error_share, 0);
}

}  // namespace
}  // namespace sluice::gateway
