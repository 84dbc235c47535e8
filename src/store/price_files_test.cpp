#include "store/price_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "store/testing_directory.h"

namespace sluice::store {
namespace {

TEST(PriceFiles, Are_numbered_and_come_back_oldest_first) {
  TestingDirectory directory;
  EXPECT_TRUE(read_price_files(directory.path())->empty());
  EXPECT_EQ(price_files_stamp(directory.path()), "");
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(add_price_file(directory.path(), "test", std::to_string(i)));
  const auto files = read_price_files(directory.path());
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 12U);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(files->at(static_cast<std::size_t>(i)).text, std::to_string(i));
  EXPECT_NE(price_files_stamp(directory.path()).find("000012-test.jsonl"), std::string::npos);
}

TEST(PriceFiles, Imports_at_the_same_moment_lose_none) {
  TestingDirectory directory;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) EXPECT_TRUE(add_price_file(directory.path(), "t" + std::to_string(t), "x"));
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(read_price_files(directory.path())->size(), 20U);
  for (const auto& left : std::filesystem::directory_iterator(price_files_path(directory.path())))
    EXPECT_FALSE(left.path().filename().string().starts_with(".draft")) << "no draft stays";
}

}  // namespace
}  // namespace sluice::store
