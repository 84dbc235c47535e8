// Trains a difficulty score on recorded outcomes: a logistic regression with a penalty on its weights, solved exactly
// by Newton's method. The newest fifth is held out, and says how good the score is; how strong the penalty is is chosen
// on the newest fifth of the others. Deterministic.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "difficulty/model.h"

namespace sluice::difficulty {

struct Outcome {
  Features features;
  bool failed = false;  // the answer has failed a check
};

// Below these nothing can be told from the held-out ones.
inline constexpr std::size_t least_outcomes = 200;
inline constexpr std::size_t least_of_each = 30;
inline constexpr std::size_t most_outcomes = 1'000'000;

// Told what is being done: "penalty 10, loss 0.52".
using Progress = std::function<void(std::string_view what)>;

// `outcomes` in the order of their time. Errors: unavailable, with the reason: too few, too few of one kind, or a score
// that on the held-out ones is no better than chance (its AUC is not above 0.5 by two standard errors).
Result<Model> train(std::span<const Outcome> outcomes, std::string_view target, const Progress& progress = {});

// How probable it is that of two, one of each kind, the failed one has the higher score; ties count half. 0.5 where
// there is but one kind.
double auc_of(const Model& model, std::span<const Outcome> outcomes);

}  // namespace sluice::difficulty
