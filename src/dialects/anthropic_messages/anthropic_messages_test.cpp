#include "dialects/anthropic_messages/anthropic_messages.h"

#include <gtest/gtest.h>

#include "dialects/shared_parts.h"

namespace sluice::dialects {
namespace {

const std::unique_ptr<Dialect> dialect = make_anthropic_messages();

std::string fault(std::string_view body) {
  const auto parsed = json::Document::parse(body);
  if (!parsed) return "not JSON";
  if (const auto outline = dialect->outline(body, *parsed, {}); !outline) return outline.error().param;
  const auto request = dialect->decode_request(*parsed, {});
  return request ? "" : request.error().param;
}

std::string with(std::string_view message, std::string_view more = "") {
  return R"({"model":"m","max_tokens":9,"messages":[)" + std::string(message) + "]" + std::string(more) + "}";
}

TEST(AnthropicMessages, Names_the_field_that_is_wrong) {
  const std::string_view hello = R"({"role":"user","content":"hi"})";
  EXPECT_EQ(fault(with(hello)), "");
  EXPECT_EQ(fault(R"({"model":"m","messages":[{}]})"), "max_tokens");
  EXPECT_EQ(fault(R"({"model":"m","max_tokens":0,"messages":[{}]})"), "max_tokens");
  EXPECT_EQ(fault(R"({"max_tokens":1,"messages":[{}]})"), "model");
  EXPECT_EQ(fault(with("")), "messages");
  EXPECT_EQ(fault(with(R"({"role":"robot","content":"x"})")), "messages[0].role");
  EXPECT_EQ(fault(with(R"({"role":"system","content":"x"})")), "messages");
  EXPECT_EQ(
      fault(with(
          R"({"role":"system","content":[{"type":"image","source":{"type":"url","url":"https://x.example/a.png"}}]})")),
      "messages[0].content");
  EXPECT_EQ(fault(with(R"({"role":"user","content":[{"type":"document"}]})")), "messages[0].content[0].source");
  EXPECT_EQ(fault(with(R"({"role":"user","content":[{"type":"search_result"}]})")), "messages[0].content[0].source");
  EXPECT_EQ(fault(with(R"({"role":"user","content":[{"type":"container_upload"}]})")), "messages[0].content[0].type");
  EXPECT_EQ(fault(with(R"({"role":"user","content":[{"type":"image","source":{"type":"file","file_id":"f"}}]})")),
            "messages[0].content[0].source.type");
  EXPECT_EQ(fault(with(R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"gone"}]})")),
            "messages[0].content[0].tool_use_id");
  EXPECT_EQ(fault(with(hello, R"(,"temperature":1.1)")), "temperature");
  EXPECT_EQ(fault(with(hello, R"(,"tool_choice":{"type":"any-of"})")), "tool_choice.type");
  EXPECT_EQ(fault(with(hello, R"(,"tools":[{"name":"t"}])")), "tools[0].input_schema");
  EXPECT_EQ(fault(with(hello, R"(,"thinking":{"type":"enabled","budget_tokens":9})")), "thinking.budget_tokens");
}

std::string lost_in(std::string_view body) {
  const auto request = dialect->decode_request(*json::Document::parse(body), {});
  if (!request) return "fault " + request.error().param;
  std::string names;
  for (const auto& [name, value] : request->extras) names.append(names.empty() ? "" : " ").append(name);
  return names;
}

TEST(AnthropicMessages, Names_what_it_cannot_keep_wherever_it_stands) {
  const auto user = [](std::string_view block) {
    return with(R"({"role":"user","content":[)" + std::string(block) + "]}");
  };
  const std::string_view image =
      R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA==","a":1},"b":2})";
  EXPECT_EQ(lost_in(user(image)), "messages.content.b messages.content.source.a");
  EXPECT_EQ(lost_in(user(
                R"({"type":"document","source":{"type":"text","data":"x","a":1},"context":"c","citations":{"b":1}})")),
            "messages.content.source.a messages.content.citations.b");
  EXPECT_EQ(
      lost_in(user(
          R"({"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"x","a":1}],"b":2})")),
      "messages.content.content.a messages.content.b");
  EXPECT_EQ(lost_in(with(R"({"role":"user","content":"hi"})", R"(,"metadata":{"user_id":"u","a":1})")),
            "metadata.user_id metadata.a");
  EXPECT_EQ(lost_in(user(R"({"type":"document","source":{"type":"content","content":[{"type":"text","text":"x",)"
                         R"("citations":[]}]}})")),
            "messages.content.source.content.citations");
  const auto call = [&](std::string_view caller, std::string_view content) {
    return with(R"({"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{})" +
                std::string(caller) +
                R"(}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[)" +
                std::string(content) + "]}]}");
  };
  EXPECT_EQ(lost_in(call(R"(,"caller":{"type":"direct"})", R"({"type":"text","text":"x","citations":[]})")),
            "messages.content.content.citations");
  EXPECT_EQ(lost_in(call(R"(,"caller":{"type":"code_execution_20250825","tool_id":"s"})", image)),
            "messages.content.caller messages.content.b messages.content.source.a");
  const std::string_view hello = R"({"role":"user","content":"hi","a":1})";
  EXPECT_EQ(lost_in(with(hello, R"(,"tool_choice":{"type":"auto","a":1})")), "tool_choice.a messages.a");
  EXPECT_EQ(lost_in(with(hello, R"(,"output_config":{"format":{"type":"json_schema","schema":{"a":1},"b":2}})")),
            "output_config.format.b messages.a");
}

