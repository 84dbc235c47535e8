#include "dialects/shared_parts.h"

#include <gtest/gtest.h>

#include <utility>

namespace sluice::dialects {
namespace {

const EncodeOptions no_options;

// What the writers of Anthropic's and Bedrock's requests are made of.
class Placing : RequestWriting {
 public:
  explicit Placing(const chat::ChatRequest& request) : RequestWriting(request, no_options) {}
  // "user:a b|system:c", then what stands in front, then what is named.
  std::string told() {
    const auto placed = placed_turns();
    if (!placed) return "refused: " + placed.error().param;
    std::string out;
    for (const Turn& turn : *placed) {
      out.append(out.empty() ? "" : "|").append(role_name(turn.role)).append(":");
      for (const chat::Block* block : turn.blocks) out += std::get<chat::Text>(*block).text;
    }
    out += " front=" + system_text() + " named=";
    for (const std::string& name : out_.dropped_params) out += name;
    return out;
  }
};

std::string placed(std::initializer_list<std::pair<chat::Role, std::string_view>> messages) {
  chat::ChatRequest request;
  for (const auto& [role, text] : messages)
    request.messages.push_back({.role = role, .blocks = {chat::Text{std::string(text)}}});
  return Placing(request).told();
}

TEST(SystemWithin, Stands_between_a_turn_of_the_user_and_an_answer) {
  using enum chat::Role;
  EXPECT_EQ(placed({{user, "a"}, {system, "s"}, {assistant, "b"}, {user, "c"}}),
            "user:a|system:s|assistant:b|user:c front= named=");
  EXPECT_EQ(placed({{user, "a"}, {system, "s"}}), "user:a|system:s front= named=");
  EXPECT_EQ(placed({{user, "a"}, {system, "s"}, {system, "t"}, {assistant, "b"}}),
            "user:a|system:st|assistant:b front= named=")
      << "two in a row would be refused";
}

TEST(SystemWithin, Comes_later_where_it_has_no_place_and_is_named) {
  using enum chat::Role;
  EXPECT_EQ(placed({{user, "a"}, {assistant, "b"}, {system, "s"}, {user, "c"}}),
            "user:a|assistant:b|user:c|system:s front= named=messages.role");
  EXPECT_EQ(placed({{user, "a"}, {system, "s"}, {user, "b"}, {assistant, "c"}}),
            "user:ab|system:s|assistant:c front= named=messages.role");
  EXPECT_EQ(placed({{user, "a"}, {assistant, "b"}, {system, "s"}, {assistant, "c"}}),
            "user:a|assistant:bc front=s named=messages.role")
      << "no turn of the user follows";
  EXPECT_EQ(placed({{user, " "}, {system, "s"}}), "refused: messages") << "blank text is not sent";
}

TEST(Efforts, The_nearest_is_the_next_below_that_thinks_or_else_the_next_above) {
  using enum chat::Effort;
  const chat::Efforts newer{none, low, medium, high, xhigh};
  EXPECT_EQ(newer.nearest(minimal), low) << "and not none";
  EXPECT_EQ(newer.nearest(max), xhigh);
  EXPECT_EQ(newer.nearest(none), none);
  EXPECT_EQ((chat::Efforts{minimal, low, medium, high}.nearest(none)), minimal);
  EXPECT_EQ((chat::Efforts{medium, high}.nearest(low)), medium);
  EXPECT_EQ((chat::Efforts{low, max}.nearest(xhigh)), low);
  EXPECT_EQ(chat::Efforts{none}.nearest(high), std::nullopt);
  EXPECT_EQ(chat::Efforts{}.nearest(high), std::nullopt);
}

TEST(Thinking, Is_as_the_request_says_or_as_the_model_does_unasked) {
  using enum chat::Effort;
  const auto thinks_at = [](std::optional<chat::Effort> asked, std::optional<chat::Effort> unasked) {
    chat::ChatRequest request;
    if (asked) request.reasoning = chat::Reasoning{.effort = asked};
    return thinks(request, {.efforts = {none, low}, .unasked = unasked});
  };
  EXPECT_FALSE(thinks_at(none, low));
  EXPECT_TRUE(thinks_at(minimal, none)) << "it gets low";
  EXPECT_FALSE(thinks_at(std::nullopt, none));
  EXPECT_TRUE(thinks_at(std::nullopt, std::nullopt));
  chat::ChatRequest shown;
  shown.reasoning = chat::Reasoning{.visible = true};
  EXPECT_FALSE(thinks(shown, {.unasked = none})) << "how much is not said";
  shown.reasoning->budget = 9'000;
  EXPECT_TRUE(thinks(shown, {.unasked = none}));
}

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
