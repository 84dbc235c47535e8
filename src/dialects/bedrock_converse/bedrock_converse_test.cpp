#include "dialects/bedrock_converse/bedrock_converse.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::dialects {
namespace {

const std::unique_ptr<Dialect> dialect = make_bedrock_converse();
constexpr std::string_view claude = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
constexpr std::string_view llama = "meta.llama3-3-70b-instruct-v1:0";

chat::ChatRequest saying(std::vector<chat::Block> blocks) { return {.messages = {{chat::Role::user, blocks}}}; }

Result<ProviderRequest> encoded(chat::ChatRequest request, std::string_view model = claude) {
  if (request.messages.empty()) request.messages.push_back({chat::Role::user, {chat::Text{"hi"}}});
  return dialect->encode_request(request, {.model = model, .reasoning = true, .issuer = "bedrock/m"});
}
std::string body(chat::ChatRequest request, std::string_view model = claude) {
  const auto sent = encoded(std::move(request), model);
  return sent ? sent->body : "refused: " + sent.error().message;
}
std::string refused(chat::ChatRequest request) {
  const auto sent = encoded(std::move(request));
  return sent ? "" : sent.error().param;
}
using Names = std::vector<std::string>;

TEST(BedrockConverse, Puts_the_model_into_the_path) {
  EXPECT_EQ(encoded({})->path, "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse");
  EXPECT_EQ(encoded({.stream = true}, "arn:aws:bedrock:eu-west-1:1:inference-profile/x")->path,
            "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ainference-profile%2Fx/converse-stream");
  EXPECT_EQ(dialect->path("a:b", true), "/model/a%3Ab/converse-stream");
  EXPECT_EQ(dialect->framing(), Framing::aws_event_stream);
}

TEST(BedrockConverse, Takes_turns_and_leaves_out_blank_text) {
  chat::ChatRequest request;
  request.messages = {{chat::Role::user, {chat::Text{"a"}}},
                      {chat::Role::assistant, {chat::Text{" \n"}}},
                      {chat::Role::assistant, {chat::Text{"b"}}},
                      {chat::Role::user, {chat::Text{"c"}, chat::Text{""}}},
                      {chat::Role::user, {chat::ToolResult{.call_id = "t"}}}};
  EXPECT_EQ(body(request),
            R"({"messages":[{"role":"user","content":[{"text":"a"}]},)"
            R"({"role":"assistant","content":[{"text":"b"}]},)"
            R"({"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[]}},{"text":"c"}]}]})");
  EXPECT_EQ(refused(saying({chat::Text{"\t"}})), "messages");
}

TEST(BedrockConverse, A_model_that_refuses_a_last_message_of_the_assistant_is_not_sent_one) {
  chat::ChatRequest request;
  request.messages = {{chat::Role::user, {chat::Text{"a"}}}, {chat::Role::assistant, {chat::Text{"b"}}}};
  EXPECT_TRUE(dialect->encode_request(request, {.model = claude}));
  const auto sent = dialect->encode_request(request, {.model = claude, .refuses_prefill = true});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().param, "messages");
}

TEST(BedrockConverse, Sends_images_and_documents_as_bytes_alone) {
  EXPECT_EQ(body(saying({chat::Image{.media_type = "image/jpeg", .base64 = "AAAA"}})),
            R"({"messages":[{"role":"user","content":[{"image":{"format":"jpeg","source":{"bytes":"AAAA"}}}]}]})");
  EXPECT_EQ(refused(saying({chat::Image{.url = "https://x.example/a.png"}})), "messages.content.image.url");
  EXPECT_EQ(refused(saying({chat::Image{.media_type = "image/tiff", .base64 = "AAAA"}})), "messages.content.image");
  EXPECT_EQ(refused(saying({chat::Document{.url = "https://x.example/a.pdf"}})), "messages.content.document.url");
  EXPECT_EQ(refused(saying({chat::Document{.media_type = "application/zip", .base64 = "AAAA"}})),
            "messages.content.document");
  EXPECT_EQ(refused(saying({chat::Audio{.format = "midi", .base64 = "AAAA"}})), "messages.content.audio");
}