Result<ProviderRequest> encoded(chat::ChatRequest request, Tokens default_limit = 100) {
  if (request.messages.empty()) request.messages.push_back({chat::Role::user, {chat::Text{"hi"}}});
  return dialect->encode_request(request, {.model = "m", .default_max_output_tokens = default_limit});
}

TEST(AnthropicMessages, Outline_finds_images_in_messages_and_tool_results_and_not_in_the_schema_of_a_tool) {
  const auto outline = [](const std::string& content) {
    const std::string body = R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":)" + content +
                             R"(}],"tools":[{"name":"f","input_schema":{"enum":["image"]}}]})";
    const auto parsed = json::Document::parse(body);
    return *dialect->outline(body, *parsed, {});
  };
  EXPECT_EQ(outline(R"("an \"image\"")").images, 0);
  const std::string image = R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}})";
  EXPECT_EQ(outline("[" + image + "]").images, 1);
  const RequestOutline result =
      outline(R"([{"type":"tool_result","tool_use_id":"t","content":[)" + image + "," + image + "]}]");
  EXPECT_EQ(result.images, 2);
  EXPECT_EQ(result.image_bytes, 8u);
}

TEST(AnthropicMessages, Edit_leaves_the_long_ends_of_a_body_where_they_are) {
  for (const char* signature : {"EqQB", "sluice-sealed:3:a/bx"}) {
    const std::string body = R"({"max_tokens":9,"model":"m","messages":[{"role":"user","content":")" +
                             std::string(20'000, 'x') + R"("},{"role":"assistant","content":[{"type":"thinking",)" +
                             R"("thinking":"t","signature":")" + signature + R"("},{"type":"text","text":"y"}]}]})";
    const auto parsed = json::Document::parse(body);
    const auto outline = dialect->outline(body, *parsed, {});
    KeptBytes kept;
    const std::string middle = dialect->edit(body, *outline, {.model = "other", .kept = &kept});
    EXPECT_TRUE(middle + std::string(kept.back) == dialect->edit(body, *outline, {.model = "other"})) << signature;
    EXPECT_EQ(kept.size() > 0, std::string_view(signature) == "EqQB") << signature;
  }
}

