#include "store/store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stdexcept>

#include "store/admin_acts.h"
#include "store/data_directory.h"
#include "store/keys.h"
#include "store/sqlite.h"
#include "store/testing_backends.h"
#include "store/testing_directory.h"
#include "store/testing_ledger.h"

namespace sluice::store {
namespace {

class Corrections : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(Corrections);
class Stores : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(Stores);
class Keys : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(Keys);
class Fold : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(Fold);
class Usage : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(Usage);
class CostRows : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(CostRows);
class Logs : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(Logs);
class Check : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(Check);

constexpr std::int64_t now_us = 1'795'418'415'000'000;  // 2026-11-23 07:20:15 UTC
constexpr std::int64_t day_us = 86'400'000'000;

Store open(const std::string& directory) {
  auto store = Store::open(home_of(directory));
  if (!store) throw std::runtime_error(store.error().message);
  return *std::move(store);
}

LedgerEntry entry(const std::string& key, std::int64_t pico, std::int64_t start_us = now_us) {
  LedgerEntry one;
  one.request_id = RequestId("req_1");
  one.start_us = start_us;
  one.end_us = start_us + 1'000;
  one.key_id = KeyId(key);
  one.requested_model = "auto";
  one.provider = ProviderId("acme");
  one.model = ModelName("big");
  one.ground = catalog::Ground::proprietary;
  one.status = 200;
  one.usage = {.input = 10,
               .cache_read = 20,
               .cache_write_5m = 30,
               .cache_write_1h = 40,
               .output = 50,
               .reasoning = 60,
               .reported = true};
  one.cost = Money::pico(pico);
  one.price_source = "test";
  return one;
}

// --- corrections

LedgerEntry correction(const LedgerEntry& of, std::int64_t pico, Correction kind) {
  LedgerEntry mended = of;
  mended.correction = kind;
  mended.cost = Money::pico(pico);
  mended.usage = {.reported = true};
  mended.final = false;
  mended.end_us = now_us + day_us;
  return mended;
}

TEST_P(Corrections, Mend_sums_exactly_and_change_neither_rows_nor_requests) {
  TestingDirectory directory;
  Store store = open(directory.path());
  LedgerEntry unpriced = entry("key_a", 0);
  unpriced.request_id = RequestId("req_2");
  unpriced.cost.reset();
  const LedgerEntry priced = entry("key_a", 1'000);
  write_ledger(directory.path(), {priced, unpriced});
  ASSERT_TRUE(store.fold());
  const auto rows = store.priced_rows(0, now_us + 1, 0, 100);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->at(1).cost, std::nullopt);

  EXPECT_EQ(store.correct({correction(priced, -300, Correction::difference),
                           correction(unpriced, 2'000'000'000'007, Correction::first_price)}),
            2U);
  const auto report = store.usage({.by = GroupBy::day});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->total.requests, 2);
  EXPECT_EQ(report->total.extra_attempts, 0);
  EXPECT_EQ(report->total.input, 20);
  EXPECT_EQ(report->total.unpriced, 0) << "it has a price now";
  EXPECT_EQ(report->total.cost_usd(), "2.000000000707");
  EXPECT_EQ(report->total.corrections, 2);
  EXPECT_EQ(usd(report->total.corrected_pico), "1.999999999707");
  EXPECT_EQ(report->rows.size(), 1U) << "they are on the day of what they mend";

