// Usage as each dialect tells it, in classes without overlap, and the bill of it.
#include "prices/answer.h"

#include <gtest/gtest.h>

namespace sluice::prices {
namespace {

using chat::DialectId;
using chat::Doubt;
using chat::ServiceTier;

chat::Usage usage(DialectId id, std::string_view answer) {
  const auto read = read_answer(*make_dialect(id), answer);
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  return read ? read->usage : chat::Usage();
}

TEST(Usage, Gemini_tells_kinds_of_the_prompt_that_count_the_cache_too) {
  const chat::Usage told = usage(DialectId::gemini, R"({"modelVersion":"g","usageMetadata":{
    "promptTokenCount":1000,"cachedContentTokenCount":300,"toolUsePromptTokenCount":50,"candidatesTokenCount":100,
    "thoughtsTokenCount":40,"trafficType":"ON_DEMAND_PRIORITY",
    "promptTokensDetails":[{"modality":"TEXT","tokenCount":500},{"modality":"AUDIO","tokenCount":400},{"modality":"VIDEO","tokenCount":100}],
    "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":250},{"modality":"TEXT","tokenCount":50}],
    "candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":90}]}})");
  EXPECT_EQ(told.cache_read, 50);
  EXPECT_EQ(told.cache_read_audio, 250);
  EXPECT_EQ(told.input_audio, 150);
  EXPECT_EQ(told.input_video, 100);
  EXPECT_EQ(told.input, 500);
  EXPECT_EQ(told.output_image, 90);
  EXPECT_EQ(told.output, 10);
  EXPECT_EQ(told.reasoning, 40);
  EXPECT_EQ(told.total_input(), 1050);
  EXPECT_EQ(told.total_output(), 140);
  EXPECT_EQ(told.service_tier, ServiceTier::priority);
  EXPECT_EQ(told.doubts, 0);
}

TEST(Usage, Anthropic_tells_compactions_and_searches_beside_the_sums) {
  const chat::Usage told = usage(DialectId::anthropic_messages, R"({"model":"c","usage":{"input_tokens":10,
    "cache_read_input_tokens":5,"cache_creation_input_tokens":9,"cache_creation":{"ephemeral_1h_input_tokens":4},
    "output_tokens":20,"output_tokens_details":{"thinking_tokens":8},"server_tool_use":{"web_search_requests":3},
    "service_tier":"batch","iterations":[{"type":"compaction","input_tokens":1000,"output_tokens":100},
    {"type":"message","input_tokens":10,"output_tokens":20},{"type":"advisor_message","model":"o","input_tokens":7,"output_tokens":7}]}})");
  EXPECT_TRUE(told.has(chat::Doubt::second_model)) << "the advisor's tokens are another model's";
  EXPECT_NE(told.raw.text().find("advisor_message"), std::string_view::npos);
  chat::Usage counted = told;
  counted.doubts = 0;
  counted.raw = {};
  EXPECT_EQ(counted, (chat::Usage{.input = 1010,
                                  .cache_read = 5,
                                  .cache_write_5m = 5,
                                  .cache_write_1h = 4,
                                  .output = 112,
                                  .reasoning = 8,
                                  .reported = true,
                                  .searches = 3,
                                  .service_tier = ServiceTier::batch}));
}

TEST(Usage, Nothing_is_in_doubt_about_iterations_of_the_model_itself) {
  const chat::Usage told = usage(DialectId::anthropic_messages, R"({"model":"c","usage":{"input_tokens":10,
    "output_tokens":20,"iterations":[{"type":"message","input_tokens":10,"output_tokens":20},
    {"type":"advisor_message","model":"o","input_tokens":0,"output_tokens":0}]}})");
  EXPECT_EQ(told, (chat::Usage{.input = 10, .output = 20, .reported = true}));
}

TEST(Usage, Responses_Bedrock_and_embeddings_have_their_own_words) {
  EXPECT_EQ(usage(DialectId::openai_responses, R"({"service_tier":"priority","usage":{"input_tokens":100,
    "input_tokens_details":{"cached_tokens":40,"cache_write_tokens":10,"image_tokens":20},"output_tokens":50,
    "output_tokens_details":{"reasoning_tokens":30}}})"),
            (chat::Usage{.input = 30,
                         .cache_read = 40,
                         .cache_write_5m = 10,
                         .output = 20,
                         .reasoning = 30,
                         .reported = true,
                         .input_image = 20,
                         .service_tier = ServiceTier::priority}));
  EXPECT_EQ(usage(DialectId::bedrock_converse, R"({"serviceTier":{"type":"flex"},"usage":{"inputTokens":10,
    "outputTokens":5,"cacheReadInputTokenCount":100,"cacheWriteInputTokens":30,"cacheDetails":[{"ttl":"1h","inputTokens":20}]}})"),
            (chat::Usage{.input = 10,
                         .cache_read = 100,
                         .cache_write_5m = 10,
                         .cache_write_1h = 20,
                         .output = 5,
                         .reported = true,
                         .service_tier = ServiceTier::flex}));
  EXPECT_EQ(usage(DialectId::openai_embeddings, R"({"usage":{"prompt_tokens":8,"total_tokens":8}})"),
            (chat::Usage{.input = 8, .reported = true}));
  EXPECT_EQ(
      usage(DialectId::openai_chat, R"({"usage":{"prompt_tokens":70,"completion_tokens":12,"num_cached_tokens":69}})"),
      (chat::Usage{.input = 1, .cache_read = 69, .output = 12, .reported = true}))
      << "Mistral's";
}

