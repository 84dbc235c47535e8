#include "spend/anomalies.h"

#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <numbers>
#include <random>
#include <set>

namespace sluice::spend {
namespace {

constexpr std::int64_t begin = 495'600;  // an hour of July 2026
constexpr std::int64_t weeks = 8;
constexpr std::int64_t end_of_all = begin + weeks * hours_a_week;
const SeriesName series{"red", "acme", "big"};

MoneySum pico(double usd) { return static_cast<MoneySum>(usd * 1e12); }

// As public traces have it: days and nights, quiet weekends, bursts (a noise that is a factor), some growth.
Hours seasonal(std::uint64_t seed, double usd_an_hour) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> noise(0, 0.25);
  Hours hours;
  for (std::int64_t hour = begin; hour < end_of_all; ++hour) {
    const double of_day = std::sin(2 * std::numbers::pi * static_cast<double>(hour % 24 - 8) / 24);
    const bool weekend = hour / 24 % 7 < 2;
    const double growth = 1 + 0.1 * static_cast<double>(hour - begin) / static_cast<double>(end_of_all - begin);
    const double usd = usd_an_hour * (1.2 + of_day) * (weekend ? 0.4 : 1) * growth * std::exp(noise(random));
    HourOf& one = hours[hour];
    one.pico = pico(usd);
    one.requests = static_cast<std::int64_t>(usd * 10) + 1;
    one.input = 400'000;
    one.cache_read = 600'000;
  }
  return hours;
}

std::size_t told(const Hours& hours, std::int64_t from, std::int64_t to, AnomalyKind kind) {
  std::size_t count = 0;
  for (std::int64_t hour = from; hour < to; ++hour)
    for (const Anomaly& one : judge(series, hours, hour, {})) count += one.kind == kind;
  return count;
}

TEST(Anomalies, Nine_of_ten_planted_incidents_are_found_at_their_hour) {
  std::size_t found = 0;
  std::size_t planted = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Hours hours = seasonal(seed, 20);
    std::mt19937_64 random(seed + 1'000);
    for (int i = 0; i < 10; ++i, ++planted) {
      const auto hour = static_cast<std::int64_t>(begin + 4 * hours_a_week + random() % (4 * hours_a_week - 1));
      const HourOf before = hours[hour];
      hours[hour].pico = before.pico * 4;  // a loop that asks four times as much
      for (const Anomaly& one : judge(series, hours, hour, {})) found += one.kind == AnomalyKind::cost;
      hours[hour] = before;
    }
  }
  std::cout << found << " of " << planted << " planted incidents found\n";
  EXPECT_GE(found, planted * 9 / 10);
}

TEST(Anomalies, A_quiet_ledger_gives_at_most_one_false_alarm_a_week) {
  std::size_t seasonal_alarms = 0;
  std::size_t early_alarms = 0;
  constexpr std::size_t runs = 4;
  for (std::uint64_t seed = 0; seed < runs; ++seed) {
    const Hours hours = seasonal(seed, 20);
    for (std::int64_t hour = begin; hour < end_of_all; ++hour)
      (hour < begin + 3 * hours_a_week ? early_alarms : seasonal_alarms) += judge(series, hours, hour, {}).size();
  }
  std::cout << seasonal_alarms << " false alarms in " << runs * 5 << " weeks with a season, " << early_alarms << " in "
            << runs * 3 << " before\n";
  EXPECT_LE(seasonal_alarms, runs * 5);
  EXPECT_LE(early_alarms, runs * 3);
}

TEST(Anomalies, An_hour_is_not_judged_before_there_is_a_day_of_history) {
  Hours hours = seasonal(1, 20);
  hours[begin + 23].pico = pico(100'000);
  EXPECT_EQ(judge(series, hours, begin + 23, {}).size(), 0u);
  hours[begin + 30].pico = pico(100'000);
  EXPECT_EQ(judge(series, hours, begin + 30, {}).size(), 1u);
}

TEST(Anomalies, What_is_worth_less_than_the_least_is_not_told) {
  Hours hours = seasonal(2, 0.001);
  const std::int64_t hour = end_of_all - 30;
  hours[hour].pico = pico(0.9);
  EXPECT_EQ(told(hours, hour, hour + 1, AnomalyKind::cost), 0u);
  hours[hour].pico = pico(500);
  EXPECT_EQ(told(hours, hour, hour + 1, AnomalyKind::cost), 1u);
}

TEST(Anomalies, Rules_tell_of_caches_retries_and_models_without_a_price) {
  Hours hours = seasonal(3, 20);
  const std::int64_t hour = end_of_all - 40;
  EXPECT_TRUE(judge(series, hours, hour, {}).empty());
  hours[hour].cache_read = 100'000;
  hours[hour].input = 900'000;
  hours[hour].extra_attempts = 2 * hours[hour].requests + 20;
  hours[hour].unpriced = 3;
  std::set<AnomalyKind> kinds;
  for (const Anomaly& one : judge(series, hours, hour, {})) {
    kinds.insert(one.kind);
    EXPECT_FALSE(one.reason.empty());
  }
  EXPECT_EQ(kinds, (std::set{AnomalyKind::cache_collapse, AnomalyKind::retry_storm, AnomalyKind::unpriced_model}));
  hours[hour + 1].unpriced = 3;
  EXPECT_EQ(told(hours, hour + 1, hour + 2, AnomalyKind::unpriced_model), 0u) << "once a day";
}

TEST(Anomalies, Another_price_and_a_crossed_tier_are_told_with_their_part_of_the_difference) {
  Difference dearer{.before = pico(100), .after = pico(160), .volume = pico(5), .tier = pico(25), .price = pico(30)};
  const auto both = judge(series, begin, begin - 1, dearer, {});
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].kind, AnomalyKind::price_change);
  EXPECT_EQ(both[0].reason, "other prices make it 30.0 USD dearer");
  EXPECT_EQ(both[1].kind, AnomalyKind::tier_crossing);
  dearer.price = pico(0.5);
  dearer.tier = pico(-25);
  EXPECT_TRUE(judge(series, begin, begin - 1, dearer, {}).empty());
  EXPECT_EQ(hour_text(begin), "2026-07-16T00:00Z");
}

}  // namespace
}  // namespace sluice::spend