TEST(BedrockConverse, Gives_every_document_a_name_that_the_API_takes_and_no_other_has) {
  const auto sent = body(saying({chat::Document{.media_type = "application/pdf", .base64 = "A", .name = " a  b.pdf"},
                                 chat::Document{.media_type = "text/csv", .base64 = "B", .name = "a b.pdf "},
                                 chat::Document{.text = "t"}, chat::Document{.text = "u", .name = "\xC3\xA4"},
                                 chat::Document{.text = "v", .name = std::string(300, 'x')}}));
  for (const std::string_view name : {R"("name":"a b-pdf")", R"("name":"a b-pdf-2")", R"("name":"document")",
                                      R"("name":"--")", R"("format":"txt")", R"("source":{"text":"t"})"})
    EXPECT_TRUE(sent.contains(name)) << name << " in " << sent;
  EXPECT_FALSE(sent.contains(std::string(201, 'x')));
}

TEST(BedrockConverse, Keeps_a_called_tool_declared_whatever_the_choice) {
  using Mode = chat::ToolChoice::Mode;
  chat::ChatRequest fresh{.tools = {{.name = "f", .parameters = R"({"type":"object"})"}},
                          .tool_choice = chat::ToolChoice{Mode::none}};
  EXPECT_EQ(body(fresh), R"({"messages":[{"role":"user","content":[{"text":"hi"}]}]})");
  EXPECT_EQ(encoded(fresh)->dropped_params, Names{});

  chat::ChatRequest later = fresh;
  later.messages = {{chat::Role::user, {chat::Text{"hi"}}},
                    {chat::Role::assistant, {chat::ToolCall{.id = "1", .name = "g", .arguments = "{}"}}},
                    {chat::Role::user, {chat::ToolResult{.call_id = "1", .content = {chat::Text{"x"}}}}}};
  const auto sent = encoded(later);
  ASSERT_TRUE(sent);
  EXPECT_TRUE(sent->body.ends_with(
      R"("toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}},)"
      R"({"toolSpec":{"name":"g","inputSchema":{"json":{"type":"object","properties":{}}}}}]}})"))
      << sent->body;
  EXPECT_EQ(sent->dropped_params, Names{"tool_choice"});
  EXPECT_EQ(sent->added_params, Names{"tools=g"});

  fresh.tool_choice = chat::ToolChoice{Mode::named, "f"};
  EXPECT_TRUE(body(fresh).contains(R"("toolChoice":{"tool":{"name":"f"}})"));
  fresh.tool_choice = chat::ToolChoice{Mode::required};
  EXPECT_TRUE(body(fresh).contains(R"("toolChoice":{"any":{}})"));
}

TEST(BedrockConverse, Gives_ids_that_it_cannot_send_another_name_on_both_ends) {
  chat::ChatRequest request;
  const std::string id = std::string(80, 'x') + "|fc_1";
  request.messages = {{chat::Role::user, {chat::Text{"hi"}}},
                      {chat::Role::assistant, {chat::ToolCall{.id = id, .name = "f", .arguments = "{}"}}},
                      {chat::Role::user, {chat::ToolResult{.call_id = id}}}};
  const std::string sent = body(request);
  const std::size_t first = sent.find("\"toolUseId\":\"");
  const std::size_t second = sent.find("\"toolUseId\":\"", first + 1);
  ASSERT_NE(second, std::string::npos);
  EXPECT_EQ(sent.substr(first, 60), sent.substr(second, 60));
  EXPECT_TRUE(sent.substr(first + 13).starts_with("call_"));
}

TEST(BedrockConverse, Marks_the_cache_where_the_model_has_one) {
  chat::ChatRequest request = saying({chat::Text{.text = "long", .cache = chat::CacheMark::minutes_5}});
  request.system = {{.text = "s", .cache = chat::CacheMark::hour_1}};
  EXPECT_EQ(body(request),
            R"({"messages":[{"role":"user","content":[{"text":"long"},{"cachePoint":{"type":"default"}}]}],)"
            R"("system":[{"text":"s"},{"cachePoint":{"type":"default","ttl":"1h"}}]})");
  EXPECT_EQ(encoded(request, llama)->dropped_params, Names{"cache_control"});
  EXPECT_FALSE(body(request, llama).contains("cachePoint"));
  EXPECT_EQ(encoded(request, "eu.amazon.nova-pro-v1:0")->dropped_params, Names{"cache_control.ttl"});
}

