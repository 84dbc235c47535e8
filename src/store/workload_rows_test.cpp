// The workload that has placed a request, from the log's record to sums by it: on both backends, and out of databases
// of programs that knew none.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "store/data_directory.h"
#include "store/ledger_entry.h"
#include "store/postgres_schema.h"
#include "store/schema.h"
#include "store/store.h"
#include "store/testing_backends.h"
#include "store/testing_directory.h"
#include "store/testing_ledger.h"

namespace sluice::store {
namespace {

class WorkloadRows : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(WorkloadRows);

constexpr std::int64_t now_us = 1'795'418'415'000'000;  // 2026-11-23 07:20:15 UTC
constexpr std::int64_t hour_us = 3'600'000'000;

LedgerEntry entry(const std::string& workload, std::int64_t pico, std::int64_t start_us = now_us) {
  LedgerEntry one;
  one.request_id = RequestId("req_01JD8ZK3V5T8M4Q2X7Y9W6B1CD");
  one.start_us = start_us;
  one.end_us = start_us + 1'000;
  one.key_id = KeyId("key_a");
  one.requested_model = "auto";
  one.provider = ProviderId("acme");
  one.model = ModelName("big");
  one.status = 200;
  one.usage = {.input = 10, .output = 50, .reported = true};
  one.cost = Money::pico(pico);
  one.workload = workload;
  return one;
}

Store open(const std::string& directory) {
  auto store = Store::open(home_of(directory));
  if (!store) throw std::runtime_error(store.error().message);
  return *std::move(store);
}

TEST(WorkloadRecord, Comes_behind_everything_else_and_takes_its_name_and_a_byte) {
  for (const char* tags : {"", "batch,project=x"}) {
    LedgerEntry with = entry("letters", 1);
    with.tags = tags;
    LedgerEntry without = with;
    without.workload.clear();
    EXPECT_EQ(decode_ledger_entry(encoded(with)), with);
    EXPECT_EQ(encoded(with).size(), encoded(without).size() + 1 + std::string("letters").size());
    // A program that knows no workloads reads up to it.
    EXPECT_EQ(encoded(with).substr(2, encoded(without).size() - 2), encoded(without).substr(2));
    const std::string bytes = encoded(with);
    EXPECT_FALSE(decode_ledger_entry(std::string_view(bytes).substr(0, bytes.size() - 1)));
  }
}

TEST_P(WorkloadRows, Are_told_as_they_were_and_summed_by_their_workload) {
  const TestingDirectory directory;
  Store store = open(directory.path());
  // Of whole days, of hours beside them, and of moments beside those.
  write_ledger(directory.path(),
               {entry("letters", 1, now_us - 60 * hour_us), entry("letters", 10, now_us - 12 * hour_us),
                entry("code", 100, now_us - 12 * hour_us), entry("", 1'000, now_us), entry("code", 10'000, now_us)});
  ASSERT_TRUE(store.fold());
  const auto rows = store.last_entries(10);
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 5u);
  EXPECT_EQ((*rows)[0].entry, entry("letters", 1, now_us - 60 * hour_us));
  EXPECT_EQ((*rows)[3].entry, entry("", 1'000, now_us));

  const auto by_workload = store.usage({.by = GroupBy::workload, .until_us = now_us + 2'000});
  ASSERT_TRUE(by_workload) << by_workload.error().message;
  ASSERT_EQ(by_workload->rows.size(), 3u);
  EXPECT_EQ(by_workload->rows[0].group, "code");
  EXPECT_EQ(by_workload->rows[0].cost_pico, 10'100);
  EXPECT_EQ(by_workload->rows[1].group, "(none)");
  EXPECT_EQ(by_workload->rows[1].cost_pico, 1'000);
  EXPECT_EQ(by_workload->rows[2].group, "letters");
  EXPECT_EQ(by_workload->rows[2].cost_pico, 11);
  EXPECT_EQ(by_workload->total.cost_pico, 11'111);
  EXPECT_EQ(group_by_from_name("workload"), GroupBy::workload);

  EXPECT_EQ(store.usage({.workload = "letters"})->total.cost_pico, 11);
  EXPECT_EQ(store.usage({.until_us = now_us + 2'000, .workload = "code"})->total.cost_pico, 10'100);
  EXPECT_EQ(store.usage({.by = GroupBy::model})->rows.size(), 1u);
  EXPECT_EQ(store.usage({})->total.cost_pico, 11'111);

  const auto of_code = store.entries_in({.workload = "code"}, 10);
  ASSERT_EQ(of_code->size(), 2u);
  EXPECT_EQ(of_code->front().row, 3);
  const auto newest = store.entries_in({.before_row = 6, .workload = "letters"}, 1);
  ASSERT_EQ(newest->size(), 1u);
  EXPECT_EQ(newest->front().row, 2);

  std::vector<std::string> costs;
  ASSERT_TRUE(store.each_cost({.from_us = 0, .to_us = now_us + hour_us, .provider = {}, .model = {}},
                              [&](const LedgerEntry& one) -> Result<void> {
                                costs.push_back(one.workload);
                                return {};
                              }));
  EXPECT_EQ(costs, (std::vector<std::string>{"letters", "letters", "code", "", "code"}));
}

// As the version before the workload.
std::unique_ptr<Database> database_before(const std::string& directory) {
  if (on_postgres()) {
    auto database = *PostgresDatabase::open(*home_of(directory).postgres);
    EXPECT_TRUE(prepare_old_database(*database, 8));
    return database;
  }
  auto database = *SqliteDatabase::open(database_path(directory));
  EXPECT_TRUE(prepare_old_database(*database, 14));
  return database;
}

TEST_P(WorkloadRows, Of_a_program_that_knew_none_keep_their_sums) {
  const TestingDirectory directory;
  {
    const auto database = database_before(directory.path());
    for (const char* sql :
         {"INSERT INTO usage_hourly VALUES (498727, 'key_a', 'acme', 'big', 'proprietary', 'batch', 3, 1, 2, 30, 4, 5, "
          "60, 1, 0, 7, 8, 0, 0, 0)",
          "INSERT INTO usage_daily VALUES (20780, 'key_a', 'acme', 'big', 'proprietary', 'batch', 3, 1, 2, 30, 4, 5, "
          "60, 1, 0, 7, 8, 0, 0, 0)"})
      ASSERT_TRUE(database->execute(sql));
  }
  Store store = open(directory.path());
  write_ledger(directory.path(), {entry("letters", 5)});
  ASSERT_TRUE(store.fold());
  const auto report = store.usage({.by = GroupBy::workload});
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->rows.size(), 2u);
  EXPECT_EQ(report->rows[0].group, "(none)");
  EXPECT_EQ(report->rows[0].requests, 3);
  EXPECT_EQ(report->rows[0].cost_usd(), "7.000000000008");
  EXPECT_EQ(report->rows[1].group, "letters");
  EXPECT_EQ(store.usage({.tag = "batch"})->total.output, 60);
  // By the hour, too.
  EXPECT_EQ(store.usage({.since_us = 498'727 * hour_us, .until_us = 498'728 * hour_us})->total.requests, 4);
}

}  // namespace
}  // namespace sluice::store
