// Providers keep the beginning of a prompt in a cache, so what earlier turns became must stay the same when a turn is
// added.
#include <gtest/gtest.h>

#include "replay.h"

namespace sluice::golden {
namespace {

// A conversation of so many turns, each with reasoning, a tool call, its result and an answer.
chat::ChatRequest conversation(int turns) {
  chat::ChatRequest request{.model = "m", .max_output_tokens = 4096};
  request.system.push_back({.text = "Be brief."});
  request.tools.push_back({.name = "gauge", .parameters = R"({"type":"object","properties":{}})"});
  using chat::Role;
  for (int i = 0; i < turns; ++i) {
    const std::string id = "call_" + std::to_string(i);
    request.messages.push_back({Role::user, {chat::Text{"question " + std::to_string(i)}}});
    request.messages.push_back(
        {Role::assistant,
         {chat::Thinking{.text = "hm", .signature = "c2ln", .issuer = i % 3 == 0 ? "provider/other" : "provider/model"},
          chat::Text{"Let me see."}, chat::ToolCall{.id = id, .name = "gauge", .arguments = R"({"n":1.50})"}}});
    request.messages.push_back({Role::user, {chat::ToolResult{.call_id = id, .content = {chat::Text{"1.4 m"}}}}});
    request.messages.push_back({Role::assistant, {chat::Text{"It is 1.4 m."}}});
  }
  request.messages.push_back({Role::user, {chat::Text{"and now?"}}});
  return request;
}

std::vector<std::string> messages_of(const dialects::Dialect& provider, int turns) {
  const auto sent = provider.encode_request(conversation(turns),
                                            {.model = "gemini-3-pro", .reasoning = true, .issuer = "provider/model"});
  EXPECT_TRUE(sent) << sent.error().message;
  const auto parsed = sent ? json::Document::parse(sent->body) : json::Document::parse("{}");
  std::vector<std::string> messages;
  for (const char* name : {"messages", "input", "contents"})
    for (const json::Value& message : parsed->root()[name].elements()) messages.push_back(message.text());
  return messages;
}

TEST(Prefix, Earlier_turns_stay_the_same_at_every_provider) {
  for (const auto id :
       {chat::DialectId::openai_chat, chat::DialectId::openai_responses, chat::DialectId::anthropic_messages,
        chat::DialectId::gemini, chat::DialectId::bedrock_converse}) {
    const dialects::Dialect& provider = all_dialects().get(id);
    std::vector<std::string> before = messages_of(provider, 1);
    for (int turns = 2; turns <= 20; ++turns) {
      std::vector<std::string> now = messages_of(provider, turns);
      ASSERT_GT(now.size(), before.size());
      before.pop_back();  // the last question, where another one stands now
      for (std::size_t i = 0; i < before.size(); ++i)
        ASSERT_EQ(before[i], now[i]) << chat::name(id) << ", turn " << turns << ", message " << i;
      before = std::move(now);
    }
  }
}

}  // namespace
}  // namespace sluice::golden
