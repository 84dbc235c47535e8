#include "telemetry/limit_metrics.h"

namespace sluice::telemetry {

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
      webhooks(registry.counter("sluice_alert_webhooks_total", "Alerts to the webhook: sent, failed, dropped.",
                                {"result"})) {
  for (const char* result : {"sent", "failed", "dropped"}) webhooks.with(result);
}

}  // namespace sluice::telemetry
