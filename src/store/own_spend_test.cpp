// What each of several processes on one PostgreSQL says that it has spent itself: after a start, after an upgrade from
// a program that kept no such sums, and when its name is lost.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <random>
#include <stdexcept>

#include "store/append_log.h"
#include "store/corrections.h"
#include "store/data_directory.h"
#include "store/live_store.h"
#include "store/log_segment.h"
#include "store/own_spend.h"
#include "store/testing_backends.h"
#include "store/testing_directory.h"

namespace sluice::store {
namespace {

using namespace std::chrono_literals;

// Each with a directory of its own; the database is the first one's.
class OwnSpends : public testing::Test {
 protected:
  static constexpr std::size_t most = 3;
  std::array<TestingDirectory, most> directories;
  Store books = *Store::open(home(0));
  KeyId key;
  std::string team_limit;

  void SetUp() override {
    ASSERT_TRUE(books.create_subject(SubjectKind::team, "red", "", wall_clock_us()));
    const auto made = books.create_key({.name = "k", .budget = Money::parse_usd("5"), .team = "red"}, wall_clock_us());
    ASSERT_TRUE(made) << made.error().message;
    key = made->key.id;
    team_limit = limit_of("total");
  }
  std::string limit_of(const char* window, const char* zone = "") {
    return books
        .set_limit({.scope = LimitScope::team,
                    .subject = "red",
                    .amount = Money::pico_per_usd,
                    .window = *Window::parse(window, zone)},
                   wall_clock_us())
        ->id;
  }

  Home home(std::size_t process) const {
    return {directories[process].path(), TestingPostgres::running().place(schema_of(directories[0].path()))};
  }
  std::unique_ptr<Database> database() const { return *PostgresDatabase::open(*home(0).postgres); }
  void execute(const std::string& sql) const {
    const auto connection = database();
    auto transaction = Transaction::begin(*connection);
    const auto done = connection->execute(sql.c_str());
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_TRUE(transaction->commit());
  }
  // As a program leaves it that keeps no sums of its own.
  void forget_own_sums() const {
    execute(
        "DELETE FROM instance_spend_hourly; DELETE FROM instance_key_spend; DELETE FROM state WHERE name LIKE "
        "'own\\_%'");
  }

