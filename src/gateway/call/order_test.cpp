#include "gateway/call/order.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

Error busy(milliseconds retry_after = 0ms) {
  Error error{.kind = ErrorKind::provider_rejected, .provider_status = 503, .retry = Retry::anywhere};
  if (retry_after > 0ms) error.retry_after = retry_after;
  return error;
}
const Error silent{.kind = ErrorKind::provider_timeout, .retry = Retry::elsewhere};
const Error complaint{.kind = ErrorKind::provider_rejected, .provider_status = 400};

class OrderTest : public testing::Test {
 protected:
  OrderTest() {
    for (const char* name : {"one/m", "two/m"}) {
      candidates_.push_back(std::make_unique<config::Candidate>());
      candidates_.back()->name = name;
    }
    add(0);
  }
  void add(std::size_t which) { plan_.attempts.push_back({.candidate = candidates_[which].get(), .quote = {}}); }
  Order order() { return Order(plan_, retry_, health_); }
  // The current candidate fails so; false: the call has ended.
  bool fails(Order& order, const Error& error) {
    return order.advance({.attempt = &order.current(), .error = error, .asked = true, .reached = true}, jitter_, now_,
                         pause_);
  }

  std::vector<std::unique_ptr<config::Candidate>> candidates_;
  Plan plan_;
  config::RetrySettings retry_{.attempts = 3, .pause_ms = 100, .longest_pause_ms = 5'000};
  Health health_;
  std::minstd_rand jitter_{7};
  async::TimePoint now_{1h};
  async::Duration pause_{};
};

TEST_F(OrderTest, Asks_the_same_one_again_as_often_as_it_may) {
  Order order = this->order();
  EXPECT_TRUE(fails(order, busy()));
  EXPECT_TRUE(fails(order, busy()));
  EXPECT_FALSE(fails(order, busy()));
}

TEST_F(OrderTest, Draws_each_pause_between_nothing_and_its_most) {
  milliseconds shortest = 1h;
  milliseconds longest = 0ms;
  for (int i = 0; i < 200; ++i) {
    health_.succeeded("one/m", now_ += 1h);  // and the retries of before are forgotten
    Order order = this->order();
    ASSERT_TRUE(fails(order, busy()));
    shortest = std::min(shortest, std::chrono::duration_cast<milliseconds>(pause_));
    longest = std::max(longest, std::chrono::duration_cast<milliseconds>(pause_));
  }
  EXPECT_LT(shortest, 20ms);
  EXPECT_GT(longest, 80ms);
  EXPECT_LE(longest, 100ms);
}

TEST_F(OrderTest, Never_asks_again_before_retry_after_has_passed) {
  Order order = this->order();
  ASSERT_TRUE(fails(order, busy(700ms)));
  EXPECT_GE(pause_, 700ms);
  EXPECT_LE(pause_, 800ms);
}

TEST_F(OrderTest, Each_candidates_retry_after_counts_for_itself) {
  add(1);
  retry_.attempts = 6;
  Order order = this->order();
  ASSERT_TRUE(fails(order, busy()));
  EXPECT_EQ(pause_, 0ms) << "another one is asked at once";
  ASSERT_TRUE(fails(order, busy(900ms)));
  EXPECT_EQ(order.current().candidate->name, "one/m");
  EXPECT_LE(pause_, 100ms);
  ASSERT_TRUE(fails(order, busy()));
  EXPECT_EQ(order.current().candidate->name, "two/m");
  EXPECT_GE(pause_, 900ms);
}

TEST_F(OrderTest, Does_not_wait_for_who_asks_for_too_much) {
  Order order = this->order();
  EXPECT_FALSE(fails(order, busy(6'000ms)));
}

TEST_F(OrderTest, Leaves_who_stays_silent) {
  add(1);
  Order order = this->order();
  ASSERT_TRUE(fails(order, silent));
  EXPECT_EQ(order.current().candidate->name, "two/m");
  ASSERT_TRUE(fails(order, busy()));
  EXPECT_EQ(order.current().candidate->name, "two/m") << "the silent one is not asked again";
}

TEST_F(OrderTest, A_complaint_about_the_request_is_the_answer) {
  add(1);
  Order order = this->order();
  EXPECT_FALSE(fails(order, complaint));
}

TEST_F(OrderTest, A_fallbacks_complaint_about_what_another_one_had_taken_is_not) {
  add(1);
  Order order = this->order();
  ASSERT_TRUE(fails(order, busy()));
  ASSERT_TRUE(fails(order, complaint));
  EXPECT_EQ(order.current().candidate->name, "one/m");
}

TEST_F(OrderTest, A_content_filters_refusal_ends_the_call_wherever_it_comes_from) {
  add(1);
  Order order = this->order();
  ASSERT_TRUE(fails(order, busy()));
  Error refusal = complaint;
  refusal.code = "content_filter";
  EXPECT_FALSE(fails(order, refusal));
}

TEST_F(OrderTest, A_target_whose_retries_are_used_up_is_spared) {
  retry_.budget_least = 1;
  retry_.budget_percent = 0;
  Order first = order();
  EXPECT_TRUE(fails(first, busy()));
  Order second = order();
  EXPECT_FALSE(fails(second, busy()));
}

TEST_F(OrderTest, An_answer_that_nobody_can_read_is_tried_once_elsewhere_and_never_again_there) {
  plan_.attempts.clear();
  for (const std::size_t which : {0, 1, 0}) add(which);
  Order order = this->order();
  const Attempt* first = &order.current();
  const auto unreadable = [&] {
    return order.advance({.attempt = &order.current(),
                          .error = {.kind = ErrorKind::provider_unreachable, .retry = Retry::elsewhere},
                          .asked = true,
                          .reached = true,
                          .unusable = true},
                         jitter_, now_, pause_);
  };
  ASSERT_TRUE(unreadable());
  EXPECT_NE(&order.current(), first);
  EXPECT_FALSE(unreadable());
}

}  // namespace
}  // namespace sluice::gateway
