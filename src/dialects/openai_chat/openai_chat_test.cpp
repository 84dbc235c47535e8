#include "dialects/openai_chat/openai_chat.h"

#include <gtest/gtest.h>

namespace sluice::dialects {
namespace {

const std::unique_ptr<Dialect> dialect = make_openai_chat();

std::string outline_fault(std::string_view body) {
  const auto parsed = json::Document::parse(body);
  if (!parsed) return "not JSON";
  const auto outline = dialect->outline(body, *parsed, {});
  return outline ? "" : outline.error().param;
}

std::string decode_fault(std::string_view body) {
  const auto parsed = json::Document::parse(body);
  if (!parsed) return "not JSON";
  const auto request = dialect->decode_request(*parsed, {});
  return request ? "" : request.error().param;
}

// What of a user's part, or of another member, has no place in chat/.
std::string lost_in(std::string_view body) {
  const auto request = dialect->decode_request(*json::Document::parse(body), {});
  if (!request) return "fault " + request.error().param;
  std::string names;
  for (const auto& [name, value] : request->extras) names.append(names.empty() ? "" : " ").append(name);
  return names;
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
    if (const auto* block = std::get_if<chat::BlockStart>(&event))
      out += "[" + block->tool_id + ":" + block->tool_name;
    else if (const auto* text = std::get_if<chat::TextDelta>(&event))
      out += "'" + text->text + "'";
    else if (const auto* arguments = std::get_if<chat::ArgumentsDelta>(&event))
      out += arguments->json;
    else if (std::holds_alternative<chat::BlockEnd>(event))
      out += "]";
    else if (std::holds_alternative<chat::Finish>(event))
      out += " finish";
    else if (const auto* failed = std::get_if<chat::StreamError>(&event))
      out += " error " + failed->error.message;
  }
  return result ? out : out + " fault";
}

TEST(OpenAiChat, Outline_names_the_field_that_is_wrong) {
  EXPECT_EQ(outline_fault(R"({"messages":[{}]})"), "model");
  EXPECT_EQ(outline_fault(R"({"model":7,"messages":[{}]})"), "model");
  EXPECT_EQ(outline_fault(R"({"model":"m"})"), "messages");
  EXPECT_EQ(outline_fault(R"({"model":"m","messages":[]})"), "messages");
  EXPECT_EQ(outline_fault(R"({"model":"m","messages":[{}],"stream":"yes"})"), "stream");
  EXPECT_EQ(outline_fault(R"({"model":"m","messages":[{}],"max_tokens":-1})"), "max_tokens");
  EXPECT_EQ(outline_fault(R"({"model":"m","messages":[{}],"n":1.5})"), "n");
  EXPECT_EQ(outline_fault(R"({"model":"m","messages":[{}],"stream_options":[]})"), "stream_options");
  EXPECT_EQ(outline_fault(R"({"model":"m","messages":[{}],"messages":[{}]})"), "messages");
  EXPECT_EQ(
      outline_fault(R"({"model":"m","messages":[{}],"stream_options":{"include_usage":true,"include_usage":false}})"),
      "include_usage");
  EXPECT_EQ(outline_fault(R"({"model":"m","messages":[{}]})"), "");
}

TEST(OpenAiChat, Decode_names_the_field_that_is_wrong) {
  const auto with = [](std::string_view message) {
    return R"({"model":"m","messages":[)" + std::string(message) + "]}";
  };
  EXPECT_EQ(decode_fault(with("7")), "messages[0]");
  EXPECT_EQ(decode_fault(with(R"({"role":"robot","content":"x"})")), "messages[0].role");
  EXPECT_EQ(decode_fault(with(R"({"role":"user"})")), "messages[0].content");
  EXPECT_EQ(decode_fault(with(R"({"role":"user","content":[{"type":"video_url"}]})")), "messages[0].content[0].type");
  EXPECT_EQ(decode_fault(with(R"({"role":"user","content":[{"type":"input_audio"}]})")),
            "messages[0].content[0].input_audio");
  EXPECT_EQ(decode_fault(with(R"({"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]})")),
            "messages[0].content[0].file.file_id");
  EXPECT_EQ(decode_fault(
                with(R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}]})")),
            "messages[0].content[0].image_url.url");
  EXPECT_EQ(decode_fault(with(R"({"role":"system","content":"only this"})")), "messages");
  EXPECT_EQ(decode_fault(with(R"({"role":"assistant","function_call":{"name":"f","arguments":"{}"}})")),
            "messages[0].function_call");
  EXPECT_EQ(decode_fault(R"({"model":"m","messages":[{"role":"user","content":"x"}],"stop":["1","2","3","4","5"]})"),
            "stop");
  EXPECT_EQ(decode_fault(R"({"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"mcp"}]})"),
            "tools[0].type");
}

