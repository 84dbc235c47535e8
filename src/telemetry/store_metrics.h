// The metrics of the ledger and the audit log, declared in one place: names, labels and meaning are a public contract
// for alerts. What is lost here is lost for the books.
#pragma once

#include "telemetry/metrics.h"

namespace sluice::telemetry {

struct StoreMetrics {
  explicit StoreMetrics(Registry& registry);

  GaugeFamily& queued_bytes;  // log: ledger, audit
  GaugeFamily& degraded;      // part: ledger, audit (disk), keys, fold (database); 0 or 1
  GaugeFamily& keys_age;
  CounterFamily& lost;  // log: ledger, audit
  GaugeFamily& rows_since;
};

}  // namespace sluice::telemetry
