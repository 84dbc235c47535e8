// What is told about each request beyond the ledger and the audit: metrics, and one log line. And how those two fare.
#pragma once

#include "gateway/shared/gateway.h"
#include "store/live_store.h"
#include "telemetry/log.h"
#include "telemetry/request_metrics.h"
#include "telemetry/server_metrics.h"
#include "telemetry/store_metrics.h"
#include "telemetry/target_metrics.h"

namespace sluice::serve {

// One line and the counters for a request that has ended. Any thread.
void record_request(telemetry::Log& log, telemetry::RequestMetrics& metrics, const gateway::AuditRecord& record,
                    const gateway::Timing& timing, const Error* error);

// Counts the bound that a request has met, if that is why it ended with this error: its name is the error's code. What
// a provider's bytes meet is counted where the call fails (Gateway::beyond_limit). Any thread.
void record_limit(telemetry::ServerMetrics& metrics, const Error& error);

// The counters for one attempt that reached a provider. Any thread.
void record_attempt(telemetry::RequestMetrics& metrics, const store::LedgerEntry& entry);

// Counts a record of `log` ("ledger", "audit") that was not taken. Any thread.
void record_append(telemetry::StoreMetrics& metrics, std::string_view log, store::Appended appended);

// Sets the gauges to the store's state at this moment. Any thread.
void record_health(telemetry::StoreMetrics& metrics, const store::LiveStore::Health& health);

// One line and a counter for what has happened to a target. Any thread.
void record_change(telemetry::Log& log, telemetry::TargetMetrics& metrics, const gateway::TargetChange& change);
// Sets the gauges to the targets' states at this moment. Any thread.
void record_targets(telemetry::TargetMetrics& metrics, const std::vector<gateway::Health::Report>& targets);
// Sets the gauges to how full the limited places are at this moment. Any thread.
void record_places(telemetry::TargetMetrics& metrics, const std::vector<gateway::Places::Report>& places);

// Counts where a request went among targets that serve the same model. Any thread.
void record_choice(telemetry::TargetMetrics& metrics, const gateway::AffinityChoice& choice);
// Sets the gauges to what those targets have been given lately. Any thread.
void record_affinity(telemetry::TargetMetrics& metrics, const gateway::Affinity& affinity,
                     gateway::Affinity::TimePoint now);

// One line and a counter for a canary that has lost its share. Any thread.
void record_rollback(telemetry::Log& log, telemetry::TargetMetrics& metrics, const gateway::Canaries::Report& report);
// Sets the gauges to the canaries' shares at this moment. Any thread.
void record_canaries(telemetry::TargetMetrics& metrics, const std::vector<gateway::Canaries::Report>& canaries);

}  // namespace sluice::serve