TEST(BedrockConverse, Sends_reasoning_state_to_its_issuer_alone) {
  const auto sent_with = [](const std::string& issuer, bool redacted) {
    chat::ChatRequest request = saying({chat::Text{"hi"}});
    request.messages.push_back(
        {chat::Role::assistant,
         {chat::Thinking{.text = redacted ? "" : "hm", .signature = "c2ln", .issuer = issuer, .redacted = redacted},
          chat::Text{"yes"}}});
    return *encoded(request);
  };
  EXPECT_TRUE(sent_with("bedrock/m", false)
                  .body.contains(R"({"reasoningContent":{"reasoningText":{"text":"hm","signature":"c2ln"}}})"));
  EXPECT_TRUE(sent_with("bedrock/m", true).body.contains(R"({"reasoningContent":{"redactedContent":"c2ln"}})"));
  for (const char* other : {"", "anthropic/m"}) {
    EXPECT_FALSE(sent_with(other, false).body.contains("reasoning"));
    EXPECT_EQ(sent_with(other, false).dropped_params, Names{"messages.content.thinking"});
  }
}

TEST(BedrockConverse, A_model_that_samples_by_itself_is_not_told_how) {
  chat::ChatRequest request{.model = "m",
                            .messages = {{chat::Role::user, {chat::Text{"x"}}}},
                            .temperature = 0.5,
                            .top_p = 0.9,
                            .top_k = 4,
                            .reasoning = chat::Reasoning{.budget = 20'000}};
  const auto sent = make_bedrock_converse()->encode_request(
      request,
      {.model = "eu.anthropic.claude-opus-4-8", .reasoning = true, .takes = {.sampling = chat::Sampling::refused}});
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->dropped_params, (std::vector<std::string>{"temperature", "top_p", "top_k", "reasoning.budget"}));
  EXPECT_TRUE(sent->body.contains(R"("additionalModelRequestFields":{"thinking":{"type":"adaptive"}})")) << sent->body;
  EXPECT_TRUE(sent->body.contains(R"("effort":"high")")) << sent->body;
  EXPECT_FALSE(sent->body.contains("inferenceConfig")) << sent->body;
}

TEST(BedrockConverse, Thinks_in_the_words_of_the_model) {
  chat::ChatRequest request{.max_output_tokens = 4'000};
  request.reasoning = chat::Reasoning{.budget = 9'000};
  EXPECT_TRUE(
      body(request).contains(R"("additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":3999}})"));
  EXPECT_TRUE(body(request, llama).ends_with(R"("outputConfig":{"effort":"high"}})")) << body(request, llama);
  request.temperature = 0.5;
  EXPECT_EQ(encoded(request)->dropped_params, Names{"reasoning.budget"});
  request.reasoning = chat::Reasoning{.effort = chat::Reasoning::Effort::minimal};
  EXPECT_TRUE(body(request).ends_with(R"("outputConfig":{"effort":"low"}})"));
  request.reasoning->effort = chat::Reasoning::Effort::none;
  EXPECT_TRUE(body(request).contains(R"({"thinking":{"type":"disabled"}})"));
  EXPECT_EQ(encoded(request, llama)->dropped_params, Names{"reasoning.effort"});
  const EncodeOptions always_thinks{
      .model = claude, .reasoning = true, .takes = {.efforts = {chat::Effort::low, chat::Effort::high}}};
  request.messages = saying({chat::Text{"hi"}}).messages;
  const auto sent = dialect->encode_request(request, always_thinks);
  EXPECT_TRUE(sent->body.ends_with(R"("outputConfig":{"effort":"low"}})")) << sent->body;
  EXPECT_EQ(sent->dropped_params, Names{"reasoning.effort"});
}

TEST(BedrockConverse, Metadata_are_at_most_16_and_named_beyond) {
  std::string many;
  for (int i = 0; i < 17; ++i) many.append(i ? "," : "").append("\"k" + std::to_string(i) + R"(":"v")");
  const chat::ChatRequest request{.extras = {{"metadata", "{" + many + "}"}}};
  EXPECT_TRUE(body(request).ends_with(R"("k15":"v"}})")) << body(request);
  EXPECT_EQ(encoded(request)->dropped_params, Names{"metadata"});
  const chat::ChatRequest same{.user = "u", .extras = {{"metadata", R"({"user_id":"mine"})"}}};
  EXPECT_TRUE(body(same).ends_with(R"("requestMetadata":{"user_id":"mine"}})"));
  EXPECT_FALSE(body({.extras = {{"metadata", "{}"}}}).contains("requestMetadata")) << "the API takes no empty one";
  const chat::ChatRequest twice{.extras = {{"metadata", R"({"a":"1","b":"2","a":"3"})"}}};
  EXPECT_TRUE(body(twice).ends_with(R"("requestMetadata":{"b":"2","a":"3"}})")) << body(twice);
}

TEST(BedrockConverse, Refuses_what_changes_the_answer_and_reports_the_hints) {
  const std::string digest_of_u = "0bfe935e70c321c7ca3afc75ce0d0ca2f98b5422e008bb31c00c6d7f1f1c0ad6";
  for (const char* name : {"n", "logit_bias", "web_search_options"})
    EXPECT_EQ(refused({.extras = {{name, "1"}}}), name);
  EXPECT_EQ(refused({.logprobs = 0}), "logprobs");
  EXPECT_EQ(refused({.temperature = 1.5}), "temperature");
  EXPECT_EQ(refused({.json_object = true}), "response_format");
  EXPECT_EQ(refused({.stop = {""}}), "stop");
  const chat::ChatRequest hints{.top_k = 5,
                                .frequency_penalty = 1,
                                .presence_penalty = 1,
                                .seed = 1,
                                .user = "u",
                                .service_tier = "scale",
                                .prompt_cache_key = "k",
                                .extras = {{"metadata", R"({"team":"a b","n":1,"":"e","ü":"x"})"}}};
  EXPECT_EQ(encoded(hints, llama)->dropped_params, (Names{"frequency_penalty", "presence_penalty", "seed", "top_k",
                                                          "prompt_cache_key", "service_tier", "metadata", "user"}));
  EXPECT_TRUE(body(hints).contains(R"("additionalModelRequestFields":{"top_k":5})"));
  EXPECT_TRUE(body(hints).ends_with(R"("requestMetadata":{"team":"a b","user_id":")" + digest_of_u + R"("}})"))
      << "who it is stays here";
  EXPECT_TRUE(body({.service_tier = "flex"}).ends_with(R"("serviceTier":{"type":"flex"}})"));
}

Error fault(int status, std::string_view name, std::string_view message) {
  return dialect->decode_error(status, R"({"message":")" + std::string(message) + "\"}",
                               {{"x-amzn-errortype", std::string(name)}});
}

TEST(BedrockConverse, Says_who_may_be_asked_again) {
  EXPECT_EQ(fault(429, "ThrottlingException:http://internal.amazon.com/x", "slow").retry, Retry::anywhere);
  EXPECT_EQ(fault(429, "ThrottlingException", "Too many tokens per day, please wait").retry, Retry::elsewhere);
  EXPECT_EQ(fault(424, "ModelErrorException", "x").retry, Retry::anywhere);
  EXPECT_EQ(fault(400, "ValidationException", "temperature is bad").retry, Retry::never);
  EXPECT_EQ(fault(400, "ValidationException", "The provided model identifier is invalid.").retry, Retry::elsewhere);
  EXPECT_EQ(fault(400, "ServiceQuotaExceededException", "x").retry, Retry::elsewhere);
  EXPECT_EQ(fault(403, "AccessDeniedException", "no arn:aws:iam::123").retry, Retry::elsewhere);
  EXPECT_FALSE(fault(403, "AccessDeniedException", "no arn:aws:iam::123").message.contains("arn"));
  EXPECT_EQ(fault(400, "ValidationException", "Input is too long for requested model.").code,
            "context_length_exceeded");
  EXPECT_EQ(fault(400, "ValidationException", "temperature is bad").message, "temperature is bad");
  EXPECT_EQ(dialect->decode_error(503, "<html>", {}).retry, Retry::anywhere);
}

TEST(BedrockConverse, An_answer_that_cannot_be_read_is_an_error) {
  for (const char* reason : {"malformed_model_output", "malformed_tool_use"}) {
    const auto parsed = json::Document::parse(
        R"({"output":{"message":{"role":"assistant","content":[]}},"stopReason":")" + std::string(reason) + "\"}");
    const auto answer = dialect->decode_response(*parsed);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::provider_unreachable);
  }
}

