#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "async/scheduler.h"
#include "async/scope.h"
#include "async/task.h"

namespace sluice::async {
namespace {

using std::chrono::milliseconds;

Task<int> answer(int value) { co_return value; }
Task<std::int64_t> sum_of_tasks(int count) {
  std::int64_t sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await answer(i);
  co_return sum;
}

TEST(Task, A_long_chain_of_finished_tasks_does_not_grow_the_stack) {
  Scope scope;
  std::int64_t sum = 0;
  scope.spawn([](std::int64_t* out) -> Task<> { *out = co_await sum_of_tasks(1'000'000); }, &sum);
  EXPECT_EQ(sum, 499'999'500'000);
  EXPECT_EQ(scope.size(), 0u);
}

Task<> record_after(Scheduler& scheduler, Deadline deadline, std::vector<std::string>& log, std::string name) {
  co_await scheduler.sleep(deadline);
  log.push_back(name);
}

struct SchedulerTest : testing::Test {
  TimePoint start{std::chrono::seconds(1000)};
  Scheduler scheduler{start};
  std::vector<std::string> log;
  Scope scope;
  void spawn(Deadline deadline, std::string name) {
    scope.spawn([this](Deadline d, std::string n) { return record_after(scheduler, d, log, n); }, deadline, name);
  }
  void run_to(milliseconds after) {
    scheduler.advance(start + after);
    while (scheduler.run_ready()) {
    }
  }
};

TEST_F(SchedulerTest, Sleeps_end_in_the_order_of_their_deadlines_and_never_early) {
  spawn({start + milliseconds(20)}, "b");
  spawn({start + milliseconds(5)}, "a");
  spawn({start + std::chrono::hours(2)}, "c");
  run_to(milliseconds(4));
  EXPECT_TRUE(log.empty());
  run_to(milliseconds(30));
  EXPECT_EQ(log, (std::vector<std::string>{"a", "b"}));
  run_to(std::chrono::hours(1));
  EXPECT_EQ(log.size(), 2u);
  run_to(std::chrono::hours(2) + milliseconds(2));
  EXPECT_EQ(log.back(), "c");
}

TEST_F(SchedulerTest, Next_expiry_is_never_later_than_the_deadline_plus_a_tick) {
  EXPECT_EQ(scheduler.next_expiry(), TimePoint::max());
  for (int ms : {4000, 3999, 700, 65, 64, 63, 1}) {
    spawn({start + milliseconds(ms)}, "x");
    EXPECT_LE(scheduler.next_expiry(), start + milliseconds(ms + 1));
    EXPECT_GT(scheduler.next_expiry(), start);
  }
}

TEST_F(SchedulerTest, Cancel_wakes_all_its_waits_once) {
  Cancel cancel;
  spawn({start + std::chrono::hours(1), &cancel}, "a");
  spawn({TimePoint::max(), &cancel}, "b");
  cancel.fire();
  EXPECT_TRUE(log.empty()) << "the coroutine runs from the queue, not inside fire()";
  run_to(milliseconds(0));
  EXPECT_EQ(log, (std::vector<std::string>{"a", "b"}));
  spawn({TimePoint::max(), &cancel}, "c");
  EXPECT_EQ(log.back(), "c") << "a fired cancel does not let a wait begin";
}

TEST_F(SchedulerTest, A_cancelled_scope_leaves_nothing_in_the_wheel) {
  auto alive = std::make_shared<int>(1);
  {
    Scope inner;
    inner.spawn(
        [this](std::shared_ptr<int> kept) -> Task<> {
          co_await scheduler.sleep({start + milliseconds(10)});
          *kept = 2;
        },
        alive);
    EXPECT_EQ(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
  run_to(milliseconds(20));
  EXPECT_EQ(*alive, 1);
}

}  // namespace
}  // namespace sluice::async
