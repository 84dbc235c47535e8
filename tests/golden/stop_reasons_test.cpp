// Why an answer ended: each word of each provider, and what each client is told of it. Sources: the vendors'
// references; whole answers and streams share the readers' and the writers' functions.
#include <gtest/gtest.h>

#include "replay.h"

namespace sluice::golden {
namespace {

using chat::DialectId;
using chat::StopReason;

struct Ending {
  DialectId provider;
  const char* word;
  std::optional<StopReason> means;  // none: it is no answer but a fault of the model's
  bool with_call = false;
};

constexpr Ending endings[] = {
    {DialectId::openai_chat, "stop", StopReason::end_turn},
    {DialectId::openai_chat, "length", StopReason::max_tokens},
    {DialectId::openai_chat, "tool_calls", StopReason::tool_use, true},
    {DialectId::openai_chat, "stop", StopReason::tool_use, true},  // some servers say so
    {DialectId::openai_chat, "content_filter", StopReason::content_filter},
    {DialectId::openai_chat, "function_call", StopReason::tool_use},
    {DialectId::openai_chat, "a_new_word", StopReason::other},
    {DialectId::anthropic_messages, "end_turn", StopReason::end_turn},
    {DialectId::anthropic_messages, "stop_sequence", StopReason::stop_sequence},
    {DialectId::anthropic_messages, "max_tokens", StopReason::max_tokens},
    {DialectId::anthropic_messages, "model_context_window_exceeded", StopReason::max_tokens},
    {DialectId::anthropic_messages, "tool_use", StopReason::tool_use, true},
    {DialectId::anthropic_messages, "refusal", StopReason::content_filter},
    {DialectId::anthropic_messages, "pause_turn", StopReason::other},
    {DialectId::anthropic_messages, "compaction", StopReason::other},
    {DialectId::gemini, "STOP", StopReason::end_turn},
    {DialectId::gemini, "STOP", StopReason::tool_use, true},
    {DialectId::gemini, "MAX_TOKENS", StopReason::max_tokens},
    {DialectId::gemini, "SAFETY", StopReason::content_filter},
    {DialectId::gemini, "RECITATION", StopReason::content_filter},
    {DialectId::gemini, "LANGUAGE", StopReason::content_filter},
    {DialectId::gemini, "BLOCKLIST", StopReason::content_filter},
    {DialectId::gemini, "PROHIBITED_CONTENT", StopReason::content_filter},
    {DialectId::gemini, "SPII", StopReason::content_filter},
    {DialectId::gemini, "IMAGE_SAFETY", StopReason::content_filter},
    {DialectId::gemini, "IMAGE_PROHIBITED_CONTENT", StopReason::content_filter},
    {DialectId::gemini, "IMAGE_RECITATION", StopReason::content_filter},
    {DialectId::gemini, "IMAGE_OTHER", StopReason::other},
    {DialectId::gemini, "NO_IMAGE", StopReason::other},
    {DialectId::gemini, "OTHER", StopReason::other},
    {DialectId::gemini, "FUNCTION_CALL", StopReason::tool_use, true},  // a mock's own word
    {DialectId::gemini, "MALFORMED_FUNCTION_CALL", std::nullopt},
    {DialectId::gemini, "UNEXPECTED_TOOL_CALL", std::nullopt},
    {DialectId::gemini, "TOO_MANY_TOOL_CALLS", std::nullopt},
    {DialectId::bedrock_converse, "end_turn", StopReason::end_turn},
    {DialectId::bedrock_converse, "stop_sequence", StopReason::stop_sequence},
    {DialectId::bedrock_converse, "max_tokens", StopReason::max_tokens},
    {DialectId::bedrock_converse, "model_context_window_exceeded", StopReason::max_tokens},
    {DialectId::bedrock_converse, "tool_use", StopReason::tool_use, true},
    {DialectId::bedrock_converse, "guardrail_intervened", StopReason::content_filter},
    {DialectId::bedrock_converse, "content_filtered", StopReason::content_filter},
    {DialectId::bedrock_converse, "malformed_model_output", std::nullopt},
    {DialectId::bedrock_converse, "malformed_tool_use", std::nullopt},
};

std::string answer_of(const Ending& ending) {
  const std::string word = ending.word;
  const bool call = ending.with_call;
  switch (ending.provider) {
    case DialectId::openai_chat:
      return R"({"id":"x","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi")" +
             std::string(
                 call ? R"(,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}])"
                      : "") +
             R"(},"finish_reason":")" + word + R"("}]})";
    case DialectId::anthropic_messages:
      return R"({"id":"x","type":"message","role":"assistant","model":"m","content":[)" +
             std::string(call ? R"({"type":"tool_use","id":"c1","name":"f","input":{}})"
                              : R"({"type":"text","text":"hi"})") +
             R"(],"stop_reason":")" + word + R"(","usage":{"input_tokens":1,"output_tokens":1}})";
    case DialectId::gemini:
      return R"({"candidates":[{"content":{"role":"model","parts":[)" +
             std::string(call ? R"({"functionCall":{"name":"f","args":{}}})" : R"({"text":"hi"})") +
             R"(]},"finishReason":")" + word + R"("}]})";
    default:
      return R"({"output":{"message":{"role":"assistant","content":[)" +
             std::string(call ? R"({"toolUse":{"toolUseId":"c1","name":"f","input":{}}})" : R"({"text":"hi"})") +
             R"(]}},"stopReason":")" + word + R"(","usage":{"inputTokens":1,"outputTokens":1}})";
  }
}

TEST(StopReasons, Each_word_of_each_provider_has_its_meaning) {
  for (const Ending& ending : endings) {
    const std::string said = std::string(chat::name(ending.provider)) + " " + ending.word;
    const auto parsed = json::Document::parse(answer_of(ending));
    ASSERT_TRUE(parsed) << said;
    const auto answer = all_dialects().get(ending.provider).decode_response(*parsed);
    if (ending.means) {
      ASSERT_TRUE(answer) << said << ": " << answer.error().message;
      EXPECT_EQ(answer->stop, *ending.means) << said;
    } else {
      ASSERT_FALSE(answer) << said;
      EXPECT_EQ(answer.error().kind, ErrorKind::provider_unreachable) << said;
    }
  }
}

// As C, R, M and G say it, in this order.
TEST(StopReasons, Each_client_is_told_in_its_words) {
  const std::pair<StopReason, std::array<const char*, 4>> told[] = {
      {StopReason::end_turn, {"stop", "completed", "end_turn", "STOP"}},
      {StopReason::stop_sequence, {"stop", "completed", "stop_sequence", "STOP"}},
      {StopReason::max_tokens, {"length", "incomplete max_output_tokens", "max_tokens", "MAX_TOKENS"}},
      {StopReason::tool_use, {"tool_calls", "completed", "tool_use", "STOP"}},
      {StopReason::content_filter, {"content_filter", "incomplete content_filter", "refusal", "SAFETY"}},
      {StopReason::other, {"stop", "completed", "end_turn", "STOP"}}};
  for (const auto& [stop, words] : told) {
    chat::ChatResponse response{.id = "x", .model = "m"};
    if (stop == StopReason::tool_use)
      response.blocks.emplace_back(chat::ToolCall{.id = "c1", .name = "f", .arguments = "{}"});
    else
      response.blocks.emplace_back(chat::Text{"hi"});
    response.stop = stop;
    const auto written = [&](DialectId client) {
      return json::Document::parse(all_dialects().get(client).encode_response(response, {.response_id = "x"}));
    };
    const auto chat = written(DialectId::openai_chat);
    EXPECT_EQ(chat->root()["choices"].at(0)["finish_reason"].string(), words[0]);
    const auto responses = written(DialectId::openai_responses);
    std::string status(responses->root()["status"].string().value_or(""));
    if (const auto reason = responses->root()["incomplete_details"]["reason"].string())
      status.append(" ").append(*reason);
    EXPECT_EQ(status, words[1]);
    EXPECT_EQ(written(DialectId::anthropic_messages)->root()["stop_reason"].string(), words[2]);
    EXPECT_EQ(written(DialectId::gemini)->root()["candidates"].at(0)["finishReason"].string(), words[3]);
  }
}

}  // namespace
}  // namespace sluice::golden
