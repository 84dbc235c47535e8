#include "spend/watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <stdexcept>

#include "json/json.h"
#include "spend/anomalies_json.h"
#include "store/testing_ledger.h"

namespace sluice::spend {
namespace {

constexpr std::int64_t us_per_hour = 3'600'000'000;
constexpr std::int64_t first_hour = 495'600;  // 2026-07-16 00:00 UTC
constexpr std::int64_t usual_hours = 48;

catalog::PriceBook book() {
  const auto fact = [](std::int64_t input, std::int64_t from_day) {
    catalog::PriceFact one{.provider = ProviderId("acme"), .model = ModelName("big")};
    catalog::GivenRates given = {};
    given[static_cast<std::size_t>(catalog::Unit::input)] = input;
    one.rates = catalog::fill(given);
    catalog::Tier tier{.prompt_tokens = 200'000};
    tier.rates = one.rates;
    for (std::int64_t& pico : tier.rates.pico) pico *= 3;
    one.tiers.push_back(tier);
    one.effective_from = catalog::Date(std::chrono::days(from_day));
    return one;
  };
  // From the third day on it costs half as much again.
  return catalog::PriceBook({fact(10'000'000, 0), fact(15'000'000, first_hour / 24 + 2)});
}

struct Watched : testing::Test {
  std::string folder = [] {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-spend-XXXXXX").string();
    if (!mkdtemp(name.data())) std::abort();
    return name;
  }();
  store::Store store = [this] {
    auto opened = store::Store::open(folder);
    if (!opened) throw std::runtime_error(opened.error().message);
    return *std::move(opened);
  }();
  std::string key;
  std::vector<store::LedgerEntry> rows;

  void SetUp() override {
    ASSERT_TRUE(store.create_subject(store::SubjectKind::team, "red", "", 1));
    store::NewKey wanted;
    wanted.name = "app";
    wanted.team = "red";
    const auto made = store.create_key(wanted, 1);
    ASSERT_TRUE(made);
    key = made->key.id.str();
  }
  ~Watched() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  void ask(std::int64_t hour, Tokens input, int times) {
    for (int i = 0; i < times; ++i) {
      store::LedgerEntry& one = rows.emplace_back();
      one.request_id = RequestId("req_" + std::to_string(rows.size()));
      one.start_us = hour * us_per_hour + i * 1'000'000;
      one.end_us = one.start_us + 500'000;
      one.key_id = KeyId(key);
      one.provider = ProviderId("acme");
      one.model = ModelName("big");
      one.usage = {.input = input, .reported = true};
      const catalog::Moment when{std::chrono::seconds(one.start_us / 1'000'000)};
      one.cost = catalog::cost(book().quote(one.provider, one.model, when), one.usage);
    }
  }
  Found find(std::int64_t from, std::int64_t to) {
    store::write_ledger(folder, rows);
    EXPECT_TRUE(store.fold());
    auto found = find_anomalies(store, book(), from, to, {});
    if (!found) throw std::runtime_error(found.error().message);
    return *std::move(found);
  }
};

TEST_F(Watched, Tells_of_a_costly_hour_why_it_was_and_the_reason_adds_up) {
  for (std::int64_t hour = 0; hour < 30; ++hour) ask(first_hour + hour, 100'000, 4 + hour % 2);  // 4 or 5 USD
  ask(first_hour + 30, 100'000, 40);
  const Found found = find(first_hour, first_hour + 31);
  ASSERT_EQ(found.anomalies.size(), 1u);
  const Anomaly& one = found.anomalies.front();
  EXPECT_EQ(one.kind, AnomalyKind::cost);
  EXPECT_EQ(one.hour, first_hour + 30);
  EXPECT_EQ(one.series.team, "red");
  EXPECT_EQ(one.cost, MoneySum{40} * Money::pico_per_usd);
  EXPECT_EQ(one.usual, MoneySum{4} * Money::pico_per_usd);
  ASSERT_TRUE(one.explained);
  EXPECT_EQ(one.explained->before, one.usual);
  EXPECT_EQ(one.explained->after, one.cost);
  EXPECT_EQ(one.explained->volume, MoneySum{36} * Money::pico_per_usd);
  const auto told = json::Document::parse(message(one));
  ASSERT_TRUE(told) << message(one);
  EXPECT_EQ(told->root()["event"].string(), "spend_anomaly");
  EXPECT_EQ(told->root()["explained"]["volume_usd"].string(), "36.0");
  EXPECT_NE(told->root()["text"].string()->find("the team red, the hour from 2026-07-17T06:00Z: it cost 40.0 USD"),
            std::string::npos)
      << message(one);
}

TEST_F(Watched, Tells_of_another_price_at_its_first_hour_and_of_a_crossed_tier_and_of_nothing_else) {
  for (std::int64_t hour = 0; hour < usual_hours + 12; ++hour)
    if (hour != usual_hours + 6) ask(first_hour + hour, 100'000, 4);
  ask(first_hour + usual_hours + 6, 400'000, 1);  // as many tokens in one prompt beyond the threshold
  const Found found = find(first_hour, first_hour + usual_hours + 12);
  std::set<std::pair<AnomalyKind, std::int64_t>> told;
  for (const Anomaly& one : found.anomalies) told.emplace(one.kind, one.hour - first_hour);
  EXPECT_TRUE(told.contains({AnomalyKind::price_change, usual_hours}));
  EXPECT_TRUE(told.contains({AnomalyKind::tier_crossing, usual_hours + 6}));
  EXPECT_TRUE(told.contains({AnomalyKind::cost, usual_hours + 6}));  // 18 USD where 4 are usual
  EXPECT_EQ(told.size(), 3u);
  EXPECT_EQ(found.hours_not_explained, 0);
}

TEST_F(Watched, Remembers_up_to_where_it_has_looked) {
  EXPECT_EQ(*store.watched_hours(), std::nullopt);
  ASSERT_TRUE(store.set_watched_hours(7));
  ASSERT_TRUE(store.set_watched_hours(8));
  EXPECT_EQ(*store.watched_hours(), 8);
}

}  // namespace
}  // namespace sluice::spend
