// What is PostgreSQL's alone; all else is tested on both (testing_backends.h).
#include "store/postgres.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "store/append_log.h"
#include "store/ledger_entry.h"
#include "store/live_store.h"
#include "store/store.h"
#include "store/testing_backends.h"
#include "store/testing_wait.h"

namespace sluice::store {
namespace {

using namespace std::chrono_literals;

Home shared(const TestingDirectory& directory, const std::string& schema) {
  return {directory.path(), TestingPostgres::running().place(schema)};
}

Store open(const Home& home) {
  auto store = Store::open(home);
  if (!store) throw std::runtime_error(store.error().message);
  return *std::move(store);
}

std::unique_ptr<Database> raw(const std::string& schema) {
  return *PostgresDatabase::open(TestingPostgres::running().place(schema));
}

void write(const TestingDirectory& directory, const LedgerEntry& entry) {
  const auto log = AppendLog::open(ledger_path(directory.path()), {});
  std::string bytes;
  encode(entry, bytes);
  ASSERT_EQ((*log)->append(bytes), Appended::queued);
  ASSERT_TRUE((*log)->flush(20s));
}

std::set<std::string> columns(const Database& database, const char* sql) {
  std::set<std::string> found;
  auto select = database.prepare(sql);
  while (select->step().value()) found.insert(select->text(0));
  return found;
}

TEST(Postgres, Has_the_same_tables_and_columns_as_the_file) {
  TestingDirectory directory;
  const Store file = open(directory.path());
  const Store store = open(shared(directory, "same_tables"));
  const auto sqlite = SqliteDatabase::open(database_path(directory.path()));
  EXPECT_EQ(columns(*raw("same_tables"),
                    "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = "
                    "'same_tables'"),
            columns(**sqlite,
                    "SELECT m.name || '.' || c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type "
                    "IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%'"));
}

TEST(Postgres, Is_refused_when_it_is_newer_than_the_program) {
  TestingDirectory directory;
  {
    const Store store = open(shared(directory, "newer"));
  }
  ASSERT_TRUE(raw("newer")->execute("UPDATE state SET value = 99 WHERE name = 'schema_version'"));
  const auto store = Store::open(shared(directory, "newer"));
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message.find("newer sluice (version 99"), std::string::npos) << store.error().message;
}

// The server answers COMMIT of a transaction in which something failed with ROLLBACK, and calls that a success.
TEST(Postgres, Never_takes_a_commit_that_rolled_back_for_one_that_kept_what_was_written) {
  const auto database = raw("commits");
  ASSERT_TRUE(database->execute("CREATE SCHEMA commits"));
  ASSERT_TRUE(database->execute("CREATE TABLE commits.things (n BIGINT PRIMARY KEY)"));
  {
    auto transaction = Transaction::begin(*database);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(database->execute("INSERT INTO commits.things VALUES (1)"));
    EXPECT_FALSE(database->execute("INSERT INTO commits.things VALUES (1)"));
    const auto kept = transaction->commit();
    ASSERT_FALSE(kept);
    EXPECT_NE(kept.error().message.find("did not keep"), std::string::npos) << kept.error().message;
  }
  EXPECT_EQ(database->integer("SELECT count(*) FROM commits.things"), 0);
  auto transaction = Transaction::begin(*database);
  ASSERT_TRUE(transaction) << "the connection goes on";
  ASSERT_TRUE(database->execute("INSERT INTO commits.things VALUES (1)"));
  EXPECT_TRUE(transaction->commit());
  EXPECT_EQ(database->integer("SELECT count(*) FROM commits.things"), 1);
}

TEST(Postgres, Is_refused_when_the_schema_is_another_programs) {
  TestingDirectory directory;
  ASSERT_TRUE(raw("others")->execute("CREATE SCHEMA others"));
  ASSERT_TRUE(raw("others")->execute("CREATE TABLE state (name TEXT, value BIGINT)"));
  const auto store = Store::open(shared(directory, "others"));
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().hint.find("store.schema"), std::string::npos) << store.error().message;
}

TEST(Postgres, That_cannot_be_reached_is_named_without_its_password) {
  const auto database =
      PostgresDatabase::open({.url = Secret("postgresql://sluice:hush-hush@/books?host=/nowhere/at/all")});
  ASSERT_FALSE(database);
  const std::string said = database.error().message + database.error().hint;
  EXPECT_NE(said.find("postgresql:///nowhere/at/all/books"), std::string::npos) << said;
  EXPECT_EQ(said.find("hush"), std::string::npos) << said;
  const auto nonsense = PostgresDatabase::open({.url = Secret("postgresql://sluice:hush-hush@host:port:port/x")});
  ASSERT_FALSE(nonsense);
  EXPECT_EQ((nonsense.error().message + nonsense.error().hint).find("hush"), std::string::npos);
}

