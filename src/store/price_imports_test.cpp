#include "store/price_imports.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "store/live_store.h"
#include "store/price_files.h"
#include "store/store.h"
#include "store/testing_backends.h"
#include "store/testing_directory.h"
#include "store/testing_wait.h"

namespace sluice::store {
namespace {

using namespace std::chrono_literals;
constexpr std::int64_t now_us = 1'795'418'415'000'000;

class PriceImports : public OnEachBackend {
 protected:
  TestingDirectory directory;
  Store store = *Store::open(home_of(directory.path()));
  std::unique_ptr<Database> database = database_of(directory.path());

  std::string texts() {
    std::string all;
    const auto files = read_price_imports(*database);
    if (!files) return files.error().message;
    for (const catalog::ImportedFile& file : *files) all += file.text + ";";
    return all;
  }
};
SLUICE_ON_EACH_BACKEND(PriceImports);

TEST_P(PriceImports, Count_in_their_order_until_they_are_withdrawn) {
  const std::int64_t before = *prices_version(*database);
  const auto first = add_price_import(*database, "models_dev", "one", now_us);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->name, "000001-models_dev.jsonl");
  ASSERT_TRUE(add_price_import(*database, "litellm", "two", now_us));
  EXPECT_EQ(texts(), "one;two;");
  const std::int64_t added = *prices_version(*database);
  EXPECT_GT(added, before);
  ASSERT_TRUE(withdraw_price_import(*database, 1, now_us));
  EXPECT_EQ(texts(), "two;");
  EXPECT_GT(*prices_version(*database), added);
  EXPECT_EQ(withdraw_price_import(*database, 1, now_us).error().kind, ErrorKind::invalid_request);
  EXPECT_EQ(withdraw_price_import(*database, 7, now_us).error().kind, ErrorKind::not_found);
  const auto all = list_price_imports(*database);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_TRUE(all->at(0).withdrawn);
  EXPECT_FALSE(all->at(1).withdrawn);
  const auto third = add_price_import(*database, "litellm", "three", now_us);
  EXPECT_EQ(third->number, 3) << "a number is of one import, whatever was withdrawn";
}

TEST_P(PriceImports, A_directorys_files_come_in_once_and_stay_withdrawn) {
  ASSERT_TRUE(add_price_file(directory.path(), "models_dev", "one"));
  ASSERT_TRUE(add_price_file(directory.path(), "genai_prices", "two"));
  EXPECT_EQ(*store.adopt_price_files(now_us), 2u);
  EXPECT_EQ(*store.adopt_price_files(now_us), 0u);
  EXPECT_EQ(texts(), "one;two;");
  EXPECT_EQ(list_price_imports(*database)->at(1).name, "000002-genai_prices.jsonl");
  ASSERT_TRUE(store.withdraw_prices(2, now_us));
  EXPECT_EQ(*store.adopt_price_files(now_us), 0u);
  EXPECT_EQ(texts(), "one;");
}

TEST_P(PriceImports, Are_where_the_store_has_them) {
  ASSERT_TRUE(store.import_prices("litellm", "text", now_us));
  EXPECT_EQ(read_price_files(directory.path())->size(), on_postgres() ? 0u : 1u);
  EXPECT_EQ(read_price_imports(*database)->size(), on_postgres() ? 1u : 0u);
  EXPECT_EQ(store.imported_prices()->at(0).text, "text");
}

TEST_P(PriceImports, Are_seen_by_a_server_that_runs) {
  const auto live = LiveStore::start(home_of(directory.path()), {.key_poll_ms = 1ms});
  ASSERT_TRUE(live);
  const std::int64_t before = (*live)->prices_version();
  ASSERT_TRUE(add_price_import(*database, "litellm", "text", now_us));
  EXPECT_TRUE(wait_until([&] { return (*live)->prices_version() > before; }));
}

}  // namespace
}  // namespace sluice::store
