// How fast recorded traffic is priced again: `bench_replay [CALLS]` prices random calls (2,000,000 unless told) under
// ten what-ifs on one core. Prices have thresholds, hours and service tiers; a month of 200 keys. Prints one line of
// JSON.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "json/json.h"
#include "replay/reprice.h"

int main(int count, char** arguments) {
  using namespace sluice;
  using Clock = std::chrono::steady_clock;
  const int calls = count > 1 ? std::atoi(arguments[1]) : 2'000'000;
  std::mt19937 random(1);
  const auto between = [&](std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random);
  };
  std::vector<catalog::PriceFact> facts;
  for (int model = 0; model < 12; ++model)
    for (int variant = 0; variant < 3; ++variant) {
      catalog::PriceFact fact{.provider = ProviderId("p"), .model = ModelName("m" + std::to_string(model))};
      for (const catalog::Unit unit : replay::counted_units) fact.rates[unit] = between(10'000, 20'000'000);
      if (model % 3 == 0)
        fact.tiers.push_back({.prompt_tokens = 8'000, .rates = facts.empty() ? fact.rates : facts[0].rates});
      if (variant == 1) fact.service_tier = chat::ServiceTier::batch;
      if (variant == 2 && model % 4 == 0) fact.window = catalog::parse_window("16:30-00:30");
      if (variant < 2 || fact.window) facts.push_back(std::move(fact));
    }
  const catalog::PriceBook book(std::move(facts));
  replay::Traffic traffic;
  for (int i = 0; i < calls; ++i) {
    const auto tier = between(0, 9) == 0 ? chat::ServiceTier::batch : chat::ServiceTier::standard;
    const Result<void> added = traffic.add(
        1'790'000'000'000'000 + between(0, 30LL * 86'400'000'000),
        {.provider = "p",
         .model = "m" + std::to_string(between(0, 11)),
         .route = "r",
         .key = "k" + std::to_string(between(0, 199)),
         .service_tier = tier},
        {.input = between(1, 12'000), .cache_read = between(0, 3'000), .output = between(1, 900), .reported = true},
        Money(), false);
    if (!added) {
      std::cerr << "bench_replay: " << added.error().message << '\n';
      return 1;
    }
  }
  traffic.sort();
  std::vector<replay::WhatIf> what_ifs(10);
  for (int i = 1; i < 10; ++i) {
    replay::Move move{.provider = "p", .model = "m" + std::to_string(i), .to_provider = "p", .to_model = "m0"};
    if (i % 3 == 1) move.input_at_most = 4'000;
    if (i % 3 == 2) move.hours = catalog::parse_window("18:00-06:00");
    what_ifs[static_cast<std::size_t>(i)].moves = {move};
  }
  const auto began = Clock::now();
  MoneySum sum = 0;
  std::int64_t moved = 0;
  for (const replay::WhatIf& what_if : what_ifs) {
    const replay::Repriced priced = replay::reprice(traffic, book, what_if);
    sum += priced.pico;
    moved += priced.moved;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  std::string text;
  json::Writer out(text);
  out.begin_object().member("calls", calls).member("what_ifs", 10).member("moved", moved).key("seconds");
  out.number(seconds).key("calls_per_second").number(calls * 10 / seconds).end_object();
  std::cout << text << '\n';
  return sum > 0 ? 0 : 1;
}
