#include "dialects/openai_responses/openai_responses.h"

#include <gtest/gtest.h>

namespace sluice::dialects {
namespace {

const std::unique_ptr<Dialect> dialect = make_openai_responses();

std::string outline_fault(std::string_view body) {
  const auto parsed = json::Document::parse(body);
  if (!parsed) return "not JSON";
  const auto outline = dialect->outline(body, *parsed, {});
  return outline ? "" : outline.error().param;
}

Result<chat::ChatRequest> decoded_request(std::string_view body) {
  const auto parsed = json::Document::parse(body);
  if (!parsed) return std::unexpected(parsed.error());
  return dialect->decode_request(*parsed, {});
}

std::string decode_fault(std::string_view body) {
  const auto request = decoded_request(body);
  return request ? "" : request.error().param;
}

std::string with_item(std::string_view item) { return R"({"model":"m","input":[)" + std::string(item) + "]}"; }
std::string with_member(std::string_view member) { return R"({"model":"m","input":"x",)" + std::string(member) + "}"; }

std::string extras_of(std::string_view body) {
  const auto request = decoded_request(body);
  if (!request) return "fault " + request.error().param;
  std::string names;
  for (const auto& [name, value] : request->extras) names.append(names.empty() ? "" : " ").append(name);
  return names;
}

// One line per event.
std::string decoded(const std::vector<std::string_view>& stream) {
  const auto decoder = dialect->decode_stream();
  std::vector<chat::ChatEvent> events;
  Result<void> result;
  for (const std::string_view event : stream)
    if (result) result = decoder->decode("", event, events);
  if (result) result = decoder->finish(events);
  std::string out;
  for (const chat::ChatEvent& event : events) {
    if (const auto* block = std::get_if<chat::BlockStart>(&event))
      out += "[" + std::to_string(block->index) + (block->redacted ? "r" : "") + block->id + block->tool_id + ":" +
             block->tool_name;
    else if (const auto* text = std::get_if<chat::TextDelta>(&event))
      out += "'" + text->text + "'";
    else if (const auto* arguments = std::get_if<chat::ArgumentsDelta>(&event))
      out += arguments->json;
    else if (const auto* thinking = std::get_if<chat::ThinkingDelta>(&event))
      out += "<" + thinking->text + "|" + thinking->signature + ">";
    else if (std::holds_alternative<chat::BlockEnd>(event))
      out += "]";
    else if (std::holds_alternative<chat::Finish>(event))
      out += " finish";
    else if (const auto* failed = std::get_if<chat::StreamError>(&event))
      out += " error " + failed->error.code;
  }
  return result ? out : out + " fault";
}

constexpr std::string_view completed =
    R"({"type":"response.completed","response":{"status":"completed","output":[],"usage":{"input_tokens":1,"output_tokens":1}}})";

TEST(OpenAiResponses, Outline_names_the_field_that_is_wrong) {
  EXPECT_EQ(outline_fault(R"({"input":"x"})"), "model");
  EXPECT_EQ(outline_fault(R"({"model":"m","input":7})"), "input");
  EXPECT_EQ(outline_fault(R"({"model":"m","input":[7]})"), "input[0]");
  EXPECT_EQ(outline_fault(with_member(R"("stream":1)")), "stream");
  EXPECT_EQ(outline_fault(with_member(R"("max_output_tokens":0)")), "max_output_tokens");
  EXPECT_EQ(outline_fault(with_member(R"("previous_response_id":"")")), "previous_response_id");
  EXPECT_EQ(outline_fault(with_member(R"("previous_response_id":5)")), "previous_response_id");
  EXPECT_EQ(outline_fault(with_member(R"("previous_response_id":"resp_1","previous_response_\u0069d":"resp_2")")),
            "previous_response_id");
  EXPECT_EQ(outline_fault(with_member(R"("previous_response_id":null)")), "");
  EXPECT_EQ(outline_fault(with_member(R"("input":"y")")), "input") << "given twice";
  EXPECT_EQ(outline_fault(R"({"model":"m","previous_response_id":"resp_1"})"), "")
      << "what the vendor keeps may be the whole input";
}

TEST(OpenAiResponses, Outline_counts_images_in_messages_and_outputs) {
  constexpr std::string_view body =
      R"({"model":"m","max_output_tokens":9,"tools":[{}],"input":[{"role":"user","content":[{"type":"input_image","image_url":"12345"}]},)"
      R"({"type":"function_call_output","call_id":"c","output":[{"type":"input_image","image_url":"123"}]}]})";
  const auto parsed = json::Document::parse(body);
  const auto outline = dialect->outline(body, *parsed, {});
  ASSERT_TRUE(outline);
  EXPECT_EQ(outline->images, 2);
  EXPECT_EQ(outline->image_bytes, 8U);
  EXPECT_EQ(outline->max_output_tokens, 9);
  EXPECT_TRUE(outline->has_tools);
  EXPECT_TRUE(outline->wants_stream_usage);
}

TEST(OpenAiResponses, Edit_changes_the_model_and_leaves_sealed_reasoning_out) {
  const auto edited = [](const std::string& body) {
    const auto parsed = json::Document::parse(body);
    return dialect->edit(body, *dialect->outline(body, *parsed, {}), {.model = "q\"x"});
  };
  EXPECT_EQ(edited(R"({ "input" : [ {"model":"a"} ], "model" : "m" })"),
            R"({ "input" : [ {"model":"a"} ], "model" : "q\"x" })");
  EXPECT_EQ(edited(R"({"input":"sluice-sealed:","model":"m"})"), R"({"input":"sluice-sealed:","model":"q\"x"})");
  EXPECT_EQ(
      edited(
          R"({"model":"m","input":[{"type":"reasoning","encrypted_content":"sluice-sealed:1:as"}, {"role":"user","content":"x"}]})"),
      R"({"model":"q\"x","input":[{"role":"user","content":"x"}]})");
}

