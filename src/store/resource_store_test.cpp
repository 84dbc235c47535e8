#include "store/resource_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

#include "store/resource_desk.h"
#include "store/sqlite.h"
#include "store/testing_directory.h"

namespace sluice::store {
namespace {

constexpr std::int64_t now_us = 1'795'418'415'000'000;
constexpr std::int64_t later_us = now_us + 1'000'000;
constexpr std::int64_t plenty = 1 << 20;

std::unique_ptr<ResourceStore> open(const TestingDirectory& directory) {
  auto store = ResourceStore::open(directory.path());
  if (!store) throw std::runtime_error(store.error().message);
  return *std::move(store);
}

StoredResponse response(std::string id, std::string previous = "") {
  return {.id = std::move(id), .previous_id = std::move(previous), .input = "[1]", .answer = "{}"};
}

TEST(ResourceStore, An_id_means_something_to_its_owner_alone) {
  const TestingDirectory directory;
  const auto store = open(directory);
  const std::vector<std::string> ids = {"file-1", "file-2", std::string(ResourceStore::longest_id + 1, 'x'), ""};
  ASSERT_TRUE(store->add("key:a", "openai", ids, std::nullopt));
  EXPECT_EQ(store->provider_of("key:a", "file-1", now_us).value(), "openai");
  EXPECT_EQ(store->provider_of("key:b", "file-1", now_us).value(), std::nullopt);
  EXPECT_EQ(store->provider_of("key:a", ids[2], now_us).value(), std::nullopt);
  EXPECT_EQ(store->provider_of("key:a", "", now_us).value(), std::nullopt);
  ASSERT_TRUE(store->remove("key:b", "file-1"));
  EXPECT_EQ(store->provider_of("key:a", "file-1", now_us).value(), "openai");
  ASSERT_TRUE(store->remove("key:a", "file-1"));
  EXPECT_EQ(store->provider_of("key:a", "file-1", now_us).value(), std::nullopt);
  EXPECT_EQ(open(directory)->provider_of("key:a", "file-2", now_us).value(), "openai");
}

// At Google clients choose the names of files, and could choose that of another's batch.
TEST(ResourceStore, What_somebody_has_at_a_provider_comes_to_nobody_else) {
  const TestingDirectory directory;
  const auto store = open(directory);
  const std::vector<std::string> ids = {"one"};
  ASSERT_TRUE(store->add("key:a", "gemini", ids, std::nullopt));
  ASSERT_TRUE(store->add("key:b", "gemini", ids, std::nullopt));
  EXPECT_EQ(store->provider_of("key:b", "one", now_us).value(), std::nullopt);
  EXPECT_EQ(store->provider_of("key:a", "one", now_us).value(), "gemini");
  ASSERT_TRUE(store->add("key:b", "openai", ids, std::nullopt));
  EXPECT_EQ(store->provider_of("key:b", "one", now_us).value(), "openai");
  ASSERT_TRUE(store->remove("key:a", "one"));
  ASSERT_TRUE(store->add("key:b", "gemini", ids, std::nullopt));
  EXPECT_EQ(store->provider_of("key:b", "one", now_us).value(), "gemini");
}

TEST(ResourceStore, A_model_is_its_first_owners_and_nobodys_where_none_has_made_it) {
  const TestingDirectory directory;
  const auto store = open(directory);
  const std::vector<std::string> models = {"ft:1", "", std::string(ResourceStore::longest_id + 1, 'x')};
  ASSERT_TRUE(store->own_models("key:a", models));
  ASSERT_TRUE(store->own_models("key:b", models));
  EXPECT_FALSE(store->is_model_of_another("key:a", "ft:1").value());
  EXPECT_TRUE(store->is_model_of_another("key:b", "ft:1").value());
  EXPECT_FALSE(store->is_model_of_another("key:b", "ft:2").value());
  EXPECT_FALSE(store->is_model_of_another("key:b", models[2]).value());
}

TEST(ResourceStore, What_a_provider_forgets_by_itself_is_forgotten_here) {
  const TestingDirectory directory;
  const auto store = open(directory);
  const std::vector<std::string> ids = {"resp_1"};
  ASSERT_TRUE(store->add("key:a", "openai", ids, later_us));
  EXPECT_TRUE(store->provider_of("key:a", "resp_1", now_us).value());
  EXPECT_FALSE(store->provider_of("key:a", "resp_1", later_us).value());
  ASSERT_TRUE(store->expire(later_us));
  EXPECT_FALSE(store->provider_of("key:a", "resp_1", now_us).value());
}

TEST(ResourceStore, A_conversation_is_all_that_leads_to_a_response) {
  const TestingDirectory directory;
  const auto store = open(directory);
  ASSERT_TRUE(store->keep("key:a", response("resp_1"), later_us, plenty));
  ASSERT_TRUE(store->keep("key:a", response("resp_2", "resp_1"), later_us, plenty));
  ASSERT_TRUE(store->keep("key:a", response("resp_3", "resp_2"), later_us, plenty));
  const auto whole = store->conversation("key:a", "resp_3", now_us, plenty);
  ASSERT_TRUE(whole);
  ASSERT_EQ(whole->size(), 3U);
  EXPECT_EQ(whole->front().id, "resp_1");
  EXPECT_EQ(whole->back().id, "resp_3");
  EXPECT_TRUE(store->conversation("key:b", "resp_3", now_us, plenty)->empty());
  EXPECT_EQ(store->conversation("key:a", "resp_3", now_us, 7).error().kind, ErrorKind::request_too_large);
  EXPECT_FALSE(store->remove_response("key:b", "resp_2").value());
  EXPECT_TRUE(store->remove_response("key:a", "resp_2").value());
  EXPECT_TRUE(store->conversation("key:a", "resp_3", now_us, plenty)->empty()) << "a part of it is missing";
}

TEST(ResourceStore, A_response_keeps_the_class_of_its_request) {
  const TestingDirectory directory;
  const auto store = open(directory);
  StoredResponse secret = response("resp_1");
  secret.data_class = DataClass::restricted;
  ASSERT_TRUE(store->keep("key:a", secret, later_us, plenty));
  EXPECT_EQ(store->find("key:a", "resp_1", now_us).value()->data_class, DataClass::restricted);
}

TEST(ResourceStore, Responses_that_the_first_version_has_kept_are_there) {
  const TestingDirectory directory;
  {
    const auto store = open(directory);
    ASSERT_TRUE(store->keep("key:a", response("resp_1"), later_us, plenty));
  }
  {
    const auto database = SqliteDatabase::open(directory.path() + "/resources.db");
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->execute(
        "ALTER TABLE responses DROP COLUMN data_class; DROP TABLE models; DROP TABLE unsettled; DROP INDEX owned_id; "
        "PRAGMA user_version = 1"));
  }
  const auto kept = open(directory)->find("key:a", "resp_1", now_us);
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->answer, "{}");
  EXPECT_EQ((*kept)->data_class, DataClass::internal);
}

