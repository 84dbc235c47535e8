#include "store/configurations.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "store/live_store.h"
#include "store/testing_backends.h"
#include "store/testing_directory.h"
#include "store/testing_wait.h"

namespace sluice::store {
namespace {

class Configurations : public OnEachBackend {};
SLUICE_ON_EACH_BACKEND(Configurations);

constexpr std::int64_t now_us = 1'795'418'415'000'000;

TEST_P(Configurations, Are_generations_of_which_the_newest_counts_and_an_old_one_can_come_back) {
  const TestingDirectory directory;
  auto store = Store::open(home_of(directory.path()));
  ASSERT_TRUE(store) << store.error().message;
  const auto none = store->configuration();
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_value());
  for (const char* text : {"a: 1\n", "b: \xC3\xA4\n"}) {
    ASSERT_TRUE(store->push_configuration(text, "said", now_us));
  }
  const auto newest = store->configuration();
  ASSERT_TRUE(newest && *newest);
  EXPECT_EQ((*newest)->number, 2);
  EXPECT_EQ((*newest)->text, "b: \xC3\xA4\n");
  const auto first = store->configuration(1);
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->text, "a: 1\n");
  EXPECT_FALSE(*store->configuration(3));
  const auto back = store->push_configuration((*first)->text, "", now_us);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->number, 3);
  EXPECT_EQ(back->sha256, (*first)->sha256);
  const auto all = store->list_configurations();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ(all->front().number, 3);
  EXPECT_EQ(all->back().said, "said");
  EXPECT_EQ(store->admin_acts({}, 10)->size(), 3u) << "each push is in the record of acts";
}

TEST_P(Configurations, Are_seen_by_a_running_server_and_the_old_ones_are_dropped) {
  const TestingDirectory directory;
  const auto live = LiveStore::start(home_of(directory.path()), {.key_poll_ms = std::chrono::milliseconds(1)});
  ASSERT_TRUE(live) << live.error().message;
  EXPECT_EQ((*live)->config_generation(), 0);
  auto cli = Store::open(home_of(directory.path()));
  const auto most = static_cast<std::int64_t>(most_generations);
  for (std::int64_t i = 0; i <= most; ++i) {
    ASSERT_TRUE(cli->push_configuration("a: " + std::to_string(i), "", now_us));
  }
  EXPECT_TRUE(wait_until([&] { return (*live)->config_generation() == most + 1; }));
  EXPECT_EQ(cli->list_configurations()->size(), most_generations);
  EXPECT_FALSE(*cli->configuration(1));
}

}  // namespace
}  // namespace sluice::store
