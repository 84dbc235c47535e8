#include <gtest/gtest.h>

#include <random>

#include "store/admin_acts.h"
#include "store/live_store.h"
#include "store/store.h"
#include "store/tags.h"
#include "store/testing_backends.h"
#include "store/testing_directory.h"
#include "store/testing_ledger.h"
#include "store/testing_wait.h"

namespace sluice::store {
namespace {

class Limits : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(Limits);
class LiveLimits : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(LiveLimits);
class Rollups : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(Rollups);
class Subjects : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(Subjects);

using namespace std::chrono_literals;
constexpr std::int64_t now_us = 1'795'435'200'000'000;  // 2026-11-23 12:00 UTC

LedgerEntry entry(const KeyId& key, std::int64_t pico, std::int64_t end_us, const std::string& tags = "",
                  const char* model = "big") {
  LedgerEntry one;
  one.request_id = RequestId("req_1");
  one.start_us = end_us - 1'000;
  one.end_us = end_us;
  one.key_id = key;
  one.provider = ProviderId("acme");
  one.model = ModelName(model);
  one.status = 200;
  one.usage = {.input = 10, .output = 5, .reported = true};
  one.cost = Money::pico(pico);
  one.price_source = "test";
  one.tags = tags;
  return one;
}

std::string spent(Store& store, const std::string& id, std::int64_t at_us = now_us) {
  const auto reports = store.list_limits(at_us);
  if (!reports) return reports.error().message;
  for (const LimitReport& report : *reports)
    if (report.line.id == id) return report.standing.spent.usd();
  return "no such limit";
}

Money spent(const LiveStore& store, const std::string& id, std::int64_t at_us) {
  for (const auto& line : store.keys()->lines())
    if (line->rule.id == id) return line->state->account.standing(at_us).spent;
  return Money::pico(-1);
}

// --- subjects

TEST_P(Subjects, Are_made_listed_and_removed) {
  TestingDirectory directory;
  Store store = *Store::open(home_of(directory.path()));
  const auto org = store.create_subject(SubjectKind::org, "acme", "", now_us);
  ASSERT_TRUE(org) << org.error().message;
  const auto team = store.create_subject(SubjectKind::team, "red", "acme", now_us);
  ASSERT_TRUE(team) << team.error().message;
  EXPECT_EQ(team->org, org->id);
  EXPECT_TRUE(store.create_subject(SubjectKind::user, "red", "", now_us)) << "a user may be called as a team is";
  const auto key = store.create_key({.name = "k", .team = "red"}, now_us);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->key.team, team->id);
  EXPECT_EQ(store.list_subjects(SubjectKind::team)->at(0).keys, 1);
  EXPECT_EQ(store.list_subjects(SubjectKind::org)->at(0).keys, 1);
  EXPECT_NE(store.remove_subject(SubjectKind::team, "red", now_us).error().message.find("1 keys"), std::string::npos);
  EXPECT_NE(store.remove_subject(SubjectKind::org, "acme", now_us).error().message.find("keys"), std::string::npos);
  ASSERT_TRUE(store.revoke_key("k", now_us));
  ASSERT_TRUE(store.remove_subject(SubjectKind::team, "red", now_us));
  EXPECT_TRUE(store.list_subjects(SubjectKind::team)->empty());
  EXPECT_TRUE(store.create_subject(SubjectKind::team, "red", "", now_us)) << "the name is free again";
}

TEST_P(Subjects, Refuse_bad_input_and_say_what_to_do) {
  TestingDirectory directory;
  Store store = *Store::open(home_of(directory.path()));
  EXPECT_EQ(store.create_subject(SubjectKind::team, "red", "nobody", now_us).error().kind, ErrorKind::not_found);
  EXPECT_FALSE(store.create_subject(SubjectKind::team, "", "", now_us));
  EXPECT_FALSE(store.create_subject(SubjectKind::team, "team_x", "", now_us));
  EXPECT_FALSE(store.create_subject(SubjectKind::team, std::string(65, 'x'), "", now_us));
  EXPECT_FALSE(store.create_subject(SubjectKind::team, "a\nb", "", now_us));
  ASSERT_TRUE(store.create_subject(SubjectKind::team, "red", "", now_us));
  EXPECT_NE(store.create_subject(SubjectKind::team, "red", "", now_us).error().message.find("already"),
            std::string::npos);
  const auto unknown = store.create_key({.name = "k", .team = "blue"}, now_us);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "there is no team \"blue\"");
  EXPECT_NE(unknown.error().hint.find("sluice teams list"), std::string::npos);
  EXPECT_TRUE(store.list_keys()->empty());
}

