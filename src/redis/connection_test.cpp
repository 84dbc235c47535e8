#include "redis/connection.h"

#include <gtest/gtest.h>

#include "redis/testing_server.h"

namespace sluice::redis {
namespace {

TEST(RedisAddress, Reads_hosts_sockets_and_databases) {
  const auto host = Address::parse("redis://limits@cache.internal:6380/3");
  ASSERT_TRUE(host);
  EXPECT_EQ(host->host, "cache.internal");
  EXPECT_EQ(host->port, 6380);
  EXPECT_EQ(host->user, "limits");
  EXPECT_EQ(host->database, 3);
  const auto six = Address::parse("redis://[::1]");
  ASSERT_TRUE(six);
  EXPECT_EQ(six->host, "::1");
  EXPECT_EQ(six->port, 6379);
  const auto socket = Address::parse("unix:///run/redis.sock?db=2");
  ASSERT_TRUE(socket);
  EXPECT_EQ(socket->path, "/run/redis.sock");
  EXPECT_EQ(socket->database, 2);
  EXPECT_EQ(Address::parse("unix:/run/redis.sock")->path, "/run/redis.sock");
}

TEST(RedisAddress, Refuses_what_cannot_be_and_never_repeats_a_password) {
  for (const char* text : {"", "localhost:6379", "rediss://host", "redis://", "redis://host:x", "redis://host:70000",
                           "redis://host/x", "unix:relative", "redis://[::1"}) {
    const auto parsed = Address::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_FALSE(parsed.error().hint.empty());
  }
  const auto with_password = Address::parse("redis://user:hunter2@host");
  ASSERT_FALSE(with_password);
  EXPECT_EQ(with_password.error().message.find("hunter2"), std::string::npos);
}

TEST(RedisConnection, Says_that_nobody_is_there) {
  Connection::Options options;
  options.address.path = "/nonexistent/redis.sock";
  const auto connection = Connection::open(options);
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().kind, ErrorKind::unavailable);
  EXPECT_NE(connection.error().message.find("/nonexistent/redis.sock"), std::string::npos);
}

TEST(RedisConnection, Brings_a_script_to_a_server_that_does_not_know_it) {
  const TestingServer server;
  auto connection = Connection::open(server.options());
  ASSERT_TRUE(connection);
  static constexpr Script script{"return {KEYS[1], ARGV[1], 7}"};
  for (int i = 0; i < 3; ++i) {
    const auto reply = connection->run(script, {"key"}, {"value"});
    ASSERT_TRUE(reply) << reply.error().message;
    ASSERT_EQ(reply->list.size(), 3U);
    EXPECT_EQ(reply->list[0].text, "key");
    EXPECT_EQ(reply->list[1].text, "value");
    EXPECT_EQ(reply->list[2].number, 7);
    if (i == 1) {
      ASSERT_TRUE(connection->call({"SCRIPT", "FLUSH"}));
    }
  }
}

TEST(RedisConnection, A_script_that_fails_is_an_error_and_the_connection_lives_on) {
  const TestingServer server;
  auto connection = Connection::open(server.options());
  ASSERT_TRUE(connection);
  const auto failed = connection->run(Script{"return redis.call('INCR')"}, {}, {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::internal);
  EXPECT_TRUE(connection->call({"PING"}));
}

TEST(RedisConnection, Waits_no_longer_than_it_was_told_for_a_server_that_stands_still) {
  const TestingServer server;
  auto options = server.options();
  options.answer_ms = std::chrono::milliseconds(50);
  auto connection = Connection::open(options);
  ASSERT_TRUE(connection);
  server.stand_still();
  const auto reply = connection->call({"PING"});
  server.go_on();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::unavailable);
}

}  // namespace
}  // namespace sluice::redis