TEST(Usage, What_makes_no_sense_is_bounded_marked_and_kept_in_every_dialect) {
  struct Case {
    DialectId id;
    std::string_view answer;
    Doubt doubt;
  };
  for (const Case& each :
       {Case{DialectId::openai_chat, R"({"usage":{"prompt_tokens":-5,"completion_tokens":1}})", Doubt::negative},
        Case{DialectId::openai_chat, R"({"usage":{"prompt_tokens":5,"completion_tokens":1e30}})", Doubt::overflow},
        Case{DialectId::openai_responses, R"({"usage":{"input_tokens":5,"output_tokens":1,
             "input_tokens_details":{"cached_tokens":6}}})",
             Doubt::inconsistent},
        Case{DialectId::anthropic_messages, R"({"usage":{"input_tokens":5,"output_tokens":1.5}})", Doubt::inconsistent},
        Case{DialectId::anthropic_messages, R"({"usage":{"input_tokens":5,"output_tokens":1,
             "output_tokens_details":{"thinking_tokens":2}}})",
             Doubt::inconsistent},
        Case{DialectId::gemini, R"({"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":-1}})",
             Doubt::negative},
        Case{DialectId::bedrock_converse, R"({"usage":{"inputTokens":99999999999999999999,"outputTokens":1}})",
             Doubt::overflow},
        Case{DialectId::openai_embeddings, R"({"usage":{"prompt_tokens":"many","total_tokens":-3}})",
             Doubt::negative}}) {
    const chat::Usage told = usage(each.id, each.answer);
    EXPECT_TRUE(told.has(each.doubt)) << each.answer;
    EXPECT_FALSE(told.raw.text().empty()) << each.answer;
    const catalog::Quantities used = catalog::quantities(told);
    for (const std::int64_t count : used) EXPECT_TRUE(count >= 0 && count <= 1'000'000'000'000) << each.answer;
  }
  EXPECT_EQ(usage(DialectId::openai_chat, R"({"usage":{"prompt_tokens":12.0,"completion_tokens":1}})").doubts, 0)
      << "a whole number may be written with a point";
}

TEST(Answer, A_stream_and_a_whole_answer_are_read_alike) {
  const auto openai = make_dialect(chat::DialectId::openai_chat);
  const auto whole = read_answer(*openai, R"({"model":"m","usage":{"prompt_tokens":10,"completion_tokens":5}})");
  const auto stream =
      read_answer(*openai,
                  "data: {\"model\":\"m\",\"choices\":[]}\r\n\r\n"
                  "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}\r\n\r\n"
                  "data: [DONE]\r\n\r\n");
  ASSERT_TRUE(whole);
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ(whole->usage, stream->usage);
  EXPECT_EQ(stream->model, "m");
  EXPECT_TRUE(stream->stream);
  EXPECT_FALSE(read_answer(*openai, "hello"));
  EXPECT_FALSE(read_answer(*openai, R"({"model":"m"})"));
  const auto anthropic = make_dialect(chat::DialectId::anthropic_messages);
  const auto claude = read_answer(
      *anthropic,
      "event: message_start\ndata: "
      "{\"type\":\"message_start\",\"message\":{\"model\":\"c\",\"usage\":{\"input_tokens\":7,"
      "\"cache_read_input_tokens\":100,\"cache_creation\":{\"ephemeral_1h_input_tokens\":9}}}}\n\n"
      "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
      "\"output_tokens\":3}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
  ASSERT_TRUE(claude) << claude.error().message;
  EXPECT_EQ(claude->usage,
            (chat::Usage{.input = 7, .cache_read = 100, .cache_write_1h = 9, .output = 3, .reported = true}));
}

TEST(Bill, The_standard_price_of_a_tier_without_its_own_is_said) {
  catalog::PriceFact fact{.provider = ProviderId("p"), .model = ModelName("m")};
  fact.rates[catalog::Unit::input] = 2'000'000;
  fact.rates[catalog::Unit::output] = 10'000'000;
  const catalog::PriceBook book({fact});
  const Bill priced = bill(book.quote(ProviderId("p"), ModelName("m"), *catalog::parse_date("2026-07-01")),
                           chat::ServiceTier::priority, catalog::quantities({.input = 10, .output = 1}));
  EXPECT_TRUE(priced.other_tier);
  EXPECT_EQ(priced.total->pico(), 30'000'000);
  EXPECT_EQ(priced.lines.size(), 2U);
  EXPECT_FALSE(bill(catalog::Quote(), chat::ServiceTier::standard, {}).total);
}

}  // namespace
}  // namespace sluice::prices
