// The metrics of limits. Their labels are ids of limits that an operator has set, and kinds: no client makes a series.
#pragma once

#include "telemetry/metrics.h"

namespace sluice::telemetry {

struct LimitMetrics {
  explicit LimitMetrics(Registry& registry);

  GaugeFamily& used_ratio;      // limit, scope: of the budgets that were set, what is spent of the window's; 1 = all
  GaugeFamily& held_ratio;      // limit, scope: what requests under way have reserved
  CounterFamily& alerts;        // scope, percent
  CounterFamily& refusals;      // scope, unit
  CounterFamily& lowered;       // scope, unit
  GaugeFamily& store_down;      // 1 while the store of shared limits cannot be asked
  CounterFamily& store_calls;   // result: granted, refused (of requests that asked), outage
  HistogramFamily& round_trip;  // to that store
  CounterFamily& webhooks;      // result: sent, failed, dropped
  CounterFamily& anomalies;     // kind
};

}  // namespace sluice::telemetry