TEST(BedrockConverse, Usage_has_each_token_once) {
  const auto parsed = json::Document::parse(
      R"({"usage":{"inputTokens":10,"outputTokens":7,"cacheReadInputTokens":90,"cacheWriteInputTokens":5,)"
      R"("cacheDetails":[{"ttl":"1h","inputTokens":3},{"ttl":"5m","inputTokens":2}]}})");
  EXPECT_EQ(
      dialect->read_usage(*parsed),
      (chat::Usage{
          .input = 10, .cache_read = 90, .cache_write_5m = 2, .cache_write_1h = 3, .output = 7, .reported = true}));
}

using Pieces = std::vector<std::pair<std::string_view, std::string_view>>;
std::vector<chat::ChatEvent> stream(const Pieces& pieces) {
  const auto decoder = dialect->decode_stream();
  std::vector<chat::ChatEvent> events;
  for (const auto& [name, payload] : pieces) EXPECT_TRUE(decoder->decode(name, payload, events));
  EXPECT_TRUE(decoder->finish(events));
  return events;
}

TEST(BedrockConverse, A_stream_waits_for_its_usage_but_not_in_vain) {
  const Pieces whole = {{"messageStart", R"({"role":"assistant"})"},
                        {"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"hi"}})"},
                        {"contentBlockStop", R"({"contentBlockIndex":0})"},
                        {"messageStop", R"({"stopReason":"guardrail_intervened"})"},
                        {"metadata", R"({"usage":{"inputTokens":3,"outputTokens":1}})"}};
  const auto events = stream(whole);
  ASSERT_EQ(events.size(), 5u);
  const auto& finish = std::get<chat::Finish>(events.back());
  EXPECT_EQ(finish.stop, chat::StopReason::content_filter);
  EXPECT_EQ(finish.usage.input, 3);
  const auto without = stream({whole.begin(), whole.end() - 1});
  EXPECT_FALSE(std::get<chat::Finish>(without.back()).usage.reported);

  const auto decoder = dialect->decode_stream();
  std::vector<chat::ChatEvent> cut;
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(decoder->decode(whole[i].first, whole[i].second, cut));
  EXPECT_FALSE(decoder->finish(cut));
}

