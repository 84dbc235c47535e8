// How fast recorded traffic is priced and replayed again, on one core: `bench_replay [CALLS]` (2,000,000 unless told).
// Three lines of JSON:
//   usual     random calls of a month and 200 keys under ten what-ifs; prices have thresholds, hours and service tiers
//   worst     as many names as a replay takes, so that hardly two calls share their price's conditions; each price has
//             hours and thresholds of either kind, and every what-if moves some of the calls by the hour
//   arrivals  the discrete-event replay: the most calls that a plan replays, in bursts, and the search for the fewest
//             servers from a wrong guess
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/json.h"
#include "plan/queue.h"
#include "plan/sizing.h"
#include "replay/reprice.h"

namespace {

using namespace sluice;
using Clock = std::chrono::steady_clock;

constexpr int what_if_count = 10;
constexpr int models = 12;

class Random {
 public:
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
  }
  double exponential(double mean) { return std::exponential_distribution<double>(1 / mean)(random_); }

 private:
  std::mt19937 random_{1};
};

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

catalog::PriceFact fact_of(int model, Random& random) {
  catalog::PriceFact fact{.provider = ProviderId("p"), .model = ModelName("m" + std::to_string(model))};
  for (const catalog::Unit unit : replay::counted_units) fact.rates[unit] = random.between(10'000, 20'000'000);
  return fact;
}

catalog::PriceBook usual_prices(Random& random) {
  std::vector<catalog::PriceFact> facts;
  for (int model = 0; model < models; ++model)
    for (int variant = 0; variant < 3; ++variant) {
      catalog::PriceFact fact = fact_of(model, random);
      if (model % 3 == 0)
        fact.tiers.push_back({.prompt_tokens = 8'000, .rates = facts.empty() ? fact.rates : facts[0].rates});
      if (variant == 1) fact.service_tier = chat::ServiceTier::batch;
      if (variant == 2 && model % 4 == 0) fact.window = catalog::parse_window("16:30-00:30");
      if (variant < 2 || fact.window) facts.push_back(std::move(fact));
    }
  return catalog::PriceBook(std::move(facts));
}

catalog::PriceBook worst_prices(Random& random) {
  std::vector<catalog::PriceFact> facts;
  for (int model = 0; model < models; ++model)
    for (const auto tier : {chat::ServiceTier::standard, chat::ServiceTier::batch})
      for (const char* hours : {"00:00-08:00", "08:00-16:00", "16:00-00:00"}) {
        catalog::PriceFact fact = fact_of(model, random);
        fact.service_tier = tier;
        fact.window = catalog::parse_window(hours);
        for (const Tokens from : {2'000, 5'000, 9'000})
          fact.tiers.push_back({.prompt_tokens = from, .rates = fact_of(model, random).rates});
        if (model % 2 == 0)
          for (catalog::Tier& one : fact.tiers) one.scope = catalog::Tier::Scope::marginal;
        facts.push_back(std::move(fact));
      }
  return catalog::PriceBook(std::move(facts));
}

// False, and said why: the traffic takes no more.
bool fill(replay::Traffic& traffic, int calls, std::int64_t keys, Random& random) {
  for (int i = 0; i < calls; ++i) {
    const auto tier = random.between(0, 9) == 0 ? chat::ServiceTier::batch : chat::ServiceTier::standard;
    const Result<void> added = traffic.add(1'790'000'000'000'000 + random.between(0, 30LL * 86'400'000'000),
                                           {.provider = "p",
                                            .model = "m" + std::to_string(random.between(0, models - 1)),
                                            .route = "r",
                                            .key = "k" + std::to_string(random.between(0, keys - 1)),
                                            .service_tier = tier},
                                           {.input = random.between(1, 12'000),
                                            .cache_read = random.between(0, 3'000),
                                            .output = random.between(1, 900),
                                            .reported = true},
                                           Money(), false);
    if (added) continue;
    std::cerr << "bench_replay: " << added.error().message << '\n';
    return false;
  }
  traffic.sort();
  return true;
}

std::vector<replay::WhatIf> what_ifs(bool all_by_the_hour) {
  std::vector<replay::WhatIf> all(what_if_count);
  for (int i = all_by_the_hour ? 0 : 1; i < what_if_count; ++i) {
    replay::Move move{.provider = "p", .model = "m" + std::to_string(i), .to_provider = "p", .to_model = "m0"};
    if (all_by_the_hour) move.model.clear();
    if (!all_by_the_hour && i % 3 == 1) move.input_at_most = 4'000;
    if (all_by_the_hour || i % 3 == 2) move.hours = catalog::parse_window("18:00-06:00");
    all[static_cast<std::size_t>(i)].moves = {move};
  }
  return all;
}

bool price(const char* what, const replay::Traffic& traffic, const catalog::PriceBook& book,
           const std::vector<replay::WhatIf>& asked) {
  const auto began = Clock::now();
  MoneySum sum = 0;
  std::int64_t moved = 0;
  for (const replay::WhatIf& what_if : asked) {
    const replay::Repriced priced = replay::reprice(traffic, book, what_if);
    sum += priced.pico;
    moved += priced.moved;
  }
  const double seconds = seconds_since(began);
  const auto calls = static_cast<std::int64_t>(traffic.calls().size());
  std::string text;
  json::Writer out(text);
  out.begin_object().member("what", what).member("calls", calls);
  out.member("names", static_cast<std::int64_t>(traffic.streams().size()));
  out.member("what_ifs", static_cast<std::int64_t>(asked.size())).member("moved", moved).key("seconds");
  out.number(seconds).key("calls_per_second");
  out.number(static_cast<double>(calls) * static_cast<double>(asked.size()) / seconds).end_object();
  std::cout << text << std::endl;
  return sum > 0;
}

// Bursts of up to 200 at once, each call with its own time, for some hundred servers.
bool replay_arrivals(Random& random) {
  std::vector<plan::Arrival> arrivals;
  double at = 0;
  while (arrivals.size() < plan::max_replayed_calls) {
    at += random.exponential(1);
    for (std::int64_t left = random.between(1, 200); left > 0 && arrivals.size() < plan::max_replayed_calls; --left)
      arrivals.push_back({.at_s = at, .service_s = random.exponential(3), .first_s = 0.2});
  }
  auto began = Clock::now();
  const std::size_t servers = plan::servers_for(arrivals, 1.0, 1);
  const double search_s = seconds_since(began);
  began = Clock::now();
  const plan::ReplayResult once = plan::replay(arrivals, servers, 1.0);
  const double once_s = seconds_since(began);
  std::string text;
  json::Writer out(text);
  out.begin_object().member("what", "arrivals").member("calls", static_cast<std::int64_t>(arrivals.size()));
  out.member("servers", static_cast<std::int64_t>(servers)).key("within").number(once.within);
  out.key("search_seconds").number(search_s).key("replay_seconds").number(once_s);
  out.key("calls_per_second").number(static_cast<double>(arrivals.size()) / once_s).end_object();
  std::cout << text << std::endl;
  return servers > 1 && once.within >= plan::replay_share;
}

}  // namespace

int main(int count, char** arguments) {
  const int calls = count > 1 ? std::atoi(arguments[1]) : 2'000'000;
  Random random;
  bool good = true;
  {
    replay::Traffic traffic;
    const catalog::PriceBook book = usual_prices(random);
    good = fill(traffic, calls, 200, random) && price("usual", traffic, book, what_ifs(false));
  }
  {
    replay::Traffic traffic;
    const catalog::PriceBook book = worst_prices(random);
    // Models and tiers times keys: as many names as there may be.
    const auto keys = static_cast<std::int64_t>(replay::max_streams) / models / 2;
    good = good && fill(traffic, calls, keys, random) && price("worst", traffic, book, what_ifs(true));
  }
  return good && replay_arrivals(random) ? 0 : 1;
}
