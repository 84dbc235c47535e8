#include "store/account.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace sluice::store {
namespace {

constexpr std::int64_t day_us = 24 * us_per_hour;
constexpr std::int64_t noon_us = 1'795'435'200'000'000;  // 2026-11-23 12:00 UTC

Money pico(std::int64_t amount) { return Money::pico(amount); }

TEST(Account, Reserves_settles_and_gives_back) {
  Account account{Window{}};
  EXPECT_TRUE(account.reserve(pico(60), pico(100), noon_us));
  EXPECT_FALSE(account.reserve(pico(41), pico(100), noon_us));
  EXPECT_TRUE(account.reserve(pico(0), pico(100), noon_us));
  account.charge(pico(25), pico(25), pico(100), noon_us, noon_us);
  account.give_back(pico(35));
  EXPECT_EQ(account.standing(noon_us).spent, pico(25));
  EXPECT_EQ(account.standing(noon_us).held, pico(0));
}

TEST(Account, A_windows_end_frees_what_was_spent_and_not_what_is_held) {
  Account account(*Window::parse("day", "UTC"));
  ASSERT_TRUE(account.reserve(pico(40), pico(100), noon_us));
  account.charge(pico(50), pico(0), pico(100), noon_us, noon_us);
  EXPECT_EQ(account.standing(noon_us).resets_at_us, noon_us + 12 * us_per_hour);
  const Account::Standing tomorrow = account.standing(noon_us + day_us);
  EXPECT_EQ(tomorrow.spent, pico(0));
  EXPECT_EQ(tomorrow.held, pico(40));
  EXPECT_FALSE(account.reserve(pico(61), pico(100), noon_us + day_us));
  EXPECT_TRUE(account.reserve(pico(60), pico(100), noon_us + day_us));
}

TEST(Account, A_row_counts_in_the_window_in_which_it_ended) {
  Account account(*Window::parse("day", "UTC"));
  account.charge(pico(50), pico(0), pico(100), noon_us - day_us, noon_us);
  EXPECT_EQ(account.standing(noon_us).spent, pico(0));
  EXPECT_EQ(account.standing(noon_us - day_us).spent, pico(50));
}

TEST(Account, A_jump_of_the_clock_gives_no_money_back) {
  Account account(*Window::parse("hour", "UTC"));
  account.charge(pico(90), pico(0), pico(100), noon_us, noon_us);
  // Far ahead, and back: what was spent in the old hour is still spent in it.
  EXPECT_TRUE(account.reserve(pico(90), pico(100), noon_us + 300 * day_us));
  account.give_back(pico(90));
  EXPECT_FALSE(account.reserve(pico(11), pico(100), noon_us));
  // Set back by a day: what was spent "later" counts as well.
  EXPECT_FALSE(account.reserve(pico(11), pico(100), noon_us - day_us));
  // Also when more hours were used than are kept.
  for (int hour = 1; hour < 50; ++hour)
    account.charge(pico(1), pico(0), pico(100), noon_us - hour * us_per_hour, noon_us - hour * us_per_hour);
  EXPECT_EQ(account.standing(noon_us - 100 * us_per_hour).spent, pico(90 + 49));
}

TEST(Account, Tells_each_share_once_in_a_window) {
  Account account(*Window::parse("day", "UTC"));
  const auto charge = [&](std::int64_t amount, std::int64_t at) {
    return account.charge(pico(amount), pico(0), pico(100), at, at);
  };
  EXPECT_EQ(charge(49, noon_us), 0);
  EXPECT_EQ(charge(1, noon_us), 50);
  EXPECT_EQ(charge(1, noon_us), 0);
  EXPECT_EQ(charge(49, noon_us), 100) << "the highest alone";
  EXPECT_EQ(charge(10, noon_us), 0);
  EXPECT_EQ(charge(80, noon_us + day_us), 80) << "a new window";
}

TEST(Account, What_a_start_counts_anew_was_told_before) {
  Account account(*Window::parse("day", "UTC"));
  account.load(noon_us, pico(85));
  account.forget_alerts(pico(100), noon_us);
  EXPECT_EQ(account.charge(pico(1), pico(0), pico(100), noon_us, noon_us), 0);
  EXPECT_EQ(account.charge(pico(14), pico(0), pico(100), noon_us, noon_us), 100);
}

// Two that spend at the same moment know nothing of each other: each is below the share, and both together are not.
TEST(Account, A_share_that_is_used_up_together_is_told_by_whoever_hears_of_it_last) {
  Account account(*Window::parse("day", "UTC"), true);
  const auto hears = [&](std::int64_t elsewhere) {
    const Account::Report report = account.report(noon_us, false, Account::Keep::if_used);
    return account.granted(report, report.keep, pico(0), report.spent + pico(elsewhere), report.keep, pico(100));
  };
  EXPECT_EQ(hears(60), 50);
  EXPECT_EQ(account.charge(pico(10), pico(0), pico(100), noon_us, noon_us), 0);
  EXPECT_EQ(hears(65), 0);
  EXPECT_EQ(hears(70), 80);
  EXPECT_EQ(hears(70), 0) << "once";
  EXPECT_EQ(account.charge(pico(5), pico(0), pico(100), noon_us, noon_us), 0);
  EXPECT_EQ(hears(85), 100);
  EXPECT_EQ(hears(10), 0);
  EXPECT_EQ(hears(40), 50) << "in another window it is told anew";
}

// Any sequence of reserving, charging, giving back and time going on, against the plain truth.
TEST(Account, Spent_and_held_are_the_truth_after_any_sequence) {
  for (const char* text : {"total", "90m", "24h", "30d", "hour", "day", "week", "month"}) {
    const bool calendar = std::string_view(text).find_first_of("0123456789") == std::string_view::npos;
    const Window window = *Window::parse(text, calendar && std::string_view(text) != "total" ? "Asia/Kolkata" : "");
    WindowClock clock(window);
    Account account(window);
    std::mt19937_64 random(7);
    std::vector<std::pair<std::int64_t, std::int64_t>> rows;  // the bucket, how much
    std::vector<std::int64_t> holds;
    constexpr std::int64_t limit = 10'000;
    std::int64_t now = noon_us;
    for (int step = 0; step < 2'000; ++step) {
      now += static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(us_per_hour / 2));
      std::int64_t spent = 0;
      const std::int64_t first = clock.first(now);
      for (const auto& [at, amount] : rows)
        if (at >= first) spent += amount;
      std::int64_t held = 0;
      for (const std::int64_t one : holds) held += one;
      const Account::Standing standing = account.standing(now);
      ASSERT_EQ(standing.spent, pico(spent)) << text << " step " << step;
      ASSERT_EQ(standing.held, pico(held)) << text << " step " << step;
      const auto amount = static_cast<std::int64_t>(random() % 900);
      if (random() % 2 == 0 || holds.empty()) {
        const bool fits = amount == 0 || spent + held + amount <= limit;
        ASSERT_EQ(account.reserve(pico(amount), pico(limit), now), fits) << text << " step " << step;
        if (fits) holds.push_back(amount);
      } else {
        const std::int64_t reserved = holds.back();
        holds.pop_back();
        const std::int64_t cost = reserved == 0 ? 0 : static_cast<std::int64_t>(random()) % (reserved + 1);
        const std::int64_t actual = std::max<std::int64_t>(cost, 0);
        account.charge(pico(actual), pico(actual), pico(limit), now, now);
        account.give_back(pico(reserved - actual));
        if (actual > 0) rows.emplace_back(clock.bucket(now), actual);
      }
    }
  }
}

}  // namespace
}  // namespace sluice::store