TEST(OpenAiChat, Edit_changes_the_model_and_the_usage_flag_and_nothing_else) {
  const auto edited = [](const std::string& body) {
    const auto parsed = json::Document::parse(body);
    return dialect->edit(body, *dialect->outline(body, *parsed, {}), {.model = "q\"x", .ask_for_stream_usage = true});
  };
  EXPECT_EQ(edited(R"({"messages":[{"model":"a"}], "model" : "m" })"),
            R"({"messages":[{"model":"a"}], "model" : "q\"x" })");
  EXPECT_EQ(edited(R"({"stream":true,"model":"m","messages":[{}],"stream_options":null})"),
            R"({"stream":true,"model":"q\"x","messages":[{}],"stream_options":{"include_usage":true}})");
  EXPECT_EQ(edited(R"({"stream_options":{"include_usage":false,"x":[1]},"stream":true,"model":"m","messages":[{}]})"),
            R"({"stream_options":{"include_usage":true,"x":[1]},"stream":true,"model":"q\"x","messages":[{}]})");
  EXPECT_EQ(edited(R"({"model":"m","stream":true,"messages":[{}],"stream_options":{ "x" : 1.00 }})"),
            R"({"model":"q\"x","stream":true,"messages":[{}],"stream_options":{"include_usage":true, "x" : 1.00 }})")
      << "other options keep their bytes";
  EXPECT_EQ(edited(R"({"model":"m","stream":true,"messages":[{}],"stream_options":{ }})"),
            R"({"model":"q\"x","stream":true,"messages":[{}],"stream_options":{"include_usage":true }})");
}

// The model may stand anywhere: Python's SDK has it behind the messages.
TEST(OpenAiChat, Edit_leaves_the_long_ends_of_a_body_where_they_are) {
  const std::string text(20'000, 'x');
  const std::string messages = R"("messages":[{"role":"user","content":")" + text + R"("}])";
  const std::string model = R"("model":"m")";
  const std::string stream = R"("stream":true,"stream_options":{"x":1})";
  const std::string short_body = R"({"model":"m","messages":[{}]})";
  struct Case {
    std::string body;
    bool front;
    bool back;
  };
  for (const Case& one :
       {Case{"{" + model + "," + messages + "}", false, true}, Case{"{" + messages + "," + model + "}", true, false},
        Case{"{" + messages + "," + model + R"(,"x":")" + text + "\"}", true, true},
        Case{"{" + model + "," + messages + "," + stream + "}", false, false},
        Case{"{" + stream + "," + model + "," + messages + "}", false, true}, Case{short_body, false, false}}) {
    const auto parsed = json::Document::parse(one.body);
    const auto outline = dialect->outline(one.body, *parsed, {});
    KeptBytes kept;
    const std::string middle =
        dialect->edit(one.body, *outline, {.model = "other", .ask_for_stream_usage = true, .kept = &kept});
    const std::string whole = dialect->edit(one.body, *outline, {.model = "other", .ask_for_stream_usage = true});
    EXPECT_TRUE(std::string(kept.front) + middle + std::string(kept.back) == whole) << one.body.substr(0, 60);
    EXPECT_EQ(!kept.front.empty(), one.front) << one.body.substr(0, 60);
    EXPECT_EQ(!kept.back.empty(), one.back) << one.body.substr(0, 60);
    EXPECT_TRUE(!one.front || kept.front.data() == one.body.data());
    EXPECT_TRUE(!one.back || kept.back.data() + kept.back.size() == one.body.data() + one.body.size());
  }
}

TEST(OpenAiChat, Edit_leaves_nothing_where_it_is_of_a_body_with_sealed_reasoning) {
  const std::string sealed =
      R"({"model":"m","messages":[{"role":"assistant","content":")" + std::string(20'000, 'x') +
      R"(","reasoning_details":[{"type":"reasoning.encrypted","data":"sluice-sealed:3:a/bx"}]}]})";
  const auto parsed = json::Document::parse(sealed);
  KeptBytes kept;
  const std::string out = dialect->edit(sealed, *dialect->outline(sealed, *parsed, {}), {.model = "m", .kept = &kept});
  EXPECT_EQ(kept.size(), 0u);
  EXPECT_FALSE(out.contains("sluice-sealed")) << out.substr(out.size() - 100);
}

TEST(OpenAiChat, Stream_tells_calls_apart_that_all_have_the_number_0) {
  EXPECT_EQ(
      decoded(
          {R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]})",
           R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{\"x\":1}"}}]}}]})",
           R"({"choices":[{"delta":{},"finish_reason":"stop"}]})", "[DONE]"}),
      "[a:f{}][b:g{\"x\":1}] finish");
}

TEST(OpenAiChat, Stream_takes_a_changing_id_for_the_same_call) {
  EXPECT_EQ(
      decoded(
          {R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]}}]})",
           R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"z","function":{"name":"","arguments":"1}"}}]}}]})",
           R"({"choices":[{"delta":{},"finish_reason":"tool_calls"}]})"}),
      "[a:f{\"x\":1}] finish");
}

