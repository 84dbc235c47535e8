#include "telemetry/store_metrics.h"

namespace sluice::telemetry {

StoreMetrics::StoreMetrics(Registry& registry)
    : queued_bytes(registry.gauge("sluice_store_queued_bytes", "Records that wait for the disk.", {"log"})),
      degraded(registry.gauge("sluice_store_degraded",
                              "1 while this part of the store fails and is tried again, else 0.", {"part"})),
      keys_age(registry.gauge("sluice_store_keys_age_seconds",
                              "Since the database was last asked which keys are good; rises while it is away.", {})),
      lost(registry.counter("sluice_store_lost_records_total",
                            "Records that no queue had room for: answers that were given and are not in the books.",
                            {"log"})),
      rows_since(registry.gauge("sluice_ledger_rows_since_seconds",
                                "From when on the ledger's rows are kept, since 1970; 0 = all are (ledger.keep_days).",
                                {})) {
  for (const char* log : {"ledger", "audit"}) lost.with(log);  // an alert needs the zero before the first one
}

}  // namespace sluice::telemetry
