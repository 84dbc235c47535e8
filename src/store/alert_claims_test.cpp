#include "store/alert_claims.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "store/store.h"
#include "store/testing_backends.h"
#include "store/testing_directory.h"

namespace sluice::store {
namespace {

class AlertClaims : public OnEachBackend {
 protected:
  static constexpr std::int64_t hour_us = 3'600'000'000;
  TestingDirectory directory;
  Store one = *Store::open(home_of(directory.path()));
  Store other = *Store::open(home_of(directory.path()));
  const NamedAlert alert{.name = "limit:lim_a:80", .body = R"({"text":"é"})"};
};
SLUICE_ON_EACH_BACKEND(AlertClaims);

TEST_P(AlertClaims, Who_comes_first_tells_it_and_nobody_else) {
  EXPECT_TRUE(*one.claim_alert(alert, hour_us, hour_us));
  EXPECT_FALSE(*other.claim_alert(alert, hour_us, hour_us));
  EXPECT_TRUE(other.take_over_alerts(hour_us, 16)->empty());
  ASSERT_TRUE(one.alert_told(alert.name));
  EXPECT_FALSE(*other.claim_alert(alert, hour_us, hour_us));
  EXPECT_FALSE(*one.claim_alert(alert, hour_us, hour_us));
  EXPECT_TRUE(*other.claim_alert({.name = "limit:lim_a:100", .body = ""}, hour_us, hour_us));
}

TEST_P(AlertClaims, Of_one_who_does_not_come_back_another_one_has_it_once) {
  ASSERT_TRUE(*one.claim_alert(alert, 0, hour_us));
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  ASSERT_FALSE(*other.claim_alert(alert, hour_us, hour_us)) << "it is known";
  const auto taken = other.take_over_alerts(hour_us, 16);
  ASSERT_TRUE(taken) << taken.error().message;
  ASSERT_EQ(taken->size(), 1u);
  EXPECT_EQ(taken->front().name, alert.name);
  EXPECT_EQ(taken->front().body, alert.body);
  EXPECT_TRUE(one.take_over_alerts(hour_us, 16)->empty());
  ASSERT_TRUE(other.alert_told(alert.name));
  EXPECT_TRUE(one.take_over_alerts(0, 16)->empty());
}

TEST_P(AlertClaims, Who_asks_for_more_time_in_time_has_it) {
  ASSERT_TRUE(*one.claim_alert(alert, hour_us, hour_us));
  ASSERT_TRUE(one.renew_alerts({alert.name, "unknown"}, 0));
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  ASSERT_TRUE(one.renew_alerts({alert.name}, hour_us)) << "too late, which is no error";
  EXPECT_EQ(other.take_over_alerts(hour_us, 16)->size(), 1u);
}

TEST_P(AlertClaims, A_name_is_forgotten_when_its_time_is_over) {
  ASSERT_TRUE(*one.claim_alert(alert, 0, 0));
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_TRUE(*other.claim_alert(alert, hour_us, hour_us));
}

TEST_P(AlertClaims, At_most_so_many_are_taken_over_at_once_the_oldest_first) {
  for (const char* name : {"b", "a", "c"}) {
    ASSERT_TRUE(*one.claim_alert({.name = name, .body = name}, 0, hour_us));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const auto first = other.take_over_alerts(hour_us, 2);
  ASSERT_EQ(first->size(), 2u);
  EXPECT_EQ(first->at(0).name + first->at(1).name, "ba");
  EXPECT_EQ(one.take_over_alerts(hour_us, 2)->size(), 1u);
}

TEST_P(AlertClaims, Of_many_at_the_same_moment_one_has_it) {
  std::atomic<int> claimed{0};
  std::atomic<int> taken{0};
  ASSERT_TRUE(*one.claim_alert({.name = "lost", .body = ""}, 0, hour_us));
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  {
    std::vector<std::jthread> all;
    for (int i = 0; i < 6; ++i)
      all.emplace_back([&, home = home_of(directory.path())] {
        Store mine = *Store::open(home);
        claimed += *mine.claim_alert(alert, hour_us, hour_us) ? 1 : 0;
        taken += static_cast<int>(mine.take_over_alerts(hour_us, 16)->size());
      });
  }
  EXPECT_EQ(claimed, 1);
  EXPECT_EQ(taken, 1);
}

}  // namespace
}  // namespace sluice::store
