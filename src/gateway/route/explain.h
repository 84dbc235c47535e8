// A plan for people and for machines: what `sluice route explain` prints. Such a plan goes by rules alone: it takes the
// engines of Sluice's own for ready, and says so of each, because only the running server knows.
#pragma once

#include <string>

#include "gateway/route/plan.h"

namespace sluice::gateway {

// A table: order, candidate, ground, lane, price per million tokens, reason; then the rejected ones; then the choice.
std::string explain_text(const Plan& plan);

// {"model":..., "data_class":..., "rule":..., "choice":"groq/...", "candidates":[...], "rejected":[...]}; a candidate's
// "engine" is true where the running server may know better.
std::string explain_json(const Plan& plan);

}  // namespace sluice::gateway