TEST(BedrockConverse, An_exception_ends_a_stream) {
  const auto events = stream({{"messageStart", "{}"},
                              {"modelStreamErrorException", R"({"message":"broke","originalStatusCode":500})"},
                              {"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"hi"}})"}});
  ASSERT_EQ(events.size(), 2u);
  const Error error = std::get<chat::StreamError>(events[1]).error;
  EXPECT_EQ(error.provider_status, 424);
  EXPECT_EQ(error.retry, Retry::anywhere);
  EXPECT_EQ(error.message, "broke");
}

TEST(BedrockConverse, Serves_no_client) {
  const auto parsed = json::Document::parse("{}");
  EXPECT_FALSE(dialect->outline("{}", *parsed, {}));
  EXPECT_FALSE(dialect->decode_request(*parsed, {}));
}

// Looking through all names for each call would take 50'000 times 12'500 steps.
TEST(BedrockConverse, Declares_many_called_tools) {
  chat::ChatRequest request = saying({chat::Text{"hi"}});
  chat::Message calls{.role = chat::Role::assistant};
  constexpr int count = 50'000;
  for (int i = 0; i < count; ++i)
    calls.blocks.emplace_back(chat::ToolCall{.id = "1", .name = "f" + std::to_string(i / 2 * 2), .arguments = "{}"});
  request.messages.push_back(std::move(calls));
  request.messages.push_back({chat::Role::user, {chat::Text{"x"}}});
  const auto sent = encoded(request);
  ASSERT_TRUE(sent);
  ASSERT_EQ(sent->added_params.size(), count / 2);
  EXPECT_EQ(sent->added_params.back(), "tools=f49998");
}

}  // namespace
}  // namespace sluice::dialects
