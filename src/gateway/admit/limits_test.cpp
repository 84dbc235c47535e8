#include <gtest/gtest.h>

#include <array>
#include <random>
#include <thread>
#include <vector>

#include "gateway/admit/admit.h"

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;
using store::LimitLine;
using store::LimitScope;
using store::LimitUnit;
using store::Line;
using store::Lines;

constexpr std::chrono::steady_clock::time_point start(1'000h);
constexpr std::int64_t noon_us = 1'795'435'200'000'000;  // 2026-11-23 12:00 UTC
constexpr std::int64_t hour_us = 3'600'000'000;
const Moment noon(start, noon_us);

std::shared_ptr<const Line> line(LimitLine rule) {
  if (rule.id.empty()) rule.id = "lim_" + std::string(name(rule.scope));
  auto state = std::make_shared<store::LineState>(rule.window);
  return std::make_shared<const Line>(Line{std::move(rule), std::move(state)});
}

std::shared_ptr<const Line> money(LimitScope scope, std::int64_t pico, const char* model = "*",
                                  const char* window = "") {
  return line({.scope = scope,
               .subject = "red",
               .subject_name = "red",
               .model = model,
               .amount = pico,
               .window = *store::Window::parse(window, "")});
}

store::Principal with(Lines lines) {
  store::VirtualKey key;
  key.id = KeyId("key_test");
  key.name = "laptop";
  return {std::make_shared<const store::VirtualKey>(std::move(key)), std::make_shared<store::KeyState>(),
          std::make_shared<const Lines>(std::move(lines))};
}

Money held(const Line& line) { return line.state->account.standing(noon_us).held; }
Money spent(const Line& line) { return line.state->account.standing(noon_us).spent; }
Need cost(std::int64_t pico) { return {.worst_cost = Money::pico(pico)}; }

TEST(Limits, All_take_it_or_none) {
  Admission admission({});
  const auto org = money(LimitScope::org, 100);
  const auto team = money(LimitScope::team, 50);
  const auto rate = line({.unit = LimitUnit::requests, .amount = 1});
  const auto tokens = line({.unit = LimitUnit::tokens, .amount = 100});
  const auto key = with({org, rate, tokens, team});
  EXPECT_EQ(admission.admit(key, cost(60), noon).error().kind, ErrorKind::budget_exceeded);
  EXPECT_EQ(held(*org), Money()) << "what the organisation had reserved is given back";
  auto hold = admission.admit(key, {.worst_cost = Money::pico(50), .tokens = 100}, noon);
  ASSERT_TRUE(hold) << "a refused request uses up neither the minute's one request nor its tokens";
  EXPECT_EQ(held(*org), Money::pico(50));
  EXPECT_EQ(held(*team), Money::pico(50));
  hold->settle(Money::pico(20), 10, noon);
  for (const auto& one : {org, team}) {
    EXPECT_EQ(spent(*one), Money::pico(20));
    EXPECT_EQ(held(*one), Money());
  }
}

TEST(Limits, Two_rates_take_a_request_both_or_neither) {
  Admission admission({});
  const auto wide = line({.id = "lim_wide", .unit = LimitUnit::requests, .amount = 2});
  const auto narrow = line({.id = "lim_narrow", .unit = LimitUnit::requests, .amount = 1});
  EXPECT_TRUE(admission.admit(with({wide, narrow}), {}, noon));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(admission.admit(with({wide, narrow}), {}, noon));
  EXPECT_TRUE(admission.admit(with({wide}), {}, noon)) << "the refused ones did not use up the wide one";
  EXPECT_FALSE(admission.admit(with({wide}), {}, noon));
}

TEST(Limits, Of_some_models_take_the_dearest_of_theirs_and_are_charged_by_theirs) {
  Admission admission({});
  const auto all = money(LimitScope::team, 1'000);
  const auto gpt = money(LimitScope::team, 100, "openai/gpt-*");
  const auto claude = money(LimitScope::team, 100, "*/claude-*");
  const auto key = with({all, gpt, claude});
  const std::array candidates = {Share{{"openai", "gpt-5"}, Money::pico(80)},
                                 Share{{"azure", "gpt-5"}, Money::pico(300)},
                                 Share{{"openai", "gpt-4"}, Money::pico(20)}};
  auto hold = admission.admit(key, {.worst_cost = Money::pico(300), .candidates = candidates}, noon);
  ASSERT_TRUE(hold);
  EXPECT_EQ(held(*all), Money::pico(300));
  EXPECT_EQ(held(*gpt), Money::pico(80));
  EXPECT_EQ(held(*claude), Money());
  hold->charge(Money::pico(10), 0, noon, {"openai", "gpt-5"});
  hold->settle(Money::pico(200), 0, noon, {"azure", "gpt-5"});
  EXPECT_EQ(spent(*all), Money::pico(210));
  EXPECT_EQ(spent(*gpt), Money::pico(10));
  EXPECT_EQ(spent(*claude), Money());
}

TEST(Limits, A_price_that_is_not_known_hinders_only_where_a_budget_is_of_that_model) {
  Admission admission({});
  const auto gpt = money(LimitScope::team, 100, "openai/*");
  const std::array other = {Share{{"local", "m"}, std::nullopt}};
  EXPECT_TRUE(admission.admit(with({gpt}), {.worst_cost = std::nullopt, .candidates = other}, noon));
  const std::array same = {Share{{"openai", "m"}, std::nullopt}};
  const auto refused = admission.admit(with({gpt}), {.worst_cost = std::nullopt, .candidates = same}, noon);
  EXPECT_EQ(refused.error().code, "unpriced_model");
  EXPECT_FALSE(has_budget(with({gpt}), {}));
  EXPECT_TRUE(has_budget(with({gpt}), {money(LimitScope::tag, 1)}));
}

TEST(Limits, Raising_a_reservation_counts_what_was_spent_before_on_the_limits_models) {
  Admission admission({});
  const auto all = money(LimitScope::team, 100);
  const auto gpt = money(LimitScope::team, 60, "openai/*");
  const std::array candidates = {Share{{"openai", "a"}, Money::pico(50)}, Share{{"other", "b"}, Money::pico(40)}};
  auto hold = admission.admit(with({all, gpt}), {.worst_cost = Money::pico(50), .candidates = candidates}, noon);
  ASSERT_TRUE(hold);
  const std::array next = {Share{{"other", "b"}, Money::pico(40)}, Share{{"openai", "a"}, Money::pico(30)}};
  EXPECT_TRUE(hold->raise_to(next, noon_us));
  EXPECT_EQ(held(*all), Money::pico(70));
  EXPECT_EQ(held(*gpt), Money::pico(50));
  const std::array too_much = {Share{{"openai", "a"}, Money::pico(40)}, Share{{"openai", "a"}, Money::pico(30)}};
  EXPECT_FALSE(hold->raise_to(too_much, noon_us)) << "70 of the 60 for these models";
  EXPECT_EQ(held(*all), Money::pico(70)) << "as before, also on the limit that had room";
}

TEST(Limits, Requests_at_the_same_time) {
  Admission admission({});
  const auto places = line({.scope = LimitScope::tag, .subject = "batch", .unit = LimitUnit::places, .amount = 2});
  auto first = admission.admit(with({}), {}, noon, false, {places});
  const auto second = admission.admit(with({}), {}, noon, false, {places});
  const auto third = admission.admit(with({}), {}, noon, false, {places});
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().kind, ErrorKind::rate_limited);
  EXPECT_EQ(third.error().message, "the tag \"batch\" has 2 requests under way, which is its limit");
  EXPECT_TRUE(third.error().retry_after);
  first->settle(Money(), 0, noon);
  EXPECT_TRUE(admission.admit(with({}), {}, noon, false, {places}));
}

TEST(Limits, Say_what_is_full_until_when_and_what_to_do) {
  Admission admission({});
  const auto budget = line({.id = "lim_abc",
                            .scope = LimitScope::team,
                            .subject = "team_1",
                            .subject_name = "red",
                            .model = "openai/*",
                            .amount = 1'000'000'000'000,
                            .window = *store::Window::parse("day", "Europe/Berlin")});
  const std::array candidates = {Share{{"openai", "a"}, Money::pico(600'000'000'000)}};
  const Need need{.worst_cost = Money::pico(600'000'000'000), .candidates = candidates};
  admission.admit(with({budget}), need, noon)->settle(Money::pico(250'000'000'000), 0, noon, {"openai", "a"});
  const auto running = admission.admit(with({budget}), need, noon);
  const auto refused = admission.admit(with({budget}), need, noon);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::budget_exceeded);
  EXPECT_EQ(
      refused.error().message,
      "the request may cost up to 0.6 USD; the team \"red\" has spent 0.25 and reserved 0.6 of its 1.0 USD per day "
      "(Europe/Berlin) for openai/*; it begins anew at 2026-11-23T23:00:00Z");
  EXPECT_NE(refused.error().hint.find("lim_abc"), std::string::npos);
}

TEST(Limits, A_window_that_rolls_keeps_what_is_held) {
  Admission admission({});
  const auto budget = money(LimitScope::team, 100, "*", "hour");
  auto hold = admission.admit(with({budget}), cost(70), noon);
  const Moment later(start + 2h, noon_us + 2 * hour_us);
  EXPECT_FALSE(admission.admit(with({budget}), cost(31), later));
  hold->settle(Money::pico(70), 0, later);
  EXPECT_FALSE(admission.admit(with({budget}), cost(31), later)) << "it is spent when it ended";
  EXPECT_TRUE(admission.admit(with({budget}), cost(31), Moment(start + 3h, noon_us + 3 * hour_us)));
}

TEST(Limits, A_limit_that_came_meanwhile_is_charged_too) {
  Admission admission({});
  const auto old = money(LimitScope::team, 100);
  auto hold = admission.admit(with({old}), cost(50), noon);
  const auto fresh = money(LimitScope::org, 100);
  hold->join({old, fresh});
  hold->settle(Money::pico(30), 0, noon);
  EXPECT_EQ(spent(*old), Money::pico(30));
  EXPECT_EQ(spent(*fresh), Money::pico(30));
  EXPECT_EQ(held(*fresh), Money());
}

TEST(Limits, Full_ones_are_found_without_reserving) {
  Admission admission({});
  const auto budget = line({.amount = 100, .downgrade_to = "fast", .downgrade_percent = 80});
  const auto rate = line({.unit = LimitUnit::requests, .amount = 10, .downgrade_to = "fast", .downgrade_percent = 50});
  const auto key = with({budget});
  const auto full = [&](const store::Principal& of, std::int64_t pico, bool going_down) {
    return admission.first_full(of, {}, {.target = {}, .cost = Money::pico(pico)}, 0, noon, going_down);
  };
  EXPECT_EQ(full(key, 80, true), nullptr);
  EXPECT_EQ(full(key, 81, true), budget.get());
  EXPECT_EQ(full(key, 81, false), nullptr);
  EXPECT_EQ(full(key, 101, false), budget.get());
  EXPECT_EQ(held(*budget), Money());
  const auto often = with({rate});
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(full(often, 0, true), nullptr) << i;
    ASSERT_TRUE(admission.admit(often, {}, noon));
  }
  EXPECT_EQ(full(often, 0, true), rate.get()) << "half of the minute's requests";
  EXPECT_EQ(full(often, 0, false), nullptr);
  EXPECT_EQ(full(with({money(LimitScope::team, 5)}), 10, true), nullptr) << "it names no other model";
}

TEST(Limits, Tell_shares_and_refusals) {
  std::vector<std::string> told;
  Admission admission({}, [&](const LimitLine& rule, const LimitEvent& event) {
    told.push_back(rule.id +
                   (event.what == LimitEvent::What::alert ? " " + std::to_string(event.percent) : " refused"));
  });
  const auto key = with({money(LimitScope::team, 100), money(LimitScope::org, 200)});
  admission.admit(key, cost(90), noon)->settle(Money::pico(85), 0, noon);
  admission.admit(key, cost(15), noon)->settle(Money::pico(15), 0, noon);
  EXPECT_FALSE(admission.admit(key, cost(1), noon));
  EXPECT_EQ(told, (std::vector<std::string>{"lim_team 80", "lim_team 100", "lim_org 50", "lim_team refused"}));
}

// 64 threads over four limits of one another, as an organisation, two teams and a model have them: none is ever passed,
// and in the end each has what was booked on it.
TEST(Limits, None_is_passed_whoever_gives_up) {
  Admission admission({});
  const auto org = money(LimitScope::org, 150'000);
  const auto red = money(LimitScope::team, 90'000);
  const auto blue = money(LimitScope::user, 90'000);
  const auto gpt = money(LimitScope::tag, 60'000, "openai/*");
  const std::array keys = {with({org, red, gpt}), with({org, blue}), with({gpt, blue, org})};
  std::atomic<std::int64_t> booked[4] = {};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 64; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 200; ++i) {
        const std::size_t who = random() % 3;
        const auto worst = static_cast<std::int64_t>(random() % 500);
        const bool openai = random() % 2;
        const TargetName target = openai ? TargetName{"openai", "a"} : TargetName{"other", "b"};
        const Share candidate{target, Money::pico(worst)};
        auto hold = admission.admit(keys[who],
                                    {.worst_cost = Money::pico(worst), .candidates = std::span(&candidate, 1)}, noon);
        for (const auto& one : {org, red, blue, gpt}) {
          const auto standing = one->state->account.standing(noon_us);
          EXPECT_LE(standing.spent + standing.held, one->rule.money());
        }
        if (!hold || random() % 4 == 0) continue;
        const auto actual = static_cast<std::int64_t>(random() % static_cast<unsigned>(worst + 1));
        hold->charge(Money::pico(actual / 2), 0, noon, target);
        hold->settle(Money::pico(actual - actual / 2), 0, noon, target);
        booked[0] += actual;
        if (who == 0) booked[1] += actual;
        if (who != 0) booked[2] += actual;
        if (who != 1 && openai) booked[3] += actual;
      }
    });
  for (std::thread& thread : threads) thread.join();
  const std::array all = {org, red, blue, gpt};
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(spent(*all[i]), Money::pico(booked[i])) << i;
    EXPECT_EQ(held(*all[i]), Money()) << i;
  }
}

}  // namespace
}  // namespace sluice::gateway
