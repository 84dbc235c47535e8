// The script on a real server: what it gives, what it refuses, and what it does with processes that say things twice,
// or never again.
#include "redis/limits_script.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "redis/testing_server.h"

namespace sluice::redis {
namespace {

using Words = std::vector<std::string>;

struct Process {
  Connection& connection;
  std::string name;
  std::int64_t epoch = 0;
  std::int64_t seq = 0;
  std::string life_ms = "60000";
  std::string grace_ms = "0";
  std::string run = "run-1";

  Reply send(const Words& rest, std::int64_t number) const {
    Words values{name, std::to_string(epoch), std::to_string(number), life_ms, grace_ms, run};
    values.insert(values.end(), rest.begin(), rest.end());
    auto reply = connection.run(limits_script(), {"{test}:"}, values);
    EXPECT_TRUE(reply) << reply.error().message;
    return reply ? *std::move(reply) : Reply{};
  }
  Reply call(const Words& rest) { return send(rest, ++seq); }
  void begin() {
    epoch = 0;
    seq = 0;
    const Reply reply = send({}, 0);
    ASSERT_EQ(reply.list.at(0).text, "registered");
    epoch = reply.list.at(1).number;
  }
  // A call with one money line and one ask.
  Reply money(const std::string& limit, const std::string& keep, const std::string& spent, const std::string& need,
              const std::string& slice = "0") {
    return call({"1", "m", "lim", limit, "0", "0", keep, slice, "1", "0", spent, "1", "1", "1", need});
  }
};

std::string lease(const Reply& reply) { return reply.list.at(3).list.at(0).list.at(0).text; }
std::string spent(const Reply& reply) { return reply.list.at(3).list.at(0).list.at(1).text; }
std::string all_leases(const Reply& reply) { return reply.list.at(3).list.at(0).list.at(2).text; }
std::int64_t refused_by(const Reply& reply) { return reply.list.at(4).list.at(0).list.at(0).number; }
std::int64_t wait_us(const Reply& reply) { return reply.list.at(4).list.at(0).list.at(1).number; }

class LimitsScript : public testing::Test {
 protected:
  TestingServer server;
  std::optional<Connection> connection;
  void SetUp() override { connection.emplace(*Connection::open(server.options())); }
  Process process(const char* name) {
    Process made{.connection = *connection, .name = name};
    made.begin();
    return made;
  }
};

TEST_F(LimitsScript, Leases_up_to_the_limit_and_not_a_picodollar_more) {
  Process a = process("a");
  Process b = process("b");
  const Reply first = a.money("1000000000000", "0", "0", "600000000000");
  EXPECT_EQ(refused_by(first), 0);
  EXPECT_EQ(lease(first), "600000000000");
  const Reply too_much = b.money("1000000000000", "0", "0", "400000000001");
  EXPECT_EQ(refused_by(too_much), 1);
  EXPECT_EQ(lease(too_much), "0");
  EXPECT_EQ(all_leases(too_much), "600000000000");
  EXPECT_EQ(refused_by(b.money("1000000000000", "0", "0", "400000000000")), 0);
  EXPECT_EQ(refused_by(a.money("1000000000000", "600000000000", "0", "1")), 1);
}

TEST_F(LimitsScript, Counts_amounts_beyond_what_a_double_holds) {
  Process a = process("a");
  const std::string limit = "9000000000000000001";
  EXPECT_EQ(refused_by(a.money(limit, "0", "9000000000000000000", "2")), 1);
  const Reply last = a.money(limit, "0", "9000000000000000000", "1");
  EXPECT_EQ(refused_by(last), 0);
  EXPECT_EQ(spent(last), "9000000000000000000");
  EXPECT_EQ(spent(a.money(limit, "0", "-123456789012345678", "0")), "-123456789012345678");
}

TEST_F(LimitsScript, Gives_all_that_a_request_asks_for_or_nothing) {
  Process a = process("a");
  const Reply reply =
      a.call({"3",   "m",  "one", "100", "0", "0", "0", "0", "0", "r", "rate", "60", "0",  "0", "0", "m",
              "two", "10", "0",   "0",   "0", "0", "0", "1", "3", "1", "50",   "2",  "30", "3", "11"});
  EXPECT_EQ(refused_by(reply), 3);
  EXPECT_EQ(lease(reply), "0");
  EXPECT_EQ(reply.list.at(3).list.at(1).list.at(1).number, 0);  // the rate is as it was
  EXPECT_EQ(reply.list.at(3).list.at(2).list.at(0).text, "0");
}

TEST_F(LimitsScript, Answers_a_call_that_comes_twice_from_memory) {
  Process a = process("a");
  const Words call{"1", "r", "rate", "60", "0", "0", "0", "1", "1", "1", "60"};
  EXPECT_EQ(refused_by(a.call(call)), 0);
  EXPECT_EQ(refused_by(a.send(call, a.seq)), 0);
  EXPECT_EQ(refused_by(a.call(call)), 1);
}

TEST_F(LimitsScript, What_is_reported_twice_counts_once) {
  Process a = process("a");
  Process b = process("b");
  a.money("100", "0", "40", "0");
  a.money("100", "0", "40", "0");
  EXPECT_EQ(spent(b.money("100", "0", "7", "0")), "47");
}

TEST_F(LimitsScript, What_a_lost_process_has_leased_counts_as_spent_until_it_is_back) {
  Process a = process("a");
  a.life_ms = "0";
  a.money("100", "0", "10", "30");
  Process b = process("b");
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const Reply without = b.money("100", "0", "0", "0");
  EXPECT_EQ(spent(without), "40");
  EXPECT_EQ(all_leases(without), "0");
  EXPECT_EQ(refused_by(b.money("100", "0", "0", "61")), 1);
  // Its ledger says what it was.
  a.begin();
  EXPECT_EQ(spent(a.money("100", "0", "25", "0")), "25");
  EXPECT_EQ(refused_by(b.money("100", "0", "0", "75")), 0);
}

TEST_F(LimitsScript, Buckets_before_the_window_do_not_count) {
  Process a = process("a");
  const auto report = [&](const char* first) {
    return a.call({"1", "m", "w", "100", first, "1764288000000000", "0", "0", "2", "1764284400000000", "60",
                   "1764288000000000", "5", "0"});
  };
  EXPECT_EQ(spent(report("1764284400000000")), "65");
  EXPECT_EQ(spent(report("1764284400000001")), "5");
}

TEST_F(LimitsScript, Slices_end_where_little_is_left) {
  Process a = process("a");
  const Reply early = a.money("1000", "0", "0", "10", "100");
  EXPECT_EQ(lease(early), "110");
  const Reply later = a.money("1000", "0", "800", "10", "100");
  EXPECT_EQ(lease(later), "33");  // an eighth of the 190 that are left
  const Reply late = a.money("1000", "0", "950", "10", "100");
  EXPECT_EQ(lease(late), "10");
  EXPECT_EQ(late.list.at(3).list.at(0).list.at(3).number, 1);
}

TEST_F(LimitsScript, Places_of_a_lost_process_are_free_again) {
  Process a = process("a");
  a.life_ms = "0";
  const auto one_place = [](Process& of, const char* keep) {
    return of.call({"1", "p", "places", "2", keep, "0", "1", "1", "1", "1"});
  };
  EXPECT_EQ(refused_by(one_place(a, "0")), 0);
  EXPECT_EQ(refused_by(one_place(a, "1")), 0);
  EXPECT_EQ(refused_by(one_place(a, "2")), 1);
  Process b = process("b");
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(refused_by(one_place(b, "0")), 0);
}

TEST_F(LimitsScript, A_rate_gives_a_minutes_worth_and_says_when_the_next_one_fits) {
  Process a = process("a");
  Process b = process("b");
  const auto ask = [](Process& of, const char* units, const char* back = "0", const char* owed = "0") {
    return of.call({"1", "r", "rate", "600", back, owed, "0", "1", "1", "1", units});
  };
  EXPECT_EQ(refused_by(ask(a, "300")), 0);
  EXPECT_EQ(refused_by(ask(b, "300")), 0);
  const Reply full = ask(a, "100");
  EXPECT_EQ(refused_by(full), 1);
  EXPECT_GT(wait_us(full), 5'000'000);
  EXPECT_LE(wait_us(full), 10'000'000);
  EXPECT_EQ(refused_by(ask(b, "100", "100")), 0);  // what is given back is free
  EXPECT_GT(wait_us(ask(a, "100", "0", "600")), 60'000'000);
}

TEST_F(LimitsScript, Nothing_is_given_by_a_server_that_has_started_anew_until_all_had_time_to_report) {
  Process a = process("a");
  EXPECT_EQ(refused_by(a.money("100", "0", "0", "10")), 0);
  a.run = "run-2";
  a.grace_ms = "60000";
  const Reply reply = a.money("100", "10", "0", "10");
  EXPECT_EQ(refused_by(reply), -1);
  EXPECT_GT(reply.list.at(2).number, 50'000'000);
  EXPECT_EQ(lease(reply), "10");  // what it had is its own
}

TEST_F(LimitsScript, A_server_that_has_forgotten_a_process_says_so) {
  Process a = process("a");
  ASSERT_TRUE(connection->call({"FLUSHALL"}));
  EXPECT_EQ(a.money("100", "0", "0", "10").list.at(0).text, "unknown");
}

TEST_F(LimitsScript, A_process_that_was_succeeded_gets_nothing_more) {
  Process a = process("a");
  Process successor = process("a");
  EXPECT_EQ(a.money("100", "0", "0", "10").list.at(0).text, "superseded");
  EXPECT_EQ(refused_by(successor.money("100", "0", "0", "10")), 0);
}

}  // namespace
}  // namespace sluice::redis
