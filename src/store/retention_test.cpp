#include "store/retention.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <utime.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "store/data_directory.h"
#include "store/fold.h"
#include "store/live_store.h"
#include "store/log_segment.h"
#include "store/store.h"
#include "store/testing_backends.h"
#include "store/testing_ledger.h"
#include "store/testing_wait.h"

namespace sluice::store {
namespace {

using namespace std::chrono_literals;
constexpr std::int64_t day_us = 86'400'000'000;
constexpr std::int64_t now_us = 20'780 * day_us + 5 * us_per_hour;  // 2026-11-23 05:00 UTC

LedgerEntry entry(std::int64_t end_us, std::int64_t pico) {
  LedgerEntry one;
  one.request_id = RequestId("req_" + std::to_string(end_us));
  one.start_us = end_us - 1'000;
  one.end_us = end_us;
  one.key_id = KeyId("key_a");
  one.provider = ProviderId("acme");
  one.model = ModelName("big");
  one.usage = {.input = 10, .reported = true};
  one.cost = Money::pico(pico);
  return one;
}

struct Ledger : OnEachBackend {
  TestingDirectory directory;
  Store store = [this] {
    auto opened = Store::open(home_of(directory.path()));
    if (!opened) throw std::runtime_error(opened.error().message);
    return *std::move(opened);
  }();
  std::unique_ptr<Database> database = database_of(directory.path());
  // Under which the database knows how far it has read this directory's log.
  std::string instance = on_postgres() ? *instance_of(directory.path()) : std::string();