TEST(OpenAiChat, Stream_keeps_text_that_follows_a_call) {
  EXPECT_EQ(
      decoded(
          {R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f"}},{"index":1,"id":"b","function":{"name":"g"}}]}}]})",
           R"({"choices":[{"delta":{"content":"done"}}]})", "[DONE]"}),
      "[a:f{}][b:g{}][:'done'] finish");
}

TEST(OpenAiChat, Stream_reads_the_older_form_of_a_call) {
  EXPECT_EQ(
      decoded(
          {R"({"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":null,"function_call":{"name":"f","arguments":""}}}]})",
           R"({"choices":[{"index":0,"delta":{"function_call":{"arguments":"{\"a\":"}}}]})",
           R"({"choices":[{"index":0,"delta":{"function_call":{"arguments":"1}"}}}]})",
           R"({"choices":[{"index":0,"delta":{},"finish_reason":"function_call"}]})", "[DONE]"}),
      R"([call_c_0:f{"a":1}] finish)");
  // Beside the newer form, or empty, it says nothing of its own.
  EXPECT_EQ(
      decoded(
          {R"({"id":"c","choices":[{"delta":{"function_call":{"name":"f","arguments":"{}"},"tool_calls":[{"index":0,"id":"1","function":{"name":"f","arguments":"{}"}}]}}]})",
           R"({"choices":[{"delta":{"function_call":{"name":"","arguments":""}},"finish_reason":"tool_calls"}]})",
           "[DONE]"}),
      "[1:f{}] finish");
}

TEST(OpenAiChat, Answer_with_the_older_form_of_a_call_has_it) {
  const auto answered = [](std::string_view message) -> std::string {
    const auto parsed = json::Document::parse(
        R"({"id":"c","choices":[{"index":0,"finish_reason":"function_call","message":)" + std::string(message) + "}]}");
    if (!parsed) return "not JSON";
    const auto response = dialect->decode_response(*parsed);
    if (!response) return "fault";
    std::string out = response->stop == chat::StopReason::tool_use ? "" : "no call ";
    for (const chat::Block& block : response->blocks)
      if (const auto* call = std::get_if<chat::ToolCall>(&block)) out += call->id + ":" + call->name + call->arguments;
    return out;
  };
  EXPECT_EQ(answered(R"({"content":null,"function_call":{"name":"f","arguments":"{\"a\":1}"}})"),
            R"(call_c_0:f{"a":1})");
  EXPECT_EQ(answered(R"({"function_call":{"name":"f"}})"), "call_c_0:f{}");
  EXPECT_EQ(answered(R"({"function_call":{"arguments":"{}"}})"), "fault");
  EXPECT_EQ(answered(R"({"function_call":{"name":"f"},"tool_calls":[{"id":"1","function":{"name":"f"}}]})"), "1:f{}");
}

TEST(OpenAiChat, Answers_are_the_choice_with_the_number_0) {
  const auto whole = json::Document::parse(
      R"({"id":"c","choices":[{"index":1,"message":{"content":"b"}},{"index":0,"message":{"content":"a"}}]})");
  ASSERT_TRUE(whole);
  const auto response = dialect->decode_response(*whole);
  ASSERT_TRUE(response);
  ASSERT_EQ(response->blocks.size(), 1);
  EXPECT_EQ(std::get<chat::Text>(response->blocks[0]).text, "a");
  EXPECT_EQ(response->dropped, std::vector<std::string>{"answer.choices"});

  const auto decoder = dialect->decode_stream();
  std::vector<chat::ChatEvent> events;
  ASSERT_TRUE(decoder->decode("", R"({"id":"c","choices":[{"index":1,"delta":{"content":"b"}}]})", events));
  ASSERT_TRUE(
      decoder->decode("", R"({"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]})", events));
  ASSERT_TRUE(decoder->decode("", "[DONE]", events));
  const auto* finish = std::get_if<chat::Finish>(&events.back());
  ASSERT_TRUE(finish);
  EXPECT_EQ(finish->dropped, std::vector<std::string>{"answer.choices"});
}

TEST(OpenAiChat, Stream_holds_text_back_that_would_cut_a_call_in_two) {
  EXPECT_EQ(
      decoded(
          {R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]}}]})",
           R"({"choices":[{"delta":{"content":"so","tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}}]})",
           R"({"choices":[{"delta":{"content":" long"},"finish_reason":"tool_calls"}]})", "[DONE]"}),
      "[a:f{\"x\":1}][:'so long'] finish");
  EXPECT_EQ(
      decoded(
          {R"({"choices":[{"delta":{"content":"hm","tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]})",
           R"({"choices":[{"delta":{"content":"ok"},"finish_reason":"stop"}]})", "[DONE]"}),
      "[:'hm'][a:f{}][:'ok'] finish")
      << "text around a whole call keeps its place";
}