TEST(OpenAiResponses, Decode_names_the_field_that_is_wrong) {
  EXPECT_EQ(decode_fault(R"({"model":"m"})"), "input");
  EXPECT_EQ(decode_fault(R"({"model":"m","input":""})"), "input");
  EXPECT_EQ(decode_fault(R"({"model":"m","input":[]})"), "input");
  EXPECT_EQ(decode_fault(with_item(R"({"role":"robot","content":"x"})")), "input[0].role");
  EXPECT_EQ(decode_fault(with_item(R"({"role":"user"})")), "input[0].content");
  EXPECT_EQ(decode_fault(with_item(R"({"role":"system","content":"only this"})")), "input");
  EXPECT_EQ(decode_fault(with_item(R"({"role":"user","content":[]})")), "input[0].content");
  EXPECT_EQ(decode_fault(with_item(R"({"role":"user","content":[{"type":"input_audio"}]})")),
            "input[0].content[0].type");
  EXPECT_EQ(decode_fault(with_item(R"({"role":"user","content":[{"type":"input_image","file_id":"f"}]})")),
            "input[0].content[0].file_id");
  EXPECT_EQ(decode_fault(with_item(R"({"role":"user","content":[{"type":"input_file","file_id":"f"}]})")),
            "input[0].content[0].file_id");
  EXPECT_EQ(decode_fault(with_item(R"({"role":"user","content":[{"type":"input_file","file_url":"file:///x"}]})")),
            "input[0].content[0].file_url");
  EXPECT_EQ(decode_fault(with_item(R"({"type":"function_call","call_id":"c"})")), "input[0].name");
  EXPECT_EQ(decode_fault(with_item(R"({"type":"local_shell_call","id":"c"})")), "input[0].type");
  EXPECT_EQ(decode_fault(with_item(R"({"id":"msg_1"})")), "input[0].type") << "a reference";
  EXPECT_EQ(decode_fault(with_member(R"("tools":[{"type":"mcp","server_label":"s"}])")), "tools[0].type");
  EXPECT_EQ(decode_fault(with_member(R"("tools":[{"type":"tool_search","execution":"client"}])")), "tools[0].type");
  EXPECT_EQ(decode_fault(with_member(R"("tools":[{"type":"namespace","name":"n","tools":[{"type":"mcp"}]}])")),
            "tools[0].tools[0].type");
  EXPECT_EQ(decode_fault(with_member(R"("tool_choice":{"type":"mcp","server_label":"s"})")), "tool_choice.type");
  EXPECT_EQ(decode_fault(with_member(R"("tool_choice":"required","tools":[{"type":"web_search"}])")), "tool_choice");
  EXPECT_EQ(decode_fault(with_member(R"("text":{"format":{"type":"json_schema","name":"n"}})")), "text.format.schema");
  EXPECT_EQ(decode_fault(with_member(R"("reasoning":{"effort":"huge"})")), "reasoning.effort");
}

TEST(OpenAiResponses, Decode_keeps_what_has_no_place_by_name) {
  EXPECT_EQ(
      extras_of(with_member(
          R"("store":false,"background":false,"truncation":"disabled","metadata":{},"top_logprobs":0,"include":["reasoning.encrypted_content"])")),
      "");
  EXPECT_EQ(extras_of(with_member(R"("store":true,"background":true,"previous_response_id":"r","prompt":{"id":"p"})")),
            "background previous_response_id prompt");
  EXPECT_EQ(extras_of(with_member(R"("include":["file_search_call.results"],"tools":[{"type":"web_search"}])")),
            "include.file_search_call.results tools.web_search");
  EXPECT_EQ(extras_of(with_item(R"({"role":"user","content":"x"},{"role":"developer","content":"y"})")), "");
  EXPECT_EQ(extras_of(R"({"model":"m","conversation":"conv_1"})"), "conversation");
  EXPECT_EQ(extras_of(with_member(R"("stream":true,"stream_options":{"include_obfuscation":true})")),
            "stream_options.include_obfuscation");
  EXPECT_EQ(extras_of(with_member(R"("tools":[{"type":"namespace","name":"n","description":"d","tools":[]}])")),
            "tools.namespace.description");
}

TEST(OpenAiResponses, Decode_names_what_it_cannot_keep_of_an_item) {
  const auto part = [](std::string_view type, std::string_view more) {
    return with_item(R"({"role":"user","content":[{"type":")" + std::string(type) + R"(",)" + std::string(more) +
                     "}]}");
  };
  EXPECT_EQ(extras_of(part("input_image", R"("image_url":"data:image/png;base64,AA==","detail":"low","a":1)")),
            "input.content.a");
  EXPECT_EQ(extras_of(part("input_file", R"("file_data":"AA==","filename":"f","detail":"low")")),
            "input.content.detail");
  EXPECT_EQ(extras_of(part("output_text", R"("text":"x","annotations":[],"logprobs":[])")), "");
  EXPECT_EQ(extras_of(part("output_text", R"("text":"x","annotations":[{}],"logprobs":[{}])")),
            "input.content.annotations input.content.logprobs");
  const auto calls = [](std::string_view more) {
    return with_item(R"({"type":"function_call","call_id":"c","name":"f","arguments":"{}"},)"
                     R"({"type":"function_call_output","call_id":"c","output":"x")" +
                     std::string(more) + "}");
  };
  EXPECT_EQ(extras_of(calls(R"(,"caller":{"type":"direct"})")), "");
  EXPECT_EQ(extras_of(calls(R"(,"caller":{"type":"program","caller_id":"p"})")), "input.caller");
  EXPECT_EQ(extras_of(with_item(R"({"type":"reasoning","summary":[],"a":1},{"role":"user","content":"x"})")),
            "input.a");
}

TEST(OpenAiResponses, Decode_puts_the_items_of_a_turn_into_one_message) {
  const auto request = decoded_request(with_item(
      R"({"role":"user","content":"x"},{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"a"},{"type":"summary_text","text":"b"}],"encrypted_content":"E"},)"
      R"({"role":"assistant","content":[{"type":"output_text","text":"t","annotations":[]},{"type":"refusal","refusal":"no"}]},{"type":"function_call","call_id":"1","name":"f","arguments":" "},)"
      R"({"type":"custom_tool_call","call_id":"2","name":"g","input":"q\""},{"type":"function_call_output","call_id":"1","output":"r"},)"
      R"({"type":"custom_tool_call_output","call_id":"2","output":[{"type":"input_text","text":"s"}]},{"role":"user","content":"y"})"));
  ASSERT_TRUE(request);
  ASSERT_EQ(request->messages.size(), 4U);
  const chat::Message& turn = request->messages[1];
  ASSERT_EQ(turn.blocks.size(), 5U);
  const auto& thinking = std::get<chat::Thinking>(turn.blocks[0]);
  EXPECT_EQ(thinking.text, "a\n\nb");
  EXPECT_EQ(thinking.signature, "E");
  EXPECT_EQ(thinking.issuer, "") << "nobody has sealed it";
  EXPECT_EQ(std::get<chat::ToolCall>(turn.blocks[3]).arguments, "{}");
  EXPECT_EQ(std::get<chat::ToolCall>(turn.blocks[4]).arguments, R"({"input":"q\""})");
  EXPECT_EQ(request->messages[2].blocks.size(), 2U) << "the results are one turn";
}