TEST(ResourceStore, What_is_unsettled_is_its_owners_until_it_is_settled_or_forgotten) {
  const TestingDirectory directory;
  const std::string row("\3\0\xff", 3);
  {
    const auto store = open(directory);
    ASSERT_TRUE(store->add_unsettled("key:a", "resp_1", row, later_us));
    ASSERT_TRUE(store->add_unsettled("key:a", "resp_1", "again", later_us));  // the first stays
    ASSERT_TRUE(store->add_unsettled("key:a", "resp_2", row, now_us + 1));
  }
  const auto store = open(directory);
  EXPECT_EQ(store->find_unsettled("key:a", "resp_1", now_us).value(), row);
  EXPECT_FALSE(store->find_unsettled("key:b", "resp_1", now_us).value());
  ASSERT_TRUE(store->expire(now_us + 1));
  EXPECT_FALSE(store->find_unsettled("key:a", "resp_2", now_us).value());
  ASSERT_TRUE(store->remove_unsettled("key:b", "resp_1"));
  EXPECT_TRUE(store->find_unsettled("key:a", "resp_1", now_us).value());
  ASSERT_TRUE(store->remove_unsettled("key:a", "resp_1"));
  EXPECT_FALSE(store->find_unsettled("key:a", "resp_1", now_us).value());
}

TEST(ResourceStore, A_database_of_the_third_version_is_brought_up_to_date) {
  const TestingDirectory directory;
  const std::vector<std::string> ids = {"file-1"};
  {
    const auto store = open(directory);
    ASSERT_TRUE(store->add("key:a", "openai", ids, {}));
  }
  {
    const auto database = SqliteDatabase::open(directory.path() + "/resources.db");
    ASSERT_TRUE((*database)->execute("DROP TABLE unsettled; DROP INDEX owned_id; PRAGMA user_version = 3"));
  }
  const auto store = open(directory);
  EXPECT_EQ(store->provider_of("key:a", "file-1", now_us).value(), "openai");
  EXPECT_TRUE(store->add_unsettled("key:a", "resp_1", "row", later_us));
}

TEST(ResourceStore, The_oldest_responses_make_room) {
  const TestingDirectory directory;
  const auto store = open(directory);
  constexpr std::int64_t room_for_two = 10;  // each has 5 bytes
  for (const char* id : {"resp_1", "resp_2", "resp_3"})
    ASSERT_TRUE(store->keep("key:a", response(id), later_us, room_for_two));
  EXPECT_FALSE(store->find("key:a", "resp_1", now_us).value());
  EXPECT_TRUE(store->find("key:a", "resp_2", now_us).value());
  EXPECT_TRUE(store->find("key:a", "resp_3", now_us).value());
  EXPECT_EQ(store->keep("key:a", response("resp_4"), later_us, 4).error().kind, ErrorKind::request_too_large);
  ASSERT_TRUE(open(directory)->keep("key:a", response("resp_5"), later_us, room_for_two));  // it counts what is there
  EXPECT_FALSE(store->find("key:a", "resp_2", now_us).value());
}

TEST(ResourceDesk, Works_in_the_order_in_which_work_comes_in_and_to_its_end) {
  const TestingDirectory directory;
  auto desk = ResourceDesk::start(directory.path());
  ASSERT_TRUE(desk);
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE((*desk)->hand_in([&order, i](ResourceStore&) {
      order.push_back(i);
      return Result<void>();
    }));
  }
  (*desk)->stop();
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(order));
  EXPECT_FALSE((*desk)->hand_in([](ResourceStore&) { return Result<void>(); }));
}

TEST(ResourceDesk, Takes_no_more_than_it_can_hold_and_tells_what_is_wrong) {
  const TestingDirectory directory;
  auto desk = ResourceDesk::start(directory.path());
  ASSERT_TRUE(desk);
  std::mutex gate;
  std::unique_lock shut(gate);
  ASSERT_TRUE((*desk)->hand_in([&gate](ResourceStore&) -> Result<void> {
    const std::lock_guard wait(gate);
    return fail(ErrorKind::unavailable, "the disk is full");
  }));
  EXPECT_FALSE((*desk)->hand_in([](ResourceStore&) { return Result<void>(); }, ResourceDesk::most_waiting_bytes + 1));
  EXPECT_NE((*desk)->problem(), "");
  shut.unlock();
  (*desk)->stop();
  EXPECT_EQ((*desk)->problem(), "the disk is full");
}

}  // namespace
}  // namespace sluice::store
