#include "base/query.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice {
namespace {

std::vector<std::string> pieces(std::string_view query) {
  std::vector<std::string> all;
  while (const auto one = take_parameter(query))
    all.push_back(std::string(one->text) + " " + std::string(one->name) + " " + std::string(one->value));
  return all;
}

TEST(Query, Is_read_parameter_by_parameter_as_it_stands_there) {
  EXPECT_EQ(pieces("a=1&b&c=x=y&d=&%61=%20"),
            (std::vector<std::string>{"a=1 a 1", "b b ", "c=x=y c x=y", "d= d ", "%61=%20 %61 %20"}));
  EXPECT_EQ(pieces("&a&&"), (std::vector<std::string>{"  ", "a a ", "  "})) << "what is empty comes, too";
  EXPECT_TRUE(pieces("").empty());
}

TEST(QueryValue, Is_the_first_one_of_just_this_name) {
  EXPECT_EQ(query_value("limited=7&limit=5&limit=6", "limit"), "5");
  EXPECT_EQ(query_value("x=limit=5&limit", "limit"), "");
  EXPECT_EQ(query_value("", "limit"), "");
}

}  // namespace
}  // namespace sluice
