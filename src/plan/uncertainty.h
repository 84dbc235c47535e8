// What it means that nobody knows the assumptions exactly: the spread of what a plan may cost, how often each plan is
// the best, what one assumption alone can do (tornado), and at which value of it another plan becomes better.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plan/break_even.h"
#include "plan/placement.h"

namespace sluice::plan {

// Random numbers that are the same on every machine (splitmix64), so that a seed is an answer's name.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  double uniform();  // [0, 1)

 private:
  std::uint64_t state_;
};
// A standard normal number from two uniform ones (Box and Muller).
double normal(double u, double v);
// The value below which a triangle over low, peak, high has the share u.
double triangular(double u, double low, double peak, double high);

struct Spread {
  std::string name;
  double p5 = 0;
  double p50 = 0;
  double p95 = 0;
  double mean = 0;
  double best_share = 0;       // of the draws in which nothing compared was cheaper
  double expected_regret = 0;  // USD a month over the best of each draw
  double most_regret = 0;
};
// Each placement under the same draws: they see the same world, so differences are theirs.
struct Draws {
  int count = 0;
  std::uint64_t seed = 0;
  std::vector<Spread> plans;      // the chosen one first
  std::string least_most_regret;  // the plan whose worst regret is the smallest
};
struct NamedPlacement {
  std::string name;
  Placement placement;
};
Draws draw(const Plan& plan, const std::vector<NamedPlacement>& placements);

struct Bar {
  std::string what;
  std::string low_is;  // "20000 USD/month"
  std::string high_is;
  double low = 0;  // the result there
  double high = 0;
  double swing() const { return high > low ? high - low : low - high; }
};
// The chosen placement's month when one assumption goes from its low to its high; the largest swing first.
std::vector<Bar> tornado(const Plan& plan, const Placement& placement);
// The break-even against one API at one mix: what the article's readers argue about, in order of what it does.
std::vector<Bar> break_even_tornado(const Plan& plan, const BreakEvenStudy& study, const std::string& against,
                                    double mix);

struct Band {
  std::string against;
  double mix = 1;
  double p5 = 0;
  double p50 = 0;
  double p95 = 0;
};
Band break_even_band(const Plan& plan, const BreakEvenStudy& study, const std::string& against, double mix);

struct Flip {
  std::string assumption;
  std::string unit;
  double value = 0;     // today
  double flips_at = 0;  // from there on another plan is better
  std::string becomes;  // which workloads move where
};
// Found by halving, and each verified by solving again on both sides. Values between a tenth and ten times are looked
// at.
Result<std::vector<Flip>> flips(const Plan& plan, const Placement& best);

}  // namespace sluice::plan
