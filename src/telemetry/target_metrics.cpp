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
      shed(registry.gauge("sluice_shed_requests", "Requests that got no place there since the start.", {"place"})),
      affinity_requests(registry.counter("sluice_affinity_requests_total",
                                         "Requests by the target that was chosen among those that serve one model, and "
                                         "why: knows_prompt, keeps_session, least_loaded.",
                                         {"target", "why"})),
      affinity_prompt_bytes(registry.counter("sluice_affinity_prompt_bytes_total",
                                             "Bytes of their prompts: all, and those at the beginning that the target "
                                             "has had before.",
                                             {"which"})),
      affinity_load(registry.gauge("sluice_affinity_load_bytes",
                                   "Bytes of prompts that each of them was given lately, half of it within two "
                                   "minutes.",
                                   {"target"})),
      affinity_under_way(registry.gauge("sluice_affinity_under_way", "Requests of them under way.", {"target"})),
      affinity_blocks(registry.gauge("sluice_affinity_blocks",
                                     "Beginnings of prompts that are remembered, in blocks of "
                                     "1 KB; at most 262,144.")),
      canary_percent(registry.gauge("sluice_canary_percent",
                                    "Of a workload's requests that go to its canary; 0 once that is rolled back.",
                                    {"workload", "target"})),
      canary_rollbacks(registry.counter("sluice_canary_rollbacks_total",
                                        "Canaries that were worse than the others by more than their margins.",
                                        {"workload", "target"})) {}

}  // namespace sluice::telemetry
