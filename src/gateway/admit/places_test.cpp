#include "gateway/admit/places.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "async/scope.h"

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;

constexpr Places::Limit one_place{.places = 1, .queue = 4, .longest_wait = 1min};

class PlacesTest : public testing::Test {
 protected:
  struct Visit {
    std::string key;
    std::optional<Result<Place>> got;
  };
  static async::Task<> enter(PlacesTest* test, Visit* visit, Places::Limit limit, async::Deadline deadline) {
    visit->got = co_await test->places_.enter(test->reactor_, "provider/acme", limit, visit->key, deadline);
    if (*visit->got) test->order_ += visit->key;
  }
  Visit& come(std::string key, Places::Limit limit = one_place, async::Cancel* cancel = nullptr) {
    visits_.push_back(std::make_unique<Visit>(Visit{.key = std::move(key), .got = {}}));
    scope_.spawn(enter, this, visits_.back().get(), limit, async::Deadline{async::TimePoint::max(), cancel});
    return *visits_.back();
  }
  void run(const std::function<bool()>& until) {
    for (int rounds = 0; rounds < 100'000 && !until(); ++rounds) reactor_.run_once();
    ASSERT_TRUE(until());
  }
  Places::Report report() const { return places_.report().at(0); }

  net::Reactor reactor_;
  Places places_;
  std::string order_;  // who got a place
  std::vector<std::unique_ptr<Visit>> visits_;
  async::Scope scope_;
};

TEST_F(PlacesTest, Gives_a_place_at_once_while_there_is_one) {
  EXPECT_TRUE(come("a").got->has_value());
  EXPECT_EQ(report().taken, 1);
  visits_.clear();
  EXPECT_EQ(report().taken, 0);
}

TEST_F(PlacesTest, Lets_the_keys_take_turns) {
  Visit& first = come("a");
  for (const char* key : {"a", "a", "b", "c"}) come(key);
  EXPECT_EQ(report().waiting, 4);
  for (int i = 0; i < 4; ++i) {
    const std::size_t before = order_.size();
    (i == 0 ? first
            : *std::ranges::find_if(visits_,
                                    [&](const auto& v) { return v->got && v->got->has_value() && (*v->got)->taken(); })
                   ->get())
        .got->value() = Place();
    run([&] { return order_.size() > before; });
  }
  EXPECT_EQ(order_, "aabca");
}

TEST_F(PlacesTest, A_full_queue_is_a_503_with_retry_after) {
  come("a");
  for (int i = 0; i < 4; ++i) come("a");
  const Visit& late = come("a");
  ASSERT_TRUE(late.got && !late.got->has_value());
  EXPECT_EQ(late.got->error().kind, ErrorKind::overloaded);
  EXPECT_EQ(late.got->error().retry_after, 1'000ms);
  EXPECT_EQ(late.got->error().retry, Retry::elsewhere);
  EXPECT_EQ(report().shed, 1u);
}

TEST_F(PlacesTest, The_key_that_has_most_in_a_full_queue_gives_way) {
  come("a");
  for (int i = 0; i < 3; ++i) come("a");
  Visit& newest = come("a");
  Visit& other = come("b");
  run([&] { return newest.got.has_value(); });
  EXPECT_FALSE(newest.got->has_value());
  EXPECT_FALSE(other.got) << "it waits";
  EXPECT_EQ(report().waiting, 4);
}

TEST_F(PlacesTest, Waits_no_longer_than_it_may) {
  come("a");
  Visit& second = come("b", {.places = 1, .queue = 4, .longest_wait = 5ms});
  EXPECT_FALSE(second.got);
  run([&] { return second.got.has_value(); });
  EXPECT_EQ(second.got->error().kind, ErrorKind::overloaded);
  EXPECT_EQ(report().waiting, 0);
  EXPECT_EQ(report().shed, 1u);
}

TEST_F(PlacesTest, A_client_that_leaves_leaves_the_queue) {
  come("a");
  async::Cancel gone;
  Visit& second = come("b", one_place, &gone);
  gone.fire();
  run([&] { return second.got.has_value(); });
  EXPECT_EQ(second.got->error().kind, ErrorKind::client_gone);
  EXPECT_EQ(report().waiting, 0);
}

TEST_F(PlacesTest, Who_is_cancelled_with_a_place_already_given_hands_it_on) {
  Visit& first = come("a");
  come("b");
  Visit& third = come("c");
  first.got->value() = Place();  // b has it now, and does not know yet
  EXPECT_EQ(report().taken, 1);
  scope_.cancel_all();
  EXPECT_EQ(report().taken, 0) << "c was cancelled, too";
  EXPECT_EQ(report().waiting, 0);
  EXPECT_FALSE(third.got);
}

TEST(PlacesOfThreads, Never_gives_more_than_there_are) {
  Places places;
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> served{0};
  struct Guest {
    static async::Task<> visit(Places* places, net::Reactor* reactor, std::string key, std::atomic<int>* inside,
                               std::atomic<int>* most, std::atomic<int>* served) {
      {
        const Result<Place> place = co_await places->enter(
            *reactor, "ground/self_hosted", Places::Limit{.places = 3, .queue = 1'000, .longest_wait = 1min},
            std::move(key), async::Deadline::never());
        if (place) {
          const int now = ++*inside;
          for (int seen = *most; now > seen && !most->compare_exchange_weak(seen, now);) {
          }
          co_await reactor->scheduler().sleep(reactor->within(1ms));
          --*inside;
        }
      }
      ++*served;
    }
  };
  constexpr int visits = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      net::Reactor reactor;
      async::Scope scope;
      for (int i = 0; i < visits; ++i)
        scope.spawn(Guest::visit, &places, &reactor, std::to_string(t * 10 + i % 5), &inside, &most, &served);
      while (scope.size() > 0) reactor.run_once();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served, 3 * visits);
  EXPECT_LE(most, 3);
  EXPECT_EQ(places.report().at(0).taken, 0);
}

}  // namespace
}  // namespace sluice::gateway
