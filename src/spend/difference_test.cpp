#include "spend/difference.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <vector>

namespace sluice::spend {
namespace {

using catalog::Date;
using catalog::PriceFact;
using catalog::Unit;
using Rows = std::vector<store::LedgerEntry>;

constexpr std::int64_t day_us = 86'400'000'000;
constexpr std::int64_t may_us = 20'574 * day_us;  // 2026-05-01
constexpr Tokens threshold = 1'000;

PriceFact fact(const std::string& model, std::int64_t input, std::int64_t from_day) {
  PriceFact one{.provider = ProviderId("acme"), .model = ModelName(model)};
  catalog::GivenRates given = {};
  const auto give = [&](Unit unit, std::int64_t pico) { given[static_cast<std::size_t>(unit)] = pico; };
  give(Unit::input, input);
  give(Unit::output, input * 5);
  give(Unit::cache_read, input / 10);
  give(Unit::cache_write_5m, input * 5 / 4);
  give(Unit::search, 10'000'000'000);
  one.rates = catalog::fill(given);
  catalog::Tier tier{.prompt_tokens = threshold};
  tier.rates = one.rates;
  for (std::int64_t& pico : tier.rates.pico) pico *= 2;
  one.tiers.push_back(tier);
  one.effective_from = Date(std::chrono::days(from_day));
  return one;
}

// Prices rise by a half in June.
catalog::PriceBook book() {
  return catalog::PriceBook({fact("big", 5'000'000, 20'000), fact("big", 7'500'000, 20'605),
                             fact("small", 150'000, 20'000), fact("small", 225'000, 20'605)});
}

store::LedgerEntry row(const catalog::PriceBook& prices, const std::string& model, std::int64_t at_us,
                       chat::Usage usage) {
  store::LedgerEntry entry;
  entry.start_us = at_us;
  entry.end_us = at_us + 1'000'000;
  entry.provider = ProviderId("acme");
  entry.model = ModelName(model);
  entry.usage = usage;
  const catalog::Moment when{std::chrono::seconds(at_us / 1'000'000)};
  entry.cost = catalog::cost(prices.quote(entry.provider, entry.model, when), usage);
  return entry;
}

Costs costs(const Rows& rows, const catalog::PriceBook& prices) {
  Costs sum;
  for (const store::LedgerEntry& entry : rows) sum.add(entry, prices);
  return sum;
}

Difference difference(const Rows& before, const Rows& after) {
  const catalog::PriceBook prices = book();
  return explain(costs(before, prices), costs(after, prices));
}

MoneySum total(const Rows& rows) {
  MoneySum sum = 0;
  for (const store::LedgerEntry& entry : rows) sum += entry.cost.value_or(Money()).pico();
  return sum;
}

Rows random_rows(std::mt19937_64& random, std::int64_t at_us, const catalog::PriceBook& prices) {
  const auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
  };
  Rows rows;
  for (std::int64_t i = below(40); i > 0; --i) {
    chat::Usage usage{.input = below(1'500), .output = below(700), .reported = true};
    if (below(2)) usage.cache_read = below(900);
    if (below(4) == 0) usage.cache_write_5m = below(900);
    if (below(5) == 0) usage.reasoning = below(900);
    if (below(9) == 0) usage.searches = below(3);
    if (below(7) == 0) usage.service_tier = chat::ServiceTier::priority;
    store::LedgerEntry entry = row(prices, below(3) ? "big" : "small", at_us + below(day_us), usage);
    if (below(8) == 0) entry.model = ModelName("unknown" + std::to_string(below(2)));  // charged by a book of its own
    if (below(8) == 0) entry.cost = Money::pico(below(1'000'000'000'000));             // that no book has any more
    if (below(12) == 0) entry.cost.reset();
    if (below(12) == 0) {
      entry.correction = store::Correction::difference;
      entry.cost = Money::pico(below(1'000'000'000) - 500'000'000);
      entry.usage = {.reported = true};
    }
    rows.push_back(entry);
  }
  return rows;
}

TEST(Difference, Adds_up_to_the_picodollar_whatever_the_two_periods_had) {
  const catalog::PriceBook prices = book();
  std::mt19937_64 random(20'261'127);
  for (int round = 0; round < 500; ++round) {
    const Rows before = random_rows(random, may_us, prices);
    const Rows after = random_rows(random, may_us + (random() % 60) * day_us, prices);
    const Difference told = explain(costs(before, prices), costs(after, prices));
    ASSERT_EQ(told.before, total(before)) << round;
    ASSERT_EQ(told.after, total(after)) << round;
    ASSERT_EQ(told.sum(), total(after) - total(before)) << round;
  }
}

Rows some_rows(std::int64_t at_us) {
  const catalog::PriceBook prices = book();
  return {row(prices, "big", at_us, {.input = 300, .cache_read = 200, .output = 77, .reported = true}),
          row(prices, "small", at_us, {.input = 1'301, .output = 33, .reasoning = 11, .reported = true})};
}

TEST(Difference, Is_volume_alone_when_there_is_more_of_the_same) {
  const Rows once = some_rows(may_us);
  Rows thrice;
  for (int i = 0; i < 3; ++i) thrice.insert(thrice.end(), once.begin(), once.end());
  const Difference told = difference(once, thrice);
  EXPECT_EQ(told.volume, 2 * total(once));
  EXPECT_EQ(told.mix, 0);
  EXPECT_EQ(told.cache, 0);
  EXPECT_EQ(told.tier, 0);
  EXPECT_EQ(told.price, 0);
  const Difference back = difference(thrice, once);
  EXPECT_EQ(back.volume, -2 * total(once));
  EXPECT_EQ(back.price, 0);
}

TEST(Difference, Is_price_alone_when_the_same_costs_more) {
  const Difference told = difference(some_rows(may_us), some_rows(may_us + 40 * day_us));
  EXPECT_EQ(told.price, told.before / 2);
  EXPECT_EQ(told.volume, 0);
  EXPECT_EQ(told.mix, 0);
  EXPECT_EQ(told.cache, 0);
  EXPECT_EQ(told.tier, 0);
}

TEST(Difference, Is_cache_alone_when_other_shares_of_the_prompt_come_from_it) {
  const catalog::PriceBook prices = book();
  const Rows cold{row(prices, "big", may_us, {.input = 900, .output = 50, .reported = true})};
  const Rows warm{row(prices, "big", may_us, {.input = 100, .cache_read = 800, .output = 50, .reported = true})};
  for (const auto& [from, to] : {std::pair(cold, warm), std::pair(warm, cold)}) {
    const Difference told = difference(from, to);
    EXPECT_NE(told.cache, 0);
    EXPECT_EQ(told.cache, total(to) - total(from));
    EXPECT_EQ(told.volume, 0);
    EXPECT_EQ(told.mix, 0);
    EXPECT_EQ(told.tier, 0);
    EXPECT_EQ(told.price, 0);
  }
}

TEST(Difference, Is_tier_alone_when_the_same_tokens_come_in_prompts_beyond_the_threshold) {
  const catalog::PriceBook prices = book();
  const store::LedgerEntry half = row(prices, "big", may_us, {.input = 600, .output = 50, .reported = true});
  const Rows apart{half, half};
  const Rows together{row(prices, "big", may_us, {.input = 1'200, .output = 100, .reported = true})};
  for (const auto& [from, to] : {std::pair(apart, together), std::pair(together, apart)}) {
    const Difference told = difference(from, to);
    EXPECT_EQ(told.tier, total(to) - total(from));
    EXPECT_NE(told.tier, 0);
    EXPECT_EQ(told.volume, 0);
    EXPECT_EQ(told.mix, 0);
    EXPECT_EQ(told.cache, 0);
    EXPECT_EQ(told.price, 0);
  }
}

TEST(Difference, Is_mix_alone_when_as_many_tokens_go_to_another_model) {
  const catalog::PriceBook prices = book();
  const Rows dear{row(prices, "big", may_us, {.input = 600, .output = 50, .reported = true})};
  const Rows cheap{row(prices, "small", may_us, {.input = 600, .output = 50, .reported = true})};
  const Difference told = difference(dear, cheap);
  EXPECT_EQ(told.mix, total(cheap) - total(dear));
  EXPECT_EQ(told.volume, 0);
  EXPECT_EQ(told.cache, 0);
  EXPECT_EQ(told.tier, 0);
  EXPECT_EQ(told.price, 0);
  EXPECT_EQ(sentence(told), "0.0041225 USD less: mix -0.0041225");
}

TEST(Difference, Of_a_period_without_anything_is_volume) {
  const Rows rows = some_rows(may_us);
  EXPECT_EQ(difference({}, rows).volume, total(rows));
  EXPECT_EQ(difference(rows, {}).volume, -total(rows));
  EXPECT_EQ(difference({}, {}).sum(), 0);
}

TEST(Difference, Has_corrections_among_the_prices_and_unpriced_rows_nowhere) {
  const catalog::PriceBook prices = book();
  const Rows rows = some_rows(may_us);
  Rows mended = rows;
  mended.push_back(rows.front());
  mended.back().correction = store::Correction::difference;
  mended.back().cost = Money::pico(-17);
  mended.back().usage = {.reported = true};
  mended.push_back(rows.front());
  mended.back().cost.reset();
  const Difference told = difference(rows, mended);
  EXPECT_EQ(told.price, -17);
  EXPECT_EQ(told.sum(), -17);
  EXPECT_EQ(costs(mended, prices).unpriced(), 1);
}

}  // namespace
}  // namespace sluice::spend