TEST(AnthropicMessages, Edit_cuts_sealed_thinking_out_and_leaves_every_other_byte) {
  const auto edited = [](const std::string& messages) {
    const std::string body = R"({ "max_tokens":9, "messages" :)" + messages + R"( ,"model":"m"})";
    const auto parsed = json::Document::parse(body);
    const auto outline = dialect->outline(body, *parsed, {});
    const std::string out = dialect->edit(body, *outline, {.model = "m"});
    EXPECT_TRUE(json::Document::parse(out)) << out;
    return out.substr(out.find("[ "), out.rfind(" ,\"model\"") - out.find("[ "));
  };
  const std::string marked = R"({"type":"thinking","thinking":"t","signature":"sluice-sealed:3:a/b"})";
  const std::string signed_one = R"({"type" : "thinking","thinking":"t","signature":"EqQB"})";
  const std::string user = R"({"role" :"user", "content":[{"type":"text","text":"sluice-sealed:3:a/b", "n":1.50}]})";
  const auto said = [](const std::string& blocks) {
    return R"({ "content": [)" + blocks + R"( ], "role":"assistant"})";
  };
  const std::string text = R"({"type":"text",  "text":"caf\u00e9"})";
  EXPECT_EQ(edited("[ " + user + " , " + said(marked + " , " + text) + "]"), "[ " + user + " , " + said(text) + "]");
  EXPECT_EQ(edited("[ " + user + "," + said(text + ", " + marked + "," + marked) + "]"),
            "[ " + user + "," + said(text) + "]");
  EXPECT_EQ(edited("[ " + user + "," + said(marked + "," + text + "," + marked + "," + signed_one) + "]"),
            "[ " + user + "," + said(text + "," + signed_one) + "]");
  EXPECT_EQ(edited("[ " + user + " , " + said(marked) + ", " + user + " ]"), "[ " + user + " , " + user + " ]");
  EXPECT_EQ(edited("[ " + user + " , " + said(marked + "," + marked) + " ]"), "[ " + user + " ]");
}

TEST(AnthropicMessages, Refuses_what_would_change_the_contract) {
  for (const char* name : {"n", "logit_bias", "response_format", "functions", "audio"}) {
    chat::ChatRequest request;
    request.extras = {{name, "1"}};
    const auto result = encoded(request);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().param, name);
  }
  EXPECT_EQ(encoded({.logprobs = 0}).error().param, "logprobs");
  EXPECT_FALSE(encoded({}, 0)) << "no limit, and no default for it";
}

TEST(AnthropicMessages, A_model_that_refuses_a_last_message_of_the_assistant_is_not_sent_one) {
  chat::ChatRequest request;
  request.messages = {{chat::Role::user, {chat::Text{"a"}}}, {chat::Role::assistant, {chat::Text{"b"}}}};
  const EncodeOptions takes{.model = "m", .default_max_output_tokens = 100};
  EncodeOptions refuses = takes;
  refuses.refuses_prefill = true;
  EXPECT_TRUE(dialect->encode_request(request, takes));
  const auto refused = dialect->encode_request(request, refuses);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid_request);
  EXPECT_EQ(refused.error().param, "messages");
  request.messages.back().blocks = {chat::Text{" "}};
  EXPECT_TRUE(dialect->encode_request(request, refuses)) << "what is blank is not sent, so the user's is the last";
  request.messages.push_back({chat::Role::user, {chat::Text{"c"}}});
  EXPECT_TRUE(dialect->encode_request(request, refuses));
}

TEST(AnthropicMessages, Never_puts_an_empty_object_in_the_place_of_broken_arguments) {
  chat::ChatRequest request;
  request.messages.push_back({chat::Role::assistant, {chat::ToolCall{"id", "f", "{\"x\":"}}});
  const auto result = encoded(request);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("'id'"), std::string::npos);
}

TEST(AnthropicMessages, Drops_blank_text_and_turns_that_have_nothing_else_and_roles_still_take_turns) {
  chat::ChatRequest request;
  request.messages.push_back({chat::Role::user, {chat::Text{"a"}}});
  request.messages.push_back({chat::Role::assistant, {chat::Text{"\n\n"}, chat::Thinking{"t", "s"}}});
  request.messages.push_back({chat::Role::user, {chat::Text{"b"}, chat::Text{""}}});
  const auto result = encoded(request);
  ASSERT_TRUE(result);
  EXPECT_NE(result->body.find(
                R"("messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}])"),
            std::string::npos)
      << result->body;
  EXPECT_EQ(result->dropped_params, std::vector<std::string>{"messages.content.thinking"});
}

