// kill -9 at random moments: a child process appends and says through a pipe how many records are durable; the parent
// kills it and then expects at least those, in order, and a log that opens cleanly and goes on.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

#include "store/append_log.h"
#include "store/data_directory.h"
#include "store/ledger_entry.h"
#include "store/live_store.h"
#include "store/log_reader.h"
#include "store/store.h"
#include "store/testing_backends.h"
#include "store/testing_directory.h"

namespace sluice::store {
namespace {

class Crash : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(Crash);

using namespace std::chrono_literals;
constexpr AppendLog::Options options = {.segment_bytes = 20'000, .group_bytes = 512, .group_ms = 1ms};
constexpr int rounds = 30;

LedgerEntry numbered(std::uint64_t number) {
  LedgerEntry entry;
  entry.request_id = RequestId("req_" + std::to_string(number));
  entry.key_id = KeyId("key_a");
  entry.requested_model = std::string(number % 100, 'm');  // records of many sizes
  entry.cost = Money::pico(1);
  return entry;
}

// The child: appends the entries from `first` on without end, and writes each new count of durable ones to `pipe`.
[[noreturn]] void append_until_killed(const std::string& directory, std::uint64_t first, int pipe, bool fold_too) {
  auto log = AppendLog::open(ledger_path(directory), options);
  auto store = Store::open(home_of(directory));
  if (!log || !store) ::_exit(1);
  std::uint64_t said = 0;
  for (std::uint64_t number = first;; ++number) {
    std::string bytes;
    encode(numbered(number), bytes);
    if ((*log)->append(bytes) != Appended::queued) ::_exit(1);
    if (number % 8 == 0) std::this_thread::sleep_for(100us);
    if (fold_too && number % 500 == 499 && !store->fold((*log)->durable_position())) ::_exit(1);
    const std::uint64_t durable = first + (*log)->durable_records();
    if (durable != said && ::write(pipe, &durable, sizeof durable) != sizeof durable) ::_exit(1);
    said = durable;
  }
}

// The count that the child named last. Ends when the pipe has no writer any more.
std::uint64_t last_count(int pipe, std::uint64_t before) {
  std::uint64_t count = before;
  std::uint64_t next = 0;
  while (::read(pipe, &next, sizeof next) == sizeof next) count = next;
  return count;
}

std::uint64_t count_in_order(const std::string& directory) {
  auto reader = LogReader::open(ledger_path(directory), 0);
  std::uint64_t count = 0;
  while (true) {
    const auto record = reader->next();
    if (!record || !*record) break;
    EXPECT_EQ(decode_ledger_entry(**record), numbered(count));
    ++count;
  }
  EXPECT_EQ(reader->damaged_bytes(), 0u);
  return count;
}

TEST_P(Crash, Loses_no_acknowledged_record_and_leaves_nothing_broken) {
  TestingDirectory directory;
  ASSERT_TRUE(Store::open(home_of(directory.path()))->set_limit({.amount = 5}, 0));
  std::mt19937 random(20'261'123);
  std::uint64_t records = 0;
  for (int round = 0; round < rounds; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    if (child == 0) append_until_killed(directory.path(), records, pipe[1], round % 2 == 1);
    ::close(pipe[1]);
    // The first count says that the child is at work; then it gets a random while to live.
    std::uint64_t first_count = 0;
    ASSERT_EQ(::read(pipe[0], &first_count, sizeof first_count), static_cast<ssize_t>(sizeof first_count));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";
    const std::uint64_t acknowledged = last_count(pipe[0], first_count);
    ::close(pipe[0]);

    ASSERT_TRUE(AppendLog::open(ledger_path(directory.path()), options));  // mends what is torn
    records = count_in_order(directory.path());
    ASSERT_GE(records, acknowledged) << "round " << round;
    const auto live = LiveStore::start(home_of(directory.path()), {.ledger = options});
    ASSERT_TRUE(live) << live.error().message;
    const Account::Standing standing = (*live)->keys()->lines().at(0)->state->account.standing(0);
    ASSERT_EQ(standing.spent, Money::pico(static_cast<std::int64_t>(records))) << "a limit has each row once";
  }
  auto store = Store::open(home_of(directory.path()));
  ASSERT_TRUE(store);
  ASSERT_TRUE(store->fold());
  EXPECT_EQ(store->usage({})->total.cost_pico, static_cast<MoneySum>(records));
  const auto integrity = store->check();
  ASSERT_TRUE(integrity);
  EXPECT_TRUE(integrity->sound) << integrity->findings.front();
}

}  // namespace
}  // namespace sluice::store
