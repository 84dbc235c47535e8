// An anomaly as JSON: the CLI's and the webhook's.
#pragma once

#include <string>

#include "json/json.h"
#include "spend/anomalies.h"

namespace sluice::spend {

// One object.
void write(json::Writer& out, const Anomaly& anomaly);
// The message to a webhook: the same with "event" and "text", a sentence as chat tools show it.
std::string message(const Anomaly& anomaly);

}  // namespace sluice::spend
