#include "store/window.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace sluice::store {
namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t day_us = 24 * us_per_hour;
constexpr std::int64_t noon_us = 1'795'435'200'000'000;  // 2026-11-23 12:00 UTC, a Monday

Window window(std::string_view text, std::string_view zone = "") {
  auto parsed = Window::parse(text, zone);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed ? *parsed : Window{};
}

TEST(Window, Is_read_and_written_in_one_form) {
  EXPECT_EQ(window("").text(), "total");
  EXPECT_EQ(window("24h").text(), "1d");
  EXPECT_EQ(window("90m").text(), "90m");
  EXPECT_EQ(window("30d").words(), " within 30d");
  EXPECT_EQ(window("month", "Europe/Berlin").words(), " per month (Europe/Berlin)");
  EXPECT_EQ(window("day").zone, "UTC");
}

TEST(Window, Refuses_what_is_none_and_says_what_is) {
  for (const char* text :
       {"0d", "-5d", "30", "d", "367d", "1.5h", "fortnight", "99999999999999999999d", "5s", "month "}) {
    const auto parsed = Window::parse(text, "");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::invalid_request);
    EXPECT_NE(parsed.error().hint.find("30d"), std::string::npos);
  }
  EXPECT_NE(Window::parse("day", "Mars/Olympus").error().message.find("Mars/Olympus"), std::string::npos);
  EXPECT_FALSE(Window::parse("30d", "Europe/Berlin")) << "the last 30 days are the same everywhere";
  EXPECT_FALSE(Window::parse("total", "Europe/Berlin"));
}

TEST(Window, A_day_begins_at_its_zones_midnight) {
  WindowClock berlin(window("day", "Europe/Berlin"));
  EXPECT_EQ(berlin.bucket(noon_us), noon_us - 13 * us_per_hour);
  WindowClock india(window("day", "Asia/Kolkata"));
  EXPECT_EQ(india.bucket(noon_us), noon_us - 17 * us_per_hour - us_per_hour / 2);
  EXPECT_EQ(india.leaves_at(india.bucket(noon_us)), india.bucket(noon_us) + day_us);
}

TEST(Window, A_day_when_the_clock_is_set_has_23_or_25_hours) {
  WindowClock clock(window("day", "Europe/Berlin"));
  const std::int64_t spring = clock.bucket(1'774'749'600'000'000 + 6 * us_per_hour);  // 2026-03-29
  EXPECT_EQ(clock.leaves_at(spring) - spring, 23 * us_per_hour);
  const std::int64_t autumn = clock.bucket(1'792'886'400'000'000 + 6 * us_per_hour);  // 2026-10-25
  EXPECT_EQ(clock.leaves_at(autumn) - autumn, 25 * us_per_hour);
}

TEST(Window, Weeks_begin_on_Monday_and_months_on_the_first) {
  WindowClock week(window("week", "UTC"));
  EXPECT_EQ(week.bucket(noon_us), noon_us - 12 * us_per_hour);
  EXPECT_EQ(week.bucket(noon_us - 12 * us_per_hour - 1), noon_us - 12 * us_per_hour - 7 * day_us);
  WindowClock month(window("month", "UTC"));
  EXPECT_EQ(month.bucket(noon_us), noon_us - 12 * us_per_hour - 22 * day_us);
}

TEST(Window, Rolling_ones_forget_a_bucket_at_a_time_and_never_too_early) {
  for (const char* text : {"1m", "7m", "1h", "24h", "7d", "30d", "366d"}) {
    const Window rolling = window(text);
    WindowClock clock(rolling);
    for (std::int64_t now = noon_us; now < noon_us + rolling.length_us; now += rolling.length_us / 7 + 1) {
      const std::int64_t first = clock.first(now);
      EXPECT_LE(first, now - rolling.length_us) << text;
      const std::int64_t too_much = now - rolling.length_us - first;
      EXPECT_LE(too_much, std::max(rolling.length_us / 24, 60 * second_us)) << text;
    }
    std::size_t buckets = 0;
    for (std::int64_t at = clock.first(noon_us); at <= noon_us; at = clock.leaves_at(at) - rolling.length_us) ++buckets;
    EXPECT_LE(buckets, clock.most_buckets()) << text;
  }
}

// Whatever the zone, windows lie side by side: each moment is in one, and the next begins where it ends.
TEST(Window, Of_a_calendar_tile_all_time) {
  std::mt19937_64 random(1);
  const std::array zones = {
      "UTC",          "Europe/Berlin",     "America/New_York", "Asia/Kolkata",   "Australia/Lord_Howe",
      "Pacific/Apia", "America/Sao_Paulo", "America/Havana",   "Asia/Kathmandu", "Africa/Casablanca"};
  for (const char* zone : zones)
    for (const char* text : {"hour", "day", "week", "month"}) {
      WindowClock clock(window(text, zone));
      for (int i = 0; i < 100; ++i) {
        const auto at = static_cast<std::int64_t>(random() % (80ull * 365 * 86'400)) * second_us;  // 1970 to 2050
        const std::int64_t begin = clock.bucket(at);
        const std::int64_t end = clock.leaves_at(begin);
        ASSERT_LE(begin, at) << zone << " " << text;
        ASSERT_GT(end, at) << zone << " " << text;
        ASSERT_EQ(clock.bucket(end - 1), begin) << zone << " " << text << " " << at;
        ASSERT_EQ(clock.bucket(end), end) << zone << " " << text << " " << at;
      }
    }
}

}  // namespace
}  // namespace sluice::store