TEST(AnthropicMessages, Bytes_of_earlier_turns_do_not_change_when_a_conversation_grows) {
  chat::ChatRequest request;
  std::string before;
  for (int turn = 0; turn < 20; ++turn) {
    request.messages.push_back({chat::Role::user, {chat::Text{"question " + std::to_string(turn)}}});
    const std::string body = encoded(request)->body;
    const std::string messages = body.substr(0, body.rfind("]}]"));
    EXPECT_EQ(messages.substr(0, before.size()), before);
    before = messages;
    request.messages.push_back(
        {chat::Role::assistant, {chat::ToolCall{"c" + std::to_string(turn), "f", "{ \"x\": 1 }"}}});
    request.messages.push_back(
        {chat::Role::user, {chat::ToolResult{"c" + std::to_string(turn), {chat::Text{"ok"}}, false}}});
    request.messages.push_back({chat::Role::assistant, {chat::Text{"answer"}}});
  }
}

TEST(AnthropicMessages, A_second_start_is_ignored_at_the_front_and_a_fault_in_the_middle) {
  const std::string_view start =
      R"({"type":"message_start","message":{"id":"a","model":"m","usage":{"input_tokens":1}}})";
  const std::string_view block =
      R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})";
  std::vector<chat::ChatEvent> events;
  const auto decoder = dialect->decode_stream();
  EXPECT_TRUE(decoder->decode("message_start", start, events));
  EXPECT_TRUE(decoder->decode("message_start", start, events));
  EXPECT_EQ(events.size(), 1U);
  EXPECT_TRUE(decoder->decode("", block, events));
  EXPECT_FALSE(decoder->decode("message_start", start, events));
  EXPECT_FALSE(decoder->finish(events));
}

TEST(AnthropicMessages, Watcher_reads_usage_without_event_names_too) {
  for (const bool named : {true, false}) {
    const auto watcher = dialect->watch_stream(false);
    const auto see = [&](std::string_view name, std::string_view data) {
      return watcher->see(named ? name : "", data);
    };
    see("message_start",
        R"({"type":"message_start","message":{"model":"m-1","usage":{"input_tokens":43,"output_tokens":1}}})");
    see("content_block_delta",
        R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"abcd"}})");
    see("content_block_delta",
        R"({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}})");
    EXPECT_FALSE(watcher->complete());
    see("message_delta",
        R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":61,"output_tokens":2}})");
    EXPECT_TRUE(watcher->complete());
    EXPECT_FALSE(watcher->finished());
    see("message_stop", R"({"type":"message_stop"})");
    EXPECT_TRUE(watcher->finished());
    EXPECT_EQ(watcher->usage().input, 61);
    EXPECT_EQ(watcher->usage().output, 2);
    EXPECT_EQ(watcher->output_bytes(), 6U);
    EXPECT_EQ(watcher->response_model(), "m-1");
  }
}

TEST(AnthropicMessages, A_system_message_in_the_conversation_stays_at_its_place) {
  const auto parsed = json::Document::parse(with(
      R"({"role":"system","content":"a"},{"role":"user","content":"hi"},{"role":"system","content":[{"type":"text","text":"b"}]})",
      R"(,"system":"0")"));
  const auto request = dialect->decode_request(*parsed, {});
  ASSERT_TRUE(request) << request.error().message;
  std::string system;
  for (const chat::Text& text : request->system) system += text.text;
  EXPECT_EQ(system, "0a");
  ASSERT_EQ(request->messages.size(), 2U);
  EXPECT_EQ(request->messages[1].role, chat::Role::system);
  EXPECT_EQ(std::get<chat::Text>(request->messages[1].blocks.at(0)).text, "b");
  EXPECT_TRUE(request->extras.empty());
}

