#include "cli/duration.h"

#include <gtest/gtest.h>

#include "cli/exit_code.h"

namespace sluice::cli {
namespace {

std::int64_t seconds_of(std::string_view text) {
  const auto duration = parse_duration(text, "--expires");
  return duration ? duration->count() : -1;
}

TEST(Duration, Reads_each_unit_and_sums_of_them) {
  EXPECT_EQ(seconds_of("90s"), 90);
  EXPECT_EQ(seconds_of("15m"), 900);
  EXPECT_EQ(seconds_of("12h"), 43'200);
  EXPECT_EQ(seconds_of("30d"), 2'592'000);
  EXPECT_EQ(seconds_of("2w"), 1'209'600);
  EXPECT_EQ(seconds_of("1h30m"), 5'400);
}

TEST(Duration, Refuses_what_is_none_and_names_the_flag) {
  for (const char* text : {"", "5", "h", "0s", "-1h", "1.5h", "1h ", " 1h", "1y", "99999999999999999999s", "200000d"}) {
    const auto duration = parse_duration(text, "--expires");
    ASSERT_FALSE(duration) << text;
    EXPECT_TRUE(duration.error().message.starts_with("--expires: ")) << duration.error().message;
    EXPECT_EQ(exit_code_of(duration.error()), exit_usage);
  }
}

TEST(Time, Reads_days_moments_and_how_long_ago) {
  const Time now = std::chrono::sys_days(std::chrono::year(2026) / 4 / 10) + std::chrono::hours(6);
  const auto text_of = [now](std::string_view text) {
    const auto at = parse_time(text, now, "--since");
    return at ? time_text(*at) : at.error().message;
  };
  EXPECT_EQ(text_of("2026-04-01"), "2026-04-01T00:00:00Z");
  EXPECT_EQ(text_of("2026-04-01T12:30:05Z"), "2026-04-01T12:30:05Z");
  EXPECT_EQ(text_of("2026-04-01T12:30Z"), "2026-04-01T12:30:00Z");
  EXPECT_EQ(text_of("7d"), "2026-04-03T06:00:00Z");
  EXPECT_EQ(text_of("1d6h"), "2026-04-09T00:00:00Z");
}

TEST(Time, Refuses_what_is_no_day) {
  const Time now = std::chrono::sys_days(std::chrono::year(2026) / 4 / 10);
  for (const char* text :
       {"2026-02-30", "2026-13-01", "26-04-01", "2026-04-01T25:00Z", "2026-04-01T12:30", "yesterday", ""})
    EXPECT_FALSE(parse_time(text, now, "--since")) << text;
}

}  // namespace
}  // namespace sluice::cli