TEST(Postgres, Takes_rows_with_bytes_that_it_has_no_text_for_and_those_behind_them) {
  TestingDirectory directory;
  Store store = open(shared(directory, "odd_bytes"));
  LedgerEntry odd;
  odd.request_id = RequestId("req_odd");
  odd.key_id = KeyId("key_a");
  odd.requested_model = std::string("a\0b\xff", 4);
  odd.cost = Money::pico(3);
  write(directory, odd);
  write(directory, odd);
  EXPECT_EQ(store.fold()->entries, 2U);
  const auto rows = store.last_entries(10);
  ASSERT_TRUE(rows && rows->size() == 2);
  EXPECT_EQ(rows->front().entry.requested_model,
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
}

TEST(Postgres, Has_the_rows_of_each_directory_once_and_sums_of_all) {
  TestingDirectory one;
  TestingDirectory other;
  Store first = open(shared(one, "two_logs"));
  Store second = open(shared(other, "two_logs"));
  LedgerEntry entry;
  entry.request_id = RequestId("req_1");
  entry.key_id = KeyId("key_a");
  entry.final = true;
  entry.cost = Money::pico(3);
  write(one, entry);
  entry.cost = Money::pico(40);
  write(other, entry);
  EXPECT_EQ(first.fold()->entries, 1U);
  EXPECT_EQ(second.fold()->entries, 1U);
  EXPECT_EQ(first.fold()->entries, 0U);
  EXPECT_EQ(open(shared(other, "two_logs")).fold()->entries, 0U) << "the directory keeps its name";
  EXPECT_EQ(first.usage({})->total.cost_pico, 43);
  EXPECT_EQ(second.usage({})->total.requests, 2);
  EXPECT_TRUE(first.check()->sound);
}

TEST(Postgres, Tells_a_queued_statements_error_at_the_latest_with_the_commit) {
  TestingDirectory directory;
  const Store store = open(shared(directory, "queued"));
  const auto database = raw("queued");
  {
    auto transaction = Transaction::begin(*database);
    ASSERT_TRUE(transaction);
    auto insert = database->prepare("INSERT INTO subjects (id, kind, name, org_id, created_at_us) VALUES (?,?,?,?,?)");
    for (int i = 0; i < 2; ++i)
      ASSERT_TRUE(insert->bind("same").bind("team").bind("red").bind("").bind(std::int64_t{1}).queue());
    EXPECT_FALSE(transaction->commit());
  }
  EXPECT_EQ(database->integer("SELECT count(*) FROM subjects"), 0);
}

TEST(Postgres, Tells_servers_of_a_revoked_key_without_their_asking) {
  TestingDirectory directory;
  TestingDirectory other;
  const auto live = LiveStore::start(shared(directory, "notices"), {.key_poll_ms = 1h, .key_look_gap_ms = 0ms});
  ASSERT_TRUE(live) << live.error().message;
  Store cli = open(shared(other, "notices"));
  const auto created = cli.create_key({.name = "laptop"}, 1);
  ASSERT_TRUE(created);
  ASSERT_TRUE(wait_until([&] { return (*live)->keys()->find(created->key.digest) != nullptr; }));
  ASSERT_TRUE(cli.revoke_key("laptop", 2));
  EXPECT_TRUE(wait_until([&] { return (*live)->keys()->find(created->key.digest)->key().revoked_at_us.has_value(); }));
}

TEST(Postgres, That_stops_leaves_keys_until_they_are_stale_and_is_found_again_with_every_row) {
  TestingPostgres server;
  TestingDirectory directory;
  const auto live = LiveStore::start({directory.path(), server.place("away")},
                                     {.key_poll_ms = 1ms, .stale_limit = 1s, .fold_ms = 1ms});
  ASSERT_TRUE(live) << live.error().message;
  const auto created = (*live)->store().create_key({.name = "laptop"}, 1);
  ASSERT_TRUE(wait_until([&] { return (*live)->keys()->find(created->key.digest) != nullptr; }));
  EXPECT_FALSE((*live)->keys_are_stale());
  server.stop();
  LedgerEntry entry;
  entry.key_id = created->key.id;
  entry.cost = Money::pico(7);
  std::string bytes;
  encode(entry, bytes);
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*live)->ledger().append(bytes), Appended::queued);
  ASSERT_TRUE(wait_until([&] { return !(*live)->health().keys_problem.empty(); }));
  EXPECT_NE((*live)->health().problem().find("postgresql://"), std::string::npos) << (*live)->health().problem();
  EXPECT_FALSE((*live)->refuses_new_work());
  EXPECT_NE((*live)->keys()->find(created->key.digest), nullptr);
  ASSERT_TRUE(wait_until([&] { return (*live)->keys_are_stale(); }));
  server.start();
  EXPECT_TRUE(wait_until([&] { return !(*live)->keys_are_stale() && !(*live)->health().degraded(); }));
  EXPECT_TRUE(wait_until([&] {
    const auto usage = (*live)->store().usage({});
    return usage && usage->total.cost_pico == 21;
  }));
}

}  // namespace
}  // namespace sluice::store