TEST(AnthropicMessages, What_is_not_told_of_thinking_is_named_part_by_part_in_the_clients_words) {
  const auto named = [](std::string_view members) {
    const auto parsed = json::Document::parse(with(R"({"role":"user","content":"hi"})", members));
    const auto request = dialect->decode_request(*parsed, {});
    auto sent = dialect->encode_request(*request, {.model = "m"});  // whose model is not known to think
    in_words_of(*dialect, *request, *sent);
    std::string names;
    for (const std::string& name : sent->dropped_params) names.append(names.empty() ? "" : " ").append(name);
    return names;
  };
  EXPECT_EQ(named(R"(,"output_config":{"effort":"high"})"), "output_config.effort");
  EXPECT_EQ(named(R"(,"thinking":{"type":"adaptive"})"), "thinking");
  EXPECT_EQ(named(R"(,"thinking":{"type":"enabled","budget_tokens":5,"display":"omitted"})"),
            "thinking.budget_tokens thinking.display");
}

TEST(AnthropicMessages, A_model_that_samples_by_itself_is_not_told_how) {
  chat::ChatRequest request{.model = "m",
                            .messages = {{chat::Role::user, {chat::Text{"x"}}}},
                            .max_output_tokens = 9,
                            .temperature = 0.5,
                            .top_p = 0.9,
                            .top_k = 4,
                            .reasoning = chat::Reasoning{.budget = 20'000}};
  const EncodeOptions refuses{.model = "m", .reasoning = true, .takes = {.sampling = chat::Sampling::refused}};
  const auto sent = dialect->encode_request(request, refuses);
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->dropped_params, (std::vector<std::string>{"temperature", "top_p", "top_k", "reasoning.budget"}));
  EXPECT_TRUE(sent->body.ends_with(R"("thinking":{"type":"adaptive"},"output_config":{"effort":"high"}})"))
      << sent->body;
  EXPECT_EQ(sent->body.find("temperature"), std::string::npos);
  request.reasoning.reset();
  EXPECT_TRUE(
      dialect->encode_request(request, {.model = "m"})->body.ends_with(R"("temperature":0.5,"top_p":0.9,"top_k":4})"));
}

TEST(AnthropicMessages, A_model_is_told_the_nearest_of_the_efforts_that_it_knows) {
  using enum chat::Effort;
  const auto told = [](chat::Effort asked, chat::Efforts known) {
    const chat::ChatRequest request{.model = "m",
                                    .messages = {{chat::Role::user, {chat::Text{"x"}}}},
                                    .max_output_tokens = 9,
                                    .reasoning = chat::Reasoning{.effort = asked}};
    const auto sent = dialect->encode_request(request, {.model = "m", .reasoning = true, .takes = {.efforts = known}});
    const auto parsed = json::Document::parse(sent->body);
    std::string out(parsed->root()["output_config"]["effort"].string().value_or("-"));
    out += parsed->root()["thinking"]["type"].string() == "disabled" ? " off" : "";
    for (const std::string& name : sent->dropped_params) out += " " + name;
    return out;
  };
  EXPECT_EQ(told(xhigh, {}), "xhigh");
  EXPECT_EQ(told(minimal, {}), "low reasoning.effort");
  EXPECT_EQ(told(none, {}), "- off");
  EXPECT_EQ(told(xhigh, {none, low, medium, high, max}), "high reasoning.effort");
  EXPECT_EQ(told(none, {low, medium, high}), "low reasoning.effort") << "it always thinks";
  EXPECT_EQ(told(high, {none}), "- reasoning.effort") << "it has none";
}

TEST(AnthropicMessages, Usage_is_not_called_reported_before_the_output_is_known) {
  const std::string_view start =
      R"({"type":"message_start","message":{"id":"a","model":"m","usage":{"input_tokens":43,"cache_read_input_tokens":7,"output_tokens":1}}})";
  const std::string_view delta =
      R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}})";
  const auto watcher = dialect->watch_stream(false);
  watcher->see("message_start", start);
  EXPECT_EQ(watcher->usage(), (chat::Usage{.input = 43, .cache_read = 7, .output = 1, .reported = false}));
  watcher->see("message_delta", delta);
  EXPECT_EQ(watcher->usage(), (chat::Usage{.input = 43, .cache_read = 7, .output = 9, .reported = true}));

  const auto decoder = dialect->decode_stream();
  std::vector<chat::ChatEvent> events;
  ASSERT_TRUE(decoder->decode("message_start", start, events));
  EXPECT_FALSE(std::get<chat::Start>(events.at(0)).usage.reported);
  ASSERT_TRUE(decoder->decode("message_delta", delta, events));
  ASSERT_TRUE(decoder->finish(events));
  EXPECT_TRUE(std::get<chat::Finish>(events.back()).usage.reported);
}

