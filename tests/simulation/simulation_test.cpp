#include "simulation.h"

#include <gtest/gtest.h>

namespace sluice::simulation {
namespace {

// A failing seed is the whole bug report: ./dev simulate --seed N repeats it.
TEST(Simulation, Nothing_that_must_hold_is_broken_by_any_fault) {
  std::size_t calls = 0;
  std::size_t rows = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Report report = simulate(seed);
    for (const std::string& violation : report.violations) ADD_FAILURE() << "seed " << seed << ": " << violation;
    if (!report.violations.empty()) break;
    calls += report.calls;
    rows += report.rows;
  }
  EXPECT_GT(calls, 1'000u);  // the faults did not keep everybody away
  EXPECT_GT(rows, 1'000u);
}

TEST(Simulation, The_same_seed_is_the_same_run) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed)
    EXPECT_EQ(simulate(seed).digest, simulate(seed).digest) << "seed " << seed;
  EXPECT_NE(simulate(1).digest, simulate(2).digest);
}

}  // namespace
}  // namespace sluice::simulation
