#include "telemetry/limit_table.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace sluice::telemetry {
namespace {

TEST(LimitTable, Has_each_name_once_and_says_what_happens) {
  std::set<std::string_view> names;
  for (const Limit& one : limit_table()) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name;
    EXPECT_NE(*one.answer, '\0') << one.name;
    EXPECT_EQ(find_limit(one.name), &one);
  }
  EXPECT_EQ(find_limit("head"), nullptr);
}

TEST(LimitTable, The_page_in_docs_is_what_the_table_says) {
  const char* path = SLUICE_LIMITS_PAGE;
  if (std::getenv("GOLDEN_UPDATE")) std::ofstream(path) << limits_page();
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), limits_page())
      << "run GOLDEN_UPDATE=1 ./dev test telemetry";
}

}  // namespace
}  // namespace sluice::telemetry
