#include "gateway/admit/admit.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <thread>
#include <vector>

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;
using TimePoint = std::chrono::steady_clock::time_point;
constexpr TimePoint start = TimePoint(1'000h);

store::Principal principal(store::VirtualKey key) {
  key.id = KeyId("key_test");
  key.name = "laptop";
  return store::Principal(std::make_shared<const store::VirtualKey>(std::move(key)),
                          std::make_shared<store::KeyState>());
}

store::VirtualKey with_budget(std::int64_t pico) {
  store::VirtualKey key;
  key.budget = Money::pico(pico);
  return key;
}
store::VirtualKey with_rates(std::optional<std::int64_t> rpm, std::optional<std::int64_t> tpm) {
  store::VirtualKey key;
  key.rpm = rpm;
  key.tpm = tpm;
  return key;
}

store::Account::Standing standing(const store::Principal& key) {
  for (const auto& line : key.lines())
    if (line->rule.unit == store::LimitUnit::money) return line->state->account.standing(0);
  return {};
}
Money held(const store::Principal& key) { return standing(key).held; }
Money spent(const store::Principal& key) { return standing(key).spent; }
std::int64_t committed(const store::Principal& key) {
  const store::Account::Standing now = standing(key);
  return (now.held + now.spent).pico();
}

Need cost(std::int64_t pico) { return {.worst_cost = Money::pico(pico)}; }

// --- money

TEST(Admit, Reserves_the_worst_case_and_settles_the_truth) {
  Admission admission({});
  const auto key = principal(with_budget(100));
  auto hold = admission.admit(key, cost(60), start);
  ASSERT_TRUE(hold);
  EXPECT_EQ(held(key), Money::pico(60));
  EXPECT_EQ(admission.admit(key, cost(41), start).error().kind, ErrorKind::budget_exceeded);
  hold->settle(Money::pico(25), 0, start);
  EXPECT_EQ(spent(key), Money::pico(25));
  EXPECT_EQ(held(key), Money());
  EXPECT_TRUE(admission.admit(key, cost(75), start));
}

TEST(Admit, Says_how_much_is_left_when_the_budget_is_not_enough) {
  Admission admission({});
  const auto key = principal(with_budget(2'500'000'000'000));
  auto hold = admission.admit(key, cost(1'000'000'000'000), start);
  hold->charge(Money::pico(500'000'000'000), 0, start);
  const auto refused = admission.admit(key, cost(1'600'000'000'000), start);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "the request may cost up to 1.6 USD; the key \"laptop\" has spent 0.5 and reserved 0.5 of its 2.5 USD");
  EXPECT_EQ(refused.error().retry_after, std::nullopt);
}

TEST(Admit, Gives_everything_back_when_the_request_never_happened) {
  Admission admission({});
  const auto key = principal(with_budget(100));
  {
    const auto hold = admission.admit(key, cost(100), start);
  }
  EXPECT_EQ(committed(key), 0);
  EXPECT_EQ(key.state().in_flight, 0);
  EXPECT_EQ(admission.in_flight(), 0);
}

TEST(Admit, Books_each_attempt_and_keeps_the_rest_reserved) {
  Admission admission({});
  const auto key = principal(with_budget(100));
  auto hold = admission.admit(key, cost(60), start);
  hold->charge(Money::pico(20), 0, start);
  EXPECT_EQ(spent(key), Money::pico(20));
  EXPECT_EQ(held(key), Money::pico(40));
  hold->settle(Money::pico(30), 0, start);
  EXPECT_EQ(committed(key), 50);
}

TEST(Admit, Books_also_what_goes_beyond_the_worst_case) {
  Admission admission({});
  const auto key = principal(with_budget(100));
  auto hold = admission.admit(key, cost(60), start);
  hold->settle(Money::pico(110), 0, start);
  EXPECT_EQ(spent(key), Money::pico(110));
  EXPECT_EQ(committed(key), 110);
  EXPECT_FALSE(admission.admit(key, cost(1), start));
  EXPECT_TRUE(admission.admit(key, cost(0), start)) << "what is free needs no money";
}

TEST(Admit, Settles_once) {
  Admission admission({});
  const auto key = principal(with_budget(100));
  auto hold = admission.admit(key, cost(60), start);
  hold->settle(Money::pico(10), 0, start);
  hold->settle(Money::pico(10), 0, start);
  hold->charge(Money::pico(10), 0, start);
  EXPECT_EQ(spent(key), Money::pico(10));
}

TEST(Admit, Moves_what_is_held_with_the_hold) {
  Admission admission({});
  const auto key = principal(with_budget(100));
  auto hold = *admission.admit(key, cost(60), start);
  {
    const Hold moved = std::move(hold);
    EXPECT_FALSE(hold.active());
    EXPECT_EQ(moved.reserved(), Money::pico(60));
    EXPECT_EQ(held(key), Money::pico(60));
  }
  EXPECT_EQ(held(key), Money());
}

TEST(Admit, Refuses_an_unknown_price_only_to_a_key_with_a_budget) {
  Admission admission({});
  EXPECT_EQ(admission.admit(principal(with_budget(100)), {}, start).error().kind, ErrorKind::forbidden);
  EXPECT_TRUE(admission.admit(principal({}), {}, start));
}

TEST(Admit, Does_not_overflow_whatever_an_attempt_has_cost) {
  Admission admission({});
  const auto key = principal(with_budget(100));
  for (int i = 0; i < 3; ++i) admission.admit(key, cost(0), start)->settle(Money::max(), 0, start);
  EXPECT_EQ(spent(key), Money::max());
  EXPECT_EQ(held(key), Money());
}

TEST(Admit, Refuses_a_worst_case_that_no_budget_can_hold) {
  Admission admission({});
  const auto key = principal(with_budget(100));
  const auto held = admission.admit(key, cost(50), start);
  EXPECT_FALSE(admission.admit(key, {.worst_cost = Money::max()}, start));
}

// --- rates

TEST(Admit, Lets_a_whole_minutes_requests_pass_at_once_and_then_one_by_one) {
  Admission admission({});
  const auto key = principal(with_rates(60, std::nullopt));
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(admission.admit(key, {}, start)) << i;
  const auto refused = admission.admit(key, {}, start);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::rate_limited);
  EXPECT_EQ(refused.error().code, "requests_per_minute");
  EXPECT_EQ(refused.error().retry_after, 1'000ms);
  EXPECT_FALSE(admission.admit(key, {}, start + 999ms));
  EXPECT_TRUE(admission.admit(key, {}, start + 1s));
  EXPECT_FALSE(admission.admit(key, {}, start + 1s));
}

TEST(Admit, Keeps_the_mean_rate_over_a_long_time) {
  Admission admission({});
  const auto key = principal(with_rates(60, std::nullopt));
  int admitted = 0;
  for (auto now = start; now < start + 60min; now += 100ms)
    if (admission.admit(key, {}, now)) ++admitted;
  EXPECT_EQ(admitted, 60 + 60 * 60 - 1);  // the burst, and one per second
}

TEST(Admit, Limits_tokens_and_gives_back_those_that_were_not_used) {
  Admission admission({});
  const auto key = principal(with_rates(std::nullopt, 600));
  auto first = admission.admit(key, {.tokens = 600}, start);
  ASSERT_TRUE(first);
  const auto refused = admission.admit(key, {.tokens = 10}, start);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "tokens_per_minute");
  EXPECT_EQ(refused.error().retry_after, 1'000ms);
  first->settle(Money(), 100, start);
  EXPECT_TRUE(admission.admit(key, {.tokens = 500}, start));
}

TEST(Admit, Charges_tokens_beyond_the_estimate_to_the_next_requests) {
  Admission admission({});
  const auto key = principal(with_rates(std::nullopt, 600));
  admission.admit(key, {.tokens = 10}, start)->settle(Money(), 600, start);
  EXPECT_FALSE(admission.admit(key, {.tokens = 10}, start));
  EXPECT_TRUE(admission.admit(key, {.tokens = 10}, start + 1s));
}

TEST(Admit, Says_that_waiting_is_useless_when_one_request_is_above_the_limit) {
  Admission admission({});
  const auto refused = admission.admit(principal(with_rates(std::nullopt, 600)), {.tokens = 601}, start);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry_after, std::nullopt);
  EXPECT_NE(refused.error().message.find("601"), std::string::npos);
}

TEST(Admit, Uses_up_nothing_for_a_refused_request) {
  Admission admission({});
  store::VirtualKey limits = with_rates(1, 600);
  limits.budget = Money::pico(100);
  const auto key = principal(limits);
  EXPECT_EQ(admission.admit(key, {.worst_cost = Money::pico(101), .tokens = 1}, start).error().code, "budget_exceeded");
  EXPECT_EQ(admission.admit(key, {.worst_cost = Money::pico(1), .tokens = 601}, start).error().code,
            "tokens_per_minute");
  EXPECT_TRUE(admission.admit(key, {.worst_cost = Money::pico(100), .tokens = 600}, start));
  EXPECT_EQ(admission.admit(key, {.worst_cost = Money::pico(100), .tokens = 600}, start).error().code,
            "requests_per_minute");
  EXPECT_TRUE(admission.admit(key, {.worst_cost = Money::pico(100), .tokens = 600}, start + 1min));
  EXPECT_EQ(committed(key), 0);
  EXPECT_EQ(key.state().in_flight, 0);
}

// --- places

TEST(Admit, Bounds_the_requests_under_way_per_key_and_in_all) {
  Admission admission({.max_in_flight = 3, .max_in_flight_per_key = 2});
  const auto one = principal({});
  const auto two = principal({});
  std::vector<Hold> holds;
  for (int i = 0; i < 2; ++i) holds.push_back(*admission.admit(one, {}, start));
  EXPECT_EQ(admission.admit(one, {}, start).error().code, "concurrent_requests");
  holds.push_back(*admission.admit(two, {}, start));
  EXPECT_EQ(admission.admit(two, {}, start).error().kind, ErrorKind::overloaded);
  holds.erase(holds.begin());
  EXPECT_TRUE(admission.admit(two, {}, start));
}

TEST(Admit, Lets_nobody_in_while_the_ledger_cannot_be_written) {
  Admission admission({});
  EXPECT_EQ(admission.admit(principal({}), {}, start, true).error().kind, ErrorKind::overloaded);
}

// --- many threads

TEST(Admit, Never_passes_the_budget_with_64_threads) {
  Admission admission({});
  const auto key = principal(with_budget(1'000));
  std::array<int, 64> admitted = {};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < admitted.size(); ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i)
        if (auto hold = admission.admit(key, cost(7), start)) {
          hold->settle(Money::pico(7), 0, start);
          ++admitted[t];
        }
    });
  for (std::thread& thread : threads) thread.join();
  int total = 0;
  for (int n : admitted) total += n;
  EXPECT_EQ(total, 142);  // 142 * 7 = 994: not one more, not one less
  EXPECT_EQ(spent(key), Money::pico(994));
  EXPECT_EQ(held(key), Money());
}

