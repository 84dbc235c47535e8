// The metrics of the request's way, declared in one place: names, labels and meaning are a public contract for
// dashboards. Never labelled by key or user: their number has no bound, and they are nobody's business who scrapes.
#pragma once

#include "telemetry/metrics.h"

namespace sluice::telemetry {

struct RequestMetrics {
  explicit RequestMetrics(Registry& registry);

  CounterFamily& requests;          // dialect, provider, ground, outcome
  CounterFamily& attempts;          // provider, outcome: calls of providers, several for a request that was tried again
  CounterFamily& tokens;            // provider, ground, class: input, cache_read, cache_write, output, reasoning
  CounterFamily& cost_picodollars;  // provider, ground
  CounterFamily& unpriced_requests;      // provider: answered, but no price is known
  HistogramFamily& duration;             // dialect, ground: seconds until the last byte went to the client
  HistogramFamily& time_to_first_token;  // dialect, ground: seconds until the first byte of a stream went to the client
  HistogramFamily& overhead;             // dialect: seconds that Sluice itself took
  GaugeFamily& in_flight;                // dialect
};

}  // namespace sluice::telemetry
