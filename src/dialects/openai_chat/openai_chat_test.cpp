#include "dialects/openai_chat/openai_chat.h"

#include <gtest/gtest.h>

namespace sluice::dialects {
namespace {

const std::unique_ptr<Dialect> dialect = make_openai_chat();

std::string outline_fault(std::string_view body) {
  const auto parsed = json::Document::parse(body);
  if (!parsed) return "not JSON";
  const auto outline = dialect->outline(body, *parsed);
  return outline ? "" : outline.error().param;
}

std::string decode_fault(std::string_view body) {
  const auto parsed = json::Document::parse(body);
  if (!parsed) return "not JSON";
  const auto request = dialect->decode_request(*parsed);
  return request ? "" : request.error().param;
}

// One line per event.
std::string decoded(const std::vector<std::string_view>& chunks) {
  const auto decoder = dialect->decode_stream();
  std::vector<chat::ChatEvent> events;
  Result<void> result;
  for (const std::string_view chunk : chunks)
    if (result) result = decoder->decode("", chunk, events);
  if (result) result = decoder->finish(events);
  std::string out;
  for (const chat::ChatEvent& event : events) {
    if (const auto* block = std::get_if<chat::BlockStart>(&event)) out += "[" + block->tool_id + ":" + block->tool_name;
    else if (const auto* text = std::get_if<chat::TextDelta>(&event)) out += "'" + text->text + "'";
    else if (const auto* arguments = std::get_if<chat::ArgumentsDelta>(&event)) out += arguments->json;
    else if (std::holds_alternative<chat::BlockEnd>(event)) out += "]";
    else if (std::holds_alternative<chat::Finish>(event)) out += " finish";
    else if (const auto* failed = std::get_if<chat::StreamError>(&event)) out += " error " + failed->error.message;
  }
  return result ? out : out + " fault";
}

TEST(OpenAiChat, Outline_names_the_field_that_is_wrong) {
  EXPECT_EQ(outline_fault(R"({"messages":[{}]})"), "model");
  EXPECT_EQ(outline_fault(R"({"model":7,"messages":[{}]})"), "model");
  EXPECT_EQ(outline_fault(R"({"model":"m"})"), "messages");
  EXPECT_EQ(outline_fault(R"({"model":"m","messages":[]})"), "messages");
  EXPECT_EQ(outline_fault(R"({"model":"m","messages":[{}],"stream":"yes"})"), "stream");
  EXPECT_EQ(outline_fault(R"({"model":"m","messages":[{}],"max_tokens":0})"), "max_tokens");
  EXPECT_EQ(outline_fault(R"({"model":"m","messages":[{}],"n":1.5})"), "n");
  EXPECT_EQ(outline_fault(R"({"model":"m","messages":[{}],"stream_options":[]})"), "stream_options");
  EXPECT_EQ(outline_fault(R"({"model":"m","messages":[{}],"messages":[{}]})"), "messages");
  EXPECT_EQ(outline_fault(R"({"model":"m","messages":[{}]})"), "");
}

TEST(OpenAiChat, Decode_names_the_field_that_is_wrong) {
  const auto with = [](std::string_view message) { return R"({"model":"m","messages":[)" + std::string(message) + "]}"; };
  EXPECT_EQ(decode_fault(with("7")), "messages[0]");
  EXPECT_EQ(decode_fault(with(R"({"role":"robot","content":"x"})")), "messages[0].role");
  EXPECT_EQ(decode_fault(with(R"({"role":"user"})")), "messages[0].content");
  EXPECT_EQ(decode_fault(with(R"({"role":"user","content":[{"type":"input_audio"}]})")), "messages[0].content[0].type");
  EXPECT_EQ(decode_fault(with(R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}]})")),
            "messages[0].content[0].image_url.url");
  EXPECT_EQ(decode_fault(with(R"({"role":"system","content":"only this"})")), "messages");
  EXPECT_EQ(decode_fault(R"({"model":"m","messages":[{"role":"user","content":"x"}],"stop":["1","2","3","4","5"]})"), "stop");
  EXPECT_EQ(decode_fault(R"({"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"custom"}]})"), "tools[0].type");
}

TEST(OpenAiChat, Edit_changes_the_model_and_the_usage_flag_and_nothing_else) {
  const auto edited = [](const std::string& body) {
    const auto parsed = json::Document::parse(body);
    return dialect->edit(body, *dialect->outline(body, *parsed), {.model = "q\"x", .ask_for_stream_usage = true});
  };
  EXPECT_EQ(edited(R"({"messages":[{"model":"a"}], "model" : "m" })"), R"({"messages":[{"model":"a"}], "model" : "q\"x" })");
  EXPECT_EQ(edited(R"({"stream":true,"model":"m","messages":[1],"stream_options":null})"),
            R"({"stream":true,"model":"q\"x","messages":[1],"stream_options":{"include_usage":true}})");
  EXPECT_EQ(edited(R"({"stream_options":{"include_usage":false,"x":[1]},"stream":true,"model":"m","messages":[1]})"),
            R"({"stream_options":{"x":[1],"include_usage":true},"stream":true,"model":"q\"x","messages":[1]})");
}