  // One row a day for 40 days, the newest today, each in a segment of its own that is as old as it.
  void write_days() {
    AppendLog::Options small;
    small.segment_bytes = 100;
    auto log = AppendLog::open(ledger_path(directory.path()), small);
    ASSERT_TRUE(log);
    for (int age = 39; age >= 0; --age) {
      ASSERT_EQ((*log)->append(encoded(entry(now_us - age * day_us, 1'000 + age))), Appended::queued);
      ASSERT_TRUE((*log)->flush(20s));
    }
    log->reset();
    const auto segments = list_segments(ledger_path(directory.path()));
    ASSERT_TRUE(segments);
    ASSERT_EQ(segments->size(), 40u);
    for (int i = 0; i < 40; ++i) {
      const std::int64_t at = now_us / 1'000'000 - (39 - i) * 86'400;
      const utimbuf times{at, at};
      ASSERT_EQ(::utime((*segments)[static_cast<std::size_t>(i)].path.c_str(), &times), 0);
    }
  }
  Dropped drop(std::int64_t days) {
    const auto folded = folded_position(*database, instance);
    EXPECT_TRUE(folded);
    const auto dropped = drop_old(*database, ledger_path(directory.path()), *folded, days, now_us, 10s);
    if (!dropped) ADD_FAILURE() << dropped.error().message;
    return dropped.value_or(Dropped{});
  }
  std::int64_t rows() { return database->integer("SELECT count(*) FROM ledger").value_or(-1); }
  std::int64_t words() { return database->integer("SELECT count(*) FROM ledger_words").value_or(-1); }
  std::size_t segments() { return list_segments(ledger_path(directory.path()))->size(); }
  MoneySum cost(const UsageQuery& query = {}) { return store.usage(query)->total.cost_pico; }
};

TEST_P(Ledger, Drops_old_rows_and_segments_and_keeps_the_sums) {
  write_days();
  ASSERT_TRUE(store.fold());
  const MoneySum before = cost();
  const auto by_day = store.usage({.by = GroupBy::day});
  const Dropped dropped = drop(7);
  EXPECT_EQ(dropped.rows, 32);  // 7 days back is in the middle of a day: that day stays whole
  EXPECT_EQ(dropped.segments, 32);
  EXPECT_EQ(rows(), 8);
  EXPECT_EQ(segments(), 8u);
  EXPECT_EQ(cost(), before);
  EXPECT_EQ(store.usage({.by = GroupBy::day})->rows.size(), by_day->rows.size());
  EXPECT_EQ(drop(7).rows, 0);
  const auto sound = store.check();
  ASSERT_TRUE(sound);
  EXPECT_TRUE(sound->sound) << (sound->findings.empty() ? "" : sound->findings.front());
  EXPECT_EQ(sound->rows_since_us, now_us / day_us * day_us - 7 * day_us);
}

TEST_P(Ledger, Forgets_the_words_that_no_row_says_any_more) {
  const auto write = [&](const LedgerEntry& one) {
    write_ledger(directory.path(), {one});
    ASSERT_TRUE(store.fold());
  };
  LedgerEntry old = entry(now_us - 39 * day_us, 1);
  old.requested_model = "asked-for-once";
  write(old);
  write(entry(now_us, 2));
  const std::int64_t before = words();
  EXPECT_EQ(drop(7).rows, 1);
  EXPECT_EQ(drop(7).rows, 0);
  EXPECT_EQ(words(), before - 1);
  EXPECT_EQ(store.last_entries(1)->front().entry, entry(now_us, 2));
}

TEST_P(Ledger, Drops_nothing_that_is_not_folded_and_nothing_when_all_is_to_be_kept) {
  write_days();
  EXPECT_EQ(drop(7).segments, 0);
  EXPECT_EQ(segments(), 40u);
  ASSERT_TRUE(store.fold());
  EXPECT_EQ(rows(), 40);
  EXPECT_EQ(drop(0).segments, 0);
  EXPECT_EQ(rows(), 40);
}

TEST_P(Ledger, Keeps_the_newest_row_however_old_so_that_numbers_go_on_rising) {
  write_days();
  ASSERT_TRUE(store.fold());
  const auto newest = store.last_entries(1);
  ASSERT_TRUE(drop_old(*database, ledger_path(directory.path()), *folded_position(*database, instance), 1,
                       now_us + 90 * day_us, 10s));
  EXPECT_EQ(rows(), 1);
  EXPECT_EQ(store.last_entries(1)->front().row, newest->front().row);
}

TEST_P(Ledger, Keeps_the_rows_that_a_budgets_window_may_ask_for) {
  write_days();
  ASSERT_TRUE(store.fold());
  auto window = Window::parse("month", "Asia/Kolkata");  // its first moment is in the middle of an hour of UTC
  ASSERT_TRUE(window);
  NewLimit limit;
  limit.scope = LimitScope::everybody;
  limit.unit = LimitUnit::money;
  limit.amount = 1'000'000;
  limit.window = *window;
  ASSERT_TRUE(store.set_limit(limit, now_us));
  EXPECT_EQ(drop(7).rows, 40 - 24);  // from October 31st on, on which November begins in India
}

TEST_P(Ledger, Answers_for_whole_hours_where_rows_are_gone_and_says_so_where_rows_are_needed) {
  write_days();
  ASSERT_TRUE(store.fold());
  drop(7);
  // A minute behind the row of 20 days ago: its hour counts as a whole, and with it the row.
  const std::int64_t at = now_us - 20 * day_us;
  EXPECT_EQ(cost({.since_us = at + 60'000'000, .until_us = at + us_per_hour}), 1'020);
  const auto read = store.each_cost({.from_us = at, .to_us = now_us, .provider = {}, .model = {}},
                                    [](const LedgerEntry&) -> Result<void> { return {}; });
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("not kept any more"), std::string::npos);
}

TEST_P(Ledger, A_new_budget_never_counts_less_than_was_spent_where_rows_are_gone) {
  write_days();
  // November begins in India at 18:30 UTC: the first row is in the hour that is cut, and in the window. The second one,
  // the newest, is never dropped.
  write_ledger(directory.path(), {entry((now_us / day_us - 23) * day_us + 18 * us_per_hour + us_per_hour * 3 / 4, 500),
                                  entry(now_us - 1, 0)});
  ASSERT_TRUE(store.fold());
  drop(2);
  NewLimit limit;
  limit.scope = LimitScope::everybody;
  limit.unit = LimitUnit::money;
  limit.amount = 1'000'000;
  limit.window = *Window::parse("month", "Asia/Kolkata");
  ASSERT_TRUE(store.set_limit(limit, now_us));
  const auto limits = store.list_limits(now_us);
  ASSERT_TRUE(limits);
  MoneySum spent = 500;  // and of each day of November
  for (int age = 22; age >= 0; --age) spent += 1'000 + age;
  EXPECT_EQ(limits->front().standing.spent.pico(), spent);
}

TEST_P(Ledger, Reads_the_rows_of_a_time_by_their_hours) {
  write_days();
  ASSERT_TRUE(store.fold());
  const EntryRange range{.since_us = now_us - 10 * day_us - 2'000, .until_us = now_us - 7 * day_us};
  const auto entries = store.entries_in(range, 100);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 4u);
  EXPECT_EQ(entries->front().entry.cost, Money::pico(1'010));
  EXPECT_EQ(entries->back().entry.cost, Money::pico(1'007));
  EXPECT_EQ(store.entries_in({.since_us = now_us + day_us}, 100)->size(), 0u);
}

TEST_P(Ledger, The_folder_of_a_serving_process_drops_what_is_old) {
  write_days();
  LiveStore::Options quick;
  quick.fold_ms = 20ms;
  auto live = LiveStore::start(home_of(directory.path()), quick);
  ASSERT_TRUE(live);
  EXPECT_EQ((*live)->health().rows_since_us, 0);
  (*live)->keep_days(1);  // of the wall's clock: all of these rows are older
  EXPECT_TRUE(wait_until([&] { return (*live)->health().rows_since_us > 0 && rows() == 1; }));
  EXPECT_TRUE((*live)->health().problem().empty()) << (*live)->health().problem();
}

SLUICE_ON_EACH_BACKEND(Ledger);

}  // namespace
}  // namespace sluice::store
