#include "difficulty/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

namespace sluice::difficulty {
namespace {

using Outcomes = std::span<const Outcome>;

constexpr std::array penalties = {0.3, 1.0, 3.0, 10.0, 30.0, 100.0};
// A word that fewer have says nothing of others, and each costs a row of the matrix.
constexpr std::size_t least_rows_with_word = 5;
constexpr int most_steps = 25;  // Newton's method needs five to eight
constexpr double good_enough = 1e-6;

// One place for the bias, one for each number, one for each word that enough rows have.
class Places {
 public:
  explicit Places(Outcomes outcomes) {
    std::array<std::size_t, buckets> rows = {};
    for (const Outcome& one : outcomes)
      for (const std::uint16_t word : one.features.words) ++rows[word];
    place_.fill(-1);
    for (std::size_t i = 0; i < buckets; ++i)
      if (rows[i] >= least_rows_with_word) place_[i] = static_cast<int>(size_++);
  }
  std::size_t size() const { return size_; }
  int of_word(std::size_t word) const { return place_[word]; }

  // The row's places and values that are not 0.
  void read(const Features& features, std::vector<std::pair<std::size_t, double>>& row) const {
    row.clear();
    row.emplace_back(0, 1.0);
    for (std::size_t i = 0; i < numbers; ++i)
      if (features.number[i] > 0) row.emplace_back(1 + i, features.number[i] / 255.0);
    for (const std::uint16_t word : features.words)
      if (place_[word] >= 0) row.emplace_back(static_cast<std::size_t>(place_[word]), 1.0);
  }

