#include "telemetry/target_metrics.h"

namespace sluice::telemetry {

TargetMetrics::TargetMetrics(Registry& registry)
    : state(registry.gauge("sluice_target_state",
                           "Of each provider/model that has failed: 0 well, 1 half-open or resting, 2 left alone.",
                           {"target"})),
      events(registry.counter("sluice_target_events_total",
                              "Breakers opened and closed, rests after retry-after, retries refused by the budget.",
                              {"target", "event"})),
      places_taken(registry.gauge("sluice_places_taken", "Calls under way where their number is limited.", {"place"})),
      queue_depth(registry.gauge("sluice_queue_depth", "Requests that wait for a place there.", {"place"})),
      shed(registry.gauge("sluice_shed_requests", "Requests that got no place there since the start.", {"place"})) {}

}  // namespace sluice::telemetry