TEST(OpenAiResponses, Names_in_a_name_space_are_flat_short_and_always_the_same) {
  const std::string longest(60, 'n');
  const auto request = decoded_request(with_member(
      R"("tools":[{"type":"namespace","name":"a","description":"","tools":[{"type":"function","name":"f"},{"type":"function","name":")" +
      longest + R"("},{"type":"function","name":")" + longest + R"(2"}]}])"));
  ASSERT_TRUE(request);
  ASSERT_EQ(request->tools.size(), 3U);
  EXPECT_EQ(request->tools[0].name, "a__f");
  EXPECT_EQ(request->tools[0].own_name, "f");
  EXPECT_EQ(request->tools[0].name_space, "a");
  EXPECT_EQ(request->tools[1].name, "a__" + longest);
  EXPECT_EQ(request->tools[2].name.size(), 64U);
  EXPECT_NE(request->tools[2].name.substr(0, 55), request->tools[2].name);
  EXPECT_EQ(request->tools[2].own_name, longest + "2");
}

TEST(OpenAiResponses, Writer_says_what_it_cannot_carry) {
  chat::ChatRequest request;
  request.messages.push_back({.blocks = {chat::Text{"x"}}});
  request.top_k = 3;
  request.seed = 4;
  request.service_tier = "on_demand";
  request.reasoning = chat::Reasoning{.effort = chat::Reasoning::Effort::low};
  const auto sent = dialect->encode_request(request, {.model = "m"});
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->body, R"({"model":"m","input":[{"role":"user","content":"x"}],"store":false})");
  EXPECT_EQ(sent->dropped_params, (std::vector<std::string>{"top_k", "seed", "reasoning.effort", "service_tier"}));
  request.max_output_tokens = 15;  // the API takes 16 and more
  EXPECT_EQ(dialect->encode_request(request, {.model = "m"}).error().param, "max_tokens");
  request.max_output_tokens = 16;
  EXPECT_TRUE(dialect->encode_request(request, {.model = "m"})->body.contains(R"("max_output_tokens":16)"));
  request.stop = {"END"};
  EXPECT_EQ(dialect->encode_request(request, {.model = "m"}).error().param, "stop");
  request.stop.clear();
  request.messages[0].blocks.emplace_back(chat::Audio{"wav", "UklGRg=="});
  EXPECT_EQ(dialect->encode_request(request, {.model = "m"}).error().param, "messages.content.audio");
}

