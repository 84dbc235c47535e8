#include "gateway/health/health.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;
using Kind = TargetState::Kind;
using What = TargetChange::What;

const Error down{.kind = ErrorKind::provider_unreachable, .message = "refused", .retry = Retry::anywhere};
constexpr std::string_view target = "acme/big";

class HealthTest : public testing::Test {
 protected:
  void fail(int times) {
    for (int i = 0; i < times; ++i) health_.failed(target, now_, breaker_, down);
  }
  Kind kind() const { return health_.state(target, now_).kind; }

  config::BreakerSettings breaker_{.failures = 3, .percent = 50, .first_ms = 1'000, .longest_ms = 3'000};
  config::RetrySettings retry_{.budget_percent = 10, .budget_least = 2};
  Health::TimePoint now_{1h};
  std::vector<What> changes_;
  Health health_{[this](const TargetChange& change) { changes_.push_back(change.what); }};
};

TEST_F(HealthTest, Is_quiet_until_something_fails_and_again_when_that_is_forgotten) {
  EXPECT_TRUE(health_.quiet(now_));
  fail(1);
  EXPECT_FALSE(health_.quiet(now_));
  EXPECT_EQ(kind(), Kind::well);
  EXPECT_TRUE(health_.quiet(now_ + 31s));
}

