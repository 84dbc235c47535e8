#include "dialects/tool_names.h"

#include <gtest/gtest.h>

#include <set>

namespace sluice::dialects {
namespace {

constexpr ToolNameRule gemini{.others = "_-.:", .begins_with_letter = true};

chat::ChatRequest with_tools(const std::vector<std::string>& names) {
  chat::ChatRequest request;
  for (const std::string& name : names) request.tools.push_back({.name = name, .description = "", .parameters = "{}"});
  return request;
}
std::vector<std::string> names_of(const chat::ChatRequest& request) {
  std::vector<std::string> names;
  for (const chat::Tool& tool : request.tools) names.push_back(tool.name);
  return names;
}
std::vector<std::string> renamed(const std::vector<std::string>& names, const ToolNameRule& rule) {
  const chat::ChatRequest request = with_tools(names);
  return names_of(ToolNames(request, rule).renamed(request));
}

TEST(ToolNames, Leaves_names_that_are_allowed) {
  const std::vector<std::string> names = {"f", "a_b-C9", std::string(64, 'x')};
  EXPECT_TRUE(ToolNames(with_tools(names), {}).empty());
  EXPECT_EQ(renamed(names, {}), names);
  EXPECT_TRUE(ToolNames(with_tools({"a.b:c", "_1"}), gemini).empty());
  EXPECT_TRUE(ToolNames(with_tools({std::string(128, 'x')}), {.longest = 128}).empty());
}

TEST(ToolNames, Makes_others_allowed_and_different) {
  const std::string stem(200, 'x');
  const std::vector<std::string> names = {stem + "1", stem + "2", "a b", "a.b", "a/b", "1a", "\xC3\xA4", " ", "a:b"};
  for (const ToolNameRule& rule : {ToolNameRule{}, ToolNameRule{.longest = 128}, gemini}) {
    const std::vector<std::string> sent = renamed(names, rule);
    for (const std::string& name : sent) EXPECT_TRUE(allows(rule, name)) << name;
    EXPECT_EQ(std::set(sent.begin(), sent.end()).size(), names.size());
  }
}

TEST(ToolNames, The_other_name_depends_on_the_name_alone) {
  const std::string before = renamed({"a b"}, {})[0];
  EXPECT_EQ(renamed({"new one", "a b", "c"}, {})[1], before);
  EXPECT_TRUE(before.starts_with("a_b_")) << before;
}

TEST(ToolNames, Meets_no_name_that_the_client_has) {
  const std::string other = renamed({"a b"}, {})[0];
  const std::vector<std::string> sent = renamed({"a b", other}, {});
  EXPECT_EQ(sent[1], other);
  EXPECT_NE(sent[0], other);
  EXPECT_TRUE(allows({}, sent[0]));
}

TEST(ToolNames, Stand_in_the_choice_and_past_calls_and_come_back_in_answers) {
  const std::string own(100, 'n');
  chat::ChatRequest request = with_tools({own});
  request.tool_choice = chat::ToolChoice{.mode = chat::ToolChoice::Mode::named, .name = own};
  request.messages.push_back(
      {.role = chat::Role::assistant, .blocks = {chat::ToolCall{.id = "1", .name = own, .arguments = "{}"}}});
  const ToolNames names(request, {});
  const chat::ChatRequest sent = names.renamed(request);
  const std::string theirs = sent.tools[0].name;
  EXPECT_NE(theirs, own);
  EXPECT_EQ(sent.tool_choice->name, theirs);
  EXPECT_EQ(std::get<chat::ToolCall>(sent.messages[0].blocks[0]).name, theirs);

  chat::ChatResponse answer;
  answer.blocks.emplace_back(chat::ToolCall{.id = "2", .name = theirs, .arguments = "{}"});
  answer.blocks.emplace_back(chat::ToolCall{.id = "3", .name = "invented", .arguments = "{}"});
  names.restore(answer);
  EXPECT_EQ(std::get<chat::ToolCall>(answer.blocks[0]).name, own);
  EXPECT_EQ(std::get<chat::ToolCall>(answer.blocks[1]).name, "invented");

  chat::ChatEvent event = chat::BlockStart{.kind = chat::BlockKind::tool_call, .tool_id = "2", .tool_name = theirs};
  names.restore(event);
  EXPECT_EQ(std::get<chat::BlockStart>(event).tool_name, own);
}

TEST(ToolNames, A_past_call_of_a_tool_that_is_gone_is_renamed_too) {
  chat::ChatRequest request;
  request.messages.push_back(
      {.role = chat::Role::assistant, .blocks = {chat::ToolCall{.id = "1", .name = "a b", .arguments = "{}"}}});
  const chat::ChatRequest sent = ToolNames(request, {}).renamed(request);
  EXPECT_TRUE(allows({}, std::get<chat::ToolCall>(sent.messages[0].blocks[0]).name));
}

}  // namespace
}  // namespace sluice::dialects