TEST(OpenAiResponses, What_a_provider_is_not_told_has_this_APIs_names) {
  EXPECT_EQ(dialect->own_name("messages.role"), "input.role");
  EXPECT_EQ(dialect->own_name("system.cache_control"), "input.content.prompt_cache_breakpoint");
  chat::ChatRequest request;
  request.messages.push_back({.blocks = {chat::Text{"x"}}});
  request.reasoning = chat::Reasoning{.visible = true};  // by either of two names
  EXPECT_EQ(dialect->encode_request(request, {.model = "m"})->dropped_params, std::vector<std::string>{"reasoning"});
  request.reasoning->effort = chat::Reasoning::Effort::low;
  EXPECT_EQ(dialect->encode_request(request, {.model = "m"})->dropped_params,
            (std::vector<std::string>{"reasoning.effort", "reasoning.visible"}));
}

TEST(OpenAiResponses, Writer_gives_reasoning_back_only_with_what_it_led_to) {
  chat::ChatRequest request;
  const chat::Thinking own{.signature = "E", .issuer = "p/m", .id = "rs_1"};
  request.messages.push_back({.role = chat::Role::assistant, .blocks = {own, chat::Text{"t"}, own}});
  request.messages.push_back({.blocks = {chat::Text{"x"}}});
  const auto sent = dialect->encode_request(request, {.model = "m", .reasoning = true, .issuer = "p/m"});
  ASSERT_TRUE(sent);
  EXPECT_EQ(
      sent->body,
      R"({"model":"m","input":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"E"},{"role":"assistant","content":"t"},)"
      R"({"role":"user","content":"x"}],"store":false,"include":["reasoning.encrypted_content"]})");
  EXPECT_EQ(sent->dropped_params, std::vector<std::string>{"messages.content.thinking"});
}

