// Which of the eligible candidates is asked first, by the objective of the request's workload. It comes after
// eligibility and brings nobody back. Deterministic: the same candidates, prices and measurements give the same order,
// and candidates that are alike stay as they are listed.
#pragma once

#include <vector>

#include "gateway/health/speeds.h"
#include "gateway/route/plan.h"

namespace sluice::gateway {

// What an objective goes by, of one request.
struct Expected {
  Tokens input = 0;
  Tokens output = 0;
};

// Fills in what each attempt will probably cost and how long it will take.
void estimate(Attempt& attempt, const Expected& expected, const TargetSpeed& speed);
// Orders attempts that have been estimated.
void order(std::vector<Attempt>& attempts, const config::Workload& workload, config::Objective objective);

}  // namespace sluice::gateway
