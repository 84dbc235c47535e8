// What is PostgreSQL's alone; all else is tested on both (testing_backends.h).
#include "store/postgres.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <iostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "store/ledger_entry.h"
#include "store/live_store.h"
#include "store/store.h"
#include "store/testing_backends.h"
#include "store/testing_ledger.h"
#include "store/testing_rows.h"
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

// Rows of all kinds, with their indices and what is kept outside of the table; of the second half, as what a table
// begins with is no row's.
TEST(Postgres, Keeps_a_row_of_the_ledger_in_at_most_200_bytes) {
  TestingDirectory directory;
  Store store = open(shared(directory, "small_rows"));
  constexpr std::int64_t rows = 2'000;
  std::int64_t bytes = 0;
  for (const std::int64_t from : {std::int64_t{0}, rows}) {
    const auto log = AppendLog::open(ledger_path(directory.path()), {});
    std::string record;
    for (std::int64_t i = from; i < from + rows; ++i) {
      record.clear();
      encode(realistic_row(i, 1'795'418'415'000'000 + i * 1'000), record);
      ASSERT_EQ((*log)->append(record), Appended::queued);
    }
    ASSERT_TRUE((*log)->flush(60s));
    ASSERT_EQ(store.fold()->entries, static_cast<std::uint64_t>(rows));
    const auto size = raw("small_rows")->integer("SELECT pg_total_relation_size('ledger_rows')");
    ASSERT_TRUE(size);
    bytes = *size - bytes;
  }
  std::cout << bytes / rows << " bytes a row\n";
  EXPECT_LE(bytes / rows, 200);
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

// Between a client and PostgreSQL: takes the next COMMIT away, or its answer, and the connection with it.
class Between {
 public:
  enum class Cut : std::uint8_t { nothing, commit, answer };

  explicit Between(std::string server) : server_(std::move(server)), listener_(make()) {
    sockaddr_un address = address_of(path());
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_.get(), 8) != 0)
      throw std::runtime_error("cannot listen at " + path());
    thread_ = std::thread([this] { run(); });
  }
  ~Between() {
    stopping_ = true;
    thread_.join();
  }
  Between(const Between&) = delete;
  Between& operator=(const Between&) = delete;

  // The next connection's, or this one's: there is one at a time.
  void cut(Cut what) { cut_ = what; }
  PostgresPlace place(std::string schema) const {
    return {.url = Secret("postgresql://sluice@/postgres?host=" + directory_.path()), .schema = std::move(schema)};
  }

 private:
  static Fd make() { return Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }
  static sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }
  std::string path() const { return directory_.path() + "/.s.PGSQL.5432"; }

  static bool readable(int fd) {
    pollfd wait{fd, POLLIN, 0};
    return ::poll(&wait, 1, 10) == 1;
  }
  static std::string read_some(int fd) {
    std::string bytes(1 << 16, '\0');
    const ssize_t count = ::read(fd, bytes.data(), bytes.size());
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }
  static bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  void run() {
    while (!stopping_)
      if (readable(listener_.get())) relay(Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  }

  void relay(Fd client) {
    const Fd server = make();
    sockaddr_un address = address_of(server_);
    if (::connect(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return;
    while (!stopping_) {
      pollfd both[] = {{client.get(), POLLIN, 0}, {server.get(), POLLIN, 0}};
      if (::poll(both, 2, 10) <= 0) continue;
      if (both[0].revents != 0) {
        const std::string asked = read_some(client.get());
        const bool commits = asked.find(std::string_view("COMMIT\0", 7)) != std::string::npos && cut_ != Cut::nothing;
        if (asked.empty() || (commits && cut_ == Cut::commit)) return done();
        if (!write_all(server.get(), asked)) return;
        if (commits) {
          while (!readable(server.get())) continue;  // it has committed
          return done();
        }
      }
      if (both[1].revents != 0) {
        const std::string answered = read_some(server.get());
        if (answered.empty() || !write_all(client.get(), answered)) return;
      }
    }
  }
  void done() { cut_ = Cut::nothing; }

  std::string server_;
  TestingDirectory directory_;
  Fd listener_;
  std::atomic<Cut> cut_ = Cut::nothing;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

// Nobody who loses the connection there knows whether it was kept: it is told as an error, and what is done again looks
// first.
TEST(Postgres, A_connection_that_is_lost_at_a_commit_loses_no_row_and_brings_none_twice) {
  Between between(TestingPostgres::running().socket_path());
  std::int64_t round = 0;
  for (const Between::Cut cut : {Between::Cut::commit, Between::Cut::answer}) {
    TestingDirectory directory;
    Store store = open({directory.path(), between.place("cut_off")});
    const auto database = raw("cut_off");
    const bool kept = cut == Between::Cut::answer;
    LedgerEntry entry;
    entry.request_id = RequestId("req_" + std::to_string(++round));
    entry.cost = Money::pico(7);
    write_ledger(directory.path(), {entry, entry});

    between.cut(cut);
    EXPECT_FALSE(store.fold()) << "nobody knows";
    EXPECT_EQ(database->integer("SELECT count(*) FROM ledger"), 2 * (kept ? round : round - 1));
    const auto again = store.fold();
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->entries, kept ? 0u : 2u);
    for (const char* sum :
         {"SELECT CAST(sum(cost_pico) AS BIGINT) FROM ledger", "SELECT CAST(sum(pico) AS BIGINT) FROM usage_hourly",
          "SELECT CAST(sum(pico) AS BIGINT) FROM key_spend",
          "SELECT CAST(sum(pico) AS BIGINT) FROM instance_spend_hourly"})
      EXPECT_EQ(database->integer(sum), 14 * round) << sum;
    EXPECT_TRUE(store.check()->sound);

    between.cut(cut);
    const NewKey wanted{.name = kept ? "kept" : "lost"};
    EXPECT_FALSE(store.create_key(wanted, 1)) << "its characters are nobody's";
    EXPECT_EQ(store.create_key(wanted, 1).has_value(), !kept) << "it is looked whether there is one of that name";
    EXPECT_EQ(store.list_keys()->size(), static_cast<std::size_t>(round));
    const auto acts = store.admin_acts(std::nullopt, 10);
    ASSERT_TRUE(acts);
    EXPECT_EQ(acts->size(), static_cast<std::size_t>(round)) << "each key's making is recorded once";
  }
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
  write_ledger(directory.path(), {odd, odd});
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
  write_ledger(one.path(), {entry});
  entry.cost = Money::pico(40);
  write_ledger(other.path(), {entry});
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
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*live)->ledger().append(encoded(entry)), Appended::queued);
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