TEST(OpenAiResponses, Stream_writes_free_text_as_the_input_of_its_tool) {
  EXPECT_EQ(
      decoded(
          {R"({"type":"response.output_item.added","output_index":0,"item":{"type":"custom_tool_call","id":"ctc","call_id":"c","name":"sql","input":""}})",
           R"({"type":"response.custom_tool_call_input.delta","output_index":0,"delta":"a \"q\""})",
           R"({"type":"response.custom_tool_call_input.delta","output_index":0,"delta":"\n"})",
           R"({"type":"response.output_item.done","output_index":0,"item":{"type":"custom_tool_call","call_id":"c","name":"sql","input":"a"}})",
           completed}),
      R"([0c:sql{"input":"a \"q\"\n"}] finish)");
}

TEST(OpenAiResponses, Stream_holds_an_item_back_until_the_one_before_it_is_done) {
  EXPECT_EQ(
      decoded(
          {R"({"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"a","name":"f"}})",
           R"({"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","call_id":"b","name":"g"}})",
           R"({"type":"response.function_call_arguments.delta","output_index":1,"delta":"{1}"})",
           R"({"type":"response.function_call_arguments.delta","output_index":0,"delta":"{0}"})",
           R"({"type":"response.output_item.done","output_index":1,"item":{"type":"function_call"}})",
           R"({"type":"response.output_item.done","output_index":0,"item":{"type":"function_call"}})", completed}),
      "[0a:f{0}][1b:g{1}] finish");
}

TEST(OpenAiResponses, Stream_takes_what_the_deltas_left_out_from_the_whole_item) {
  EXPECT_EQ(
      decoded(
          {R"({"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs","summary":[{"text":"s"}],"encrypted_content":"E"}})",
           R"({"type":"response.output_item.done","output_index":1,"item":{"type":"reasoning","id":"rt","summary":[],"encrypted_content":"F"}})",
           R"({"type":"response.output_item.done","output_index":2,"item":{"type":"reasoning","id":"ru","summary":[]}})",
           R"({"type":"response.output_item.done","output_index":3,"item":{"type":"message","content":[{"type":"output_text","text":"t"}]}})",
           R"({"type":"response.output_item.done","output_index":4,"item":{"type":"function_call","call_id":"c","name":"f","arguments":""}})",
           completed}),
      "[0rs:<s|><|E>][1rrt:<|F>][2:'t'][3c:f{}] finish");
}

TEST(OpenAiResponses, Stream_joins_the_parts_of_a_summary) {
  EXPECT_EQ(
      decoded(
          {R"({"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs","summary":[]}})",
           R"({"type":"response.reasoning_summary_part.added","output_index":0,"summary_index":0})",
           R"({"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"a"})",
           R"({"type":"response.reasoning_summary_part.added","output_index":0,"summary_index":1})",
           R"({"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":1,"delta":"b"})",
           completed}),
      "[0rs:<a|><\n\nb|>] finish");
}

TEST(OpenAiResponses, Stream_that_breaks_is_no_answer) {
  EXPECT_EQ(decoded({R"({"type":"response.created","response":{}})"}), " fault");
  EXPECT_EQ(decoded({"no JSON"}), " fault");
  EXPECT_EQ(decoded({R"({"type":"error","error":{"code":"context_length_exceeded","message":"m"}})"}),
            " error context_length_exceeded");
  EXPECT_EQ(decoded({R"({"type":"error","code":"rate_limit_exceeded","message":"m","param":null})"}),
            " error rate_limit_exceeded");
  EXPECT_EQ(decoded({R"({"type":"response.failed","response":{"error":{"code":"server_error","message":"m"}}})"}),
            " error server_error");
  EXPECT_EQ(
      decoded(
          {R"({"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"a"}})"}),
      " fault")
      << "a call without a name";
}

TEST(OpenAiResponses, Watcher_meters_and_sees_the_end) {
  const auto watcher = dialect->watch_stream(false);
  const auto in_background = dialect->watch_stream(false);
  in_background->see("response.queued", R"({"type":"response.queued","response":{"id":"resp_6"}})");
  EXPECT_EQ(in_background->answer_id(), "resp_6");
  watcher->see("response.created",
               R"({"type":"response.created","response":{"id":"resp_7","model":"gpt","created_at":5}})");
  EXPECT_EQ(watcher->response_model(), "gpt");
  watcher->see("", R"({"output_index":0,"delta":"12345","type":"response.output_text.delta","obfuscation":"abc"})");
  EXPECT_EQ(watcher->output_bytes(), 5U);
  EXPECT_FALSE(watcher->finished());
  EXPECT_TRUE(
      watcher->failure({.kind = ErrorKind::provider_unreachable, .message = "gone"})
          .starts_with("event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"id\":\"resp_7\","))
      << "the failure is of the stream that went by";
  EXPECT_NE(watcher->failure({.message = "gone"}).find("\"sequence_number\":2}"), std::string::npos);
  watcher->see("response.completed", completed);
  EXPECT_TRUE(watcher->finished());
  EXPECT_TRUE(watcher->usage().reported);
}

