// The closed formulas against textbooks and against the simulation, and what must hold whatever the numbers are.
#include "plan/queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "plan/uncertainty.h"

namespace sluice::plan {
namespace {

double exponential(Random& random, double mean) { return -std::log(1 - random.uniform()) * mean; }

// Gaps of two kinds, short ones and long ones: a hyperexponential renewal process with that squared coefficient of
// variation (at least 1) and balanced means.
double gap(Random& random, double mean, double scv) {
  const double often = (1 + std::sqrt((scv - 1) / (scv + 1))) / 2;
  const bool is_short = random.uniform() < often;
  return exponential(random, mean / (2 * (is_short ? often : 1 - often)));
}

// Exponential service of mean 1.
std::vector<Arrival> arrivals_of(std::size_t count, double per_second, double arrival_scv, std::uint64_t seed) {
  Random random(seed);
  std::vector<Arrival> out;
  double at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    at += gap(random, 1 / per_second, arrival_scv);
    out.push_back({.at_s = at, .service_s = exponential(random, 1)});
  }
  return out;
}

TEST(Queue, Erlang_c_is_the_textbooks) {
  EXPECT_NEAR(erlang_c(1, 0.5), 0.5, 1e-12);    // M/M/1: the utilisation
  EXPECT_NEAR(erlang_c(2, 1), 1.0 / 3, 1e-12);  // M/M/2 at half load
  EXPECT_NEAR(erlang_c(10, 8), 0.409180, 1e-5);
  EXPECT_EQ(erlang_c(3, 3), 1);
  EXPECT_EQ(erlang_c(3, 0), 0);
  EXPECT_LT(erlang_c(5000, 4000), 1e-6);                 // no overflow
  EXPECT_NEAR(erlang_c(1e8, 1e8 - 1e4), 0.22361, 1e-3);  // Halfin and Whitt: 1 / (1 + b Phi(b) / phi(b)) with b = 1
}

TEST(Queue, Erlang_c_falls_between_whole_servers_too) {
  double before = 1;
  for (double servers = 8.05; servers < 14; servers += 0.05) {
    const double now = erlang_c(servers, 8);
    EXPECT_LT(now, before) << servers;
    before = now;
  }
  EXPECT_NEAR(erlang_c(10 - 1e-9, 8), erlang_c(10, 8), 1e-6);
}

TEST(Queue, The_fewest_servers_are_the_fewest) {
  const Load load{.per_second = 10, .service_s = 2, .service_scv = 1.5};
  const double n = servers_needed(load, 0.95, 0.2, 0.85);
  EXPECT_LE(waiting_quantile(n, load, 0.95), 0.2);
  EXPECT_GE(n, 20 / 0.85);
  const double strict = servers_needed(load, 0.95, 0.0, 1.0);
  EXPECT_LE(waiting_quantile(strict, load, 0.95), 0.0);
  EXPECT_GT(waiting_quantile(strict - 1, load, 0.95), 0.0);
  EXPECT_TRUE(std::isinf(servers_needed(load, 0.95, -0.1, 0.85)));
}

TEST(Queue, A_replay_by_hand) {
  const std::vector<Arrival> arrivals = {{0, 10}, {1, 10}, {2, 1}, {3, 1}};
  const ReplayResult two = replay(arrivals, 2, 0);
  EXPECT_EQ(two.most_waiting, 2);  // the last two wait for the first server: 8 and 8 seconds
  EXPECT_EQ(two.p99_s, 8);
  EXPECT_EQ(two.within, 0.5);
  EXPECT_EQ(two.utilisation, 22 / 24.0);
  EXPECT_EQ(replay(arrivals, 4, 0).p99_s, 0);
  EXPECT_EQ(servers_for(arrivals, 0, 1), 3u);  // the short third one is done when the fourth comes
  EXPECT_EQ(servers_for(arrivals, 100, 64), 1u);
}

TEST(Queue, A_first_token_is_a_part_of_what_the_limit_is_on) {
  const std::vector<Arrival> arrivals = {{0, 10, 0.5}, {1, 10, 2}, {2, 1, 0.5}, {3, 1, 0.5}};
  EXPECT_EQ(replay(arrivals, 4, 1).within, 0.75);
  EXPECT_EQ(replay(arrivals, 4, 1).first_p95_s, 2);
  EXPECT_EQ(servers_for(arrivals, 1, 1), 0u);  // the second one's prompt alone takes longer
  EXPECT_EQ(servers_for(arrivals, 2, 1), 3u);
}

// Poisson arrivals and exponential service is where both formulas are exact. Stated bounds, with 100,000 calls: the
// share that waits within 0.02, the 95th percentile of the wait within 12 % or a hundredth of a service.
TEST(Queue, A_replay_of_poisson_arrivals_agrees_with_the_formulas) {
  std::uint64_t seed = 1;
  for (const double servers : {1, 4, 20, 120})
    for (const double use : {0.5, 0.7, 0.85}) {
      const double offered = servers * use;
      const auto arrivals = arrivals_of(100'000, offered, 1.0, seed++);
      const ReplayResult seen = replay(arrivals, static_cast<std::size_t>(servers), 0.0);
      const Load load{.per_second = offered, .service_s = 1};
      EXPECT_NEAR(1 - seen.within, erlang_c(servers, offered), 0.02) << servers << " at " << use;
      const double p95 = waiting_quantile(servers, load, 0.95);
      EXPECT_NEAR(seen.p95_s, p95, std::max(0.01, 0.12 * p95)) << servers << " at " << use;
      EXPECT_NEAR(seen.utilisation, use, 0.01);
    }
}

// Bursts: the formula's number is within a tenth, or three servers, of what a replay of such arrivals needs.
TEST(Queue, The_formula_for_bursts_is_near_what_their_replay_needs) {
  for (const double offered : {5.0, 40.0})
    for (const double scv : {1.0, 4.0, 10.0})
      for (const double limit_s : {0.05, 0.5}) {
        const auto arrivals = arrivals_of(60'000, offered, scv, static_cast<std::uint64_t>(offered + scv));
        const Load load{.per_second = offered, .service_s = 1, .arrival_scv = scv};
        const double formula = servers_needed(load, 0.95, limit_s, 1);
        const auto needed = static_cast<double>(servers_for(arrivals, limit_s, static_cast<std::size_t>(formula)));
        EXPECT_NEAR(formula, needed, std::max(3.0, 0.1 * needed)) << offered << " with " << scv << " in " << limit_s;
      }
}

TEST(Queue, Burstier_arrivals_need_at_least_as_many_servers) {
  for (const double offered : {0.3, 2.0, 17.0, 130.0, 900.0})
    for (const double limit_s : {0.0, 0.02, 0.3, 3.0})
      for (const double most : {0.7, 0.85, 1.0}) {
        double before = 0;
        for (const double scv : {0.01, 0.25, 0.7, 1.0, 1.5, 3.0, 9.0, 40.0, 300.0}) {
          const double now =
              servers_needed({.per_second = offered, .service_s = 1, .arrival_scv = scv}, 0.95, limit_s, most);
          EXPECT_GE(now, before) << offered << " with " << scv << " in " << limit_s;
          before = now;
        }
      }
  for (const double scv : {1.0, 3.0, 9.0}) {  // and so says the replay
    const auto calm = arrivals_of(20'000, 20, scv, 3);
    const auto bursty = arrivals_of(20'000, 20, 3 * scv, 3);
    EXPECT_GE(servers_for(bursty, 0.1, 20), servers_for(calm, 0.1, 20)) << scv;
  }
}

TEST(Queue, A_looser_limit_needs_at_most_as_many_servers) {
  for (const double offered : {0.3, 2.0, 17.0, 130.0, 900.0})
    for (const double scv : {0.25, 1.0, 10.0}) {
      const auto arrivals = arrivals_of(3'000, offered, std::max(1.0, scv), 9);
      double before = INFINITY;
      std::size_t replay_before = max_replay_servers;
      for (const double limit_s : {0.0, 0.001, 0.01, 0.1, 0.5, 2.0, 10.0}) {
        const Load load{.per_second = offered, .service_s = 1, .arrival_scv = scv};
        const double now = servers_needed(load, 0.95, limit_s, 1);
        EXPECT_LE(now, before) << offered << " in " << limit_s;
        before = now;
        const std::size_t replayed = servers_for(arrivals, limit_s, static_cast<std::size_t>(now));
        EXPECT_LE(replayed, replay_before) << offered << " in " << limit_s;
        EXPECT_LE(replay(arrivals, replayed, limit_s).first_p95_s, limit_s);
        if (replayed > 1) {
          EXPECT_GT(replay(arrivals, replayed - 1, limit_s).first_p95_s, limit_s);
        }
        replay_before = replayed;
      }
    }
}

TEST(Queue, The_number_found_does_not_depend_on_the_guess) {
  const auto arrivals = arrivals_of(5'000, 30, 4, 5);
  const std::size_t found = servers_for(arrivals, 0.1, 1);
  for (const std::size_t guess : {std::size_t{7}, std::size_t{30}, found, std::size_t{500}, max_replay_servers})
    EXPECT_EQ(servers_for(arrivals, 0.1, guess), found) << guess;
}

TEST(Queue, The_dispersion_of_arrivals_is_one_for_poisson_and_nothing_for_a_clock) {
  EXPECT_NEAR(dispersion(arrivals_of(100'000, 20, 1, 1), 1, -1), 1, 0.05);
  EXPECT_NEAR(dispersion(arrivals_of(100'000, 20, 5, 1), 5, -1), 5, 0.5);
  std::vector<Arrival> clock;
  clock.reserve(10'000);
  for (int i = 0; i < 10'000; ++i) clock.push_back({.at_s = i * 0.1 + 0.05, .service_s = 1});
  EXPECT_LT(dispersion(clock, 1, -1), 0.05);
  // A rate that doubles over an hour is no burst.
  Random random(4);
  std::vector<Arrival> rising;
  for (double at = 0; at < 3'600;) {
    at += exponential(random, 1 / (10 + at / 360));
    rising.push_back({.at_s = at});
  }
  EXPECT_NEAR(dispersion(rising, 5, -1), 1, 0.15);
  EXPECT_EQ(dispersion(std::vector<Arrival>(5, Arrival{}), 1, -1), -1);
  EXPECT_EQ(dispersion(std::vector<Arrival>(50, Arrival{}), 1, -1), -1);  // all at once: no window
}

}  // namespace
}  // namespace sluice::plan
