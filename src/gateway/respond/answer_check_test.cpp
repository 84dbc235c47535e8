#include "gateway/respond/answer_check.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using chat::DialectId;
using config::Check;

config::Cascade on(std::vector<Check> checks, std::int64_t least = 0) {
  config::Cascade cascade;
  cascade.checks = std::move(checks);
  cascade.min_answer_bytes = least;
  return cascade;
}

std::optional<Check> check(const config::Cascade& cascade, std::string_view answer, std::string_view request = "{}",
                           DialectId dialect = DialectId::openai_chat) {
  const auto parsed = json::Document::parse(request);
  EXPECT_TRUE(parsed.has_value()) << request;
  return failed_check(cascade, dialect, parsed->root(), answer);
}

std::string chat(std::string_view text, std::string_view finish = "stop") {
  std::string body;
  json::Writer w(body);
  w.begin_object().key("choices").begin_array().begin_object().key("message").begin_object().member("content", text);
  w.end_object().member("finish_reason", finish).end_object().end_array().end_object();
  return body;
}

const config::Cascade all = on({Check::empty, Check::refusal, Check::length, Check::too_short, Check::schema}, 3);

TEST(AnswerCheck, A_good_answer_passes) {
  EXPECT_EQ(check(all, chat("It is Paris.")), std::nullopt);
  EXPECT_EQ(check(all, "no JSON"), std::nullopt);
  EXPECT_EQ(check(all, R"({"data":[]})", "{}", DialectId::openai_embeddings), std::nullopt);
}

TEST(AnswerCheck, Each_check_fails_what_it_says) {
  EXPECT_EQ(check(all, chat(" \n")), Check::empty);
  EXPECT_EQ(check(all, chat("I'm sorry, but I can't help with that.")), Check::refusal);
  EXPECT_EQ(
      check(all, chat("I'm sorry, but I can't help with that." + std::string(500, ' ') + "But here is the answer.")),
      std::nullopt)
      << "a long text may begin so";
  EXPECT_EQ(check(all, chat("", "content_filter")), Check::refusal);
  EXPECT_EQ(check(all, chat("Once upon a", "length")), Check::length);
  EXPECT_EQ(check(all, chat("No")), Check::too_short);
  EXPECT_EQ(check(on({Check::length}), chat("No")), std::nullopt) << "only those that are asked for";
}

TEST(AnswerCheck, A_tool_call_needs_no_text) {
  EXPECT_EQ(
      check(all,
            R"({"choices":[{"message":{"content":null,"tool_calls":[{"id":"a"}]},"finish_reason":"tool_calls"}]})"),
      std::nullopt);
}

TEST(AnswerCheck, Answers_of_each_dialect_are_read) {
  const auto empty_in = [&](DialectId dialect, std::string_view body) { return check(all, body, "{}", dialect); };
  EXPECT_EQ(empty_in(DialectId::anthropic_messages,
                     R"({"content":[{"type":"text","text":"Paris"}],"stop_reason":"end_turn"})"),
            std::nullopt);
  EXPECT_EQ(empty_in(DialectId::anthropic_messages, R"({"content":[],"stop_reason":"end_turn"})"), Check::empty);
  EXPECT_EQ(empty_in(DialectId::anthropic_messages, R"({"content":[],"stop_reason":"refusal"})"), Check::refusal);
  EXPECT_EQ(empty_in(DialectId::anthropic_messages,
                     R"({"content":[{"type":"text","text":"Pa"}],"stop_reason":"max_tokens"})"),
            Check::length);
  EXPECT_EQ(empty_in(DialectId::openai_responses,
                     R"({"output":[{"type":"message","content":[{"type":"output_text","text":"Paris"}]}]})"),
            std::nullopt);
  EXPECT_EQ(
      empty_in(DialectId::openai_responses, R"({"output":[],"incomplete_details":{"reason":"max_output_tokens"}})"),
      Check::empty);
  EXPECT_EQ(
      empty_in(DialectId::gemini, R"({"candidates":[{"content":{"parts":[{"text":"Paris"}]},"finishReason":"STOP"}]})"),
      std::nullopt);
  EXPECT_EQ(empty_in(DialectId::gemini, R"({"promptFeedback":{"blockReason":"SAFETY"}})"), Check::refusal);
  // As a stream's end is understood.
  EXPECT_EQ(empty_in(DialectId::anthropic_messages,
                     R"({"content":[{"type":"text","text":"Paris"}],"stop_reason":"model_context_window_exceeded"})"),
            Check::length);
  EXPECT_EQ(empty_in(DialectId::gemini,
                     R"({"candidates":[{"content":{"parts":[{"text":"Paris"}]},"finishReason":"LANGUAGE"}]})"),
            Check::refusal);
}