TEST(OpenAiChat, Decode_names_what_it_cannot_keep_wherever_it_stands) {
  const auto with = [](std::string_view part, std::string_view more = "") {
    return R"({"model":"m","messages":[{"role":"system","content":"s","name":"n"},{"role":"user","content":[)" +
           std::string(part) + "]}]" + std::string(more) + "}";
  };
  EXPECT_EQ(lost_in(with(R"({"type":"image_url","image_url":{"url":"data:image/png;base64,AA==","a":1},"b":2})")),
            "messages.name messages.content.b messages.content.image_url.a");
  EXPECT_EQ(lost_in(with(R"({"type":"input_audio","input_audio":{"data":"AA==","format":"wav","a":1},"b":2})")),
            "messages.name messages.content.b messages.content.input_audio.a");
  EXPECT_EQ(lost_in(with(R"({"type":"file","file":{"file_data":"AA==","filename":"f","a":1},"b":2})")),
            "messages.name messages.content.b messages.content.file.a");
  EXPECT_EQ(lost_in(with(R"({"type":"text","text":"x"})",
                         R"(,"tools":[{"type":"custom","custom":{"name":"t","a":1},"b":2}])")),
            "tools.b tools.custom.a messages.name");
  EXPECT_EQ(lost_in(with(R"({"type":"text","text":"x"})",
                         R"(,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"a":1},)"
                         R"("strict":true,"description":"d"}})")),
            "response_format.json_schema.description messages.name");
}

TEST(OpenAiChat, A_tier_goes_to_who_knows_it_in_its_words) {
  const std::vector<std::string> tiers = {"auto", "default", "flex"};
  for (const auto& [asked, member] :
       std::initializer_list<std::pair<std::string, std::string>>{{"auto", R"("service_tier":"auto")"},
                                                                  {"standard_only", R"("service_tier":"default")"},
                                                                  {"standard", R"("service_tier":"default")"},
                                                                  {"reserved", ""}}) {
    chat::ChatRequest request;
    request.messages.push_back({.role = chat::Role::user, .blocks = {chat::Text{.text = "hi"}}});
    request.service_tier = asked;
    const auto sent = make_openai_chat()->encode_request(request, {.model = "m", .service_tiers = tiers});
    ASSERT_TRUE(sent) << asked;
    EXPECT_TRUE(member.empty() ? !sent->body.contains("ier\":") : sent->body.contains(member)) << sent->body;
    EXPECT_EQ(sent->dropped_params,
              member.empty() ? std::vector<std::string>{"service_tier"} : std::vector<std::string>())
        << asked;
    EXPECT_EQ(make_openai_chat()->encode_request(request, {.model = "m"})->dropped_params,
              std::vector<std::string>{"service_tier"});
  }
}

TEST(OpenAiChat, Stream_takes_its_name_from_the_first_chunk_that_has_one) {
  const auto decoder = dialect->decode_stream();
  std::vector<chat::ChatEvent> events;
  ASSERT_TRUE(
      decoder->decode("", R"({"id":"","model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]})", events));
  EXPECT_TRUE(events.empty());
  ASSERT_TRUE(decoder->decode(
      "", R"({"id":"c-1","model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})", events));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<chat::Start>(events[0]).model, "m-1");
  EXPECT_EQ(std::get<chat::Start>(events[0]).id, "c-1");

  const auto watcher = dialect->watch_stream(false);
  watcher->see("", R"({"id":"","model":"","choices":[]})");
  watcher->see("", R"({"id":"c-1","model":"m-1","choices":[{"index":0,"delta":{}}]})");
  EXPECT_EQ(watcher->response_model(), "m-1");
}

TEST(OpenAiChat, Stream_usage_is_found_where_other_vendors_put_it) {
  const std::string counts = R"({"prompt_tokens":4,"completion_tokens":2,"total_tokens":6})";
  for (const std::string& chunk :
       {R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":)" + counts + "}]}",
        R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"usage":)" + counts + "}}"}) {
    const auto watcher = dialect->watch_stream(true);
    EXPECT_EQ(watcher->see("", chunk), Relay::forward);
    EXPECT_EQ(watcher->usage(), (chat::Usage{.input = 4, .output = 2, .reported = true})) << chunk;
    const auto decoder = dialect->decode_stream();
    std::vector<chat::ChatEvent> events;
    ASSERT_TRUE(decoder->decode("", chunk, events));
    ASSERT_TRUE(decoder->finish(events)) << "a missing [DONE] is forgiven";
    EXPECT_EQ(std::get<chat::Finish>(events.back()).usage.input, 4);
  }
}

TEST(OpenAiChat, Stream_of_endless_arguments_is_refused) {
  const auto decoder = dialect->decode_stream();
  std::vector<chat::ChatEvent> events;
  ASSERT_TRUE(decoder->decode(
      "", R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f"}}]}}]})", events));
  const std::string chunk = R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":")" +
                            std::string(1 << 20, 'x') + R"("}}]}}]})";
  int taken = 0;
  while (taken < 20 && decoder->decode("", chunk, events)) ++taken;
  EXPECT_EQ(taken, 8);
}