TEST(OpenAiResponses, Watcher_lets_somebody_else_be_asked_before_the_first_token) {
  constexpr std::string_view failed =
      R"({"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"m"}}})";
  const auto early = dialect->watch_stream(false);
  early->see("response.failed", failed);
  EXPECT_TRUE(early->failed());
  EXPECT_FALSE(early->finished());
  const auto late = dialect->watch_stream(false);
  late->see("response.output_text.delta", R"({"type":"response.output_text.delta","delta":"x"})");
  late->see("response.failed", failed);
  EXPECT_TRUE(late->failed());
  EXPECT_TRUE(late->finished());
}

TEST(OpenAiResponses, Usage_classes_are_disjoint) {
  const auto parsed = json::Document::parse(
      R"({"usage":{"input_tokens":105,"input_tokens_details":{"cached_tokens":90,"cache_write_tokens":5},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":3}}})");
  const chat::Usage usage = dialect->read_usage(*parsed);
  EXPECT_EQ(
      usage,
      (chat::Usage{.input = 10, .cache_read = 90, .cache_write_5m = 5, .output = 4, .reasoning = 3, .reported = true}));
}

TEST(OpenAiResponses, Incomplete_answers_of_a_failed_response_are_errors) {
  const auto decode = [](std::string_view text) { return dialect->decode_response(*json::Document::parse(text)); };
  EXPECT_FALSE(decode(R"({"status":"failed","error":{"code":"invalid_prompt","message":"m"},"output":[]})"));
  EXPECT_EQ(decode(R"({"status":"failed","error":{"code":"invalid_prompt","message":"m"}})").error().retry,
            Retry::never);
  EXPECT_FALSE(decode(R"({"status":"queued","output":[]})"));
  EXPECT_FALSE(decode(R"({"status":"completed"})"));
  EXPECT_TRUE(decode(R"({"output":[]})"));
}

TEST(ResponsesOutline, A_prompt_template_does_not_stand_for_a_model) {
  const std::string body = R"({"prompt":{"id":"pmpt_1","version":"2"}})";
  const Error error = dialect->outline(body, *json::Document::parse(body), {}).error();
  EXPECT_EQ(error.param, "model");
  EXPECT_TRUE(error.message.contains("prompt template")) << error.message;
  EXPECT_TRUE(error.hint.contains("/v1/models")) << error.hint;
  EXPECT_EQ(outline_fault(R"({"model":"m","prompt":{"id":"pmpt_1"}})"), "");
}

TEST(ResponsesRequest, A_model_is_given_the_allowed_tools_alone) {
  const auto with_choice = [](std::string_view choice) {
    return R"({"model":"m","input":"x","tools":[{"type":"function","name":"f"},{"type":"custom","name":"g"}],)"
           R"("tool_choice":)" +
           std::string(choice) + "}";
  };
  const auto request = decoded_request(
      with_choice(R"({"type":"allowed_tools","mode":"required","tools":[{"type":"custom","name":"g"}]})"));
  ASSERT_TRUE(request);
  ASSERT_EQ(request->tools.size(), 1u);
  EXPECT_EQ(request->tools[0].name, "g");
  EXPECT_EQ(request->tool_choice->mode, chat::ToolChoice::Mode::required);
  EXPECT_EQ(decode_fault(with_choice(R"({"type":"allowed_tools","mode":"auto","tools":[{"type":"mcp"}]})")),
            "tool_choice.tools[0]");
}

TEST(InputTokens, Are_asked_for_below_responses) {
  const auto count = make_openai_input_tokens();
  const std::string body = R"({"model":"a","input":"x"})";
  const auto outline = count->outline(body, *json::Document::parse(body), {});
  ASSERT_TRUE(outline);
  EXPECT_EQ(outline->max_output_tokens, 0);
  EXPECT_EQ(count->edit(body, *outline, {.model = "b"}), R"({"model":"b","input":"x"})");
  EXPECT_EQ(count->path("b", false), "/responses/input_tokens");
  EXPECT_EQ(count->encode_count(7), R"({"object":"response.input_tokens","input_tokens":7})");
}

