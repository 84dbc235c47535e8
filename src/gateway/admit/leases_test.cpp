// Several processes in one: each with its ledger, its accounts and its thread to a real Redis. Whatever they do and
// whoever dies: what is spent and reserved together never passes the limit, and Redis ends with what the ledgers have.
#include "gateway/admit/leases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <random>

#include "gateway/admit/admit.h"
#include "redis/testing_server.h"

namespace sluice::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::string_view prefix = "{test}:";

store::LimitLine rule_of(store::LimitUnit unit, std::int64_t amount, const char* id = "lim_one") {
  store::LimitLine rule;
  rule.id = id;
  rule.unit = unit;
  rule.amount = amount;
  return rule;
}

// One process: what a test says of it happens at once.
class Process {
 public:
  Process(const redis::TestingServer& server, std::string name, std::vector<store::LimitLine> rules,
          milliseconds life = milliseconds(60'000))
      : server_(server), name_(std::move(name)), rules_(std::move(rules)), life_ms_(life) {
    start();
  }
  ~Process() {
    holds.clear();
    if (leases) leases->stop();  // its thread asks for the lines
  }

  void start() {
    lines_.clear();
    for (const store::LimitLine& rule : rules_) {
      auto state = std::make_shared<store::LineState>(rule.window, true);
      if (rule.unit == store::LimitUnit::money) state->account.load(0, ledger);
      lines_.push_back(std::make_shared<const store::Line>(store::Line{rule, state}));
    }
    store::VirtualKey key;
    key.id = KeyId("key_" + name_);
    principal_.emplace(std::make_shared<const store::VirtualKey>(key), std::make_shared<store::KeyState>(),
                       std::make_shared<const store::Lines>(lines_));
    Leases::Options options{.redis = server_.options(), .prefix = std::string(prefix), .process = name_};
    options.renew_ms = milliseconds(20);
    options.life_ms = life_ms_;
    options.grace_ms = milliseconds(100);
    options.patience_ms = milliseconds(2'000);
    leases.emplace(std::move(options),
                   Leases::Source{.lines = [this] { return lines_; }, .generation = [] { return std::uint64_t{1}; }});
    admission.emplace(Admission::Limits{});
    admission->share(*leases);
    leases->start();
  }
  // Without a last word, as kill -9 does.
  void die() {
    leases->hand_over();
    leases->stop();
    holds.clear();
    admission.reset();
    leases.reset();
  }
  void end() {
    holds.clear();
    leases->stop();
  }
  bool alive() const { return leases.has_value(); }

  Result<Hold> admit(std::int64_t worst, Tokens tokens = 1) {
    const Moment now(steady_clock::now(), 0);
    Result<Hold> hold = admission->admit(*principal_, {.worst_cost = Money::pico(worst), .tokens = tokens}, now);
    if (hold && !hold->complete())
      if (Result<void> leased = admission->lease_and_wait(*hold, now); !leased)
        return std::unexpected(std::move(leased).error());
    return hold;
  }
  bool looks_full_for(std::int64_t cost) const {
    return admission->first_full(*principal_, {}, {.target = {}, .cost = Money::pico(cost)}, 1,
                                 Moment(steady_clock::now(), 0), false) != nullptr;
  }
  void settle(Hold hold, std::int64_t cost, Tokens tokens = 1) {
    ledger += Money::pico(cost);
    hold.settle(Money::pico(cost), tokens, Moment(steady_clock::now(), 0));
  }
  Money reserved() const {
    Money sum;
    for (const Hold& hold : holds) sum += hold.reserved();
    return sum;
  }

  Money ledger;
  std::vector<Hold> holds;
  std::optional<Leases> leases;
  std::optional<Admission> admission;

 private:
  const redis::TestingServer& server_;
  const std::string name_;
  const std::vector<store::LimitLine> rules_;
  const milliseconds life_ms_;
  store::Lines lines_;
  std::optional<store::Principal> principal_;
};

class SharedLimits : public testing::Test {
 protected:
  redis::TestingServer server;

  std::unique_ptr<Process> process(const char* name, std::vector<store::LimitLine> rules) {
    return std::make_unique<Process>(server, name, std::move(rules));
  }
  std::int64_t sum_of(const std::string& key) {
    auto connection = redis::Connection::open(server.options());
    EXPECT_TRUE(connection);
    const auto values = connection->call({"HVALS", std::string(prefix) + key});
    EXPECT_TRUE(values);
    std::int64_t sum = 0;
    for (const redis::Reply& value : values->list) sum += std::stoll(value.text);
    return sum;
  }
};

TEST_F(SharedLimits, Two_processes_have_one_budget) {
  auto a = process("a", {rule_of(store::LimitUnit::money, 1'000)});
  auto b = process("b", {rule_of(store::LimitUnit::money, 1'000)});
  auto first = a->admit(600);
  ASSERT_TRUE(first) << first.error().message;
  const auto too_much = b->admit(401);
  ASSERT_FALSE(too_much);
  EXPECT_EQ(too_much.error().kind, ErrorKind::budget_exceeded);
  a->settle(*std::move(first), 100);
  for (int i = 0; i < 100 && !b->admit(850); ++i) std::this_thread::sleep_for(milliseconds(20));
  auto rest = b->admit(890);  // the other has given back what it did not use
  EXPECT_TRUE(rest) << rest.error().message;
}

// A limit that sends requests to another model would do so for ever: nobody asks for it any more.
TEST_F(SharedLimits, Who_looks_at_a_limit_learns_what_others_have_given_back) {
  for (const store::LimitUnit unit : {store::LimitUnit::money, store::LimitUnit::places}) {
    const std::string id = "lim_" + std::string(name(unit));
    auto a = process("a", {rule_of(unit, 10, id.c_str())});
    auto b = process("b", {rule_of(unit, 10, id.c_str())});
    std::vector<Hold> others;
    for (int i = 0; i < 9; ++i) {
      auto hold = a->admit(1);
      ASSERT_TRUE(hold) << hold.error().message;
      others.push_back(*std::move(hold));
    }
    {
      const auto one = b->admit(1);
      ASSERT_TRUE(one) << one.error().message;
      EXPECT_TRUE(b->looks_full_for(2));
      others.clear();
    }
    bool full = true;
    for (int i = 0; i < 200 && full; ++i) {
      std::this_thread::sleep_for(milliseconds(10));
      full = b->looks_full_for(2);
    }
    EXPECT_FALSE(full) << id;
  }
}

TEST_F(SharedLimits, All_limits_of_a_request_or_none) {
  const std::vector rules = {rule_of(store::LimitUnit::money, 1'000, "lim_money"),
                             rule_of(store::LimitUnit::requests, 60, "lim_rate"),
                             rule_of(store::LimitUnit::places, 1, "lim_places")};
  auto a = process("a", rules);
  auto b = process("b", rules);
  auto first = a->admit(100);
  ASSERT_TRUE(first) << first.error().message;
  for (int i = 0; i < 100; ++i) {
    const auto second = b->admit(100);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, "concurrent_requests");
  }
  a->settle(*std::move(first), 100);
  // None of the refused has counted: 59 requests are left.
  int passed = 0;
  for (int i = 0; i < 70; ++i) {
    auto next = b->admit(1);
    for (int again = 0; !next && next.error().code == "concurrent_requests" && again < 100; ++again) {
      std::this_thread::sleep_for(milliseconds(5));
      next = b->admit(1);
    }
    if (next) ++passed;
  }
  EXPECT_GE(passed, 59);
  EXPECT_LE(passed, 61);  // one comes back each second
}

TEST_F(SharedLimits, A_rate_is_the_same_over_four_processes) {
  const std::vector rules = {rule_of(store::LimitUnit::requests, 6'000)};
  std::vector<std::unique_ptr<Process>> all;
  for (const char* name : {"a", "b", "c", "d"}) all.push_back(process(name, rules));
  ASSERT_TRUE(all[0]->admit(0));
  const auto begin = steady_clock::now();
  std::atomic<int> passed{1};
  std::vector<std::thread> threads;
  for (const auto& one : all)
    threads.emplace_back([&] {
      while (steady_clock::now() < begin + std::chrono::seconds(4))
        if (one->admit(0)) ++passed;
    });
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
  const double allowed = 6'000 + 100 * seconds;
  RecordProperty("passed", passed.load());
  std::printf("%d passed of %.0f\n", passed.load(), allowed);
  EXPECT_LE(passed, allowed + 1);
  if (passed > 6'000) {  // a machine that is too slow to use it up shows no more than that it is not passed
    EXPECT_GE(passed, allowed * 0.99);
  }
}

TEST_F(SharedLimits, Many_threads_of_four_processes_never_pass_a_budget) {
  constexpr std::int64_t limit = 1'000'000;
  std::vector<std::unique_ptr<Process>> all;
  for (const char* name : {"a", "b", "c", "d"}) all.push_back(process(name, {rule_of(store::LimitUnit::money, limit)}));
  std::atomic<std::int64_t> spent{0};
  std::atomic<int> refused{0};
  std::mutex ledgers;
  std::vector<std::thread> threads;
  for (const auto& one : all)
    for (unsigned seed = 0; seed < 4; ++seed)
      threads.emplace_back([&, seed] {
        std::minstd_rand random(seed + 1);
        for (int i = 0; i < 150; ++i) {
          auto hold = one->admit(2'000);
          if (!hold) {
            ++refused;
            continue;
          }
          const auto cost = static_cast<std::int64_t>(random() % 2'001);
          spent += cost;
          const std::lock_guard lock(ledgers);
          one->settle(*std::move(hold), cost);
        }
      });
  for (std::thread& thread : threads) thread.join();
  for (const auto& one : all) one->end();
  EXPECT_GT(refused, 0);
  EXPECT_LE(spent, limit);
  EXPECT_GE(spent, limit - 4 * 2'000 - 4 * limit / 100);
  EXPECT_EQ(sum_of("t:lim_one"), spent);
  EXPECT_EQ(sum_of("h:lim_one"), 0);
}

// Lease, reserve, settle, expire, crash, and a Redis that loses everything, in any order.
TEST_F(SharedLimits, After_anything_at_all_ledgers_and_holds_are_within_the_limit_and_redis_has_the_ledgers) {
  constexpr std::int64_t limit = 100'000;
  for (unsigned seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::string id = "lim_" + std::to_string(seed);
    std::minstd_rand random(seed);
    std::vector<std::unique_ptr<Process>> all;
    for (const char* name : {"a", "b", "c"})
      all.push_back(std::make_unique<Process>(
          server, name, std::vector{rule_of(store::LimitUnit::money, limit, id.c_str())}, milliseconds(200)));
    int granted = 0;
    for (int step = 0; step < 250; ++step) {
      Process& one = *all[random() % all.size()];
      const unsigned what = random() % 100;
      if (!one.alive()) {
        if (what < 20) one.start();
      } else if (what < 55) {
        if (auto hold = one.admit(static_cast<std::int64_t>(random() % 3'000))) {
          one.holds.push_back(*std::move(hold));
          ++granted;
        }
      } else if (what < 85 && !one.holds.empty()) {
        const std::size_t at = random() % one.holds.size();
        Hold hold = std::move(one.holds[at]);
        one.holds.erase(one.holds.begin() + static_cast<std::ptrdiff_t>(at));
        const auto most = static_cast<std::uint64_t>(hold.reserved().pico());
        one.settle(std::move(hold), static_cast<std::int64_t>(random() % (most + 1)));
      } else if (what < 90 && !one.holds.empty()) {
        one.holds.pop_back();
      } else if (what == 90) {
        one.die();
      } else if (what == 91 && std::ranges::all_of(all, [](const auto& each) { return each->alive(); })) {
        // Of a process that is away nobody could tell what it has spent: docs/guides/replicas.md says so.
        server.kill();
        server.start();
        std::this_thread::sleep_for(milliseconds(50));
      } else if (what < 95) {
        std::this_thread::sleep_for(milliseconds(30));
      }
      Money committed;
      for (const auto& each : all) committed += each->ledger + each->reserved();
      ASSERT_LE(committed.pico(), limit) << "step " << step;
    }
    EXPECT_GT(granted, 20);
    Money ledgers;
    for (const auto& each : all) {
      if (!each->alive()) each->start();
      ledgers += each->ledger;
    }
    for (int i = 0; i < 200 && sum_of("t:" + id) != ledgers.pico(); ++i) {
      for (const auto& each : all) each->holds.clear();
      std::this_thread::sleep_for(milliseconds(20));
    }
    for (const auto& each : all) each->end();
    EXPECT_EQ(sum_of("t:" + id), ledgers.pico());
    EXPECT_EQ(sum_of("h:" + id), 0);
    EXPECT_EQ(sum_of("a:" + id), 0);
  }
}

TEST_F(SharedLimits, While_the_store_is_away_each_limit_does_as_it_says) {
  for (const store::StoreDown rule : store::store_down_rules) {
    SCOPED_TRACE(std::string(name(rule)));
    store::LimitLine line = rule_of(store::LimitUnit::money, 100'000, ("lim_" + std::string(name(rule))).c_str());
    line.store_down = rule;
    Process one(server, std::string(name(rule)), {line});
    auto first = one.admit(10);  // and a slice of 1,000
    ASSERT_TRUE(first) << first.error().message;
    server.kill();
    for (int i = 0; i < 500 && !one.leases->down(); ++i) std::this_thread::sleep_for(milliseconds(10));
    ASSERT_TRUE(one.leases->down());
    EXPECT_NE(one.leases->health().problem, "");
    const auto within = one.admit(10);
    const auto beyond = one.admit(50'000);
    EXPECT_EQ(within.has_value(), rule != store::StoreDown::fail_closed);
    EXPECT_EQ(beyond.has_value(), rule == store::StoreDown::fail_open);
    if (!beyond) {
      EXPECT_EQ(beyond.error().kind, ErrorKind::unavailable);
      EXPECT_TRUE(beyond.error().retry_after);
      EXPECT_NE(beyond.error().message.find(line.id), std::string::npos);
    }
    server.start();
    for (int i = 0; i < 500 && one.leases->down(); ++i) std::this_thread::sleep_for(milliseconds(10));
    EXPECT_EQ(one.leases->health().problem, "");
  }
}

// An upgrade that failed: the heir has spoken to the store in this one's name, and will not come to serve.
TEST_F(SharedLimits, A_process_whose_heir_does_not_come_takes_its_name_back_with_what_it_had) {
  const std::vector rules = {rule_of(store::LimitUnit::money, 1'000)};
  auto a = process("a", rules);
  auto b = process("b", rules);
  auto first = a->admit(600);
  ASSERT_TRUE(first) << first.error().message;
  process("a", rules)->die();
  const auto refused = a->admit(300);
  ASSERT_FALSE(refused) << "who has another one of its name beside it lets nobody in";
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable) << refused.error().message;
  a->leases->take_back();
  auto more = a->admit(300);
  for (int i = 0; i < 200 && !more; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
    more = a->admit(300);
  }
  ASSERT_TRUE(more) << more.error().message;
  EXPECT_FALSE(b->admit(101)) << "the other one still has 900 reserved";
  a->settle(*std::move(first), 100);
  a->settle(*std::move(more), 300);
  for (int i = 0; i < 200 && sum_of("t:lim_one") != 400; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(sum_of("t:lim_one"), 400);
  bool rest = false;
  for (int i = 0; i < 200 && !rest; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
    rest = b->admit(590).has_value();
  }
  EXPECT_TRUE(rest);
}

// What a process has spent that is not running when Redis dies is known only from Redis's own disk.
TEST(KeptLimits, What_is_spent_outlives_a_killed_redis_that_keeps_its_data) {
  redis::TestingServer server(redis::TestingServer::Keep::everything);
  const std::vector rules = {rule_of(store::LimitUnit::money, 1'000)};
  {
    Process a(server, "a", rules);
    auto hold = a.admit(700);
    ASSERT_TRUE(hold) << hold.error().message;
    a.settle(*std::move(hold), 700);
    a.end();
  }
  Process b(server, "b", rules);
  for (int kills = 0; kills < 3; ++kills) {
    server.kill();
    server.start();
    auto too_much = b.admit(301);
    for (int i = 0; i < 500 && !too_much && too_much.error().kind == ErrorKind::unavailable; ++i) {
      std::this_thread::sleep_for(milliseconds(10));
      too_much = b.admit(301);
    }
    ASSERT_FALSE(too_much);
    EXPECT_EQ(too_much.error().kind, ErrorKind::budget_exceeded) << too_much.error().message;
    auto rest = b.admit(300);
    EXPECT_TRUE(rest) << rest.error().message;
  }
}

TEST_F(SharedLimits, A_store_that_stands_still_keeps_nobody_waiting_for_long_and_counts_nothing_twice) {
  auto one = process("a", {rule_of(store::LimitUnit::requests, 600)});
  ASSERT_TRUE(one->admit(0));
  server.stand_still();
  const auto refused = one->admit(0);
  EXPECT_FALSE(refused);
  server.go_on();
  int passed = 1;
  for (int i = 0; i < 200 && one->leases->down(); ++i) std::this_thread::sleep_for(milliseconds(10));
  for (int i = 0; i < 700; ++i)
    if (one->admit(0)) ++passed;
  EXPECT_GE(passed, 599);
  EXPECT_LE(passed, 660);
}

}  // namespace
}  // namespace sluice::gateway