TEST_P(Subjects, A_keys_team_and_user_are_of_one_organisation) {
  TestingDirectory directory;
  Store store = *Store::open(home_of(directory.path()));
  for (const char* org : {"a", "b"}) ASSERT_TRUE(store.create_subject(SubjectKind::org, org, "", now_us));
  ASSERT_TRUE(store.create_subject(SubjectKind::team, "red", "a", now_us));
  ASSERT_TRUE(store.create_subject(SubjectKind::user, "ann", "b", now_us));
  EXPECT_NE(store.create_key({.team = "red", .user = "ann"}, now_us).error().message.find("two organisations"),
            std::string::npos);
}

// --- tags

TEST(Tags, Are_sorted_bounded_and_checked) {
  EXPECT_EQ(*read_tags(" b , a,b,, "), "a,b");
  EXPECT_EQ(*read_tags("project=x/y:z@1"), "project=x/y:z@1");
  EXPECT_EQ(*read_tags(""), "");
  EXPECT_FALSE(read_tags("a b"));
  EXPECT_FALSE(read_tags("t\xc3\xa4g"));
  EXPECT_FALSE(read_tags(std::string(65, 'x')));
  EXPECT_TRUE(read_tags("1,2,3,4,5,6,7,8"));
  EXPECT_NE(read_tags("1,2,3,4,5,6,7,8,9").error().message.find("more than 8"), std::string::npos);
  EXPECT_EQ(join_tags("a,c", "b,c"), "a,b,c");
  EXPECT_TRUE(has_tag("ab,c", "c"));
  EXPECT_FALSE(has_tag("ab,c", "a"));
}

// --- limits

TEST_P(Limits, The_same_limit_is_changed_and_keeps_what_it_has_counted) {
  TestingDirectory directory;
  Store store = *Store::open(home_of(directory.path()));
  ASSERT_TRUE(store.create_subject(SubjectKind::team, "red", "", now_us));
  const NewLimit wanted{
      .scope = LimitScope::team, .subject = "red", .amount = 100, .window = *Window::parse("30d", "")};
  const auto first = store.set_limit(wanted, now_us);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(subject_words(*first), "the team \"red\"");
  NewLimit higher = wanted;
  higher.amount = 200;
  EXPECT_EQ(store.set_limit(higher, now_us)->id, first->id);
  higher.window = *Window::parse("day", "Europe/Berlin");
  EXPECT_NE(store.set_limit(higher, now_us)->id, first->id);
  EXPECT_EQ(store.list_limits(now_us)->size(), 2u);
  EXPECT_FALSE(store.remove_subject(SubjectKind::team, "red", now_us)) << "it has limits";
  ASSERT_TRUE(store.remove_limit(first->id, now_us));
  EXPECT_EQ(store.remove_limit(first->id, now_us).error().kind, ErrorKind::not_found);
}

