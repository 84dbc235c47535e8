#include "serve/records.h"

#include <gtest/gtest.h>

namespace sluice::serve {
namespace {

struct StoreRecords : testing::Test {
  telemetry::Registry registry{1};
  telemetry::StoreMetrics metrics{registry};

  bool shows(std::string_view line) const {
    return ("\n" + registry.text()).find("\n" + std::string(line) + "\n") != std::string::npos;
  }
};

TEST_F(StoreRecords, Counts_each_record_that_was_not_taken_and_no_other) {
  EXPECT_TRUE(shows(R"(sluice_store_lost_records_total{log="ledger"} 0)")) << registry.text();
  record_append(metrics, "ledger", store::Appended::queued);
  record_append(metrics, "ledger", store::Appended::full);
  record_append(metrics, "ledger", store::Appended::failed);
  record_append(metrics, "audit", store::Appended::full);
  EXPECT_TRUE(shows(R"(sluice_store_lost_records_total{log="ledger"} 2)")) << registry.text();
  EXPECT_TRUE(shows(R"(sluice_store_lost_records_total{log="audit"} 1)")) << registry.text();
}

TEST_F(StoreRecords, Shows_the_state_of_each_part_and_takes_it_back) {
  store::LiveStore::Health health;
  health.ledger = {.degraded = true, .reason = "disk full", .queued_bytes = 4711};
  health.fold_problem = "database is locked";
  record_health(metrics, health);
  for (const char* line :
       {R"(sluice_store_queued_bytes{log="ledger"} 4711)", R"(sluice_store_queued_bytes{log="audit"} 0)",
        R"(sluice_store_degraded{part="ledger"} 1)", R"(sluice_store_degraded{part="audit"} 0)",
        R"(sluice_store_degraded{part="keys"} 0)", R"(sluice_store_degraded{part="fold"} 1)"})
    EXPECT_TRUE(shows(line)) << line << "\n" << registry.text();
  record_health(metrics, {});
  EXPECT_TRUE(shows(R"(sluice_store_degraded{part="ledger"} 0)")) << registry.text();
}

}  // namespace
}  // namespace sluice::serve