  const auto again = store.priced_rows(0, now_us + 1, 0, 100);
  EXPECT_EQ(again->at(0).cost, Money::pico(700));
  EXPECT_EQ(again->at(0).entry.cost, Money::pico(1'000)) << "the row itself stays as it was";
  EXPECT_EQ(again->at(1).cost, Money::pico(2'000'000'000'007));
  const auto keys = store.list_keys();
  ASSERT_TRUE(keys);
  const auto check = store.check();
  ASSERT_TRUE(check);
  EXPECT_TRUE(check->sound) << (check->findings.empty() ? "" : check->findings[0]);
}

TEST_P(Corrections, Are_folded_once_also_into_a_database_that_is_made_anew) {
  TestingDirectory directory;
  {
    Store store = open(directory.path());
    write_ledger(directory.path(), {entry("key_a", 1'000)});
    ASSERT_TRUE(store.fold());
    ASSERT_TRUE(store.correct({correction(entry("key_a", 1'000), 500, Correction::difference)}));
    ASSERT_TRUE(store.fold());
    EXPECT_EQ(store.usage({})->total.cost_usd(), "0.0000000015");
  }
  forget_database(directory.path());
  Store anew = open(directory.path());
  ASSERT_TRUE(anew.fold());
  EXPECT_EQ(anew.usage({})->total.cost_usd(), "0.0000000015");
  EXPECT_EQ(anew.usage({})->total.corrections, 1);
}

// --- the directory

TEST_P(Stores, Makes_its_directory_for_the_owner_only) {
  TestingDirectory directory;
  const std::string path = directory.path() + "/a/b";
  const Store store = open(path);
  struct stat status = {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST_P(Stores, Names_the_path_and_the_way_out_when_the_directory_cannot_be_made) {
  TestingDirectory directory;
  std::ofstream(directory.path() + "/file") << "not a directory";
  const auto store = Store::open(home_of(directory.path() + "/file"));
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, ErrorKind::unavailable);
  EXPECT_NE(store.error().message.find(directory.path() + "/file"), std::string::npos);
  EXPECT_NE(store.error().hint.find("--data"), std::string::npos);
}

TEST_P(Stores, Refuses_a_directory_that_it_may_not_write) {
  TestingDirectory directory;
  const std::string path = directory.path() + "/read_only";
  ASSERT_EQ(::mkdir(path.c_str(), 0755), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0555), 0);
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t nobody = 65'534;
    if (::geteuid() == 0 && ::setuid(nobody) != 0) ::_exit(2);  // root may write everywhere
    const auto store = Store::open(home_of(path));
    ::_exit(!store && store.error().message.find(path) != std::string::npos && !store.error().hint.empty() ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(SqliteFile, Refuses_a_database_that_is_newer_than_the_program) {
  TestingDirectory directory;
  {
    const Store store = open(directory.path());
  }
  ASSERT_TRUE((*SqliteDatabase::open(database_path(directory.path())))->execute("PRAGMA user_version = 99"));
  const auto store = Store::open(directory.path());
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message.find("newer sluice (database version 99"), std::string::npos)
      << store.error().message;
}

TEST(SqliteFile, Refuses_a_database_of_another_program) {
  TestingDirectory directory;
  ASSERT_TRUE((*SqliteDatabase::open(database_path(directory.path())))->execute("PRAGMA user_version = 1"));
  EXPECT_FALSE(Store::open(directory.path()));
}

TEST(SqliteFile, Refuses_a_file_that_is_no_database) {
  TestingDirectory directory;
  std::ofstream(database_path(directory.path())) << std::string(4'096, 'x');
  const auto store = Store::open(directory.path());
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message.find(database_path(directory.path())), std::string::npos);
}

TEST(DirectoryLock, Lets_in_one_server_at_a_time_and_names_it) {
  TestingDirectory directory;
  {
    const auto first = DirectoryLock::take(directory.path());
    ASSERT_TRUE(first);
    const auto second = DirectoryLock::take(directory.path());
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("process " + std::to_string(::getpid())), std::string::npos);
  }
  EXPECT_TRUE(DirectoryLock::take(directory.path()));
}

// --- keys

TEST_P(Keys, Are_made_listed_and_revoked) {
  TestingDirectory directory;
  Store store = open(directory.path());
  const auto created = store.create_key({.name = "laptop",
                                         .expires_at_us = now_us + day_us,
                                         .budget = Money::parse_usd("2.50"),
                                         .rpm = 60,
                                         .tpm = 1'000,
                                         .data_class = DataClass::restricted,
                                         .tenant = TenantId("lab")},
                                        now_us);
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_TRUE(created->secret.reveal().starts_with(key_prefix));
  EXPECT_EQ(created->secret.reveal().size(), key_prefix.size() + 48);
  EXPECT_EQ(created->key.id.str().size(), 16u);

  auto list = store.list_keys();
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 1u);
  const VirtualKey& key = list->front().key;
  EXPECT_EQ(key.id, created->key.id);
  EXPECT_EQ(key.name, "laptop");
  EXPECT_EQ(key.created_at_us, now_us);
  EXPECT_EQ(key.expires_at_us, now_us + day_us);
  EXPECT_EQ(key.budget, Money::parse_usd("2.5"));
  EXPECT_EQ(key.rpm, 60);
  EXPECT_EQ(key.tpm, 1'000);
  EXPECT_EQ(key.data_class, DataClass::restricted);
  EXPECT_EQ(key.tenant, TenantId("lab"));
  EXPECT_EQ(key.digest, crypto::sha256(created->secret.reveal()));
  EXPECT_EQ(list->front().spent, Money());

  ASSERT_TRUE(store.revoke_key("laptop", now_us + 5));
  EXPECT_EQ(store.list_keys()->front().key.revoked_at_us, now_us + 5);
  EXPECT_TRUE(store.list_keys(false)->empty());
}

TEST_P(Keys, Are_nowhere_in_the_files_but_as_a_digest) {
  TestingDirectory directory;
  std::string secret;
  {
    Store store = open(directory.path());
    secret = store.create_key({.name = "laptop"}, now_us)->secret.reveal();
  }
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory.path())) {
    if (!file.is_regular_file()) continue;
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(bytes.find(secret.substr(key_prefix.size(), 16)), std::string::npos) << file.path();
  }
}

TEST_P(Keys, Have_names_that_are_unique_until_they_are_revoked) {
  TestingDirectory directory;
  Store store = open(directory.path());
  const auto first = store.create_key({.name = "laptop"}, now_us);
  const auto second = store.create_key({.name = "laptop"}, now_us);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::invalid_request);
  EXPECT_NE(second.error().message.find(first->key.id.str()), std::string::npos);
  ASSERT_TRUE(store.revoke_key(first->key.id.str(), now_us));
  EXPECT_TRUE(store.create_key({.name = "laptop"}, now_us));
}

TEST_P(Keys, Without_a_name_are_named_by_their_id) {
  TestingDirectory directory;
  Store store = open(directory.path());
  const auto created = store.create_key({}, now_us);
  EXPECT_EQ(created->key.name, created->key.id.str());
}

TEST_P(Keys, Outside_the_bounds_are_refused) {
  TestingDirectory directory;
  Store store = open(directory.path());
  for (const NewKey& key : std::vector<NewKey>{{.name = std::string(65, 'x')},
                                               {.name = "line\nbreak"},
                                               {.name = "key_lookalike"},
                                               {.budget = Money::pico(-1)},
                                               {.rpm = 0},
                                               {.tpm = -1},
                                               {.rpm = max_rate_per_minute + 1},
                                               {.expires_at_us = now_us}})
    EXPECT_FALSE(store.create_key(key, now_us)) << key.name;
  EXPECT_TRUE(store.list_keys()->empty());
}

TEST_P(Keys, That_are_temporary_are_forgotten_after_their_end_but_for_the_newest) {
  constexpr std::int64_t hour_us = 3'600'000'000;
  TestingDirectory directory;
  Store store = open(directory.path());
  const auto names = [&] {
    std::vector<std::string> all;
    const auto reports = store.list_keys();
    for (const KeyReport& report : *reports) all.push_back(report.key.name);
    std::ranges::sort(all);
    return all;
  };
  const auto make = [&](const std::string& name, std::int64_t at_us, bool temporary = true) {
    return store.create_key({.name = name, .expires_at_us = at_us + hour_us, .temporary = temporary}, at_us)->key.id;
  };
  const KeyId revoked = make("revoked", now_us);
  EXPECT_TRUE(revoked.str().starts_with(temporary_id_prefix));
  ASSERT_TRUE(store.revoke_key("revoked", now_us));
  make("expired", now_us);
  make("kept", now_us, false);
  ASSERT_TRUE(store.revoke_key("kept", now_us));
  write_ledger(directory.path(), {entry(revoked.str(), 5)});
  ASSERT_TRUE(store.fold());
  make("second", now_us + hour_us / 2);
  EXPECT_EQ(names(), (std::vector<std::string>{"expired", "kept", "revoked", "second"})) << "it ended just now";
  make("third", now_us + hour_us + 1);
  EXPECT_EQ(names(), (std::vector<std::string>{"expired", "kept", "second", "third"}));
  const auto report = store.usage({.by = GroupBy::key});
  ASSERT_TRUE(report && report->rows.size() == 1);
  EXPECT_EQ(report->rows[0].group, "(chat and run)") << "what it spent is still told";
  EXPECT_EQ(report->rows[0].cost_usd(), "0.000000000005");

  for (int i = 0; i < 105; ++i) {
    const std::string name = "many-" + std::to_string(i);
    make(name, now_us + 2 * hour_us + i);
    ASSERT_TRUE(store.revoke_key(name, now_us + 2 * hour_us + i));
  }
  make("last", now_us + 2 * hour_us + 200);
  EXPECT_EQ(names().size(), 102u) << "a hundred that have ended, the one that lives, and the one that is not temporary";
}

TEST_P(Keys, That_are_damaged_are_shown_as_such_and_can_be_revoked) {
  TestingDirectory directory;
  Store store = open(directory.path());
  const std::vector<const char*> damages = {"digest = substr(digest, 1, 1)", "data_class = 'secret'", "rpm = 0",
                                            "tpm = 1000000001", "budget_pico = -1"};
  for (std::size_t i = 0; i < damages.size(); ++i) {
    const std::string name = "damaged-" + std::to_string(i);
    ASSERT_TRUE(store.create_key({.name = name}, now_us));
    const std::string update = std::string("UPDATE keys SET ") + damages[i] + " WHERE name = '" + name + "'";
    ASSERT_TRUE(database_of(directory.path())->execute(update.c_str()));
  }
  ASSERT_TRUE(store.create_key({.name = "sound"}, now_us + 1));
  const auto list = store.list_keys();
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->size(), damages.size() + 1);
  for (const KeyReport& report : *list) EXPECT_EQ(report.damaged, report.key.name != "sound") << report.key.name;
  EXPECT_EQ(store.check()->findings.size(), damages.size());
  EXPECT_FALSE(store.create_key({.name = "damaged-0"}, now_us)) << "its name is taken";
  for (std::size_t i = 0; i < damages.size(); ++i)
    EXPECT_TRUE(store.revoke_key("damaged-" + std::to_string(i), now_us)) << damages[i];
  EXPECT_EQ(store.list_keys(false)->size(), 1u);
  EXPECT_TRUE(store.check()->sound);
}

TEST_P(Keys, That_are_not_there_or_revoked_cannot_be_revoked) {
  TestingDirectory directory;
  Store store = open(directory.path());
  EXPECT_EQ(store.revoke_key("ghost", now_us).error().kind, ErrorKind::not_found);
  const auto created = store.create_key({.name = "laptop"}, now_us);
  ASSERT_TRUE(store.revoke_key("laptop", now_us));
  EXPECT_EQ(store.revoke_key("laptop", now_us).error().kind, ErrorKind::not_found);
  EXPECT_EQ(store.revoke_key(created->key.id.str(), now_us).error().kind, ErrorKind::invalid_request);
}

TEST_P(Keys, Leave_an_act_for_the_audit_log_without_the_secret) {
  TestingDirectory directory;
  Store store = open(directory.path());
  const auto created = store.create_key({.name = "laptop", .rpm = 7}, now_us);
  ASSERT_TRUE(store.revoke_key("laptop", now_us));
  auto database = database_of(directory.path());
  std::vector<std::string> acts;
  const auto refuse = [](std::int64_t, std::string_view) { return false; };
  EXPECT_EQ(hand_over_admin_acts(*database, refuse), 0u);
  const auto keep = [&](std::int64_t, std::string_view act) {
    acts.emplace_back(act);
    return true;
  };
  EXPECT_EQ(hand_over_admin_acts(*database, keep), 2u);
  EXPECT_EQ(hand_over_admin_acts(*database, keep), 0u);
  ASSERT_EQ(acts.size(), 2u);
  EXPECT_NE(acts[0].find("\"act\":\"key_created\""), std::string::npos) << acts[0];
  EXPECT_NE(acts[0].find("\"rpm\":7"), std::string::npos);
  EXPECT_NE(acts[1].find("\"act\":\"key_revoked\""), std::string::npos);
  for (const std::string& act : acts) {
    EXPECT_NE(act.find(created->key.id.str()), std::string::npos);
    EXPECT_EQ(act.find(created->secret.reveal()), std::string::npos);
  }
}

// --- fold and usage

// A row takes no room for what is not there; and each of several rows has its own words.
TEST_P(Fold, Leaves_out_what_a_row_does_not_have) {
  TestingDirectory directory;
  Store store = open(directory.path());
  LedgerEntry bare = entry("key_a", 5);
  bare.usage = {.input = 3, .output = 4, .reported = true};
  bare.ttft_us = -1;
  LedgerEntry full = entry("key_b", 7);
  full.usage = {.input = 3, .cache_read = 11, .output = 4, .reported = true};
  full.usage.doubts = 1;
  full.ttft_us = 0;
  full.provider = ProviderId("other");
  write_ledger(directory.path(), {bare, full, bare});
  EXPECT_EQ(store.fold()->entries, 3u);
  const auto database = database_of(directory.path());
  const auto count = [&](const char* where) {
    return *database->integer(std::string("SELECT count(*) FROM ledger_rows WHERE ") + where);
  };
  EXPECT_EQ(count("cost_pico = 5 AND ttft_us IS NULL AND cache_read IS NULL AND searches IS NULL AND tags IS NULL AND "
                  "raw_usage IS NULL"),
            2);
  EXPECT_EQ(count("cost_pico = 7 AND ttft_us = 0 AND cache_read = 11"), 1);
  EXPECT_EQ(count("kind = (SELECT id FROM ledger_kinds WHERE doubts = 1 AND provider_word = "
                  "(SELECT id FROM ledger_words WHERE word = 'other'))"),
            1);
  EXPECT_EQ(*database->integer("SELECT count(*) FROM ledger_kinds"), 2);
  EXPECT_EQ(count("key_word = (SELECT id FROM ledger_words WHERE word = 'key_a')"), 2);
}

TEST_P(Fold, Brings_each_record_in_once_however_often_it_runs) {
  TestingDirectory directory;
  Store store = open(directory.path());
  write_ledger(directory.path(), {entry("key_a", 5), entry("key_b", 7)});
  EXPECT_EQ(store.fold()->entries, 2u);
  EXPECT_EQ(store.fold()->entries, 0u);
  write_ledger(directory.path(), {entry("key_a", 11)});
  EXPECT_EQ(open(directory.path()).fold()->entries, 1u);
  EXPECT_EQ(store.fold()->entries, 0u);
  const auto report = store.usage({});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->total.requests, 3);
  EXPECT_EQ(report->total.cost_pico, 23);
}

TEST_P(Fold, By_several_processes_at_once_brings_each_record_in_once) {
  TestingDirectory directory;
  {
    Store store = open(directory.path());
  }
  constexpr std::size_t entries = 12'000;  // several transactions
  write_ledger(directory.path(), std::vector<LedgerEntry>(entries, entry("key_a", 1)));
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      auto store = Store::open(home_of(directory.path()));
      ::_exit(store && store->fold() ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  Store store = open(directory.path());
  EXPECT_EQ(store.fold()->entries, 0u);
  EXPECT_EQ(store.usage({})->total.requests, static_cast<std::int64_t>(entries));
  EXPECT_EQ(store.usage({})->total.cost_pico, static_cast<MoneySum>(entries));
}

TEST_P(Stores, Can_be_opened_first_by_several_processes_at_once) {
  for (int round = 0; round < 5; ++round) {
    TestingDirectory directory;
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        auto store = Store::open(home_of(directory.path()));
        if (!store) std::fprintf(stderr, "%s\n", store.error().message.c_str());
        ::_exit(store && store->create_key({}, now_us) ? 0 : 1);
      }
      children.push_back(child);
    }
    for (const pid_t child : children) {
      int status = -1;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      EXPECT_EQ(status, 0);
    }
    EXPECT_EQ(open(directory.path()).list_keys()->size(), 4u);
  }
}

TEST_P(Fold, Passes_over_and_counts_what_is_no_ledger_entry) {
  TestingDirectory directory;
  Store store = open(directory.path());
  {
    auto log = AppendLog::open(ledger_path(directory.path()), {});
    (*log)->append("not an entry");
  }
  write_ledger(directory.path(), {entry("key_a", 5)});
  const auto report = store.fold();
  EXPECT_EQ(report->entries, 1u);
  EXPECT_EQ(report->damaged_bytes, 12u);
  EXPECT_FALSE(store.check()->sound);
}

TEST_P(Fold, Sums_what_each_key_has_spent_beyond_64_bits) {
  TestingDirectory directory;
  Store store = open(directory.path());
  const auto created = store.create_key({.name = "laptop"}, now_us);
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const std::string id = created->key.id.str();
  write_ledger(directory.path(), {entry(id, most), entry(id, most), entry(id, 3)});
  ASSERT_TRUE(store.fold());
  const auto report = store.usage({.by = GroupBy::key});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->total.cost_pico, static_cast<MoneySum>(most) * 2 + 3);
  EXPECT_EQ(report->total.cost_usd(), "18446744.073709551617");
  EXPECT_EQ(store.list_keys()->front().spent, Money::max());
  EXPECT_EQ(store.list_keys()->front().requests, 3);
}

TEST_P(Usage, Counts_requests_attempts_tokens_and_money_apart) {
  TestingDirectory directory;
  Store store = open(directory.path());
  const auto created = store.create_key({.name = "laptop"}, now_us);
  const std::string id = created->key.id.str();
  LedgerEntry failed_over = entry(id, 100);
  failed_over.final = false;
  failed_over.outcome = Outcome::provider_failed;
  LedgerEntry refused = entry(id, 0);
  refused.final = false;
  refused.usage = {};
  refused.outcome = Outcome::provider_failed;
  refused.cost = std::nullopt;
  LedgerEntry left = entry(id, 30);
  left.outcome = Outcome::client_gone;
  left.usage.reported = false;
  LedgerEntry unpriced = entry("key_other", 0);
  unpriced.cost = std::nullopt;
  unpriced.ground = catalog::Ground::self_hosted;
  unpriced.provider = ProviderId("local");
  unpriced.model = ModelName("small");
  unpriced.start_us -= day_us;
  unpriced.end_us -= day_us;
  write_ledger(directory.path(), {failed_over, refused, left, entry(id, 7), unpriced});
  ASSERT_TRUE(store.fold());

  const auto by_key = store.usage({.by = GroupBy::key});
  ASSERT_TRUE(by_key) << by_key.error().message;
  ASSERT_EQ(by_key->rows.size(), 2u);
  const UsageRow& row = by_key->rows[0];
  EXPECT_EQ(row.group, "laptop");
  EXPECT_EQ(row.key_id, id);
  EXPECT_EQ(row.requests, 2);
  EXPECT_EQ(row.failed, 1);
  EXPECT_EQ(row.extra_attempts, 2);
  EXPECT_EQ(row.input, 30);
  EXPECT_EQ(row.cache_read, 60);
  EXPECT_EQ(row.cache_write, 210);
  EXPECT_EQ(row.output, 330);
  EXPECT_EQ(row.estimated, 1);
  EXPECT_EQ(row.unpriced, 0);
  EXPECT_EQ(row.cost_usd(), "0.000000000137");
  EXPECT_EQ(by_key->rows[1].group, "key_other");
  EXPECT_EQ(by_key->rows[1].unpriced, 1);
  EXPECT_EQ(by_key->total.requests, 3);

  EXPECT_EQ(store.usage({.by = GroupBy::model})->rows[1].group, "small");
  EXPECT_EQ(store.usage({.by = GroupBy::provider})->rows[0].group, "acme");
  EXPECT_EQ(store.usage({.by = GroupBy::ground})->rows[0].group, "proprietary");
  const auto by_day = store.usage({.by = GroupBy::day});
  ASSERT_EQ(by_day->rows.size(), 2u);
  EXPECT_EQ(by_day->rows[0].group, "2026-11-22");
  EXPECT_EQ(by_day->rows[1].group, "2026-11-23");

  EXPECT_EQ(store.usage({.since_us = now_us})->total.requests, 2);
  EXPECT_EQ(store.usage({.until_us = now_us})->total.requests, 1);
  EXPECT_EQ(store.usage({.key = KeyId("key_other")})->total.requests, 1);
}

TEST_P(Usage, Of_an_empty_ledger_is_zero) {
  TestingDirectory directory;
  Store store = open(directory.path());
  ASSERT_TRUE(store.fold());
  EXPECT_TRUE(store.usage({})->rows.empty());
  EXPECT_EQ(store.usage({})->total.cost_usd(), "0.0");
}

TEST_P(Usage, Knows_its_dimensions_by_name) {
  EXPECT_EQ(group_by_from_name("ground"), GroupBy::ground);
  EXPECT_EQ(group_by_from_name("day"), GroupBy::day);
  EXPECT_EQ(group_by_from_name("colour"), std::nullopt);
}

TEST(Usd, Writes_sums_of_any_size_exactly) {
  EXPECT_EQ(usd(0), "0.0");
  EXPECT_EQ(usd(-1), "-0.000000000001");
  EXPECT_EQ(usd(static_cast<MoneySum>(Money::max().pico()) * 1'000), "9223372036.854775807");
}

TEST_P(Logs, Show_the_last_entries_and_follow) {
  TestingDirectory directory;
  Store store = open(directory.path());
  std::vector<LedgerEntry> written;
  for (int i = 0; i < 5; ++i) written.push_back(entry("key_a", i, now_us + i));
  write_ledger(directory.path(), written);
  ASSERT_TRUE(store.fold());
  const auto last = store.last_entries(2);
  ASSERT_TRUE(last) << last.error().message;
  ASSERT_EQ(last->size(), 2u);
  EXPECT_EQ((*last)[0].entry, written[3]);
  EXPECT_EQ((*last)[1].entry, written[4]);
  EXPECT_TRUE(store.entries_in({.after_row = last->back().row}, 10)->empty());
  write_ledger(directory.path(), {entry("key_a", 99)});
  ASSERT_TRUE(store.fold());
  const auto more = store.entries_in({.after_row = last->back().row}, 10);
  ASSERT_EQ(more->size(), 1u);
  EXPECT_EQ(more->front().entry.cost, Money::pico(99));
}

TEST_P(Check, Finds_a_sound_store_sound) {
  TestingDirectory directory;
  Store store = open(directory.path());
  write_ledger(directory.path(), {entry("key_a", 5), entry("key_b", 7)});
  ASSERT_TRUE(store.fold());
  const auto integrity = store.check();
  ASSERT_TRUE(integrity) << integrity.error().message;
  EXPECT_TRUE(integrity->sound);
  EXPECT_EQ(integrity->ledger_rows, 2u);
  EXPECT_EQ(integrity->log_records, 2u);
}

TEST_P(Check, Finds_a_directory_that_others_may_read) {
  TestingDirectory directory;
  Store store = open(directory.path());
  std::filesystem::permissions(directory.path(), std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  const auto integrity = store.check();
  ASSERT_TRUE(integrity);
  ASSERT_EQ(integrity->findings.size(), 1u);
  EXPECT_NE(integrity->findings.front().find("chmod 700"), std::string::npos);
}

TEST_P(Check, Finds_rows_that_are_missing_in_the_database) {
  TestingDirectory directory;
  Store store = open(directory.path());
  write_ledger(directory.path(), {entry("key_a", 5), entry("key_b", 7)});
  ASSERT_TRUE(store.fold());
  ASSERT_TRUE(database_of(directory.path())->execute("DELETE FROM ledger_rows WHERE row = 1"));
  EXPECT_FALSE(store.check()->sound);
}

TEST_P(Stores, Folds_the_whole_ledger_anew_when_the_database_is_gone) {
  TestingDirectory directory;
  {
    Store store = open(directory.path());
    write_ledger(directory.path(), {entry("key_a", 5), entry("key_b", 7)});
    ASSERT_TRUE(store.fold());
  }
  forget_database(directory.path());
  EXPECT_EQ(open(directory.path()).fold()->entries, 2u);
}

// --- what the rows of a time cost

TEST_P(CostRows, Are_those_that_usage_adds_up_each_once) {
  const TestingDirectory directory;
  Store store = open(directory.path());
  std::vector<LedgerEntry> entries;
  for (int i = 0; i < 50; ++i) {  // several end at the same moment
    entries.push_back(entry("key_a", 1'000 + i, now_us + (i / 7) * 1'000));
    entries.back().model = ModelName(i % 3 ? "big" : "small");
  }
  entries.push_back(correction(entries.front(), -7, Correction::difference));
  write_ledger(directory.path(), entries);
  ASSERT_TRUE(store.fold());
  const auto sum = [&](const CostRange& range) {
    MoneySum pico = 0;
    const auto rows = store.each_cost(range, [&](const LedgerEntry& one) -> Result<void> {
      pico += one.cost->pico();
      return {};
    });
    EXPECT_TRUE(rows);
    return std::pair(rows.value_or(-1), pico);
  };
  const auto all = store.usage({});
  ASSERT_TRUE(all);
  EXPECT_EQ(sum({.from_us = 0, .to_us = now_us + day_us, .provider = {}, .model = {}}),
            std::pair(std::int64_t{51}, all->total.cost_pico));
  // From the third moment to before the fifth, in microseconds: 14 rows.
  EXPECT_EQ(sum({.from_us = now_us + 3'000, .to_us = now_us + 5'000, .provider = {}, .model = {}}).first, 14);
  EXPECT_EQ(
      sum({.from_us = 0, .to_us = now_us + day_us, .provider = ProviderId("acme"), .model = ModelName("small")}).first,
      18);
  EXPECT_EQ(sum({.from_us = 0, .to_us = now_us + day_us, .provider = {}, .model = {}, .most = 5}).first, 5);
}

}  // namespace
}  // namespace sluice::store