TEST(OpenAiChat, Usage_of_both_dialects_is_the_same_there_and_back) {
  const chat::Usage usage{.input = 10, .cache_read = 90, .cache_write_5m = 5, .output = 7, .reported = true};
  const std::string body = dialect->encode_response({.usage = usage}, {});
  const auto parsed = json::Document::parse(body);
  const json::Value written = parsed->root()["usage"];
  EXPECT_EQ(written["prompt_tokens"].integer(), 105);
  EXPECT_EQ(written["prompt_tokens_details"]["cached_tokens"].integer(), 90);
  EXPECT_EQ(written["completion_tokens"].integer(), 7);
  EXPECT_EQ(written["total_tokens"].integer(), 112);
  EXPECT_EQ(dialect->read_usage(*parsed), usage);
}

TEST(OpenAiChat, Stream_faults_are_not_taken_for_an_end) {
  EXPECT_EQ(decoded({"<html>"}), " fault");
  EXPECT_EQ(decoded({"[DONE]"}), " fault");
  EXPECT_EQ(decoded({R"({"choices":[{"delta":{"content":"x"}}]})"}), "[:'x' fault");
  EXPECT_EQ(decoded({R"({"error":{"message":"boom"}})"}), " error boom");
  EXPECT_EQ(decoded({R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}}]})"}),
            " fault");
}

TEST(OpenAiChat, Usage_is_taken_apart_into_classes_without_overlap) {
  const auto usage = [](std::string_view text) {
    const auto parsed = json::Document::parse(text);
    return dialect->read_usage(*parsed);
  };
  const chat::Usage xai = usage(R"({"usage":{"prompt_tokens":12,"completion_tokens":1,"total_tokens":303,
    "prompt_tokens_details":{"cached_tokens":11},"completion_tokens_details":{"reasoning_tokens":290}}})");
  EXPECT_EQ(xai, (chat::Usage{.input = 1, .cache_read = 11, .output = 1, .reasoning = 290, .reported = true}));
  const chat::Usage gemini = usage(R"({"usage":{"prompt_tokens":35,"completion_tokens":12,"total_tokens":109}})");
  EXPECT_EQ(gemini, (chat::Usage{.input = 35, .output = 12, .reasoning = 62, .reported = true}));
  const chat::Usage odd =
      usage(R"({"usage":{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":9},
    "completion_tokens_details":{"reasoning_tokens":-4}}})");
  EXPECT_EQ(odd.cache_read, 5);
  EXPECT_EQ(odd.output, 2);
  EXPECT_EQ(odd.total_input() + odd.total_output(), 7);
  EXPECT_TRUE(odd.has(chat::Doubt::negative) && odd.has(chat::Doubt::inconsistent) && odd.reported);
  EXPECT_NE(odd.raw.text().find(R"("reasoning_tokens":-4)"), std::string::npos) << "it is kept as it came";
  const chat::Usage sound = usage(R"({"service_tier":"flex","usage":{"prompt_tokens":100,"completion_tokens":50,
    "prompt_tokens_details":{"cached_tokens":20,"audio_tokens":30},"completion_tokens_details":{"audio_tokens":40}}})");
  EXPECT_EQ(sound, (chat::Usage{.input = 50,
                                .cache_read = 20,
                                .output = 10,
                                .reported = true,
                                .input_audio = 30,
                                .output_audio = 40,
                                .service_tier = chat::ServiceTier::flex}));
  const chat::Usage huge = usage(R"({"usage":{"prompt_tokens":99999999999999999999,"completion_tokens":-1}})");
  EXPECT_TRUE(huge.has(chat::Doubt::overflow) && huge.has(chat::Doubt::negative));
  EXPECT_EQ(huge.output, 0);
  EXPECT_FALSE(usage(R"({"usage":null})").reported);
}

TEST(OpenAiChat, Watcher_measures_text_and_hides_only_the_chunk_with_usage_alone) {
  const auto watcher = dialect->watch_stream(true);
  EXPECT_EQ(watcher->see("", R"({"model":"m-1","choices":[{"delta":{"content":"abc"}}],"usage":null})"),
            Relay::forward);
  EXPECT_EQ(watcher->output_bytes(), 3U);
  EXPECT_FALSE(watcher->complete());
  EXPECT_EQ(
      watcher->see(
          "",
          R"({"choices":[{"delta":{"content":"\"error\":{"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}})"),
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
  EXPECT_EQ(
      dialect
          ->encode_error({.kind = ErrorKind::provider_rejected, .provider_status = 403, .retry = Retry::elsewhere}, "")
          .status,
      502);
  EXPECT_EQ(dialect->encode_stream_error({.kind = ErrorKind::provider_timeout, .message = "late"}, "")
                .rfind("data: {\"error\":", 0),
            0U);
  EXPECT_EQ(dialect->decode_error(400, R"({"object":"error","message":"too long","code":400})", {}).message,
            "too long");
  EXPECT_EQ(dialect->decode_error(404, R"({"error":"model not found"})", {}).message, "model not found");
  EXPECT_EQ(dialect->decode_error(400, R"([{"error":{"code":400,"message":"bad argument"}}])", {}).message,
            "bad argument");
  EXPECT_EQ(dialect->decode_error(422, R"({"detail":[{"loc":["body","n"],"msg":"not a number"}]})", {}).message,
            "not a number");
  EXPECT_EQ(dialect->decode_error(502, "<html>secret page</html>", {}).message,
            "the provider answered with status 502");
  EXPECT_EQ(dialect->decode_error(502, "", {}).message, "the provider answered with status 502");
  const ErrorBody stranger = dialect->encode_error({.kind = ErrorKind::unauthenticated, .message = "no such key"}, "");
  EXPECT_EQ(stranger.status, 401);
  EXPECT_EQ(
      stranger.body,
      R"({"error":{"message":"no such key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}})");
}