TEST(Compact, Is_a_call_below_responses_whose_usage_and_state_are_read) {
  const auto compact = make_openai_compact();
  const std::string body = R"({"model":"a","input":"x"})";
  const auto outline = compact->outline(body, *json::Document::parse(body), {});
  ASSERT_TRUE(outline);
  EXPECT_EQ(outline->model, "a");
  EXPECT_FALSE(outline->stream);
  EXPECT_EQ(compact->edit(body, *outline, {.model = "b"}), R"({"model":"b","input":"x"})");
  EXPECT_EQ(compact->path("b", false), "/responses/compact");
  const std::string answer =
      R"({"id":"resp_1","object":"response.compaction","output":[{"id":"cmp_1","type":"compaction","encrypted_content":)"
      R"("gAAA"}],"usage":{"input_tokens":139,"input_tokens_details":{"cached_tokens":100},"output_tokens":438,)"
      R"("output_tokens_details":{"reasoning_tokens":64},"total_tokens":577}})";
  const auto parsed = json::Document::parse(answer);
  const chat::Usage usage = compact->read_usage(*parsed);
  EXPECT_EQ(usage.total_input(), 139);
  EXPECT_EQ(usage.cache_read, 100);
  EXPECT_EQ(usage.total_output(), 438);
  EXPECT_EQ(compact->read_states(answer, *parsed), std::vector<std::string>{"gAAA"});
}

