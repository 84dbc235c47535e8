#include "telemetry/request_metrics.h"

namespace sluice::telemetry {

RequestMetrics::RequestMetrics(Registry& registry)
    : requests(registry.counter("sluice_requests_total", "Requests that were answered, by how they ended.",
                                {"dialect", "provider", "ground", "outcome"})),
      attempts(registry.counter("sluice_attempts_total",
                                "Calls of providers; a request that was retried or failed over has several.",
                                {"provider", "outcome"})),
      tokens(registry.counter("sluice_tokens_total", "Tokens, in classes that do not overlap.",
                              {"provider", "ground", "class"})),
      cost_picodollars(registry.counter("sluice_cost_picodollars_total", "What providers charge, in 1e-12 US dollars.",
                                        {"provider", "ground"})),
      unpriced_requests(registry.counter("sluice_unpriced_requests_total",
                                         "Requests that were answered although no price of the model is known.",
                                         {"provider"})),
      duration(registry.histogram("sluice_request_duration_seconds",
                                  "Time from the first byte of a request to the last byte of its answer.",
                                  duration_bounds_s, {"dialect", "ground"})),
      time_to_first_token(registry.histogram("sluice_time_to_first_token_seconds",
                                             "Time from the first byte of a request to the first token of its answer.",
                                             duration_bounds_s, {"dialect", "ground"})),
      overhead(
          registry.histogram("sluice_overhead_seconds",
                             "Time in Sluice's own code until the answer or its first token, without waits for the "
                             "provider or the client.",
                             overhead_bounds_s, {"dialect"})),
      in_flight(registry.gauge("sluice_requests_in_flight", "Requests that are being served.", {"dialect"})) {}

}  // namespace sluice::telemetry