std::string with_choice(std::string_view choice) {
  return R"({"model":"m","messages":[{"role":"user","content":"x"}],"tools":[)"
         R"({"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],"tool_choice":)" +
         std::string(choice) + "}";
}

TEST(ToolChoice, A_model_is_given_the_allowed_tools_alone) {
  const auto read = [](std::string_view mode) {
    const auto body =
        json::Document::parse(with_choice(R"({"type":"allowed_tools","allowed_tools":{"mode":")" + std::string(mode) +
                                          R"(","tools":[{"type":"function","function":{"name":"g"}}]}})"));
    return dialect->decode_request(*body, {});
  };
  const auto may = read("auto");
  ASSERT_TRUE(may);
  ASSERT_EQ(may->tools.size(), 1u);
  EXPECT_EQ(may->tools[0].name, "g");
  EXPECT_EQ(may->tool_choice->mode, chat::ToolChoice::Mode::automatic);
  const auto must = read("required");
  ASSERT_TRUE(must);
  EXPECT_EQ(must->tool_choice->mode, chat::ToolChoice::Mode::required);
  EXPECT_EQ(decode_fault(with_choice(R"({"type":"allowed_tools","allowed_tools":{"mode":"some","tools":[{}]}})")),
            "tool_choice.allowed_tools.mode");
  EXPECT_EQ(decode_fault(with_choice(R"({"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}})")),
            "tool_choice.allowed_tools.tools");
  EXPECT_EQ(
      decode_fault(with_choice(
          R"({"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"h"}}]}})")),
      "tool_choice.allowed_tools.tools[0]");
}

TEST(OpenAiChat, State_that_a_client_has_changed_goes_nowhere) {
  for (const auto& [id, state] : std::vector<std::pair<std::string, std::string>>{
           {"reasoning_details", R"([{"a":1}],"model":"x")"},
           {"reasoning_details", "{}"},
           {"extra_content", R"([{"google":{}}])"},
           {"tool_calls.extra_content", "7"},
           {"tool_calls.extra_content", ""},
           {"elsewhere", R"({"google":{"thought_signature":"R29vZ2xl"}})"}}) {
    chat::ChatRequest request;
    request.messages = {
        {.role = chat::Role::assistant,
         .blocks = {chat::Thinking{.signature = state + " ", .issuer = "p/m", .redacted = true, .id = id},
                    chat::ToolCall{.id = "1", .name = "f", .arguments = "{}"}}},
        {.role = chat::Role::user, .blocks = {chat::ToolResult{.call_id = "1"}}}};
    const auto sent = make_openai_chat()->encode_request(request, {.model = "m", .issuer = "p/m"});
    ASSERT_TRUE(sent) << sent.error().message;
    for (const std::string_view lost : {"R29v", "\"a\"", "\"x\"", "extra_content", "reasoning_details"})
      EXPECT_FALSE(sent->body.contains(lost)) << sent->body;
    EXPECT_EQ(sent->dropped_params, std::vector<std::string>{"messages.content.thinking"});
  }
}

TEST(OpenAiChat, Names_the_spoken_answers_that_are_kept) {
  const auto chat = make_openai_chat();
  constexpr std::string_view whole =
      R"({"choices":[{"message":{"audio":{"id":"audio_1","data":"aGk="}}},{"message":{"content":"x"}}]})";
  EXPECT_EQ(chat->read_kept_ids(whole, *json::Document::parse(whole)), std::vector<std::string>{"audio_1"});
  const auto watcher = chat->watch_stream(false);
  for (const char* chunk : {R"({"id":"c","model":"m","choices":[{"delta":{"role":"assistant"}}]})",
                            R"({"choices":[{"delta":{"audio":{"id":"audio_2","transcript":"h"}}}]})",
                            R"({"choices":[{"delta":{"audio":{"id":"audio_2","data":"aGk="}}}]})"})
    watcher->see("", chunk);
  EXPECT_EQ(watcher->kept_ids(), std::vector<std::string>{"audio_2"});
}