TEST_P(Limits, Refuse_bad_input) {
  TestingDirectory directory;
  Store store = *Store::open(home_of(directory.path()));
  EXPECT_EQ(store.set_limit({.scope = LimitScope::team, .subject = "red"}, now_us).error().kind, ErrorKind::not_found);
  EXPECT_EQ(store.set_limit({.scope = LimitScope::key, .subject = "nokey"}, now_us).error().kind, ErrorKind::not_found);
  EXPECT_FALSE(store.set_limit({.amount = -1}, now_us));
  EXPECT_FALSE(store.set_limit({.unit = LimitUnit::requests, .amount = 0}, now_us));
  EXPECT_FALSE(store.set_limit({.unit = LimitUnit::tokens, .amount = 2'000'000'000}, now_us));
  EXPECT_FALSE(store.set_limit({.model = "gpt-5"}, now_us)) << "which provider's?";
  EXPECT_FALSE(store.set_limit({.model = ""}, now_us));
  EXPECT_FALSE(store.set_limit({.scope = LimitScope::tag, .subject = "a b"}, now_us));
  EXPECT_FALSE(store.set_limit({.scope = LimitScope::tag, .subject = "a,b"}, now_us));
  EXPECT_FALSE(store.set_limit({.scope = LimitScope::tag, .subject = ""}, now_us));
  EXPECT_FALSE(store.set_limit({.downgrade_percent = 80}, now_us)) << "to what?";
  EXPECT_FALSE(store.set_limit({.downgrade_to = "fast", .downgrade_percent = 0}, now_us));
  EXPECT_TRUE(store.list_limits(now_us)->empty());
}

TEST_P(Limits, Patterns_match_whole_names) {
  EXPECT_TRUE(matches("*", "a", "b"));
  EXPECT_TRUE(matches("openai/gpt-5*", "openai", "gpt-5.4-mini"));
  EXPECT_FALSE(matches("openai/gpt-5", "openai", "gpt-5.4"));
  EXPECT_TRUE(matches("*/claude-*", "anthropic", "claude-x"));
  EXPECT_FALSE(matches("open*", "azure", "openai"));
  EXPECT_TRUE(matches("*a*b*c", "xa", "bb/c"));
  EXPECT_FALSE(matches("a/b", "a", "b/c"));
  EXPECT_FALSE(matches("a*b/c", "a", "c"));
}

TEST_P(Limits, Acts_on_subjects_and_limits_are_for_the_audit_log) {
  TestingDirectory directory;
  Store store = *Store::open(home_of(directory.path()));
  ASSERT_TRUE(store.create_subject(SubjectKind::team, "red", "", now_us));
  const auto line = store.set_limit({.scope = LimitScope::team, .subject = "red", .amount = 5}, now_us);
  ASSERT_TRUE(store.remove_limit(line->id, now_us));
  ASSERT_TRUE(store.remove_subject(SubjectKind::team, "red", now_us));
  auto database = database_of(directory.path());
  std::string acts;
  const auto keep = [&](std::int64_t, std::string_view json) {
    acts += std::string(json) + "\n";
    return true;
  };
  EXPECT_EQ(hand_over_admin_acts(*database, keep), 4u);
  for (const char* act : {"team_created", "limit_set", "limit_removed", "team_removed"})
    EXPECT_NE(acts.find(act), std::string::npos) << act;
}

// --- what the ledger says

TEST_P(Limits, Count_what_the_ledger_has_of_those_whom_they_are_for) {
  TestingDirectory directory;
  Store store = *Store::open(home_of(directory.path()));
  ASSERT_TRUE(store.create_subject(SubjectKind::org, "acme", "", now_us));
  ASSERT_TRUE(store.create_subject(SubjectKind::team, "red", "acme", now_us));
  ASSERT_TRUE(store.create_subject(SubjectKind::user, "ann", "acme", now_us));
  const KeyId red = store.create_key({.name = "one", .team = "red", .user = "ann", .tags = "a"}, now_us)->key.id;
  const KeyId other = store.create_key({.name = "two"}, now_us)->key.id;
  write_ledger(directory.path(), {entry(red, 1, now_us, "a"), entry(red, 10, now_us, "a,b", "small"),
                                  entry(other, 100, now_us, "b"), entry(other, 1'000, now_us - us_per_hour * 24 * 40)});
  ASSERT_TRUE(store.fold());
  const auto of = [&](LimitScope scope, const char* subject, const char* window = "", const char* model = "*") {
    const auto line = store.set_limit(
        {.scope = scope, .subject = subject, .model = model, .amount = 5, .window = *Window::parse(window, "")},
        now_us);
    return line ? spent(store, line->id) : line.error().message;
  };
  EXPECT_EQ(of(LimitScope::everybody, ""), "0.000000001111");
  EXPECT_EQ(of(LimitScope::everybody, "", "30d"), "0.000000000111");
  EXPECT_EQ(of(LimitScope::everybody, "", "", "acme/small"), "0.00000000001");
  EXPECT_EQ(of(LimitScope::org, "acme"), "0.000000000011");
  EXPECT_EQ(of(LimitScope::team, "red"), "0.000000000011");
  EXPECT_EQ(of(LimitScope::user, "ann"), "0.000000000011");
  EXPECT_EQ(of(LimitScope::key, "two"), "0.0000000011");
  EXPECT_EQ(of(LimitScope::tag, "a"), "0.000000000011");
  EXPECT_EQ(of(LimitScope::tag, "b"), "0.00000000011");

  for (const auto& [by, group] : {std::pair(GroupBy::team, "red"), {GroupBy::user, "ann"}, {GroupBy::org, "acme"}}) {
    const auto report = store.usage({.by = by});
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_EQ(report->rows.size(), 2u);
    EXPECT_EQ(report->rows[0].group, "(none)");
    EXPECT_EQ(report->rows[1].group, group);
    EXPECT_EQ(report->rows[1].requests, 2);
  }
  const auto by_tag = store.usage({.by = GroupBy::tag});
  ASSERT_EQ(by_tag->rows.size(), 3u);
  EXPECT_EQ(by_tag->rows[0].group, "(none)");
  EXPECT_EQ(by_tag->rows[1].cost_usd(), "0.00000000011");  // b
  EXPECT_EQ(by_tag->total.requests, 4) << "what has two tags counts once";
}

// The sums by the hour are the rows' sums, whatever comes in which order; and each way to ask gives the same.
TEST_P(Rollups, Are_the_sums_of_the_rows_to_the_picodollar) {
  TestingDirectory directory;
  Store store = *Store::open(home_of(directory.path()));
  std::mt19937_64 random(3);
  const std::vector<KeyId> keys = {KeyId("key_a"), KeyId("key_b"), KeyId("key_tmp_c")};
  const std::vector<std::string> tags = {"", "a", "a,b"};
  MoneySum truth = 0;
  std::vector<LedgerEntry> all;
  for (int batch = 0; batch < 6; ++batch) {
    std::vector<LedgerEntry> entries;
    for (int i = 0; i < 300; ++i) {
      LedgerEntry one = entry(keys[random() % 3], static_cast<std::int64_t>(random() >> 3),
                              now_us + static_cast<std::int64_t>(random() % 200'000'000'000), tags[random() % 3],
                              random() % 2 ? "big" : "small");
      if (random() % 10 == 0) one.cost.reset();
      one.final = random() % 4 != 0;
      one.outcome = outcomes[random() % outcomes.size()];
      one.usage.reported = random() % 5 != 0;
      entries.push_back(one);
    }
    write_ledger(directory.path(), entries);
    all.insert(all.end(), entries.begin(), entries.end());
    ASSERT_TRUE(store.fold());
  }
  for (const LedgerEntry& one : all) truth += one.cost.value_or(Money()).pico();
  for (const GroupBy by :
       {GroupBy::key, GroupBy::model, GroupBy::provider, GroupBy::ground, GroupBy::day, GroupBy::team, GroupBy::tag}) {
    const auto report = store.usage({.by = by});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_TRUE(report->total.cost_pico == truth);
    EXPECT_EQ(report->total.requests + report->total.extra_attempts, static_cast<std::int64_t>(all.size()));
  }
  // Any moments, not only full hours.
  for (int i = 0; i < 50; ++i) {
    const std::int64_t since = now_us + static_cast<std::int64_t>(random() % 200'000'000'000);
    const std::int64_t until = since + static_cast<std::int64_t>(random() % 20'000'000'000);
    UsageRow want;
    for (const LedgerEntry& one : all) {
      if (one.end_us < since || one.end_us >= until) continue;
      want.cost_pico += one.cost.value_or(Money()).pico();
      want.requests += one.final;
      want.unpriced += !one.cost;
      want.estimated += !one.usage.reported;
    }
    const auto got = store.usage({.since_us = since, .until_us = until});
    EXPECT_TRUE(got->total.cost_pico == want.cost_pico) << since << " " << until;
    EXPECT_EQ(got->total.requests, want.requests);
    EXPECT_EQ(got->total.unpriced, want.unpriced);
    EXPECT_EQ(got->total.estimated, want.estimated);
  }
}

// --- in a running server

TEST_P(LiveLimits, A_start_counts_every_limit_from_the_ledger) {
  TestingDirectory directory;
  std::vector<std::string> ids;
  const std::int64_t now = wall_clock_us();
  {
    Store store = *Store::open(home_of(directory.path()));
    const KeyId key = store.create_key({.name = "k"}, now)->key.id;
    for (const auto& [window, zone] : {std::pair("", ""), {"90m", ""}, {"24h", ""}, {"month", "Asia/Kathmandu"}})
      ids.push_back(store.set_limit({.amount = 5, .window = *Window::parse(window, zone)}, now)->id);
    write_ledger(directory.path(),
                 {entry(key, 7, now), entry(key, 30, now - 80 * 60'000'000ll), entry(key, 500, now - 13 * us_per_hour),
                  entry(key, 9'000, now - 40 * 24 * us_per_hour)});
  }
  auto live = LiveStore::start(home_of(directory.path()), {});
  ASSERT_TRUE(live) << live.error().message;
  EXPECT_EQ(spent(**live, ids[0], now), Money::pico(9'537));
  EXPECT_EQ(spent(**live, ids[1], now), Money::pico(37));
  EXPECT_EQ(spent(**live, ids[2], now), Money::pico(537));
  auto cli = Store::open(home_of(directory.path()));
  EXPECT_EQ(spent(*cli, ids[3], now), spent(**live, ids[3], now).usd());
}

// While rows come in and another process folds them, a limit that is set gets each row once: those from before from the
// ledger, the others as they are charged.
TEST_P(LiveLimits, One_that_is_set_while_rows_come_in_has_each_row_once) {
  TestingDirectory directory;
  auto live = LiveStore::start(home_of(directory.path()), {.fold_ms = 100ms});
  ASSERT_TRUE(live);
  Store cli = *Store::open(home_of(directory.path()));
  const auto made = cli.create_key({.name = "k"}, now_us);
  ASSERT_TRUE((*live)->reload_keys());
  std::atomic<bool> stop{false};
  std::atomic<std::int64_t> booked{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      while (!stop) {
        const LedgerEntry row = entry(made->key.id, 1 + static_cast<std::int64_t>(random() % 100), wall_clock_us());
        {
          const auto settling = (*live)->settling();
          const auto keys = (*live)->keys();
          for (const auto& line : keys->find(made->key.digest)->lines())
            line->state->account.charge(*row.cost, Money(), line->rule.money(), row.end_us, row.end_us);
          if ((*live)->ledger().append(encoded(row)) == Appended::queued) booked += row.cost->pico();
        }
        std::this_thread::sleep_for(2ms);  // slower than a fold
      }
    });
  std::vector<std::string> ids;
  for (int i = 0; i < 8; ++i) {
    const auto line =
        cli.set_limit({.amount = 1'000 + i, .window = *Window::parse(std::to_string(i + 1) + "d", "")}, now_us);
    if (!line) ADD_FAILURE() << line.error().message;
    if (!line) break;
    ids.push_back(line->id);
    EXPECT_TRUE(wait_until([&] { return spent(**live, line->id, wall_clock_us()) != Money::pico(-1); }))
        << (*live)->health().problem();
    (void)cli.fold();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (const std::string& id : ids)
    EXPECT_TRUE(wait_until([&] { return spent(**live, id, wall_clock_us()) == Money::pico(booked); }))
        << id << " has " << spent(**live, id, wall_clock_us()).usd() << " of " << Money::pico(booked).usd();
  ASSERT_TRUE((*live)->ledger().flush(20s));
  ASSERT_TRUE(cli.fold());
  for (const std::string& id : ids) EXPECT_EQ(spent(cli, id, wall_clock_us()), Money::pico(booked).usd());
}

}  // namespace
}  // namespace sluice::store
