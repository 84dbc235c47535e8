// A plan for people and for machines: what `sluice route explain` prints.
#pragma once

#include <string>

#include "gateway/route/plan.h"

namespace sluice::gateway {

// A table: order, candidate, ground, lane, price per million tokens, reason; then the rejected ones; then the choice.
std::string explain_text(const Plan& plan);

// {"model":..., "data_class":..., "rule":..., "choice":"groq/...", "candidates":[...], "rejected":[...]}
std::string explain_json(const Plan& plan);

}  // namespace sluice::gateway
