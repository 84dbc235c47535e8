// A start on a directory with a long past. SLUICE_RESTART_ROWS=1000000 makes the past of the figure in
// docs/guides/operate.md; how long a start takes is printed, and nothing is asked of the machine.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "store/data_directory.h"
#include "store/ledger_entry.h"
#include "store/live_store.h"
#include "store/testing_backends.h"
#include "store/testing_directory.h"

namespace sluice::store {
namespace {

class Restart : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(Restart);

using namespace std::chrono_literals;

std::unique_ptr<LiveStore> start(const std::string& directory, LiveStore::Options options = {}) {
  auto live = LiveStore::start(home_of(directory), options);
  if (!live) throw std::runtime_error(live.error().message);
  return *std::move(live);
}

TEST_P(Restart, Knows_all_that_was_spent_and_folds_only_what_is_new) {
  const char* wanted = std::getenv("SLUICE_RESTART_ROWS");
  const std::int64_t rows = wanted ? std::atoll(wanted) : 5'000;
  // What a killed server has not folded: more than it folds every second.
  constexpr std::int64_t unfolded = 1'000;
  TestingDirectory directory;
  KeyId id;
  crypto::Sha256 digest = {};
  const auto append = [&](LiveStore& live, std::int64_t count) {
    LedgerEntry entry;
    entry.key_id = id;
    entry.requested_model = "fast";
    entry.provider = ProviderId("groq");
    entry.model = ModelName("llama-4-scout");
    entry.price_source = "https://groq.com/pricing";
    entry.cost = Money::pico(1'000);
    entry.final = true;
    std::string bytes;
    for (std::int64_t i = 0; i < count; ++i) {
      entry.request_id = RequestId("req_01JE0000000000000000" + std::to_string(100'000'000 + i));
      entry.start_us = 1'795'418'415'000'000 + i;
      bytes.clear();
      encode(entry, bytes);
      while (live.ledger().append(bytes) != Appended::queued) std::this_thread::sleep_for(1ms);
    }
    ASSERT_TRUE(live.ledger().flush(60s));
  };
  {
    const auto live = start(directory.path());
    const auto created = live->store().create_key({.name = "loaded"}, 1);
    ASSERT_TRUE(created);
    id = created->key.id;
    digest = created->key.digest;
    append(*live, rows);
    ASSERT_TRUE(live->stop(600s));
  }
  {
    const auto live = start(directory.path(), {.fold_ms = 1h});
    append(*live, unfolded);
    // As a kill leaves it: the log has rows that the database has not.
    live->ledger().close();
    std::filesystem::copy(directory.path(), directory.path() + ".killed", std::filesystem::copy_options::recursive);
  }
  // docs/guides/operate.md says what rows take. Of PostgreSQL the rows alone: its indices begin with whole pages.
  const auto database = database_of(directory.path());
  const auto bytes =
      database->integer(on_postgres() ? "SELECT pg_relation_size('ledger_rows')"
                                      : "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
  ASSERT_TRUE(bytes) << bytes.error().message;
  std::cout << *bytes / rows << " bytes a row\n";
  EXPECT_LE(*bytes / rows, on_postgres() ? 180 : 200);
  const auto began = std::chrono::steady_clock::now();
  const auto live = start(directory.path() + ".killed");
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  std::cout << rows + unfolded << " rows: started in " << took.count() << " ms\n";
  const Principal* principal = live->keys()->find(digest);
  ASSERT_TRUE(principal);
  const auto keys = live->store().list_keys();
  ASSERT_TRUE(keys && keys->size() == 1);
  EXPECT_EQ(keys->front().spent, Money::pico(1'000 * (rows + unfolded)));
  EXPECT_EQ(keys->front().requests, rows + unfolded);
  std::filesystem::remove_all(directory.path() + ".killed");
}

}  // namespace
}  // namespace sluice::store