TEST(ToolChoice, There_is_a_most_of_tools) {
  std::string tools = R"({"type":"custom","custom":{"name":"c"}})";
  for (int i = 0; i < 4'096; ++i) tools += R"(,{"type":"function","function":{"name":"f"}})";
  EXPECT_EQ(decode_fault(R"({"model":"m","messages":[{"role":"user","content":"x"}],"tools":[)" + tools + "]}"),
            "tools");
}

TEST(OpenAiChat, Decode_refuses_what_is_there_twice) {
  const auto with = [](std::string_view members) {
    return R"({"model":"m","messages":[{"role":"user","content":"x"}],)" + std::string(members) + "}";
  };
  EXPECT_EQ(decode_fault(with(R"("temperature":0.1,"temperature":0.9)")), "temperature");
  EXPECT_EQ(decode_fault(with(R"("x":0.1,"\u0078":0.9)")), "x");
  EXPECT_EQ(decode_fault(with(R"("tools":[{"type":"function","function":{"name":"f","name":"g"}}])")),
            "tools[0].function.name");
  EXPECT_EQ(decode_fault(R"({"model":"m","messages":[{"role":"user","content":"x","role":"assistant"}]})"),
            "messages[0].role");
  EXPECT_EQ(
      decode_fault(R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x","text":"y"}]}]})"),
      "messages[0].content[0].text");
  // Between two of the same API it is theirs to judge.
  EXPECT_EQ(outline_fault(with(R"("temperature":0.1,"temperature":0.9)")), "");
}

TEST(OpenAiChat, Decode_names_every_member_that_has_no_place) {
  const std::string_view body =
      R"({"model":"m","messages":[{"role":"system","name":"s","content":"x"},{"role":"user","content":[)"
      R"({"type":"image_url","image_url":{"url":"https://x.example/a.png"},"x1":1},)"
      R"({"type":"input_audio","input_audio":{"data":"AA==","format":"wav","x2":1},"cache_control":{}},)"
      R"({"type":"file","file":{"file_data":"AA==","x3":1},"x4":1}]},{"role":"assistant",)"
      R"("annotations":[{"type":"url_citation"}],"reasoning_details":[{"type":"reasoning.summary","summary":"s"}],)"
      R"("tool_calls":[)"
      R"({"id":"a","type":"function","function":{"name":"f","arguments":"{}","x5":1}},)"
      R"({"id":"b","type":"custom","custom":{"name":"c","input":"i","x6":1},"x7":1}]},)"
      R"({"role":"tool","tool_call_id":"a","content":"r"}],"max_completion_tokens":9,"max_tokens":8,)"
      R"("tools":[{"type":"custom","custom":{"name":"c","x8":1},"x9":1}],)"
      R"("tool_choice":{"type":"custom","custom":{"name":"c"},"y1":1},)"
      R"("response_format":{"type":"json_schema","y2":1,)"
      R"("json_schema":{"name":"n","schema":{"type":"object"},"description":"d"}}})";
  const auto parsed = json::Document::parse(body);
  ASSERT_TRUE(parsed);
  const auto request = dialect->decode_request(*parsed, {});
  ASSERT_TRUE(request);
  std::string names;
  for (const auto& [name, value] : request->extras) names.append(names.empty() ? "" : " ").append(name);
  EXPECT_EQ(
      names,
      "max_tokens tools.x9 tools.custom.x8 tool_choice.y1 response_format.y2 "
      "response_format.json_schema.description messages.name messages.content.x1 messages.content.cache_control "
      "messages.content.input_audio.x2 messages.content.x4 messages.content.file.x3 messages.reasoning_details "
      "messages.tool_calls.function.x5 messages.tool_calls.x7 messages.tool_calls.custom.x6 messages.annotations");
}

TEST(ToolChoice, A_tool_that_must_be_called_must_be_there) {
  const auto fault_of = [](std::string_view choice) {
    return decode_fault(R"({"model":"m","messages":[{"role":"user","content":"x"}],"tool_choice":)" +
                        std::string(choice) + "}");
  };
  EXPECT_EQ(fault_of(R"("required")"), "tool_choice");
  EXPECT_EQ(fault_of(R"({"type":"function","function":{"name":"f"}})"), "tool_choice");
  EXPECT_EQ(fault_of(R"("none")"), "");
  EXPECT_EQ(fault_of(R"("auto")"), "");
}

TEST(OpenAiChat, The_last_chunk_tells_the_tier_that_was_served) {
  for (const bool usage : {false, true}) {
    const auto encoder = dialect->encode_stream({.response_id = "r", .model = "m", .include_usage = usage});
    std::string out;
    encoder->encode(chat::Start{}, out);
    encoder->encode(chat::Finish{.service_tier = "flex"}, out);
    const std::size_t last = out.rfind("data: {");
    EXPECT_EQ(out.find(R"("service_tier":"flex")", last), out.find(R"("service_tier":"flex")")) << out;
    EXPECT_TRUE(out.substr(last).contains(R"("service_tier":"flex"})")) << out;
  }
}

TEST(OpenAiChat, A_model_that_thinks_is_not_told_how_to_sample) {
  const auto told = [](std::optional<chat::Effort> effort, chat::Takes takes) {
    chat::ChatRequest request{.messages = {{chat::Role::user, {chat::Text{"x"}}}},
                              .temperature = 0.5,
                              .top_p = 0.9,
                              .frequency_penalty = 1,
                              .presence_penalty = 1};
    if (effort) request.reasoning = chat::Reasoning{.effort = effort};
    const auto sent = dialect->encode_request(request, {.model = "m", .reasoning = true, .takes = takes});
    std::string names = sent->body.contains("temperature") ? "sampled" : "-";
    for (const std::string& name : sent->dropped_params) names += " " + name;
    return names;
  };
  using enum chat::Effort;
  const std::string dropped = "- temperature top_p frequency_penalty presence_penalty";
  const chat::Takes never{.sampling = chat::Sampling::refused};
  EXPECT_EQ(told(std::nullopt, never), dropped);
  EXPECT_EQ(told(none, never), dropped);
  chat::Takes sometimes{.sampling = chat::Sampling::without_effort, .efforts = {none, low, high}, .unasked = none};
  EXPECT_EQ(told(std::nullopt, sometimes), "sampled");
  EXPECT_EQ(told(none, sometimes), "sampled");
  EXPECT_EQ(told(high, sometimes), dropped);
  sometimes.unasked.reset();
  EXPECT_EQ(told(std::nullopt, sometimes), dropped) << "it thinks unasked";
  const chat::ChatRequest logprobs{.messages = {{chat::Role::user, {chat::Text{"x"}}}}, .logprobs = 2};
  EXPECT_EQ(dialect->encode_request(logprobs, {.model = "m", .takes = never}).error().param, "top_logprobs");
  EXPECT_TRUE(dialect->encode_request(logprobs, {.model = "m"}));
}

TEST(OpenAiChat, Tools_come_before_thinking_where_there_cannot_be_both) {
  using enum chat::Effort;
  chat::ChatRequest request{.messages = {{chat::Role::user, {chat::Text{"x"}}}},
                            .tools = {{.name = "f", .description = "", .parameters = "{}", .strict = {}}},
                            .reasoning = chat::Reasoning{.effort = high}};
  EncodeOptions options{
      .model = "m", .reasoning = true, .takes = {.efforts = {none, low, high}}, .tools_without_effort = true};
  const auto sent = [&] { return *dialect->encode_request(request, options); };
  EXPECT_TRUE(sent().body.contains(R"("reasoning_effort":"none")"));
  EXPECT_EQ(sent().dropped_params, std::vector<std::string>{"reasoning.effort"});
  EXPECT_EQ(sent().added_params, std::vector<std::string>{"reasoning.effort=none"});
  request.reasoning.reset();
  EXPECT_TRUE(sent().body.contains(R"("reasoning_effort":"none")")) << "it would think unasked";
  options.takes.unasked = none;
  EXPECT_FALSE(sent().body.contains("reasoning_effort"));
  request.tools.clear();
  options.takes.unasked.reset();
  EXPECT_FALSE(sent().body.contains("reasoning_effort"));
}

TEST(OpenAiChat, The_developers_word_is_kept_where_it_is_known) {
  const auto request = dialect->decode_request(
      *json::Document::parse(
          R"({"model":"m","messages":[{"role":"user","content":"a"},{"role":"developer","content":"b"},{"role":"system","content":"c"}]})"),
      {});
  ASSERT_TRUE(request);
  const std::string kept = dialect->encode_request(*request, {.model = "m", .developer_role = true})->body;
  EXPECT_TRUE(kept.contains(R"({"role":"developer","content":"b"},{"role":"system","content":"c"})")) << kept;
  const std::string unknown = dialect->encode_request(*request, {.model = "m"})->body;
  EXPECT_TRUE(unknown.contains(R"({"role":"system","content":"b"},{"role":"system","content":"c"})")) << unknown;
}

TEST(OpenAiChat, Writer_names_what_an_effort_does_not_say) {
  chat::ChatRequest request;
  request.messages.push_back({.blocks = {chat::Text{"x"}}});
  const auto dropped = [&](chat::Reasoning reasoning) {
    request.reasoning = reasoning;
    return dialect->encode_request(request, {.model = "m", .reasoning = true}).value().dropped_params;
  };
  using Effort = chat::Reasoning::Effort;
  using Names = std::vector<std::string>;
  EXPECT_EQ(dropped({.effort = Effort::low, .budget = 2000}), Names{"reasoning.budget"});
  EXPECT_EQ(dropped({.effort = Effort::low, .visible = false}), Names{"reasoning.visible"});
  EXPECT_EQ(dropped({.effort = Effort::low}), Names{});
}

}  // namespace
}  // namespace sluice::dialects
