#include "replay/advise.h"

#include <gtest/gtest.h>

#include <cmath>

#include "plan/cost.h"
#include "plan/read_plan.h"
#include "replay/reprice.h"
#include "replay/testing_traffic.h"

namespace sluice::replay {
namespace {

constexpr std::int64_t midnight = testing::start_us / testing::day_us * testing::day_us;

// Two routes at an API, `daily` calls a day each at the start, growing by `growth` a day.
Traffic steady(int days, int daily, double growth = 1) {
  Traffic traffic;
  for (int day = 0; day < days; ++day)
    for (const char* route : {"chat", "letters"}) {
      const int count = static_cast<int>(std::lround(daily * std::pow(growth, day)));
      for (int i = 0; i < count; ++i)
        EXPECT_TRUE(traffic.add(midnight + day * testing::day_us + testing::day_us / count * i,
                                {.provider = "v", .model = "big", .route = route, .key = "k"},
                                {.input = 1'000, .cache_read = 500, .output = 200, .reported = true},
                                Money::pico(1'000 * 5'000'000LL + 500 * 500'000LL + 200 * 25'000'000LL), false));
    }
  traffic.set_has_costs(true);
  traffic.sort();
  return traffic;
}

plan::Option now() {
  plan::Option option{.name = "v/big", .vendor = "v"};
  option.price = {.provider = ProviderId("v"), .model = ModelName("big")};
  option.price.rates[catalog::Unit::input] = 5'000'000;
  option.price.rates[catalog::Unit::cache_read] = 500'000;
  option.price.rates[catalog::Unit::output] = 25'000'000;
  return option;
}

struct Asked {
  plan::Answer answer;
  Traffic traffic;
  Span span;
  std::vector<Group> groups;
  Advice advice;
};

Asked ask(const std::string& file, Traffic traffic, int days) {
  yaml::Diagnostics diagnostics;
  const auto today = *catalog::parse_date("2026-11-27");
  auto base = plan::read_plan("p.yaml", file, catalog::embedded_catalog(), today, diagnostics);
  EXPECT_TRUE(base) << diagnostics.render();
  Asked out{.traffic = std::move(traffic)};
  out.span = {.from_us = midnight, .to_us = midnight + days * testing::day_us};
  out.groups = groups_of(out.traffic, By::route, out.span);
  auto answer = plan::answer(plan_of(*std::move(base), out.traffic, out.span, out.groups, {now()}),
                             arrivals_of(out.traffic, out.groups));
  EXPECT_TRUE(answer) << answer.error().message;
  out.answer = *std::move(answer);
  auto advice = advise(out.answer, out.traffic, out.span, out.groups, today);
  EXPECT_TRUE(advice) << advice.error().message;
  out.advice = *std::move(advice);
  return out;
}

const Advised& of(const Advice& advice, std::string_view name) {
  return *std::ranges::find(advice.workloads, name, &Advised::workload);
}

constexpr const char* cheaper_api = R"(plan: p
draws: 200
options:
  - { name: open, ground: hosted_open, price: { input: 0.38, output: 2.25 }, quality: { e: 0.8 } }
workloads:
  - { name: chat, tokens_per_month: 1M, mix: 1:1, quality: { e: 0.7 } }
)";

TEST(Advise, Costs_of_today_are_the_ledgers_to_the_picodollar) {
  Traffic traffic = steady(8, 50);
  ASSERT_TRUE(
      traffic.add(midnight, {.provider = "v", .model = "big", .route = "chat", .key = "k"}, {}, Money::pico(-7), true));
  traffic.sort();
  const Asked asked = ask("plan: p\ndraws: 200\n", std::move(traffic), 8);
  const MoneySum call = 1'000 * 5'000'000LL + 500 * 500'000LL + 200 * 25'000'000LL;
  EXPECT_TRUE(asked.advice.recorded_pico == call * 800 - 7);
  EXPECT_TRUE(of(asked.advice, "chat").recorded_pico == call * 400 - 7);
  EXPECT_TRUE(of(asked.advice, "letters").recorded_pico == call * 400);
  EXPECT_NEAR(asked.advice.stay_usd_per_month, plan::usd(call * 800) * asked.span.per_month(), 1e-6);
  EXPECT_NEAR(asked.advice.plan_usd_per_month, asked.advice.stay_usd_per_month, 1e-6);
  for (const Advised& one : asked.advice.workloads) EXPECT_EQ(one.when, Advised::When::stays);
}

TEST(Advise, Moves_what_has_shown_its_quality_and_asks_for_it_of_what_has_not) {
  const Asked asked = ask(cheaper_api, steady(8, 50), 8);
  // `chat` asks for an eval that its place of today has no result in: it must go, and the open model has shown enough.
  const Advised& chat = of(asked.advice, "chat");
  EXPECT_EQ(chat.to, "open");
  EXPECT_EQ(chat.when, Advised::When::now) << (chat.missing.empty() ? "" : chat.missing[0]);
  EXPECT_GT(chat.saves_usd_per_month, 0);
  // Nobody has said how good `letters` must be.
  const Advised& letters = of(asked.advice, "letters");
  EXPECT_EQ(letters.to, "open");
  EXPECT_EQ(letters.when, Advised::When::if_shown);
  ASSERT_FALSE(letters.missing.empty());
  EXPECT_NE(letters.missing[0].find("quality"), std::string::npos);
  // A move to an API shares nothing with others: what it saves is what the calls cost less there.
  const MoneySum here = recorded(asked.traffic).pico / 2;
  const MoneySum there = price_under(asked.traffic, asked.answer.plan.option("open")->price) / 2;
  EXPECT_NEAR(letters.saves_usd_per_month, plan::usd(here - there) * asked.span.per_month(), 0.01);
}

constexpr const char* own_node = R"(plan: p
draws: 200
assumptions: { staff.self_host_usd_per_month: 2000 }
options:
  - { name: own, pool: node, model: llama-3.1-8b }
pools:
  - { name: node, gpu: L40S, gpus: 4, price_usd: 52390.50, most_nodes: 50 }
)";

TEST(Advise, Says_from_which_volume_and_day_a_move_pays) {
  const Asked asked = ask(own_node, steady(23, 300, 1.02), 23);
  const Advised& chat = of(asked.advice, "chat");
  EXPECT_EQ(chat.when, Advised::When::later);
  EXPECT_EQ(chat.to, "own");
  ASSERT_TRUE(chat.from_requests);
  const auto at = std::ranges::find(asked.answer.plan.workloads, "chat", &plan::Workload::name);
  const auto w = static_cast<std::size_t>(at - asked.answer.plan.workloads.begin());
  // By solving again on both sides.
  for (const auto& [factor, moves] : {std::pair(0.98, false), std::pair(1.02, true)}) {
    plan::Plan there = asked.answer.plan;
    const double times = *chat.from_requests / at->requests_per_month * factor;
    there.workloads[w].requests_per_month *= times;
    for (auto& [option, usd] : there.workloads[w].measured_usd) usd *= times;
    const auto best = plan::optimum(plan::make_problem(there, there.assumptions), {});
    ASSERT_TRUE(best && *best);
    EXPECT_EQ((*best)->shares[w][0] > 0.5, moves) << factor;
  }
  // How its arrivals were served there when they were replayed is a condition of it.
  EXPECT_TRUE(std::ranges::any_of(chat.must_be_true, [](const std::string& text) {
    return text.starts_with("requests come as they did: at own, ") && text.find("servers have the wait") < text.size();
  }));
  ASSERT_TRUE(chat.on);
  const Group& group = *std::ranges::find(asked.groups, "chat", &Group::name);
  const double months =
      static_cast<double>((*chat.on - *catalog::parse_date("2026-11-27")).count()) * 24 / plan::hours_per_month;
  EXPECT_NEAR(std::pow(1 + *group.growth_per_month, months), *chat.from_requests / *chat.requests_per_month,
              0.05 * *chat.from_requests / *chat.requests_per_month);
}

TEST(Advise, Says_no_day_without_growth_and_no_volume_where_nothing_helps) {
  const Asked few = ask(own_node, steady(8, 900), 8);
  EXPECT_FALSE(of(few.advice, "chat").on);
  EXPECT_NE(of(few.advice, "chat").never.find("two weeks"), std::string::npos) << of(few.advice, "chat").never;
  const Asked none = ask("plan: p\ndraws: 200\n", steady(8, 30), 8);
  EXPECT_FALSE(of(none.advice, "chat").from_requests);
  EXPECT_NE(of(none.advice, "chat").never.find("nothing compared is cheaper up to 100 times"), std::string::npos);
}

}  // namespace
}  // namespace sluice::replay
