// An answer as one JSON document. Money is a decimal text in USD, rounded once; docs/guides/plan.md shows its parts.
#pragma once

#include <string>

#include "plan/answer.h"

namespace sluice::plan {

std::string report_json(const Answer& answer);

// Numbers that are no money, as JSON and HTML print them: six significant digits.
std::string figure(double value);

}  // namespace sluice::plan
