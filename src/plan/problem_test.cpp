// The placement's solvers against each other and against GLPK.
#include "plan/problem.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

namespace sluice::plan {
namespace {

// A plan with random volumes, prices, qualities, pools and limits. Nothing here is meant to be likely.
Plan random_plan(unsigned seed, std::size_t workloads, std::size_t options, std::size_t pools, bool splits) {
  std::mt19937 random(seed);
  const auto uniform = [&](double low, double high) {
    return low + (high - low) * (static_cast<double>(random() % 100'000) / 1e5);
  };
  Plan plan;
  plan.name = "random";
  for (std::size_t p = 0; p < pools; ++p) {
    Pool pool{
        .name = "pool" + std::to_string(p), .price_usd = uniform(50e3, 400e3), .opex_usd_per_hour = uniform(2, 12)};
    pool.gpu =
        Gpu{.name = "H100", .bandwidth = 3.35e12, .bf16 = 989e12, .fp8 = 1978e12, .watts = 700, .memory_bytes = 8.6e10};
    pool.spare = std::floor(uniform(0, 2));
    pool.most_nodes = std::floor(uniform(4, 12));
    plan.pools.push_back(pool);
  }
  for (std::size_t o = 0; o < options; ++o) {
    Option option{.name = "option" + std::to_string(o)};
    option.vendor = "vendor" + std::to_string(random() % 4);
    option.quality["eval"] = uniform(0.5, 1);
    if (pools > 0 && o % 4 == 0) {
      option.pool = plan.pools[random() % pools].name;
      option.vendor = "own";
      option.ground = catalog::Ground::self_hosted;
      const double active = uniform(3e9, 70e9);
      option.model =
          ModelShape{.name = "m", .total = 70e9, .active = active, .layers = 80, .hidden = 8192, .kv_elements = 163840};
    } else {
      option.price.rates[catalog::Unit::input] = static_cast<std::int64_t>(uniform(1e5, 5e6));
      option.price.rates[catalog::Unit::output] = static_cast<std::int64_t>(uniform(3e5, 2e7));
      option.switching_usd = uniform(0, 20e3);
    }
    plan.options.push_back(option);
  }
  for (std::size_t w = 0; w < workloads; ++w) {
    Workload workload{.name = "workload" + std::to_string(w), .requests_per_month = uniform(1e5, 2e7)};
    workload.input_tokens = std::floor(uniform(200, 4000));
    workload.output_tokens = std::floor(uniform(50, 800));
    workload.quality_floor["eval"] = uniform(0.4, 0.85);
    workload.profile.fill(1);
    if (random() % 3 == 0) workload.profile.fill(0.5), workload.profile[10] = 12.5;
    workload.peak = uniform(1, 4);
    workload.split = splits && random() % 4 == 0;
    workload.critical = workload.split && random() % 2 == 0;
    plan.workloads.push_back(workload);
  }
  if (random() % 3 == 0) plan.limits.capex_usd = uniform(2e5, 2e6);
  if (random() % 3 == 0) plan.limits.vendor_share = uniform(0.4, 0.9);
  return plan;
}

// Some of its APIs get discounts and commitments, some signed.
void add_terms(Plan& plan, unsigned seed) {
  std::mt19937 random(seed);
  const auto uniform = [&](double low, double high) {
    return low + (high - low) * (static_cast<double>(random() % 100'000) / 1e5);
  };
  for (Option& option : plan.options) {
    if (option.self_hosted()) continue;
    if (random() % 2 == 0) option.discounts = {{uniform(1e3, 2e4), 0.05}, {uniform(3e4, 1e5), uniform(0.1, 0.4)}};
    if (random() % 3 == 0)
      option.commitment = Commitment{
          .usd_per_month = uniform(1e3, 1e5), .discount = uniform(0.05, 0.5), .is_signed = random() % 4 == 0};
  }
}

// GLPK's optimum of the same program; empty when it says that there is none.
std::optional<double> by_glpk(const Milp& milp) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("sluice-glpk-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "p.lp") << lp_text(milp);
  const std::string command =
      "glpsol --lp " + (folder / "p.lp").string() + " -o " + (folder / "p.txt").string() + " >/dev/null 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::ifstream file(folder / "p.txt");
  std::string line;
  std::optional<double> found;
  bool optimal = false;
  while (std::getline(file, line)) {
    if (line.starts_with("Status:"))
      optimal = line.find("OPTIMAL") != std::string::npos && line.find("NON") == std::string::npos;
    if (line.starts_with("Objective:")) found = std::stod(line.substr(line.find('=') + 1));
  }
  std::filesystem::remove_all(folder);
  return optimal ? found : std::nullopt;
}

TEST(Placement, Equals_GLPK_on_200_random_plans) {
  if (!have_cbc()) GTEST_SKIP() << "no CBC in this build";
  if (std::system("glpsol --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "no glpsol: install glpk-utils";
  int infeasible = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    Plan plan = random_plan(seed, 2 + seed % 9, 4 + seed % 7, seed % 3, true);
    if (seed % 2 == 1) add_terms(plan, seed);
    const Problem problem = make_problem(plan, plan.assumptions);
    const auto ours = optimum(problem, {});
    ASSERT_TRUE(ours) << ours.error().message;
    const auto theirs = by_glpk(milp_of(problem, {}));
    ASSERT_EQ(ours->has_value(), theirs.has_value()) << "seed " << seed;
    if (!theirs) {
      ++infeasible;
      continue;
    }
    // GLPK prints nine digits.
    EXPECT_NEAR((*ours)->usd_per_month, *theirs, std::abs(*theirs) * 1e-6) << "seed " << seed;
  }
  EXPECT_GT(infeasible, 5);
  EXPECT_LT(infeasible, 100);
}

TEST(Placement, The_enumerator_finds_the_same_optimum) {
  for (unsigned seed = 1000; seed < 1060; ++seed) {
    Plan plan = random_plan(seed, 2 + seed % 7, 4 + seed % 9, seed % 3, false);
    if (seed % 2 == 1) add_terms(plan, seed);
    const Problem problem = make_problem(plan, plan.assumptions);
    const auto tried = enumerate(problem, {});
    ASSERT_TRUE(tried) << tried.error().message;
    if (!have_cbc()) continue;
    const auto solved = optimum(problem, {});
    ASSERT_TRUE(solved);
    ASSERT_EQ(tried->has_value(), solved->has_value()) << "seed " << seed;
    if (*solved) {
      EXPECT_NEAR((*tried)->usd_per_month, (*solved)->usd_per_month, 1e-6 * (*solved)->usd_per_month)
          << "seed " << seed;
    }
  }
}

TEST(Placement, The_enumerator_says_what_it_cannot_do) {
  const Plan large = random_plan(1, 13, 5, 1, false);
  const auto refused = enumerate(make_problem(large, large.assumptions), {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("13 workloads are more than the 12"), std::string::npos);
}

// Not a wall-time assertion: a count of what the product promises, printed. The bound in solve() refuses by itself.
TEST(Placement, A_hundred_workloads_on_36_options_are_solved) {
  if (!have_cbc()) GTEST_SKIP() << "no CBC in this build";
  Plan plan = random_plan(7, 100, 36, 3, true);
  plan.limits = {};
  const Problem problem = make_problem(plan, plan.assumptions);
  const auto start = std::chrono::steady_clock::now();
  const auto got = optimum(problem, {});
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ASSERT_TRUE(got) << got.error().message;
  ASSERT_TRUE(*got);
  std::printf("100 workloads x 36 options: %.2f s, %.0f USD a month\n", seconds, (*got)->usd_per_month);
  for (const auto& row : (*got)->shares) {
    double sum = 0;
    for (const double share : row) sum += share;
    EXPECT_NEAR(sum, 1, 1e-6);
  }
}

}  // namespace
}  // namespace sluice::plan