  std::unique_ptr<LiveStore> start(std::size_t process, bool shared = true) const {
    auto live = LiveStore::start(home(process), {.fold_ms = 1h, .shared_limits = shared});
    if (!live) throw std::runtime_error(live.error().message);
    return *std::move(live);
  }
  LedgerEntry entry(std::int64_t pico, std::int64_t end_us) const {
    static int count = 0;
    LedgerEntry one;
    one.request_id = RequestId("req_" + std::to_string(++count));
    one.start_us = end_us - 1'000;
    one.end_us = end_us;
    one.key_id = key;
    one.provider = ProviderId("acme");
    one.model = ModelName("m");
    one.cost = Money::pico(pico);
    one.final = true;
    return one;
  }
  static void append(LiveStore& live, const LedgerEntry& one) {
    std::string bytes;
    encode(one, bytes);
    ASSERT_EQ(live.ledger().append(bytes), Appended::queued);
  }
  // One run of a process, which ends well: what it had is in the database.
  void run(std::size_t process, std::int64_t pico, std::int64_t end_us = wall_clock_us()) const {
    const auto live = start(process);
    append(*live, entry(pico, end_us));
    ASSERT_TRUE(live->stop(20s));
  }
  // By the account of that limit, right after a start.
  static std::int64_t spent(const LiveStore& live, std::string_view limit, std::int64_t at_us = wall_clock_us()) {
    for (const auto& line : live.keys()->all_lines())
      if (line->rule.id == limit || (limit.empty() && line->rule.is_keys_own()))
        return line->state->account.standing(at_us).spent.pico();
    return -1;
  }
  std::int64_t own(std::size_t process, std::string_view limit) const { return spent(*start(process), limit); }
};

TEST_F(OwnSpends, A_start_knows_what_this_process_has_spent_and_not_the_others) {
  run(0, 700);
  run(1, 40);
  run(0, 1);
  for (const std::string& limit : {team_limit, std::string()}) {
    EXPECT_EQ(own(0, limit), 701);
    EXPECT_EQ(own(1, limit), 40);
    EXPECT_EQ(own(2, limit), 0);
  }
}

TEST_F(OwnSpends, Who_shares_no_limits_knows_what_all_have_spent) {
  run(0, 700);
  run(1, 40);
  EXPECT_EQ(spent(*start(0, false), team_limit), 740);
  EXPECT_EQ(spent(*start(2, false), ""), 740);
  EXPECT_EQ(books.list_limits(wall_clock_us())->at(0).standing.spent.pico(), 740) << "a list is of all";
}

TEST_F(OwnSpends, A_window_that_divides_an_hour_counts_each_entry_in_its_own_bucket) {
  const std::int64_t now_us = wall_clock_us();
  const std::string short_limit = limit_of("20m");
  const std::int64_t long_ago_us = now_us - 25 * 60'000'000LL;
  run(0, 1'000, long_ago_us);
  run(0, 200, now_us - 5 * 60'000'000LL);
  run(1, 5, now_us - 60'000'000LL);
  EXPECT_EQ(own(0, short_limit), 200);
  EXPECT_EQ(own(1, short_limit), 5);
  EXPECT_EQ(own(0, team_limit), 1'200);
}

TEST_F(OwnSpends, What_the_log_no_longer_has_of_a_divided_hour_counts_later) {
  const std::int64_t now_us = wall_clock_us();
  const std::string short_limit = limit_of("50m");
  run(0, 30, now_us - 2 * 60'000'000LL);
  const auto segments = list_segments(ledger_path(directories[0].path()));
  ASSERT_TRUE(segments);
  for (const SegmentFile& segment : *segments) std::filesystem::remove(segment.path);
  EXPECT_EQ(own(0, short_limit), 30);
}

TEST_F(OwnSpends, Corrections_are_of_the_process_that_has_them) {
  run(0, 700);
  run(1, 40);
  auto other = *Store::open(home(1));
  LedgerEntry mend = entry(-15, wall_clock_us());
  mend.correction = Correction::difference;
  mend.final = false;
  ASSERT_TRUE(other.correct({mend}));
  EXPECT_EQ(own(0, team_limit), 700);
  EXPECT_EQ(own(1, team_limit), 25);
  EXPECT_EQ(own(1, ""), 25);
  forget_own_sums();
  EXPECT_EQ(own(0, team_limit), 700);
  EXPECT_EQ(own(1, team_limit), 25);
}

TEST_F(OwnSpends, A_database_of_an_older_program_is_told_apart_by_each_processs_log) {
  run(0, 700);
  run(1, 40);
  forget_own_sums();
  EXPECT_EQ(own(0, team_limit), 700);
  EXPECT_EQ(own(1, team_limit), 40);
  EXPECT_EQ(own(1, ""), 40);
  // An older program beside it has folded since: the sums stayed behind the rows.
  run(0, 3);
  execute("UPDATE state SET value = 0 WHERE name = 'own_folded_position:" + *instance_of(directories[0].path()) +
          "'; DELETE FROM instance_spend_hourly WHERE instance = '" + *instance_of(directories[0].path()) +
          "'; DELETE FROM instance_key_spend WHERE instance = '" + *instance_of(directories[0].path()) + "'");
  EXPECT_EQ(own(0, team_limit), 703);
  EXPECT_EQ(own(0, ""), 703);
  EXPECT_EQ(own(1, team_limit), 40);
}

TEST_F(OwnSpends, What_retention_had_dropped_of_the_logs_before_an_upgrade_counts_once) {
  constexpr std::int64_t day_us = 24 * us_per_hour;
  const std::int64_t now_us = wall_clock_us();
  for (const std::size_t process : {0u, 1u}) {
    run(process, 1'000, now_us - 5 * day_us);
    // The next one's segment begins behind it.
    const std::vector<SegmentFile> before = *list_segments(ledger_path(directories[process].path()));
    LogPosition end = 0;
    {
      const auto live = start(process);
      end = live->ledger().durable_position();
    }
    for (const SegmentFile& segment : before) std::filesystem::remove(segment.path);
    ASSERT_TRUE(LogSegment::create(ledger_path(directories[process].path()), end));
    run(process, 20, now_us - 2 * day_us);
    run(process, 3, now_us);
  }
  forget_own_sums();
  const std::int64_t first = own(0, team_limit);
  const std::int64_t second = own(1, team_limit);
  EXPECT_EQ(first + second, 2'046) << first << " + " << second;
  EXPECT_EQ(second, 3) << "the first one has taken what nobody's log has any more, and the days up to there";
  EXPECT_EQ(own(0, "") + own(1, ""), 2'046);
}

TEST_F(OwnSpends, A_log_under_another_name_is_refused_and_counts_nothing_twice) {
  run(0, 700);
  const std::string path = directories[0].path() + "/instance";
  std::filesystem::rename(path, path + ".away");
  const auto renamed = LiveStore::start(home(0), {.fold_ms = 1h, .shared_limits = true});
  ASSERT_FALSE(renamed);
  EXPECT_NE(renamed.error().message.find("under another name"), std::string::npos) << renamed.error().message;
  EXPECT_NE(renamed.error().hint.find("instance"), std::string::npos);
  std::filesystem::rename(path + ".away", path);
  EXPECT_EQ(own(0, team_limit), 700);
  EXPECT_EQ(*database()->integer("SELECT count(*) FROM ledger"), 1);
}

// Whatever happens in which order, what the processes say adds up to the ledger.
TEST_F(OwnSpends, Add_up_to_the_ledger_after_any_sequence) {
  for (const unsigned seed : {1u, 2u, 3u}) {
    std::mt19937 chance(seed);
    const auto pick = [&](int bound) { return static_cast<int>(chance() % static_cast<unsigned>(bound)); };
    for (int step = 0; step < 12; ++step) {
      const auto process = static_cast<std::size_t>(pick(most));
      switch (pick(4)) {
        case 0: run(process, 1 + pick(1'000'000), wall_clock_us() - pick(3) * us_per_hour); break;
        case 1: {  // killed: the log has what the database has not
          const auto live = start(process);
          append(*live, entry(1 + pick(1'000), wall_clock_us()));
          live->ledger().close();
          break;
        }
        case 2: ASSERT_TRUE(Store::open(home(process))->fold()); break;
        case 3: forget_own_sums(); break;
      }
    }
    std::int64_t said = 0;
    std::int64_t said_of_key = 0;
    for (std::size_t process = 0; process < most; ++process) {
      said += own(process, team_limit);
      said_of_key += own(process, "");
    }
    const auto sum = database()->integer("SELECT coalesce(sum(cost_pico), 0) FROM ledger");
    EXPECT_EQ(said, *sum) << "seed " << seed;
    EXPECT_EQ(said_of_key, *sum) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice::store