TEST(ResponsesRequest, There_is_a_most_of_tools) {
  std::string tools = R"({"type":"namespace","name":"n","tools":[{"name":"f"})";
  for (int i = 0; i < 4'095; ++i) tools += R"(,{"name":"f"})";
  tools += "]}";
  EXPECT_EQ(decode_fault(with_member("\"tools\":[" + tools + "]")), "");
  EXPECT_EQ(decode_fault(with_member("\"tools\":[" + tools + R"(,{"type":"function","name":"f"}])")), "tools");
}

// Looking each up, or each among those noted before, would take 100'000 times 50'000 steps.
TEST(ResponsesRequest, Many_unknown_members_of_a_tool_are_noted_once) {
  std::string members;
  for (int i = 0; i < 100'000; ++i) members += ",\"u" + std::to_string(i) + "\":" + (i % 2 == 0 ? "1" : "false");
  const auto request = decoded_request(
      with_member(R"("tools":[{"type":"function","name":"f","u0":1},{"type":"function","name":"g")" + members + "}]"));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->extras.size(), 50'000);
}

TEST(ResponsesRequest, Refuses_what_is_there_twice) {
  EXPECT_EQ(decode_fault(with_member(R"("temperature":0.1,"temperature":0.9)")), "temperature");
  EXPECT_EQ(decode_fault(with_member(R"("text":{"verbosity":"low","verbosity":"high"})")), "text.verbosity");
  EXPECT_EQ(decode_fault(with_item(R"({"role":"user","content":"x","content":"y"})")), "input[0].content");
  EXPECT_EQ(decode_fault(with_member(R"("tools":[{"type":"function","name":"f","name":"g"}])")), "tools[0].name");
}

TEST(ResponsesRequest, Names_every_member_that_has_no_place) {
  EXPECT_EQ(extras_of(R"({"model":"m","input":[{"role":"user","content":[)"
                      R"({"type":"input_image","image_url":"https://x.example/a.png","x1":1},)"
                      R"({"type":"input_file","file_data":"AA==","detail":"high"}]},)"
                      R"({"type":"reasoning","id":"r","summary":[],"x2":1},)"
                      R"({"type":"function_call","call_id":"c","name":"f","caller":{"type":"program"}},)"
                      R"({"role":"user","content":"x"}],"stream_options":{"include_obfuscation":true},)"
                      R"("tools":[{"type":"namespace","name":"n","description":"d","tools":[{"name":"f"}]}],)"
                      R"("tool_choice":{"type":"function","name":"f","namespace":"n","x3":1}})"),
            "stream_options.include_obfuscation tools.namespace.description tool_choice.x3 input.content.x1 "
            "input.content.detail input.x2 input.caller");
}

TEST(ResponsesRequest, A_tool_that_must_be_called_must_be_there) {
  EXPECT_EQ(decode_fault(with_member(R"("tool_choice":"required")")), "tool_choice");
  EXPECT_EQ(decode_fault(with_member(R"("tool_choice":{"type":"function","name":"f"})")), "tool_choice");
  EXPECT_EQ(decode_fault(with_member(R"("tool_choice":"none")")), "");
}

TEST(ResponsesRequest, A_file_is_at_its_address_or_in_the_request) {
  const std::string address = R"("file_url":"https://x.example/a.pdf")";
  EXPECT_EQ(decode_fault(
                with_item(R"({"role":"user","content":[{"type":"input_file","file_data":"AA==",)" + address + "}]}")),
            "input[0].content[0].file_data");
  chat::ChatRequest request;
  request.messages.push_back({.blocks = {chat::Document{.url = "https://x.example/a.pdf", .name = "a.pdf"}}});
  const auto sent = dialect->encode_request(request, {.model = "m"});
  ASSERT_TRUE(sent);
  EXPECT_TRUE(sent->body.contains(R"({"type":"input_file",)" + address + R"(,"filename":"a.pdf"})")) << sent->body;
}

TEST(ResponsesRequest, Calls_with_a_system_message_between_them_are_one_turn) {
  const auto request = decoded_request(
      R"({"model":"m","input":[{"role":"user","content":"a"},{"type":"function_call","call_id":"1","name":"f","arguments":"{}"},)"
      R"({"role":"developer","content":"s"},{"type":"function_call","call_id":"2","name":"f","arguments":"{}"},)"
      R"({"type":"function_call_output","call_id":"1","output":"x"},{"type":"function_call_output","call_id":"2","output":"y"}]})");
  ASSERT_TRUE(request);
  ASSERT_EQ(request->messages.size(), 4U);
  EXPECT_EQ(request->messages[1].role, chat::Role::assistant);
  EXPECT_EQ(request->messages[1].blocks.size(), 2U);
  EXPECT_EQ(request->messages[2].role, chat::Role::system);
  EXPECT_TRUE(request->messages[2].developer);
  EXPECT_EQ(request->messages[3].blocks.size(), 2U);
  EXPECT_EQ(request->extras.size(), 1U);
  EXPECT_EQ(request->extras[0].first, "input.role");
  const auto texts = decoded_request(
      R"({"model":"m","input":[{"role":"assistant","content":"a"},{"role":"system","content":"s"},{"role":"assistant","content":"b"}]})");
  ASSERT_TRUE(texts);
  EXPECT_EQ(texts->messages.size(), 3U) << "nothing waits for a result";
  EXPECT_TRUE(texts->extras.empty());
}

TEST(OpenAiResponses, A_model_that_thinks_is_not_told_how_to_sample) {
  const chat::ChatRequest request{.messages = {{chat::Role::user, {chat::Text{"x"}}}}, .temperature = 0.5, .top_p = 1};
  const auto sent = dialect->encode_request(request, {.model = "m", .takes = {.sampling = chat::Sampling::refused}});
  EXPECT_FALSE(sent->body.contains("temperature") || sent->body.contains("top_p")) << sent->body;
  EXPECT_EQ(sent->dropped_params, (std::vector<std::string>{"temperature", "top_p"}));
  EXPECT_TRUE(dialect->encode_request(request, {.model = "m"})->body.contains("temperature"));
}

TEST(OpenAiResponses, A_model_is_told_the_nearest_of_the_efforts_that_it_knows) {
  using enum chat::Effort;
  chat::ChatRequest request{.messages = {{chat::Role::user, {chat::Text{"x"}}}},
                            .reasoning = chat::Reasoning{.effort = minimal}};
  const EncodeOptions options{.model = "m", .reasoning = true, .takes = {.efforts = {low, high}}};
  const auto sent = dialect->encode_request(request, options);
  EXPECT_TRUE(sent->body.contains(R"("reasoning":{"effort":"low"})")) << sent->body;
  EXPECT_EQ(sent->dropped_params, std::vector<std::string>{"reasoning.effort"});
  request.reasoning->effort = high;
  EXPECT_TRUE(dialect->encode_request(request, options)->dropped_params.empty());
}

TEST(OpenAiResponses, Writer_names_a_budget_beside_an_effort) {
  chat::ChatRequest request;
  request.messages.push_back({.blocks = {chat::Text{"x"}}});
  request.reasoning = chat::Reasoning{.effort = chat::Reasoning::Effort::low, .budget = 2000};
  const auto sent = dialect->encode_request(request, {.model = "m", .reasoning = true});
  EXPECT_EQ(sent.value().dropped_params, std::vector<std::string>{"reasoning.budget"});
}

}  // namespace
}  // namespace sluice::dialects
