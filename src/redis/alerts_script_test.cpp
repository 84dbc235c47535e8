// On a real server: who tells an alert, and who tells it for one that is lost.
#include "redis/alerts_script.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "redis/testing_server.h"

namespace sluice::redis {
namespace {

class AlertsScript : public testing::Test {
 protected:
  TestingServer server;
  std::optional<Connection> connection;
  void SetUp() override { connection.emplace(*Connection::open(server.options())); }
  Reply run(const std::vector<std::string>& words) {
    auto reply = connection->run(alerts_script(), {"{test}:"}, words);
    EXPECT_TRUE(reply) << reply.error().message;
    return reply ? *std::move(reply) : Reply{};
  }
  static void wait_a_moment() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }
};

TEST_F(AlertsScript, Who_comes_first_tells_it_and_nobody_else) {
  EXPECT_EQ(run({"claim", "a:80", "body", "60000", "60000"}).number, 1);
  EXPECT_EQ(run({"claim", "a:80", "body", "60000", "60000"}).number, 0);
  EXPECT_TRUE(run({"overdue", "60000", "16"}).list.empty());
  run({"told", "a:80"});
  EXPECT_EQ(run({"claim", "a:80", "body", "60000", "60000"}).number, 0);
  EXPECT_EQ(run({"claim", "a:100", "body", "60000", "60000"}).number, 1);
}

TEST_F(AlertsScript, Of_one_who_does_not_come_back_another_one_has_it_once) {
  run({"claim", "a:80", "the body", "0", "60000"});
  wait_a_moment();
  const Reply taken = run({"overdue", "60000", "16"});
  ASSERT_EQ(taken.list.size(), 2u);
  EXPECT_EQ(taken.list[0].text, "a:80");
  EXPECT_EQ(taken.list[1].text, "the body");
  EXPECT_TRUE(run({"overdue", "60000", "16"}).list.empty());
  run({"told", "a:80"});
  wait_a_moment();
  EXPECT_TRUE(run({"overdue", "60000", "16"}).list.empty());
  EXPECT_EQ(run({"renew", "60000", "a:80"}).number, 0);
}

TEST_F(AlertsScript, Who_asks_for_more_time_in_time_has_it) {
  run({"claim", "a", "", "60000", "60000"});
  EXPECT_EQ(run({"renew", "0", "a", "unknown"}).number, 1);
  wait_a_moment();
  EXPECT_EQ(run({"renew", "60000", "a"}).number, 0) << "too late";
  EXPECT_EQ(run({"overdue", "60000", "16"}).list.size(), 2u);
}

TEST_F(AlertsScript, A_name_is_forgotten_when_its_time_is_over) {
  run({"claim", "a", "body", "1", "1"});
  wait_a_moment();
  EXPECT_TRUE(run({"overdue", "60000", "16"}).list.empty()) << "there is nothing left to tell";
  EXPECT_EQ(run({"claim", "a", "body", "60000", "60000"}).number, 1);
  run({"told", "b"});
  EXPECT_EQ(run({"claim", "b", "body", "60000", "60000"}).number, 1) << "who tells late does not claim";
}

}  // namespace
}  // namespace sluice::redis
