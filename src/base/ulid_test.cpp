#include "base/ulid.h"

#include <gtest/gtest.h>

#include <set>

namespace sluice {
namespace {

TEST(Ulid, Sorts_by_time_and_never_repeats) {
  UlidSource source;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(source.next(1'700'000'000'000)).second);
  EXPECT_LT(*seen.rbegin(), source.next(1'700'000'000'001));
  // The specification's example time: 1469918176385 ms is 01ARYZ6S41.
  EXPECT_EQ(source.next(1'469'918'176'385).substr(0, 10), "01ARYZ6S41");
}

}  // namespace
}  // namespace sluice
