#include "replay/reprice.h"

#include <gtest/gtest.h>

#include "replay/testing_traffic.h"
#include "replay/what_if.h"

namespace sluice::replay {
namespace {

using testing::World;

TEST(Reprice, Is_the_ledger_to_the_picodollar_when_nothing_changes) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    World world(seed);
    const catalog::PriceBook book = world.book();
    const Traffic traffic = world.traffic(book, 2'000);
    const Recorded was = recorded(traffic);
    const Repriced now = reprice(traffic, book, {}, World::region);
    EXPECT_TRUE(was.pico == now.pico) << "seed " << seed;
    EXPECT_EQ(was.by_stream, now.by_stream) << "seed " << seed;
    EXPECT_EQ(was.unpriced, now.unpriced);
    EXPECT_GT(was.unpriced, 0);
    EXPECT_GT(was.pico, 0);
    EXPECT_TRUE(differences(traffic, book, World::region).empty()) << "seed " << seed;
  }
}

TEST(Reprice, A_move_to_where_calls_stand_already_changes_nothing) {
  World world(7);
  const catalog::PriceBook book = world.book();
  const Traffic traffic = world.traffic(book, 2'000);
  WhatIf what_if{.name = "nothing"};
  for (const char* provider : {"p0", "p1", "p2"})
    for (const char* model : {"m0", "m1"})
      what_if.moves.push_back({.provider = provider, .model = model, .to_provider = provider, .to_model = model});
  const Repriced now = reprice(traffic, book, what_if, World::region);
  EXPECT_TRUE(now.pico == recorded(traffic).pico);
  EXPECT_EQ(now.moved + now.unpriced, now.calls);
}

// The oracle prices call by call, with the first move that fits.
TEST(Reprice, Equals_call_by_call_pricing_under_random_moves) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    World world(seed);
    const catalog::PriceBook book = world.book();
    const Traffic traffic = world.traffic(book, 1'000);
    WhatIf what_if{.name = "some"};
    for (int i = 0; i < 4; ++i) {
      Move move{.provider = "p" + std::to_string(world.between(0, 2)),
                .to_provider = "p" + std::to_string(world.between(0, 2)),
                .to_model = "m1",
                .without_cache = world.between(0, 1) == 1};
      if (i == 1) move.hours = catalog::parse_window("18:00-06:00");
      if (i == 2) move.input_at_most = world.between(1, 2'000);
      if (i == 3) move.service_tier = chat::ServiceTier::batch;
      if (i == 0) move.route = "r1";
      what_if.moves.push_back(move);
    }
    MoneySum expected = 0;
    std::int64_t moved = 0;
    for (const Call& call : traffic.calls()) {
      const Stream& stream = traffic.streams()[call.stream];
      std::string provider = stream.provider;
      std::string model = stream.model;
      chat::ServiceTier tier = stream.service_tier;
      catalog::Quantities used = quantities(call.counts);
      const catalog::Moment when(std::chrono::seconds(call.start_us / 1'000'000));
      for (const Move& move : what_if.moves) {
        if (move.provider != stream.provider || (!move.route.empty() && move.route != stream.route)) continue;
        if (move.input_at_most > 0 && call.input() > move.input_at_most) continue;
        if (move.hours && !move.hours->holds(when)) continue;
        ++moved;
        provider = move.to_provider;
        model = move.to_model;
        tier = move.service_tier.value_or(tier);
        if (move.without_cache)
          for (const auto& [from, to] : {std::pair(catalog::Unit::cache_read, catalog::Unit::input),
                                         std::pair(catalog::Unit::cache_read_audio, catalog::Unit::input_audio)})
            used[static_cast<std::size_t>(to)] += std::exchange(used[static_cast<std::size_t>(from)], 0);
        break;
      }
      const std::string region = World::region(provider);
      const catalog::PriceFact* fact = book.quote(ProviderId(provider), ModelName(model), when, region).fact(tier);
      if (fact) expected += catalog::cost(*fact, used).pico();
    }
    const Repriced got = reprice(traffic, book, what_if, World::region);
    EXPECT_TRUE(got.pico == expected) << "seed " << seed;
    EXPECT_EQ(got.moved, moved) << "seed " << seed;
    EXPECT_GT(moved, 0);
  }
}

TEST(Reprice, A_price_of_the_what_if_stands_before_the_books_and_leaves_the_other_tiers_alone) {
  World world(3);
  const catalog::PriceBook book = world.book();
  const Traffic traffic = world.traffic(book, 3'000);
  catalog::PriceFact cheap{.provider = ProviderId("p0"), .model = ModelName("m0")};
  cheap.rates[catalog::Unit::input] = 7;
  const Repriced before = reprice(traffic, book, {}, World::region);
  const Repriced after = reprice(traffic, book, {.name = "cheap", .prices = {cheap}}, World::region);
  for (std::size_t s = 0; s < traffic.streams().size(); ++s) {
    const Stream& stream = traffic.streams()[s];
    const bool is_changed = stream.provider == "p0" && stream.model == "m0" &&
                            (stream.service_tier == chat::ServiceTier::standard ||
                             stream.service_tier == chat::ServiceTier::flex);  // flex has no price of its own
    if (!is_changed) {
      EXPECT_TRUE(after.by_stream[s] == before.by_stream[s]) << stream.key;
      continue;
    }
    MoneySum input = 0;
    for (const Call& call : traffic.calls())
      if (call.stream == s) input += call.counts[0];
    EXPECT_TRUE(after.by_stream[s] == input * 7) << stream.key;
  }
}

TEST(Reprice, Names_the_calls_whose_price_is_another_one_now) {
  World world(5);
  const catalog::PriceBook book = world.book();
  Traffic traffic;
  chat::Usage usage{.input = 100, .reported = true};
  const auto right = catalog::cost(book.quote(ProviderId("p0"), ModelName("m0"),
                                              catalog::Moment(std::chrono::seconds(testing::start_us / 1'000'000))),
                                   usage);
  ASSERT_TRUE(right);
  const Stream stream{.provider = "p0", .model = "m0"};
  ASSERT_TRUE(traffic.add(testing::start_us, stream, usage, right, false));
  ASSERT_TRUE(traffic.add(testing::start_us + 1, stream, usage, *right + Money::pico(1), false));
  ASSERT_TRUE(traffic.add(testing::start_us + 2, stream, usage, Money::pico(-1), true));
  traffic.sort();
  const auto found = differences(traffic, book);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].calls, 1);
  EXPECT_EQ(found[0].start_us, testing::start_us + 1);
  EXPECT_EQ(found[0].recorded_pico - found[0].priced_pico, 1);
  // The correction is no call, and its cost is in what was recorded.
  EXPECT_TRUE(recorded(traffic).pico == 2 * static_cast<MoneySum>(right->pico()));
  EXPECT_EQ(recorded(traffic).calls, 2);
}

// A price per request would otherwise be charged for a call that the ledger knows to be free.
TEST(Reprice, A_call_that_was_free_of_charge_stays_so_also_where_each_request_has_a_price) {
  catalog::PriceFact fact{.provider = ProviderId("p"), .model = ModelName("m")};
  fact.rates[catalog::Unit::request] = 1'000;
  fact.rates[catalog::Unit::input] = 3;
  const catalog::PriceBook book({fact});
  Traffic traffic;
  const Stream stream{.provider = "p", .model = "m"};
  ASSERT_TRUE(traffic.add(testing::start_us, stream, {}, Money(), false));
  ASSERT_TRUE(traffic.add(testing::start_us, {.provider = "unknown", .model = "m"}, {}, Money(), false));
  ASSERT_TRUE(traffic.add(testing::start_us, stream, {.input = 2}, Money::pico(1'006), false));
  ASSERT_TRUE(traffic.add(testing::start_us, stream, {}, Money::pico(1'000), false));  // an answer without a token
  traffic.sort();
  const Repriced now = reprice(traffic, book, {});
  EXPECT_TRUE(now.pico == 2'006);
  EXPECT_EQ(now.unpriced, 0);
  EXPECT_TRUE(differences(traffic, book).empty());
}

struct Refused {
  const char* text;
  const char* says;
  const char* where;
};

TEST(WhatIf, Refuses_with_its_line_what_can_do_nothing) {
  World world(9);
  const catalog::PriceBook book = world.book();
  const Traffic traffic = world.traffic(book, 500);
  for (const Refused& one : {
           Refused{"what_if: a\nmoves:\n  - { from: p9/m0, to: p0/m0 }\n", "can never fire", "w.yaml:3:"},
           Refused{"what_if: a\nmoves:\n  - { from: p0/m0, to: p1/m0 }\n  - { from: p0/m0, to: p2/m0 }\n",
                   "an earlier move takes all of its calls", "w.yaml:4:"},
           Refused{"what_if: a\nmoves:\n  - { from: p0/m0, to: p7/m0 }\n", "no price of p7/m0 is known", "w.yaml:3:"},
           Refused{"what_if: a\nmoves:\n  - { from: p0/m0 }\n", "changes nothing", "w.yaml:3:"},
           Refused{"what_if: a\nmoves:\n  - { from: p0, to: p1/m1 }\n", "is no provider/model", "w.yaml:3:"},
           Refused{"what_if: a\nmoves:\n  - { from: p0/m0, to: p1/m1, hours: noon }\n", "are no hours", "w.yaml:3:"},
           Refused{"what_if: a\n", "it changes nothing", "w.yaml:1:"},
       }) {
    yaml::Diagnostics diagnostics;
    EXPECT_FALSE(read_what_if("w.yaml", one.text, traffic, book, diagnostics)) << one.text;
    EXPECT_NE(diagnostics.render().find(one.says), std::string::npos) << diagnostics.render();
    EXPECT_NE(diagnostics.render().find(one.where), std::string::npos) << diagnostics.render();
  }
}

TEST(WhatIf, Reads_moves_and_prices) {
  World world(9);
  const catalog::PriceBook book = world.book();
  const Traffic traffic = world.traffic(book, 500);
  yaml::Diagnostics diagnostics;
  const auto read = read_what_if("w.yaml",
                                 "what_if: batch at night\n"
                                 "moves:\n"
                                 "  - { from: p0/m0, hours: \"20:00-06:00\", service_tier: batch }\n"
                                 "  - { from: p0/m0, input_at_most: 500, to: new/one, cached: false }\n"
                                 "prices:\n"
                                 "  - { model: new/one, input: 0.10, output: 0.30, source: an offer }\n",
                                 traffic, book, diagnostics);
  ASSERT_TRUE(read) << diagnostics.render();
  EXPECT_EQ(read->moves.size(), 2U);
  EXPECT_TRUE(read->moves[1].without_cache);
  const Repriced got = reprice(traffic, book, *read, World::region);
  EXPECT_GT(got.moved, 0);
  EXPECT_EQ(got.unpriced, reprice(traffic, book, {}, World::region).unpriced);
}

}  // namespace
}  // namespace sluice::replay