TEST(Admit, Never_passes_the_budget_whatever_attempts_cost_and_whoever_gives_up) {
  Admission admission({});
  const auto key = principal(with_budget(100'000));
  std::atomic<std::int64_t> booked{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 64; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 200; ++i) {
        const auto worst = static_cast<std::int64_t>(random() % 500);
        auto hold = admission.admit(key, cost(worst), start);
        EXPECT_LE(committed(key), 100'000);
        if (!hold || random() % 4 == 0) continue;
        const auto actual = static_cast<std::int64_t>(random() % static_cast<unsigned>(worst + 1));
        hold->charge(Money::pico(actual / 2), 0, start);
        hold->settle(Money::pico(actual - actual / 2), 0, start);
        booked += actual;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(spent(key), Money::pico(booked));
  EXPECT_LE(booked, 100'000);
  EXPECT_EQ(held(key), Money());
  EXPECT_EQ(key.state().in_flight, 0);
  EXPECT_EQ(admission.in_flight(), 0);
}

TEST(Admit, Lets_exactly_a_minutes_requests_in_with_64_threads) {
  Admission admission({});
  const auto key = principal(with_rates(500, std::nullopt));
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 64; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i)
        if (admission.admit(key, {}, start)) ++admitted;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admitted, 500);
}

TEST(Admit, Tokens_of_a_long_answer_count_when_it_ends_not_when_it_began) {
  Admission admission({});
  const store::Principal key = principal({.tpm = 100});
  const auto end = start + 3min;
  admission.admit(key, {.tokens = 10}, start)->settle(Money(), 600, end);  // six minutes' worth
  EXPECT_FALSE(admission.admit(key, {.tokens = 1}, end + 4min));
  EXPECT_TRUE(admission.admit(key, {.tokens = 1}, end + 6min));
  admission.admit(key, {.tokens = 1}, end + 20min)->settle(Money(), 1'000'000, end + 20min);
  EXPECT_TRUE(admission.admit(key, {.tokens = 1}, end + 81min)) << "the longest debt is an hour";
}

bool raise(Hold& hold, std::int64_t pico) {
  const Share whole{.target = {}, .cost = Money::pico(pico)};
  return hold.raise_to(std::span(&whole, 1), 0);
}

TEST(Admit, A_reservation_is_raised_within_the_budget_alone) {
  Admission admission({});
  const store::Principal key = principal({.budget = Money::pico(100)});
  auto hold = admission.admit(key, {.worst_cost = Money::pico(60)}, start);
  ASSERT_TRUE(hold);
  EXPECT_TRUE(raise(*hold, 50));
  EXPECT_EQ(hold->reserved().pico(), 60);
  EXPECT_TRUE(raise(*hold, 100));
  EXPECT_FALSE(raise(*hold, 101));
  EXPECT_EQ(hold->reserved().pico(), 100);
  hold->release();
  EXPECT_TRUE(admission.admit(key, {.worst_cost = Money::pico(100)}, start));
}

}  // namespace
}  // namespace sluice::gateway
