// The metrics of targets (provider/model) whose calls fail, and of the places that are limited, declared in one place:
// names, labels and meaning are a public contract for alerts.
#pragma once

#include "telemetry/metrics.h"

namespace sluice::telemetry {

struct TargetMetrics {
  explicit TargetMetrics(Registry& registry);

  GaugeFamily& state;         // target: 0 well, 1 half-open or resting, 2 open
  CounterFamily& events;      // target, event: opened, closed, rests, retry_refused
  GaugeFamily& places_taken;  // place: a provider or ground that has a limit
  GaugeFamily& queue_depth;   // place
  GaugeFamily& shed;          // place: ever since the start

  // Of routes with `affinity`.
  CounterFamily& affinity_requests;      // target, why: knows_prompt, keeps_session, least_loaded
  CounterFamily& affinity_prompt_bytes;  // which: all, known
  GaugeFamily& affinity_load;            // target
  GaugeFamily& affinity_under_way;       // target
  GaugeFamily& affinity_blocks;

  // Of workloads with a canary.
  GaugeFamily& canary_percent;      // workload, target: 0 once it is rolled back
  CounterFamily& canary_rollbacks;  // workload, target
};

}  // namespace sluice::telemetry
