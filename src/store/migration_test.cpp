// What an earlier program wrote is told by this one as it was.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
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
#include "store/usage_query.h"

namespace sluice::store {
namespace {

class Migration : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(Migration);

constexpr std::int64_t now_us = 1'795'418'415'000'000;

// As the versions before the ledger's words.
std::unique_ptr<Database> wordless_database(const std::string& directory) {
  if (on_postgres()) {
    auto database = *PostgresDatabase::open(*home_of(directory).postgres);
    EXPECT_TRUE(prepare_old_database(*database, 1));
    return database;
  }
  auto database = *SqliteDatabase::open(database_path(directory));
  EXPECT_TRUE(prepare_old_database(*database, 7));
  return database;
}

void insert_as_before(Database& database, std::int64_t row, const LedgerEntry& entry) {
  auto insert = database.prepare(
      std::string("INSERT INTO ledger (row, request_id, start_us, end_us, key_id, dialect, requested_model, provider, "
                  "model, ground, stream, status, outcome, attempt, final, input, cache_read, cache_write_5m, "
                  "cache_write_1h, output, reasoning, reported, cost_pico, price_source, ttft_us, total_us, "
                  "config_hash, input_audio, input_image, input_video, cache_read_audio, output_audio, output_image, "
                  "searches, service_tier, doubts, raw_usage, correction, tags) ") +
      (on_postgres() ? "OVERRIDING SYSTEM VALUE " : "") +
      "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  ASSERT_TRUE(insert);
  const chat::Usage& usage = entry.usage;
  insert->bind(row).bind(entry.request_id.str()).bind(entry.start_us).bind(entry.end_us).bind(entry.key_id.str());
  insert->bind(chat::name(entry.client_dialect)).bind(entry.requested_model).bind(entry.provider.str());
  insert->bind(entry.model.str()).bind(catalog::name(entry.ground)).bind(std::int64_t{entry.stream});
  insert->bind(std::int64_t{entry.status}).bind(name(entry.outcome)).bind(std::int64_t{entry.attempt});
  insert->bind(std::int64_t{entry.final}).bind(usage.input).bind(usage.cache_read).bind(usage.cache_write_5m);
  insert->bind(usage.cache_write_1h).bind(usage.output).bind(usage.reasoning).bind(std::int64_t{usage.reported});
  insert->bind(entry.cost ? std::optional(entry.cost->pico()) : std::nullopt).bind(entry.price_source);
  insert->bind(entry.ttft_us).bind(entry.total_us).bind_blob(entry.config_hash);
  for (const Tokens count : {usage.input_audio, usage.input_image, usage.input_video, usage.cache_read_audio,
                             usage.output_audio, usage.output_image, usage.searches})
    insert->bind(count);
  insert->bind(std::int64_t{static_cast<std::uint8_t>(usage.service_tier)}).bind(std::int64_t{usage.doubts});
  insert->bind(usage.raw.text()).bind(std::int64_t{static_cast<std::uint8_t>(entry.correction)}).bind(entry.tags);
  ASSERT_TRUE(insert->run());
}

std::vector<LedgerEntry> entries() {
  LedgerEntry plain;
  plain.request_id = RequestId("req_01JD8ZK3V5T8M4Q2X7Y9W6B1CD");
  plain.start_us = now_us;
  plain.end_us = now_us + 1'500'000;
  plain.key_id = KeyId("key_a1B2c3D4e5F6");
  plain.requested_model = "fast";
  plain.provider = ProviderId("groq");
  plain.model = ModelName("llama-4-scout");
  plain.status = 200;
  plain.usage = {.input = 900, .output = 200, .reported = true};
  plain.cost = Money::pico(3'000);
  plain.price_source = "https://groq.com/pricing";
  plain.total_us = 1'500'000;
  plain.config_hash = {1, 2, 3, 4, 5, 6, 7, 255};
  LedgerEntry rich = plain;
  rich.client_dialect = chat::DialectId::anthropic_messages;
  rich.ground = catalog::Ground::proprietary;
  rich.outcome = Outcome::client_gone;
  rich.usage = {.input = 1, .cache_read = 2, .cache_write_5m = 3, .cache_write_1h = 4, .output = 5, .reasoning = 6};
  rich.usage.input_audio = 7;
  rich.usage.searches = 8;
  rich.usage.service_tier = chat::ServiceTier::priority;
  rich.usage.add(chat::Doubt::negative);
  rich.usage.raw.keep("{\"input\":-1}");
  rich.cost = std::nullopt;
  rich.price_source.clear();
  rich.ttft_us = 0;
  rich.tags = "batch,project=x";
  rich.stream = true;
  rich.final = false;
  LedgerEntry correction = plain;
  correction.correction = Correction::difference;
  correction.cost = Money::pico(-7);
  correction.final = false;
  correction.usage = {};
  return {plain, rich, correction};
}

TEST_P(Migration, Keeps_every_row_of_the_ledger_as_it_was) {
  const TestingDirectory directory;
  {
    const auto database = wordless_database(directory.path());
    std::int64_t row = 4;  // retention has dropped those before
    for (const LedgerEntry& entry : entries()) insert_as_before(*database, ++row, entry);
  }
  auto store = Store::open(home_of(directory.path()));
  ASSERT_TRUE(store) << store.error().message;
  const auto read = store->last_entries(10);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*read)[i].row, static_cast<std::int64_t>(5 + i));
    EXPECT_EQ((*read)[i].entry, entries()[i]) << i;
  }
  // The next one comes behind them, with words that are known and one that is not.
  LedgerEntry next = entries().front();
  next.model = ModelName("new");
  write_ledger(directory.path(), {next});
  ASSERT_TRUE(store->fold());
  const auto last = store->last_entries(1);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->front().row, 8);
  EXPECT_EQ(last->front().entry, next);
}

}  // namespace
}  // namespace sluice::store