TEST(OpenAiChat, Stream_tells_calls_apart_that_all_have_the_number_0) {
  EXPECT_EQ(decoded({R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]})",
                     R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{\"x\":1}"}}]}}]})",
                     R"({"choices":[{"delta":{},"finish_reason":"stop"}]})", "[DONE]"}),
            "[a:f{}][b:g{\"x\":1}] finish");
}

TEST(OpenAiChat, Stream_takes_a_changing_id_for_the_same_call) {
  EXPECT_EQ(decoded({R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]}}]})",
                     R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"z","function":{"name":"","arguments":"1}"}}]}}]})",
                     R"({"choices":[{"delta":{},"finish_reason":"tool_calls"}]})"}),
            "[a:f{\"x\":1}] finish");
}

TEST(OpenAiChat, Stream_keeps_text_that_follows_a_call) {
  EXPECT_EQ(decoded({R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f"}},{"index":1,"id":"b","function":{"name":"g"}}]}}]})",
                     R"({"choices":[{"delta":{"content":"done"}}]})", "[DONE]"}),
            "[a:f{}][b:g{}][:'done'] finish");
}

TEST(OpenAiChat, Stream_faults_are_not_taken_for_an_end) {
  EXPECT_EQ(decoded({"<html>"}), " fault");
  EXPECT_EQ(decoded({"[DONE]"}), " fault");
  EXPECT_EQ(decoded({R"({"choices":[{"delta":{"content":"x"}}]})"}), "[:'x' fault");
  EXPECT_EQ(decoded({R"({"error":{"message":"boom"}})"}), " error boom");
  EXPECT_EQ(decoded({R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}}]})"}), " fault");
}

TEST(OpenAiChat, Usage_is_taken_apart_into_classes_without_overlap) {
  const auto usage = [](std::string_view text) {
    const auto parsed = json::Document::parse(text);
    return dialect->read_usage(*parsed);
  };
  const chat::Usage xai = usage(R"({"usage":{"prompt_tokens":12,"completion_tokens":1,"total_tokens":303,
    "prompt_tokens_details":{"cached_tokens":11},"completion_tokens_details":{"reasoning_tokens":290}}})");
  EXPECT_EQ(xai, (chat::Usage{.input = 1, .cache_read = 11, .output = 1, .reasoning = 290, .reported = true}));
  const chat::Usage odd = usage(R"({"usage":{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":9},
    "completion_tokens_details":{"reasoning_tokens":-4}}})");
  EXPECT_EQ(odd, (chat::Usage{.cache_read = 5, .output = 2, .reported = true}));
  EXPECT_FALSE(usage(R"({"usage":null})").reported);
}

TEST(OpenAiChat, Watcher_measures_text_and_hides_only_the_chunk_with_usage_alone) {
  const auto watcher = dialect->watch_stream(true);
  EXPECT_EQ(watcher->see("", R"({"model":"m-1","choices":[{"delta":{"content":"abc"}}],"usage":null})"), Relay::forward);
  EXPECT_EQ(watcher->output_bytes(), 3U);
  EXPECT_FALSE(watcher->complete());
  EXPECT_EQ(watcher->see("", R"({"choices":[{"delta":{"content":"\"error\":{"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}})"),
            Relay::forward);
  EXPECT_TRUE(watcher->complete());
  EXPECT_FALSE(watcher->failed());
  EXPECT_EQ(watcher->see("", R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}})"), Relay::hide);
  EXPECT_EQ(watcher->usage().output, 4);
  EXPECT_EQ(watcher->see("", "[DONE]"), Relay::forward);
  EXPECT_EQ(watcher->see("", "[DONE]"), Relay::hide);
  EXPECT_TRUE(watcher->finished());
  EXPECT_EQ(watcher->response_model(), "m-1");
}

TEST(OpenAiChat, Errors_have_the_status_and_type_that_clients_match_on) {
  const ErrorBody spent = dialect->encode_error({.kind = ErrorKind::budget_exceeded, .message = "no money"}, "req_1");
  EXPECT_EQ(spent.status, 429);
  EXPECT_NE(spent.body.find("\"insufficient_quota\""), std::string::npos);
  EXPECT_EQ(spent.headers.get("x-should-retry"), "false");
  EXPECT_EQ(dialect->encode_error({.kind = ErrorKind::provider_rejected, .provider_status = 403, .retry = Retry::elsewhere}, "").status, 502);
  EXPECT_EQ(dialect->encode_stream_error({.kind = ErrorKind::provider_timeout, .message = "late"}, "").rfind("data: {\"error\":", 0), 0U);
  EXPECT_EQ(dialect->decode_error(400, R"({"object":"error","message":"too long","code":400})", {}).message, "too long");
  EXPECT_EQ(dialect->decode_error(404, R"({"error":"model not found"})", {}).message, "model not found");
}

}  // namespace
}  // namespace sluice::dialects
