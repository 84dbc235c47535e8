// An answer as one self-contained page: first what a CFO asks, then what the platform's people ask, then every
// assumption with its source. No script, no other file; prints on paper. Its numbers carry their path in the JSON
// document
// (<data data-path="placement.usd_per_month" value="...">), and a test compares them.
#pragma once

#include <string>

#include "plan/answer.h"

namespace sluice::plan {

std::string report_html(const Answer& answer);

}  // namespace sluice::plan
