#include "dialects/shared_parts.h"

#include <gtest/gtest.h>

namespace sluice::dialects {
namespace {

std::vector<chat::Tool> tools(std::size_t count) {
  std::vector<chat::Tool> all;
  for (std::size_t i = 0; i < count; ++i)
    all.push_back({.name = "f" + std::to_string(i), .description = "", .parameters = "{}"});
  return all;
}

TEST(ToolsByName, Finds_the_first_of_few_and_of_many) {
  for (const std::size_t count : {2, 3'000}) {
    std::vector<chat::Tool> all = tools(count);
    all.push_back({.name = "f1", .description = "the second", .parameters = "{}"});
    ToolsByName by_name(all);
    EXPECT_EQ(by_name.find("f1"), &all[1]);
    EXPECT_EQ(by_name.find("f0"), &all[0]);
    EXPECT_EQ(by_name.find("g"), nullptr);
    EXPECT_EQ(by_name.find(""), nullptr);
  }
  EXPECT_EQ(ToolsByName({}).find("f0"), nullptr);
}

// A walk would take 4'096 times half a million steps.
TEST(ToolsByName, Takes_many_look_ups) {
  const std::vector<chat::Tool> all = tools(most_tools);
  ToolsByName by_name(all);
  for (std::size_t i = 0; i < 500'000; ++i) ASSERT_EQ(by_name.find("f4095"), &all.back());
}

TEST(Tools, Are_as_many_as_a_model_could_choose_among) {
  chat::ChatRequest request;
  for (chat::Tool& tool : tools(most_tools)) ASSERT_TRUE(add_tool(request, std::move(tool)));
  const auto refused = add_tool(request, {.name = "one more", .description = "", .parameters = "{}"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "tools");
  EXPECT_TRUE(refused.error().message.contains("at most 4096 tools"));
  EXPECT_EQ(request.tools.size(), most_tools);

  keep_only({"f7", "f9", "g"}, request.tools);
  ASSERT_EQ(request.tools.size(), 2);
  EXPECT_EQ(request.tools[1].name, "f9");
}

}  // namespace
}  // namespace sluice::dialects
