// The verbs below `sluice usage`.
#pragma once

#include "cli/verb.h"

namespace sluice::cli {

void add_usage_explain(CLI::App& usage, Invocation& invocation);
void add_usage_anomalies(CLI::App& usage, Invocation& invocation);

}  // namespace sluice::cli
