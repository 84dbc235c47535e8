#include "base/money.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Money, Parses_and_prints_decimal_dollars_exactly) {
  EXPECT_EQ(Money::parse_usd("2.50")->pico(), 2'500'000'000'000);
  EXPECT_EQ(Money::parse_usd("0.000000000001")->pico(), 1);
  EXPECT_EQ(Money::parse_usd("7")->usd(), "7.0");
  EXPECT_EQ(Money::pico(123).usd(), "0.000000000123");
  EXPECT_EQ(Money::pico(-1'500'000'000'000).usd(), "-1.5");
}

TEST(Money, Refuses_what_it_cannot_hold_exactly) {
  for (const char* bad : {"", ".", "-1", "1e3", "1.2.3", "0.0000000000001", "9300000", "NaN", " 1"})
    EXPECT_FALSE(Money::parse_usd(bad)) << bad;
}

TEST(Money, Sums_stay_at_the_limit_instead_of_wrapping) {
  EXPECT_EQ(Money::max() + Money::pico(1), Money::max());
  EXPECT_EQ(cost_of(std::numeric_limits<Tokens>::max(), 270'000'000), Money::max());
  EXPECT_EQ(cost_of(1'000'000, 2'500'000), *Money::parse_usd("2.50"));
}

}  // namespace
}  // namespace sluice