TEST(AnswerCheck, An_answer_must_be_the_json_that_was_asked_for) {
  constexpr std::string_view wants =
      R"({"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"object","required":["age"],)"
      R"("properties":{"age":{"type":"integer"}}}}}})";
  EXPECT_EQ(check(all, chat(R"({"age":42})"), wants), std::nullopt);
  EXPECT_EQ(check(all, chat(R"({"age":"old"})"), wants), Check::schema);
  EXPECT_EQ(check(all, chat("He is 42."), wants), Check::schema);
  EXPECT_EQ(check(all, chat("He is 42."), R"({"response_format":{"type":"json_object"}})"), Check::schema);
  EXPECT_EQ(check(all, chat("He is 42."), R"({"response_format":{"type":"text"}})"), std::nullopt);
  const std::string_view in_words =
      R"({"candidates":[{"content":{"parts":[{"text":"He is 42."}]},"finishReason":"STOP"}]})";
  for (const std::string_view asked : {R"({"generationConfig":{"responseMimeType":"application/json"}})",
                                       R"({"generation_config":{"response_mime_type":"application/json"}})"})
    EXPECT_EQ(check(all, in_words, asked, DialectId::gemini), Check::schema) << asked;
}

TEST(AnswerCheck, A_schemas_keywords_are_kept) {
  const auto fault = [](std::string_view schema, std::string_view value) {
    const auto one = json::Document::parse(schema);
    const auto other = json::Document::parse(value);
    EXPECT_TRUE(one.has_value() && other.has_value()) << schema << value;
    return schema_fault(one->root(), other->root());
  };
  EXPECT_EQ(fault(R"({"type":["string","null"]})", "null"), "");
  EXPECT_EQ(fault(R"({"type":"integer"})", "1.5"), "$ is no \"integer\"");
  EXPECT_EQ(fault(R"({"type":"integer"})", "1e300"), "") << "it has no fraction, and no 64-bit integer holds it";
  EXPECT_EQ(fault(R"({"type":"number"})", "1"), "");
  EXPECT_EQ(fault(R"({"enum":["a","b"]})", R"("c")"), R"($ is none of ["a","b"])");
  EXPECT_EQ(fault(R"({"const":1})", "2"), "$ is not 1");
  EXPECT_EQ(fault(R"({"minimum":2})", "1"), "$ is below its minimum");
  EXPECT_EQ(fault(R"({"items":{"type":"string"},"minItems":1})", "[]"), "$ is too short");
  EXPECT_EQ(fault(R"({"items":{"type":"string"}})", R"(["a",1])"), "$[1] is no \"string\"");
  EXPECT_EQ(fault(R"({"properties":{"a":{}},"additionalProperties":false})", R"({"b":1})"), "$.b must not be there");
  EXPECT_EQ(fault(R"({"anyOf":[{"type":"string"},{"type":"null"}]})", "1"), "$ fits none of `anyOf`");
  EXPECT_EQ(
      fault(R"({"$ref":"#/$defs/n","$defs":{"n":{"properties":{"next":{"$ref":"#/$defs/n"},"v":{"type":"integer"}}}}})",
            R"({"v":1,"next":{"v":"x"}})"),
      "$.next.v is no \"integer\"");
  EXPECT_EQ(fault(R"({"type":"integer"})", "1e300"), "");
}

TEST(AnswerCheck, A_schema_that_refers_to_itself_many_times_comes_to_an_end) {
  const auto value = json::Document::parse(R"({"a":{"a":1}})");
  for (const char* schema : {R"({"allOf":[{"$ref":"#"},{"$ref":"#"}]})",
                             R"({"properties":{"a":{"$ref":"#"}},"allOf":[{"$ref":"#"},{"$ref":"#"},{"$ref":"#"}]})"}) {
    const auto parsed = json::Document::parse(schema);
    EXPECT_EQ(schema_fault(parsed->root(), value->root()), "");
  }
  // What stands before the bound is looked at all the same.
  const auto wrong = json::Document::parse(R"({"type":"array","allOf":[{"$ref":"#"},{"$ref":"#"}]})");
  EXPECT_EQ(schema_fault(wrong->root(), value->root()), "$ is no \"array\"");
}

// Twice as much with every level: 2^32 looks without a bound.
TEST(AnswerCheck, Parts_that_refer_to_themselves_twice_end) {
  const auto schema = json::Document::parse(
      R"({"$ref":"#/$defs/a","$defs":{"a":{"allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}]}}})");
  const auto value = json::Document::parse("{}");
  ASSERT_TRUE(schema.has_value() && value.has_value());
  EXPECT_EQ(schema_fault(schema->root(), value->root()), "");
}

// Each name is looked for among all: 10^10 steps without a bound.
TEST(AnswerCheck, Many_properties_in_many_members_end) {
  std::string properties;
  std::string members;
  for (int i = 0; i < 100'000; ++i) {
    const std::string comma = i == 0 ? "" : ",";
    properties += comma + "\"p" + std::to_string(i) + R"(":{"type":"integer"})";
    members += comma + "\"m" + std::to_string(i) + "\":0";
  }
  const auto schema = json::Document::parse(R"({"properties":{)" + properties + "}}");
  const auto value = json::Document::parse("{" + members + "}");
  ASSERT_TRUE(schema.has_value() && value.has_value());
  EXPECT_EQ(schema_fault(schema->root(), value->root()), "");
}

}  // namespace
}  // namespace sluice::gateway
