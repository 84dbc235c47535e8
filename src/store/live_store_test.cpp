#include "store/live_store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "store/data_directory.h"
#include "store/ledger_entry.h"
#include "store/log_reader.h"
#include "store/sqlite.h"
#include "store/testing_backends.h"
#include "store/testing_directory.h"
#include "store/testing_ledger.h"
#include "store/testing_wait.h"

namespace sluice::store {
namespace {

class LiveStores : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(LiveStores);

using namespace std::chrono_literals;
constexpr std::int64_t now_us = 1'795'418'415'000'000;

std::unique_ptr<LiveStore> start(const std::string& directory) {
  auto live = LiveStore::start(home_of(directory), {.key_poll_ms = 1ms, .fold_ms = 1ms});
  if (!live) throw std::runtime_error(live.error().message);
  return *std::move(live);
}

LedgerEntry entry(const KeyId& key, std::int64_t pico) {
  LedgerEntry entry;
  entry.request_id = RequestId("req_1");
  entry.start_us = now_us;
  entry.key_id = key;
  entry.cost = Money::pico(pico);
  return entry;
}

std::string encoded(const KeyId& key, std::int64_t pico) { return encoded(entry(key, pico)); }

TEST_P(LiveStores, Is_the_only_one_on_its_directory) {
  TestingDirectory directory;
  const auto first = start(directory.path());
  const auto second = LiveStore::start(home_of(directory.path()), {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("in use by another sluice"), std::string::npos);
}

TEST_P(LiveStores, Sees_keys_that_another_process_makes_and_revokes) {
  TestingDirectory directory;
  const auto live = start(directory.path());
  auto cli = Store::open(home_of(directory.path()));
  ASSERT_TRUE(cli);
  const auto created = cli->create_key({.name = "laptop"}, now_us);
  ASSERT_TRUE(created);
  ASSERT_TRUE(wait_until([&] { return live->keys()->find(created->key.digest) != nullptr; }));
  EXPECT_EQ(live->keys()->find(created->key.digest)->id(), created->key.id);
  ASSERT_TRUE(cli->revoke_key("laptop", now_us));
  EXPECT_TRUE(wait_until([&] { return live->keys()->find(created->key.digest)->key().revoked_at_us.has_value(); }));
}

TEST_P(LiveStores, Shows_its_own_changes_after_a_reload) {
  TestingDirectory directory;
  auto live = LiveStore::start(home_of(directory.path()), {.key_poll_ms = 1h});
  ASSERT_TRUE(live);
  const auto created = (*live)->store().create_key({}, now_us);
  ASSERT_TRUE((*live)->reload_keys());
  EXPECT_NE((*live)->keys()->find(created->key.digest), nullptr);
}

TEST_P(LiveStores, Looks_for_new_keys_when_it_is_asked_and_not_only_at_its_rounds) {
  TestingDirectory directory;
  auto live = LiveStore::start(home_of(directory.path()), {.key_poll_ms = 1h, .key_look_gap_ms = 0ms});
  ASSERT_TRUE(live);
  auto cli = Store::open(home_of(directory.path()));
  for (int i = 0; i < 3; ++i) {
    const auto created = cli->create_key({}, now_us);
    const std::uint64_t look = (*live)->look_for_keys();
    ASSERT_TRUE(wait_until([&] { return (*live)->looked_for_keys(look); }));
    EXPECT_NE((*live)->keys()->find(created->key.digest), nullptr);
  }
}

TEST_P(LiveStores, Shares_one_look_among_all_who_ask_and_keeps_looks_apart) {
  TestingDirectory directory;
  auto live = LiveStore::start(home_of(directory.path()), {.key_poll_ms = 1h, .key_look_gap_ms = 1h});
  ASSERT_TRUE(live);
  const std::uint64_t first = (*live)->look_for_keys();
  ASSERT_TRUE(wait_until([&] { return (*live)->looked_for_keys(first); }));
  const std::uint64_t second = (*live)->look_for_keys();
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ((*live)->look_for_keys(), second);
  EXPECT_EQ(second, first + 1);
  EXPECT_FALSE((*live)->looked_for_keys(second));
}

TEST_P(LiveStores, Leaves_out_a_damaged_key_and_says_so_while_all_others_come_in) {
  TestingDirectory directory;
  CreatedKey damaged;
  CreatedKey sound;
  auto cli = Store::open(home_of(directory.path()));
  ASSERT_TRUE(cli);
  damaged = *cli->create_key({.name = "damaged"}, now_us);
  sound = *cli->create_key({.name = "sound"}, now_us);
  ASSERT_TRUE(
      database_of(directory.path())->execute("UPDATE keys SET data_class = 'restrictee' WHERE name = 'damaged'"));
  const auto live = start(directory.path());
  EXPECT_EQ(live->keys()->find(damaged.key.digest), nullptr);
  ASSERT_NE(live->keys()->find(sound.key.digest), nullptr);
  EXPECT_NE(live->health().keys_problem.find(damaged.key.id.str()), std::string::npos) << live->health().keys_problem;
  EXPECT_EQ(live->health().keys_problem.find(sound.key.id.str()), std::string::npos);

  const auto late = cli->create_key({.name = "late"}, now_us);
  EXPECT_TRUE(wait_until([&] { return live->keys()->find(late->key.digest) != nullptr; }));
  EXPECT_TRUE(live->health().degraded());
  ASSERT_TRUE(cli->revoke_key("damaged", now_us));
  EXPECT_TRUE(wait_until([&] { return !live->health().degraded(); })) << live->health().problem();
}

TEST_P(LiveStores, Keeps_a_keys_state_from_table_to_table) {
  TestingDirectory directory;
  const auto live = start(directory.path());
  const auto first = live->store().create_key({}, now_us);
  ASSERT_TRUE(live->reload_keys());
  const auto before = live->keys();
  before->find(first->key.digest)->state().in_flight = 42;
  ASSERT_TRUE(live->store().create_key({}, now_us));
  ASSERT_TRUE(live->reload_keys());
  ASSERT_EQ(live->keys()->size(), 2u);
  EXPECT_EQ(&live->keys()->find(first->key.digest)->state(), &before->find(first->key.digest)->state());
}

TEST_P(LiveStores, Starts_with_what_a_key_had_spent_before_also_when_nobody_folded) {
  TestingDirectory directory;
  CreatedKey created;
  {
    auto cli = Store::open(home_of(directory.path()));
    created = *cli->create_key({.budget = Money::pico(5'000)}, now_us);
    write_ledger(directory.path(), {entry(created.key.id, 1'000), entry(created.key.id, 234)});
  }
  const auto live = start(directory.path());
  const auto lines = live->keys()->find(created.key.digest)->lines();
  ASSERT_EQ(lines.size(), 1u);
  const Account::Standing standing = lines[0]->state->account.standing(now_us);
  EXPECT_EQ(standing.spent, Money::pico(1'234));
  EXPECT_EQ(standing.held, Money());
}

TEST_P(LiveStores, Folds_in_the_background) {
  TestingDirectory directory;
  const auto live = start(directory.path());
  ASSERT_EQ(live->ledger().append(encoded(KeyId("key_a"), 5)), Appended::queued);
  auto cli = Store::open(home_of(directory.path()));
  EXPECT_TRUE(wait_until([&] { return cli->usage({})->total.cost_pico == 5; }));
  EXPECT_FALSE(live->health().degraded());
}

TEST_P(LiveStores, Counts_corrections_that_are_written_beside_it_at_once_and_each_once) {
  TestingDirectory directory;
  auto cli = Store::open(home_of(directory.path()));
  ASSERT_TRUE(cli);
  ASSERT_TRUE(cli->create_subject(SubjectKind::team, "red", "", now_us));
  const auto created = cli->create_key({.name = "laptop", .budget = Money::pico(1'000), .team = "red"}, now_us);
  ASSERT_TRUE(created) << created.error().message;
  ASSERT_TRUE(cli->set_limit({.scope = LimitScope::team, .subject = "red", .amount = 1'000}, now_us));
  const KeyId id = created->key.id;
  auto live = start(directory.path());
  ASSERT_EQ(live->ledger().append(encoded(id, 5)), Appended::queued);
  ASSERT_TRUE(live->stop(patience));
  live.reset();
  live = start(directory.path());
  const auto spent = [&] {
    std::vector<std::int64_t> all;
    const auto table = live->keys();
    for (const auto& line : table->find(created->key.digest)->lines())
      if (line->rule.unit == LimitUnit::money) all.push_back(line->state->account.standing(now_us).spent.pico());
    return all;
  };
  const auto look = [&] {
    const std::uint64_t number = live->look_for_keys();
    ASSERT_TRUE(wait_until([&] { return live->looked_for_keys(number); }));
  };
  const auto correct = [&](std::int64_t pico) {
    LedgerEntry one = entry(id, pico);
    one.correction = Correction::difference;
    one.final = false;
    ASSERT_TRUE(cli->correct({one}));
  };
  using Sums = std::vector<std::int64_t>;
  EXPECT_EQ(spent(), (Sums{5, 5}));
  correct(7);
  EXPECT_TRUE(wait_until([&] { return spent() == Sums{12, 12}; }));
  // A limit that is new finds the correction in the sums, and not once more.
  ASSERT_TRUE(cli->set_limit({.scope = LimitScope::everybody, .amount = 1'000}, now_us));
  EXPECT_TRUE(wait_until([&] { return spent() == Sums{12, 12, 12}; }));
  correct(-2);
  EXPECT_TRUE(wait_until([&] { return spent() == Sums{10, 10, 10}; }));
  look();
  look();
  EXPECT_EQ(spent(), (Sums{10, 10, 10}));
  // Nor does a start count anything twice.
  ASSERT_TRUE(live->stop(patience));
  live.reset();
  live = start(directory.path());
  look();
  EXPECT_EQ(spent(), (Sums{10, 10, 10}));
}

TEST_P(LiveStores, Says_what_is_wrong_when_the_database_fails_and_goes_on_serving) {
  TestingDirectory directory;
  const auto live = start(directory.path());
  const auto created = live->store().create_key({}, now_us);
  ASSERT_TRUE(live->reload_keys());
  auto intruder = database_of(directory.path());
  ASSERT_TRUE(intruder->execute("ALTER TABLE ledger_hours RENAME TO away"));
  ASSERT_EQ(live->ledger().append(encoded(KeyId("key_a"), 5)), Appended::queued);
  ASSERT_TRUE(wait_until([&] { return live->health().degraded(); }));
  EXPECT_NE(live->health().problem().find(intruder->name()), std::string::npos);
  EXPECT_FALSE(live->refuses_new_work());
  EXPECT_NE(live->keys()->find(created->key.digest), nullptr);
  ASSERT_TRUE(intruder->execute("ALTER TABLE away RENAME TO ledger_hours"));
  EXPECT_TRUE(wait_until([&] { return !live->health().degraded(); }));
  EXPECT_TRUE(wait_until([&] { return live->store().usage({})->total.cost_pico == 5; }));
}

TEST_P(LiveStores, Brings_administrative_acts_to_the_audit_log) {
  TestingDirectory directory;
  const auto live = start(directory.path());
  ASSERT_TRUE(live->store().create_key({.name = "laptop"}, now_us));
  ASSERT_TRUE(wait_until([&] { return live->audit().durable_records() == 1; }));
  auto reader = LogReader::open(audit_path(directory.path()), 0);
  EXPECT_NE((**reader->next()).find("\"act\":\"key_created\""), std::string_view::npos);
}

TEST_P(LiveStores, Brings_an_act_to_the_audit_log_once_however_long_the_disk_takes_nothing) {
  TestingDirectory directory;
  auto live = LiveStore::start(
      home_of(directory.path()),
      {.audit = {.segment_bytes = 1, .retry_ms = 1ms}, .key_poll_ms = 1ms, .fold_ms = 1ms, .act_flush_ms = 1ms});
  ASSERT_TRUE(live);
  const std::string audit = audit_path(directory.path());
  ASSERT_EQ((*live)->audit().append("{}"), Appended::queued);  // from here on each group needs a new file
  ASSERT_TRUE((*live)->audit().flush(patience));
  std::filesystem::rename(audit, audit + ".away");
  const auto created = (*live)->store().create_key({.name = "laptop"}, now_us);
  ASSERT_TRUE(created) << "a key does not wait for the audit log";
  EXPECT_TRUE(wait_until([&] { return (*live)->keys()->find(created->key.digest) != nullptr; }));
  ASSERT_TRUE(wait_until([&] { return (*live)->health().audit.degraded; }));
  std::this_thread::sleep_for(100ms);  // many rounds of the folder
  std::filesystem::rename(audit + ".away", audit);
  ASSERT_TRUE((*live)->stop(patience));

  std::size_t acts = 0;
  auto reader = LogReader::open(audit, 0);
  for (auto record = reader->next(); record && *record; record = reader->next())
    if ((**record).find("key_created") != std::string_view::npos) ++acts;
  EXPECT_EQ(acts, 1u);
}

TEST_P(LiveStores, Has_everything_on_disk_and_folded_when_it_stops) {
  TestingDirectory directory;
  {
    auto live = LiveStore::start(home_of(directory.path()),
                                 {.ledger = {.group_ms = 1h}, .audit = {.group_ms = 1h}, .fold_ms = 1h});
    ASSERT_TRUE(live);
    ASSERT_EQ((*live)->ledger().append(encoded(KeyId("key_a"), 5)), Appended::queued);
    ASSERT_EQ((*live)->audit().append("{}"), Appended::queued);
    EXPECT_TRUE((*live)->stop(patience));
    EXPECT_EQ((*live)->ledger().append("late"), Appended::failed);
  }
  EXPECT_EQ(Store::open(home_of(directory.path()))->usage({})->total.cost_pico, 5);
  EXPECT_TRUE(LiveStore::start(home_of(directory.path()), {}));
}

// A power cut can take log records that the database has already: the log's writer had not synced them yet.
TEST_P(LiveStores, Never_takes_a_new_record_for_one_that_has_been_folded) {
  TestingDirectory directory;
  {
    const auto live = start(directory.path());
    for (int i = 0; i < 10; ++i) live->ledger().append(encoded(KeyId("key_a"), 1));
    live->stop(patience);
  }
  std::filesystem::resize_file(segment_path(ledger_path(directory.path()), 0), segment_header_bytes);
  {
    const auto live = start(directory.path());
    live->ledger().append(encoded(KeyId("key_a"), 100));
    live->stop(patience);
  }
  EXPECT_EQ(Store::open(home_of(directory.path()))->usage({})->total.cost_pico, 110);
}

}  // namespace
}  // namespace sluice::store
