#include "base/utc.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Utc, Is_written_to_the_second) {
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_text(1'795'418'415'999'999), "2026-11-23T07:20:15Z");
  EXPECT_EQ(utc_text(-1), "1969-12-31T23:59:59Z") << "what is before 1970 is cut off to the earlier second, too";
  EXPECT_EQ(utc_text(1'709'208'000'000'000), "2024-02-29T12:00:00Z");
}

}  // namespace
}  // namespace sluice