TEST(AnthropicMessages, Cache_writes_are_read_from_the_total_the_split_or_both) {
  const auto usage = [](std::string_view members) {
    return dialect->read_usage(
        *json::Document::parse(R"({"usage":{"input_tokens":10,"output_tokens":7,)" + std::string(members) + "}}"));
  };
  const chat::Usage split{.input = 10, .cache_write_5m = 2, .cache_write_1h = 3, .output = 7, .reported = true};
  EXPECT_EQ(usage(R"("cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":3})"), split);
  EXPECT_EQ(
      usage(
          R"("cache_creation_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":3})"),
      split);
  EXPECT_EQ(usage(R"("cache_creation_input_tokens":5)").cache_write_5m, 5);
}

TEST(AnthropicMessages, Errors_have_the_status_and_type_that_clients_match_on) {
  const auto status_and_type = [](Error error) {
    const ErrorBody body = dialect->encode_error(error, "req_1");
    const auto parsed = json::Document::parse(body.body);
    return std::to_string(body.status) + " " + std::string(*parsed->root()["error"]["type"].string());
  };
  EXPECT_EQ(status_and_type({.kind = ErrorKind::budget_exceeded}), "402 billing_error");
  EXPECT_EQ(status_and_type({.kind = ErrorKind::overloaded}), "529 overloaded_error");
  EXPECT_EQ(status_and_type({.kind = ErrorKind::unavailable}), "503 api_error");
  EXPECT_EQ(status_and_type({.kind = ErrorKind::unauthenticated}), "401 authentication_error");
  EXPECT_EQ(status_and_type({.kind = ErrorKind::rate_limited}), "429 rate_limit_error");
  EXPECT_EQ(status_and_type({.kind = ErrorKind::provider_timeout}), "504 timeout_error");
  EXPECT_EQ(status_and_type({.kind = ErrorKind::provider_rejected, .provider_status = 401}), "502 api_error");
  EXPECT_EQ(dialect->decode_error(429, "{}", {}).retry, Retry::elsewhere);
  EXPECT_EQ(dialect->decode_error(429, "{}", {{"retry-after", "1"}}).retry, Retry::anywhere);
}

TEST(CountTokens, Needs_no_limit_and_changes_the_models_name_alone) {
  const auto count = make_anthropic_count_tokens();
  const std::string body = R"({ "messages":[{"role":"user","content":"x"}],"model":"a", "stream":true})";
  const auto outline = count->outline(body, *json::Document::parse(body), {});
  ASSERT_TRUE(outline);
  EXPECT_EQ(outline->max_output_tokens, 0);
  EXPECT_FALSE(outline->stream);
  EXPECT_EQ(count->edit(body, *outline, {.model = "b"}),
            R"({ "messages":[{"role":"user","content":"x"}],"model":"b", "stream":true})");
  EXPECT_EQ(count->path("b", false), "/messages/count_tokens");
  EXPECT_EQ(count->encode_count(7), R"({"input_tokens":7})");
  const std::string empty = R"({"model":"a"})";
  EXPECT_EQ(count->outline(empty, *json::Document::parse(empty), {}).error().param, "messages");
}

TEST(AnthropicMessages, There_is_a_most_of_tools) {
  std::string tools = R"({"name":"f","input_schema":{"type":"object"}})";
  for (int i = 0; i < 4'096; ++i) tools += R"(,{"name":"f","input_schema":{"type":"object"}})";
  const auto parsed = json::Document::parse(
      R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[)" + tools + "]}");
  ASSERT_TRUE(parsed);
  const auto request = dialect->decode_request(*parsed, {});
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().param, "tools");
}

