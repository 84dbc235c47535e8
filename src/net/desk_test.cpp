#include "net/desk.h"

#include <gtest/gtest.h>

#include <latch>
#include <string>
#include <vector>

#include "async/scope.h"

namespace sluice::net {
namespace {

using async::Task;
using Pages = std::vector<std::string>;

const Error busy{.kind = ErrorKind::unavailable, .message = "too much at once"};

struct DeskTest : testing::Test {
  Reactor reactor;
  async::Cancel gone;
  async::Scope scope;
  std::optional<Result<std::size_t>> told;

  template <class Ask>
  void ask(Desk<Pages>& desk, Ask what, async::Deadline deadline) {
    scope.spawn(
        [](DeskTest& test, Desk<Pages>& asked, Ask question, async::Deadline until) -> Task<> {
          Question<std::size_t> answer(test.reactor, asked, std::move(question), 0, until, busy);
          test.told = co_await answer;
          test.reactor.post([] {});  // so that run_once() does not sleep on
        },
        std::ref(*this), std::ref(desk), std::move(what), deadline);
  }
  void run_until_told() {
    const auto give_up = async::Clock::now() + std::chrono::seconds(30);
    while (!told && async::Clock::now() < give_up) reactor.run_once();
    ASSERT_TRUE(told);
  }
  async::Deadline soon() { return reactor.within(std::chrono::seconds(20), &gone); }
};

TEST_F(DeskTest, A_coroutine_gets_what_the_desks_thread_answers) {
  Desk<Pages> desk(Pages{"one"});
  ASSERT_TRUE(desk.hand_in([](Pages& pages) { pages.push_back("two"); }));
  ask(desk, [](Pages& pages) { return pages.size(); }, soon());
  run_until_told();
  EXPECT_EQ(**told, 2u) << "work is done in the order in which it came";
}

TEST_F(DeskTest, An_answers_error_is_the_askers) {
  Desk<Pages> desk(Pages{});
  ask(desk, [](Pages&) -> Result<std::size_t> { return fail(ErrorKind::not_found, "no such page"); }, soon());
  run_until_told();
  ASSERT_FALSE(*told);
  EXPECT_EQ(told->error().message, "no such page");
}

TEST_F(DeskTest, A_full_desk_is_busy_and_a_late_answer_harms_nobody) {
  std::latch go_on(1);
  Desk<Pages> desk(Pages{});
  std::latch begun(1);
  ASSERT_TRUE(desk.hand_in([&](Pages&) {
    begun.count_down();
    go_on.wait();
  }));
  begun.wait();
  EXPECT_FALSE(desk.hand_in([](Pages&) {}, Desk<Pages>::most_waiting_bytes + 1));
  ask(desk, [](Pages& pages) { return pages.size(); }, reactor.within(std::chrono::milliseconds(1)));
  run_until_told();
  ASSERT_FALSE(*told) << "its time is over";
  EXPECT_EQ(told->error().message, busy.message);
  for (std::size_t i = 1; i < Desk<Pages>::most_waiting; ++i) ASSERT_TRUE(desk.hand_in([](Pages&) {})) << i;
  told.reset();
  ask(desk, [](Pages& pages) { return pages.size(); }, soon());
  run_until_told();
  ASSERT_FALSE(*told) << "there is no place";
  EXPECT_EQ(told->error().message, busy.message);
  go_on.count_down();
  desk.stop();
  reactor.run_once();  // the late answer: nobody waits for it
}

TEST_F(DeskTest, A_client_that_has_gone_waits_no_longer) {
  std::latch go_on(1);
  Desk<Pages> desk(Pages{});
  ask(
      desk,
      [&](Pages& pages) {
        go_on.wait();
        return pages.size();
      },
      soon());
  gone.fire();
  run_until_told();
  ASSERT_FALSE(*told);
  EXPECT_EQ(told->error().kind, ErrorKind::client_gone);
  go_on.count_down();
}

TEST_F(DeskTest, Stop_does_what_was_handed_in_and_takes_no_more) {
  int done = 0;
  Desk<Pages> desk(Pages{});
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(desk.hand_in([&](Pages&) { ++done; }));
  desk.stop();
  EXPECT_EQ(done, 50);
  EXPECT_FALSE(desk.hand_in([](Pages&) {}));
}

}  // namespace
}  // namespace sluice::net