 private:
  std::array<int, buckets> place_ = {};
  std::size_t size_ = 1 + numbers;
};

// Solves A x = b for a symmetric positive definite A, of which the lower half is given and overwritten (Cholesky); b
// becomes x.
void solve(std::vector<double>& a, std::vector<double>& b) {
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i * n + j];
      for (std::size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      a[i * n + j] = i == j ? std::sqrt(std::max(sum, 1e-12)) : sum / a[j * n + j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= a[i * n + k] * b[k];
    b[i] /= a[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[k * n + i] * b[k];
    b[i] /= a[i * n + i];
  }
}

Model fit(Outcomes outcomes, double penalty) {
  const Places places(outcomes);
  const std::size_t n = places.size();
  std::vector<double> weights(n, 0.0);
  std::vector<double> hessian(n * n);
  std::vector<double> step(n);
  std::vector<std::pair<std::size_t, double>> row;
  for (int steps = 0; steps < most_steps; ++steps) {
    std::ranges::fill(hessian, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
      const double held = i == 0 ? 1e-6 : penalty;  // the bias is free
      step[i] = -held * weights[i];
      hessian[i * n + i] = held;
    }
    for (const Outcome& one : outcomes) {
      places.read(one.features, row);
      double sum = 0;
      for (const auto& [at, value] : row) sum += weights[at] * value;
      const double p = 1 / (1 + std::exp(-sum));
      const double curve = std::max(p * (1 - p), 1e-9);
      for (const auto& [at, value] : row) {
        step[at] += ((one.failed ? 1.0 : 0.0) - p) * value;
        for (const auto& [other, other_value] : row)
          if (other <= at) hessian[at * n + other] += curve * value * other_value;
      }
    }
    solve(hessian, step);
    double largest = 0;
    for (const double one : step) largest = std::max(largest, std::abs(one));
    // A step too far can only come where one kind is rare; the penalty brings it back.
    const double scale = largest > 5 ? 5 / largest : 1;
    for (std::size_t i = 0; i < n; ++i) weights[i] += scale * step[i];
    if (largest < good_enough) break;
  }
  Model model;
  model.bias = weights[0];
  for (std::size_t i = 0; i < numbers; ++i) model.number[i] = weights[1 + i];
  for (std::size_t i = 0; i < buckets; ++i)
    if (places.of_word(i) >= 0) model.word[i] = weights[static_cast<std::size_t>(places.of_word(i))];
  return model;
}

double loss_of(const Model& model, Outcomes outcomes) {
  double sum = 0;
  for (const Outcome& one : outcomes) {
    const double p = std::clamp(model.score(one.features), 1e-9, 1 - 1e-9);
    sum -= std::log(one.failed ? p : 1 - p);
  }
  return sum / static_cast<double>(std::max<std::size_t>(outcomes.size(), 1));
}

std::size_t failed_in(Outcomes outcomes) {
  return static_cast<std::size_t>(std::ranges::count_if(outcomes, &Outcome::failed));
}

// Of an AUC (Hanley and McNeil 1982).
double standard_error(double auc, std::size_t failed, std::size_t passed) {
  const double q1 = auc / (2 - auc);
  const double q2 = 2 * auc * auc / (1 + auc);
  const auto n1 = static_cast<double>(failed);
  const auto n2 = static_cast<double>(passed);
  const double variance = (auc * (1 - auc) + (n1 - 1) * (q1 - auc * auc) + (n2 - 1) * (q2 - auc * auc)) / (n1 * n2);
  return std::sqrt(std::max(variance, 0.0));
}

std::size_t newest_fifth(std::size_t count) { return count - count / 5; }

}  // namespace

double auc_of(const Model& model, Outcomes outcomes) {
  std::vector<std::pair<double, bool>> scored;
  for (const Outcome& one : outcomes) scored.emplace_back(model.score(one.features), one.failed);
  std::ranges::sort(scored);
  const std::size_t failed = failed_in(outcomes);
  const std::size_t passed = outcomes.size() - failed;
  if (failed == 0 || passed == 0) return 0.5;
  double wins = 0;
  std::size_t below = 0;  // passed ones with a lower score
  for (std::size_t i = 0; i < scored.size();) {
    std::size_t end = i;
    std::size_t ties[2] = {0, 0};
    for (; end < scored.size() && scored[end].first == scored[i].first; ++end) ++ties[scored[end].second ? 1 : 0];
    wins += static_cast<double>(ties[1]) * (static_cast<double>(below) + static_cast<double>(ties[0]) / 2);
    below += ties[0];
    i = end;
  }
  return wins / (static_cast<double>(failed) * static_cast<double>(passed));
}

Result<Model> train(Outcomes outcomes, std::string_view target, const Progress& progress) {
  constexpr const char* wait = "keep `learn: true` and train again when more has been recorded";
  if (outcomes.size() < least_outcomes)
    return fail(
        ErrorKind::unavailable,
        fmt::format("{} checked answers are too few to learn from: {} are needed", outcomes.size(), least_outcomes),
        wait);
  outcomes = outcomes.last(std::min(outcomes.size(), most_outcomes));
  const Outcomes known = outcomes.first(newest_fifth(outcomes.size()));
  const Outcomes held_out = outcomes.subspan(known.size());
  const std::size_t failed = failed_in(outcomes);
  if (std::min(failed, outcomes.size() - failed) < least_of_each)
    return fail(ErrorKind::unavailable,
                fmt::format("{} of {} answers have failed their checks: {} of each kind are needed", failed,
                            outcomes.size(), least_of_each),
                failed < least_of_each ? "the candidate does well: a score has nothing to tell apart"
                                       : "the candidate hardly ever does well: ask another one first");
  const std::size_t held_failed = failed_in(held_out);
  if (std::min(held_failed, held_out.size() - held_failed) < 5 || failed_in(known) < 5)
    return fail(ErrorKind::unavailable,
                fmt::format("of the newest {} answers, by which the score is measured, {} have failed: at least 5 of "
                            "each kind are needed",
                            held_out.size(), held_failed),
                wait);
  const Outcomes inner = known.first(newest_fifth(known.size()));
  const Outcomes chooses = known.subspan(inner.size());
  double best_loss = 0;
  double best = 0;
  for (const double penalty : penalties) {
    const double loss = loss_of(fit(inner, penalty), chooses);
    if (progress) progress(fmt::format("penalty {}: loss {:.4f}", penalty, loss));
    if (best != 0 && loss >= best_loss) continue;
    best = penalty;
    best_loss = loss;
  }
  Model model = fit(known, best);
  model.target = target;
  model.rows = static_cast<std::int64_t>(known.size());
  model.held_out = static_cast<std::int64_t>(held_out.size());
  model.failed = static_cast<std::int64_t>(failed);
  model.auc = auc_of(model, held_out);
  const double error = standard_error(model.auc, held_failed, held_out.size() - held_failed);
  if (model.auc - 2 * error <= 0.5)
    return fail(ErrorKind::unavailable,
                fmt::format("on the newest {} answers the score is no better than chance: AUC {:.3f}, of which {:.3f} "
                            "are uncertain",
                            held_out.size(), model.auc, 2 * error),
                wait);
  return model;
}

}  // namespace sluice::difficulty