TEST(AnthropicMessages, What_is_dropped_and_added_has_the_clients_names) {
  const chat::ChatRequest request{.extras = {{"seed", "1"}, {"reasoning", "true"}}};  // the client's own words
  ProviderRequest sent{.dropped_params = {"seed", "reasoning", "reasoning.budget", "user", "top_k",
                                          "parallel_tool_calls", "messages.content.document", "messages.content.image"},
                       .added_params = {"reasoning.budget=1024", "max_tokens=8192", "tools=a=b", "stop"}};
  in_words_of(*dialect, request, sent);
  EXPECT_EQ(sent.dropped_params,
            (std::vector<std::string>{"seed", "reasoning", "thinking.budget_tokens", "metadata.user_id", "top_k",
                                      "tool_choice.disable_parallel_tool_use", "messages.content.source.media_type"}));
  EXPECT_EQ(sent.added_params, (std::vector<std::string>{"thinking.budget_tokens=1024", "max_tokens=8192", "tools=a=b",
                                                         "stop_sequences"}));
}

TEST(AnthropicMessages, Refuses_what_is_there_twice) {
  for (const auto& [members, param] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {R"("top_k":1,"top_k":2)", "top_k"},
           {R"("thinking":{"type":"enabled","type":"disabled"})", "thinking.type"},
           {R"("tools":[{"name":"f","name":"g","input_schema":{}}])", "tools[0].name"}}) {
    const auto parsed = json::Document::parse(
        R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],)" + std::string(members) + "}");
    ASSERT_TRUE(parsed);
    const auto request = dialect->decode_request(*parsed, {});
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().param, param);
  }
}

TEST(AnthropicMessages, Decode_names_every_member_that_has_no_place) {
  const auto parsed = json::Document::parse(with(
      R"({"role":"user","x0":1,"content":[{"type":"image","source":{"type":"url","url":"https://x.example/a.png","x1":1}},)"
      R"({"type":"document","source":{"type":"content","x2":1,"content":[{"type":"text","text":"t","x3":1}]}}]},)"
      R"({"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s","x4":1},)"
      R"({"type":"redacted_thinking","data":"d","x5":1},{"type":"tool_use","id":"a","name":"f","input":{},)"
      R"("caller":{"type":"code_execution_20250825"}}]},)"
      R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[)"
      R"({"type":"text","text":"r","x6":1}]}]})",
      R"(,"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"auto","x7":1},)"
      R"("output_config":{"format":{"type":"json_schema","schema":{"type":"object"},"x8":1}})"));
  ASSERT_TRUE(parsed);
  const auto request = dialect->decode_request(*parsed, {});
  ASSERT_TRUE(request);
  std::string names;
  for (const auto& [name, value] : request->extras) names.append(names.empty() ? "" : " ").append(name);
  EXPECT_EQ(names,
            "tool_choice.x7 output_config.format.x8 messages.x0 messages.content.source.x1 messages.content.source.x2 "
            "messages.content.source.content.x3 messages.content.x4 messages.content.x5 messages.content.caller "
            "messages.content.content.x6");
}

TEST(AnthropicMessages, Where_a_request_must_be_worked_on_is_no_hint) {
  const std::string_view hello = R"({"role":"user","content":"hi"})";
  EXPECT_EQ(fault(with(hello, R"(,"inference_geo":"us")")), "inference_geo");
  EXPECT_EQ(fault(with(hello, R"(,"inference_geo":"global")")), "");
  EXPECT_EQ(fault(with(hello, R"(,"inference_geo":null)")), "");
}

TEST(AnthropicMessages, A_tool_that_must_be_called_must_be_there) {
  const std::string_view hello = R"({"role":"user","content":"hi"})";
  EXPECT_EQ(fault(with(hello, R"(,"tool_choice":{"type":"any"})")), "tool_choice");
  EXPECT_EQ(fault(with(hello, R"(,"tool_choice":{"type":"tool","name":"f"})")), "tool_choice");
  EXPECT_EQ(fault(with(hello, R"(,"tool_choice":{"type":"auto"})")), "");
}

}  // namespace
}  // namespace sluice::dialects
