#include "telemetry/limit_metrics.h"

#include <array>

namespace sluice::telemetry {
namespace {

constexpr std::array round_trip_bounds_s = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.05, 0.25, 1.0};

}  // namespace

LimitMetrics::LimitMetrics(Registry& registry)
    : used_ratio(registry.gauge("sluice_budget_used_ratio", "Of each budget that was set: what is spent in its window.",
                                {"limit", "scope"})),
      held_ratio(registry.gauge("sluice_budget_held_ratio",
                                "Of each budget that was set: what requests under way have reserved.",
                                {"limit", "scope"})),
      alerts(
          registry.counter("sluice_budget_alerts_total", "Shares of budgets that were used up.", {"scope", "percent"})),
      refusals(
          registry.counter("sluice_limit_refusals_total", "Requests that did not fit a limit.", {"scope", "unit"})),
      lowered(registry.counter("sluice_limit_lowered_total", "Requests that a limit has sent to another model.",
                               {"scope", "unit"})),
      store_down(registry.gauge("sluice_limit_store_down",
                                "1 while the store of limits that several processes share cannot be asked, else 0.")),
      store_calls(registry.counter("sluice_limit_store_answers_total",
                                   "Requests that asked the store of shared limits, by its answer; and outages of it.",
                                   {"result"})),
      round_trip(registry.histogram("sluice_limit_store_seconds", "Round trips to the store of shared limits.",
                                    round_trip_bounds_s)),
      webhooks(
          registry.counter("sluice_alert_webhooks_total", "Alerts to the webhook: sent, failed, dropped.", {"result"})),
      anomalies(registry.counter("sluice_spend_anomalies_total", "Unusual hours of spend that were told.", {"kind"})) {
  for (const char* result : {"granted", "refused", "outage"}) store_calls.with(result);
  for (const char* result : {"sent", "failed", "dropped"}) webhooks.with(result);
}

}  // namespace sluice::telemetry