TEST_F(HealthTest, Opens_when_most_calls_fail_and_lets_one_probe_through_after_a_while) {
  fail(3);
  EXPECT_EQ(kind(), Kind::open);
  EXPECT_EQ(health_.state(target, now_).again_in, 1'000ms);
  EXPECT_FALSE(health_.may_ask(target, now_));
  EXPECT_TRUE(health_.may_ask("acme/small", now_));
  now_ += 1s;
  EXPECT_EQ(kind(), Kind::half_open);
  EXPECT_TRUE(health_.may_ask(target, now_));
  EXPECT_FALSE(health_.may_ask(target, now_)) << "there is one probe";
  EXPECT_EQ(kind(), Kind::open);
  health_.succeeded(target, now_);
  EXPECT_EQ(kind(), Kind::well);
  EXPECT_EQ(changes_, (std::vector<What>{What::opened, What::closed}));
}

TEST_F(HealthTest, Stays_open_for_longer_with_each_probe_that_fails_up_to_a_bound) {
  fail(3);
  for (const auto time : {2'000ms, 3'000ms, 3'000ms}) {
    now_ += health_.state(target, now_).again_in;
    ASSERT_TRUE(health_.may_ask(target, now_));
    fail(1);
    EXPECT_EQ(health_.state(target, now_).again_in, time);
  }
}

TEST_F(HealthTest, A_call_that_was_under_way_when_it_opened_does_not_prolong_it) {
  fail(3);
  fail(2);
  EXPECT_EQ(health_.state(target, now_).again_in, 1'000ms);
  EXPECT_EQ(changes_.size(), 1u);
}

TEST_F(HealthTest, A_probe_without_a_verdict_leaves_its_place_to_another) {
  fail(3);
  now_ += 1s;
  ASSERT_TRUE(health_.may_ask(target, now_));
  health_.undecided(target);
  EXPECT_TRUE(health_.may_ask(target, now_));
  now_ += 61s;
  EXPECT_TRUE(health_.may_ask(target, now_)) << "a probe that hangs stands in nobody's way for ever";
}

TEST_F(HealthTest, Stays_closed_while_most_calls_succeed) {
  fail(1);
  for (int i = 0; i < 5; ++i) health_.succeeded(target, now_);
  fail(3);
  EXPECT_EQ(kind(), Kind::well) << "4 of 9";
  fail(1);
  EXPECT_EQ(kind(), Kind::open) << "5 of 10";
}

TEST_F(HealthTest, Forgets_what_is_long_ago) {
  fail(2);
  now_ += 65s;
  fail(2);
  EXPECT_EQ(kind(), Kind::well);
}

TEST_F(HealthTest, Never_opens_with_zero_failures) {
  breaker_.failures = 0;
  fail(100);
  EXPECT_EQ(kind(), Kind::well);
}

TEST_F(HealthTest, A_stream_that_is_cut_counts_as_one_failed_call) {
  breaker_.percent = 100;
  fail(1);
  health_.succeeded(target, now_);
  health_.cut(target, now_, breaker_, down);
  const auto report = health_.report(now_);
  ASSERT_EQ(report.size(), 1u);
  EXPECT_EQ(report[0].calls, 2);
  EXPECT_EQ(report[0].failures, 2);
}

TEST_F(HealthTest, Leaves_a_target_alone_for_as_long_as_it_asks) {
  Error busy{.kind = ErrorKind::provider_rejected, .provider_status = 429, .retry = Retry::anywhere};
  busy.retry_after = 40s;
  health_.failed(target, now_, breaker_, busy);
  EXPECT_EQ(kind(), Kind::resting);
  EXPECT_FALSE(health_.may_ask(target, now_));
  EXPECT_EQ(health_.state(target, now_ + 39s).kind, Kind::resting);
  EXPECT_EQ(health_.state(target, now_ + 40s).kind, Kind::well);
  busy.retry_after = 24h;
  health_.failed(target, now_, breaker_, busy);
  EXPECT_EQ(health_.state(target, now_ + 5min).kind, Kind::well) << "a spent quota or a mistake";
}

TEST_F(HealthTest, Bounds_the_ratio_of_retries_to_requests) {
  int allowed = 0;
  for (int i = 0; i < 100; ++i) {
    fail(1);
    allowed += health_.take_retry(target, now_, retry_) ? 1 : 0;
  }
  EXPECT_GE(allowed, 2);
  EXPECT_LE(allowed, 2 + 10);
  EXPECT_EQ(changes_.back(), What::retry_refused);
  now_ += 10min;
  EXPECT_TRUE(health_.take_retry(target, now_, retry_));
}

TEST_F(HealthTest, Tells_whose_fault_a_failure_is) {
  EXPECT_TRUE(is_targets_fault(down));
  EXPECT_TRUE(is_targets_fault({.kind = ErrorKind::provider_timeout}));
  const auto rejected = [](int status, Retry retry) {
    return is_targets_fault({.kind = ErrorKind::provider_rejected, .provider_status = status, .retry = retry});
  };
  for (const int status : {500, 503, 529, 429, 401, 402}) EXPECT_TRUE(rejected(status, Retry::anywhere)) << status;
  for (const int status : {400, 404, 413, 422}) EXPECT_FALSE(rejected(status, Retry::elsewhere)) << status;
  EXPECT_FALSE(rejected(500, Retry::never)) << "a content filter";
  EXPECT_FALSE(is_targets_fault({.kind = ErrorKind::client_gone}));
  EXPECT_FALSE(is_targets_fault({.kind = ErrorKind::overloaded}));
}

TEST_F(HealthTest, Is_shared_by_threads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([this, t] {
      for (int i = 0; i < 2'000; ++i) {
        const Health::TimePoint now = now_ + std::chrono::milliseconds(i);
        const std::string name = "acme/" + std::to_string((i + t) % 3);
        if (health_.may_ask(name, now))
          (i % 3 == 0) ? health_.failed(name, now, breaker_, down) : health_.succeeded(name, now);
        (void)health_.take_retry(name, now, retry_);
        (void)health_.report(now);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(health_.report(now_).size(), 3u);
}

TEST_F(HealthTest, Goes_over_to_the_process_that_takes_this_ones_place) {
  fail(3);
  health_.failed("acme/small", now_, breaker_,
                 {.kind = ErrorKind::provider_rejected, .provider_status = 429, .retry_after = 20s});
  health_.failed("acme/well", now_, breaker_, down);
  Health next;
  health_.tell_all(now_, [&](std::string_view name, const Health::Target& known) { next.take_over(name, known); });
  EXPECT_EQ(next.state(target, now_).kind, Kind::open);
  EXPECT_EQ(next.state(target, now_).again_in, 1'000ms);
  EXPECT_EQ(next.state("acme/small", now_).again_in, 20'000ms);
  for (int i = 0; i < 2; ++i) next.failed("acme/well", now_, breaker_, down);
  EXPECT_EQ(next.state("acme/well", now_).kind, Kind::open) << "the first failure was the other process's";
  now_ += 1s;
  EXPECT_TRUE(next.may_ask(target, now_));
  EXPECT_FALSE(next.may_ask(target, now_)) << "there is one probe";
  next.succeeded(target, now_);
  EXPECT_EQ(next.state(target, now_).kind, Kind::well);
}

TEST_F(HealthTest, A_probe_that_is_under_way_elsewhere_keeps_nobody_from_asking) {
  fail(3);
  now_ += 1s;
  ASSERT_TRUE(health_.may_ask(target, now_));
  Health next;
  health_.tell_all(now_, [&](std::string_view name, const Health::Target& known) { next.take_over(name, known); });
  EXPECT_TRUE(next.may_ask(target, now_));
}

}  // namespace
}  // namespace sluice::gateway
