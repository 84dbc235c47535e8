#include "dialects/gemini/gemini.h"

#include <gtest/gtest.h>

#include "dialects/embedding.h"
#include "dialects/gemini/message.h"
#include "dialects/gemini/parts.h"
#include "dialects/gemini/streamed_arguments.h"

namespace sluice::dialects {
namespace {

const std::unique_ptr<Dialect> dialect = make_gemini();

json::Document parse(std::string_view text) { return *json::Document::parse(text); }

std::string outline_fault(std::string_view body) {
  const auto outline = dialect->outline(body, parse(body), {.model = "m"});
  return outline ? "" : outline.error().param;
}

std::string decode_fault(std::string_view body) {
  const auto request = dialect->decode_request(parse(body), {.model = "m"});
  return request ? "" : request.error().param;
}

// A user's content with these parts and then, of the model, those.
std::string talk(std::string_view user, std::string_view model = "") {
  std::string body = R"({"contents":[{"role":"user","parts":[)" + std::string(user) + "]}";
  if (!model.empty()) body += R"(,{"role":"model","parts":[)" + std::string(model) + "]}";
  return body + "]}";
}

std::string lost_in(std::string_view body) {
  const auto request = dialect->decode_request(parse(body), {.model = "m"});
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
    else if (const auto* thinking = std::get_if<chat::ThinkingDelta>(&event))
      out += "(" + thinking->text + "|" + thinking->signature + ")";
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

std::string part(std::string_view members, std::string_view finish = "") {
  std::string chunk = R"({"candidates":[{"content":{"parts":[{)" + std::string(members) + "}]}";
  if (!finish.empty()) chunk += R"(,"finishReason":")" + std::string(finish) + '"';
  return chunk + R"(}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1}})";
}

TEST(Gemini, Outline_takes_the_model_and_the_stream_from_the_path) {
  const std::string body =
      R"({"contents":[{"parts":[{"text":"x"},{"inline_data":{"mime_type":"image/png","data":"abcd"}}]}],)"
      R"("tools":[{"functionDeclarations":[]}],"generation_config":{"max_output_tokens":"7","candidateCount":2}})";
  const auto outline =
      dialect->outline(body, parse(body), {.model = "google/gemini-3-pro", .stream = true, .json_array = true});
  ASSERT_TRUE(outline);
  EXPECT_EQ(outline->model, "google/gemini-3-pro");
  EXPECT_TRUE(outline->stream && outline->json_array && outline->has_tools && outline->wants_stream_usage);
  EXPECT_EQ(outline->max_output_tokens, 7);
  EXPECT_EQ(outline->choices, 2);
  EXPECT_EQ(outline->images, 1);
  EXPECT_EQ(outline->image_bytes, 4u);
  EXPECT_EQ(outline->model_end, 0u);
  EXPECT_EQ(dialect->edit(body, *outline, {.model = "other", .ask_for_stream_usage = true}), body);
}

// The API takes a single message for a repeated field.
TEST(Gemini, One_message_stands_for_an_array_of_it) {
  const std::string_view body =
      R"({"contents":{"role":"user","parts":{"inlineData":{"mimeType":"image/png","data":"abcd"}}},)"
      R"("system_instruction":{"parts":{"text":"s"}},"tools":{"functionDeclarations":{"name":"f"}},)"
      R"("safetySettings":{"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_NONE"}})";
  const auto outline = dialect->outline(body, parse(body), {.model = "m"});
  ASSERT_TRUE(outline);
  EXPECT_TRUE(outline->has_tools);
  EXPECT_EQ(outline->images, 1);
  EXPECT_EQ(dialect->edit(body, *outline, {.model = "m"}), body);
  const auto request = dialect->decode_request(parse(body), {.model = "m"});
  ASSERT_TRUE(request);
  ASSERT_EQ(request->messages.size(), 1);
  EXPECT_EQ(std::get<chat::Image>(request->messages[0].blocks.at(0)).base64, "abcd");
  EXPECT_EQ(request->system.at(0).text, "s");
  EXPECT_EQ(request->tools.at(0).name, "f");
  EXPECT_EQ(request->extras.at(0).first, "safetySettings");

  EXPECT_EQ(decode_fault(R"({"contents":{"parts":{"text":7}}})"), "contents[0].parts[0].text");
  EXPECT_EQ(decode_fault(R"({"contents":{"parts":"x"}})"), "contents[0].parts");
  const std::string_view counted = R"({"contents":{"parts":{"text":"hi"}}})";
  EXPECT_TRUE(make_gemini_count_tokens()->outline(counted, parse(counted), {.model = "m"}));
  const std::string_view embedded = R"({"content":{"parts":{"text":"hi"}}})";
  const auto texts = make_gemini_embed()->embeddings()->decode_request(parse(embedded));
  ASSERT_TRUE(texts);
  EXPECT_EQ(texts->inputs, std::vector<std::string>{"hi"});
}

TEST(Gemini, Edit_takes_sealed_signatures_out_whatever_else_is_in_their_text) {
  const auto edited = [](const std::string& members) {
    const std::string body = R"({"contents":[{"parts":[{)" + members + "}]}]}";
    const std::string out = dialect->edit(body, *dialect->outline(body, parse(body), {}), {.model = "m"});
    return std::string(parse(out).root()["contents"].at(0)["parts"].at(0).text());
  };
  const std::string gone = R"({"thoughtSignature":"skip_thought_signature_validator","text":"x"})";
  EXPECT_EQ(edited(R"("thoughtSignature" : "c2x1aWNlLXNlYWxlZDoxOmFy","text":"x")"), gone);
  EXPECT_EQ(edited(R"("thoughtSignature":"c2x1aWNlLXNlYWxlZDoxOm\"\\","text":"x")"), gone);
  EXPECT_EQ(edited(R"("text":"c2x1aWNlLXNlYWxlZDoxOmFy")"), R"({"text":"c2x1aWNlLXNlYWxlZDoxOmFy"})");
  EXPECT_EQ(edited(R"("thoughtSignature":"R29vZ2xl")"), R"({"thoughtSignature":"R29vZ2xl"})");
}

TEST(Gemini, Outline_names_the_field_that_is_wrong) {
  EXPECT_EQ(outline_fault("{}"), "contents");
  EXPECT_EQ(outline_fault(R"({"contents":[]})"), "contents");
  EXPECT_EQ(outline_fault(R"({"contents":[7]})"), "contents[0]");
  EXPECT_EQ(outline_fault(R"({"contents":[{}],"tools":7})"), "tools");
  EXPECT_EQ(outline_fault(R"({"contents":[{}],"generationConfig":{"maxOutputTokens":0}})"),
            "generationConfig.maxOutputTokens");
  EXPECT_EQ(outline_fault(R"({"contents":[{}],"generationConfig":{"maxOutputTokens":"many"}})"),
            "generationConfig.maxOutputTokens");
  EXPECT_EQ(outline_fault(R"({"contents":[{}],"generationConfig":{"candidateCount":9}})"),
            "generationConfig.candidateCount");
  EXPECT_EQ(outline_fault(R"({"contents":[{}],"generationConfig":{"candidateCount":1,"candidate_count":8}})"),
            "candidate_count");
  EXPECT_EQ(outline_fault(R"({"contents":[{}],"generationConfig":{},"generation_config":{}})"), "generation_config");
  EXPECT_EQ(outline_fault(R"({"contents":[{}]})"), "");
}

TEST(Gemini, Decode_names_the_field_that_is_wrong) {
  EXPECT_EQ(decode_fault(R"({"contents":[{"role":"robot","parts":[{"text":"x"}]}]})"), "contents[0].role");
  EXPECT_EQ(decode_fault(R"({"contents":[{"parts":[]}]})"), "contents[0].parts");
  EXPECT_EQ(decode_fault(talk(R"({"text":7})")), "contents[0].parts[0].text");
  EXPECT_EQ(decode_fault(talk(R"({"functionCall":{"name":"f"}})")), "contents[0].parts[0].functionCall");
  EXPECT_EQ(decode_fault(talk(R"({"text":"x"})", R"({"functionCall":{}})")), "contents[1].parts[0].functionCall.name");
  EXPECT_EQ(decode_fault(talk(R"({"text":"x"})", R"({"executableCode":{}})")), "contents[1].parts[0].executableCode");
  EXPECT_EQ(decode_fault(talk(R"({"inlineData":{"mimeType":"model/stl","data":"AA=="}})")),
            "contents[0].parts[0].inlineData.mimeType");
  EXPECT_EQ(decode_fault(talk(R"({"inline_data":{"mime_type":"text/plain","data":"%"}})")),
            "contents[0].parts[0].inline_data.data");
  EXPECT_EQ(decode_fault(talk(R"({"fileData":{"mimeType":"video/mp4","fileUri":"https://youtu.be/x"}})")),
            "contents[0].parts[0].fileData.mimeType");
  EXPECT_EQ(decode_fault(talk(R"({"fileData":{"fileUri":"gs://bucket/x.png"}})")),
            "contents[0].parts[0].fileData.fileUri");
  EXPECT_EQ(
      decode_fault(R"({"contents":[{"parts":[{"text":"x"}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY",)"
                   R"("allowedFunctionNames":["f"]}}})"),
      "toolConfig.functionCallingConfig.allowedFunctionNames[0]");
  for (const char* tool : {"googleSearch", "codeExecution", "urlContext", "computerUse", "fileSearch", "googleMaps"})
    EXPECT_EQ(decode_fault(R"({"contents":[{"parts":[{"text":"x"}]}],"tools":[{")" + std::string(tool) + R"(":{}}]})"),
              "tools[0]." + std::string(tool));
  EXPECT_EQ(decode_fault(R"({"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"thinkingConfig":{)"
                         R"("thinkingLevel":"DEEP"}}})"),
            "generationConfig.thinkingConfig.thinkingLevel");
}

TEST(Gemini, Thinking_settings_are_read) {
  const auto reasoning = [](std::string_view config) {
    const std::string body =
        R"({"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"thinkingConfig":)" + std::string(config) + "}}";
    return dialect->decode_request(parse(body), {}).value().reasoning.value();
  };
  EXPECT_TRUE(reasoning(R"({"thinkingBudget":-1})").adaptive);
  EXPECT_EQ(reasoning(R"({"thinkingBudget":0})").effort, chat::Reasoning::Effort::none);
  EXPECT_EQ(reasoning(R"({"thinkingBudget":512})").budget, 512);
  EXPECT_EQ(reasoning(R"({"thinkingLevel":"MINIMAL"})").effort, chat::Reasoning::Effort::minimal);
  EXPECT_EQ(reasoning(R"({"includeThoughts":true})").visible, true);
}

TEST(Gemini, Thinking_settings_are_written_as_the_generation_knows_them) {
  const auto config = [](std::string_view model, chat::Reasoning reasoning) {
    chat::ChatRequest request;
    request.messages.push_back({.blocks = {chat::Text{"x"}}});
    request.reasoning = reasoning;
    const auto sent = dialect->encode_request(request, {.model = model, .reasoning = true});
    return parse(sent.value().body).root()["generationConfig"]["thinkingConfig"].text();
  };
  using Effort = chat::Reasoning::Effort;
  EXPECT_EQ(config("gemini-3-pro", {.effort = Effort::medium}), R"({"thinkingLevel":"MEDIUM"})");
  EXPECT_EQ(config("gemini-3-pro", {.effort = Effort::none}), R"({"thinkingLevel":"MINIMAL"})");
  EXPECT_EQ(config("gemini-3-pro", {.budget = 2000}), R"({"includeThoughts":true,"thinkingBudget":2000})");
  EXPECT_EQ(config("gemini-3-pro", {.budget = 2000, .visible = false}), R"({"thinkingBudget":2000})");
  EXPECT_EQ(config("gemini-2.5-flash", {.effort = Effort::none}), R"({"thinkingBudget":0})");
  EXPECT_EQ(config("models/gemini-2.5-pro", {.effort = Effort::max}), R"({"thinkingBudget":24576})");
  EXPECT_EQ(config("gemini-2.5-pro", {.adaptive = true}), R"({"includeThoughts":true,"thinkingBudget":-1})");
}

TEST(Gemini, A_call_without_its_signature_says_so_to_models_that_check_it) {
  chat::ChatRequest request;
  request.messages.push_back({.blocks = {chat::Text{"x"}}});
  request.messages.push_back(
      {.role = chat::Role::assistant, .blocks = {chat::ToolCall{"a", "f", "{}"}, chat::ToolCall{"b", "f", "{}"}}});
  const auto parts = [&](std::string_view model, bool reasoning) {
    const auto sent = dialect->encode_request(request, {.model = model, .reasoning = reasoning});
    std::string out;
    for (const json::Value& each : parse(sent.value().body).root()["contents"].at(1)["parts"].elements())
      out += each["thoughtSignature"].exists() ? "s" : "-";
    return out;
  };
  EXPECT_EQ(parts("gemini-3-flash", true), "s-");
  EXPECT_EQ(parts("gemini-3-flash", false), "--");
  EXPECT_EQ(parts("gemini-2.5-flash", true), "--");
}

// What earlier turns were sent as stays the same when the conversation goes on: a prompt cache needs that.
TEST(Gemini, Earlier_turns_are_sent_in_the_same_bytes) {
  chat::ChatRequest request;
  std::string before;
  for (int turn = 0; turn < 20; ++turn) {
    const std::string id = "call_" + std::to_string(turn);
    request.messages.push_back({.blocks = {chat::Text{"turn " + std::to_string(turn)}}});
    const std::string body = dialect->encode_request(request, {.model = "gemini-3-pro", .reasoning = true})->body;
    const std::string contents = body.substr(0, body.find("]}],\"generationConfig\""));
    EXPECT_TRUE(contents.starts_with(before)) << turn;
    before = contents;
    request.messages.push_back({.role = chat::Role::assistant, .blocks = {chat::ToolCall{id, "f", "{}"}}});
    request.messages.push_back({.blocks = {chat::ToolResult{.call_id = id, .content = {chat::Text{"ok"}}}}});
    request.messages.push_back({.role = chat::Role::assistant, .blocks = {chat::Text{"done"}}});
  }
}

TEST(Gemini, A_stream_keeps_texts_whole_and_gives_calls_ids) {
  const std::string end = part(R"("text":"")", "STOP");
  EXPECT_EQ(decoded({part(R"("text":"a")"), part(R"("text":"b","thoughtSignature":"cw==")"), end}),
            "[:'a''b'][:(|cw==)] finish");
  EXPECT_EQ(decoded({part(R"("text":"a","thoughtSignature":"cw==")"), part(R"("text":"b")"), end}),
            "[:(|cw==)][:'a''b'] finish");
  EXPECT_EQ(decoded({part(R"("text":"t","thought":true)"),
                     part(R"("text":"","thought":true,"thoughtSignature":"cw==")"), part(R"("text":"a")"), end}),
            "[:(t|)(|cw==)][:'a'] finish");
  EXPECT_EQ(decoded({part(R"("functionCall":{"name":"f"})"), part(R"("functionCall":{"id":"x","name":"f"})"), end}),
            "[:f{}][x:f{}] finish");
}

TEST(Gemini, A_broken_stream_is_a_fault) {
  EXPECT_EQ(decoded({part(R"("text":"a")")}), "[:'a' fault");
  EXPECT_EQ(decoded({}), " fault");
  EXPECT_EQ(decoded({"[1]"}), " fault");
  EXPECT_EQ(decoded({"{"}), " fault");
  EXPECT_EQ(decoded({part(R"("functionCall":{"args":{}})")}), " fault");
  EXPECT_EQ(decoded({part("", "MALFORMED_FUNCTION_CALL")}), " fault");
  EXPECT_EQ(decoded({R"([{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}])"}),
            " error overloaded");
}

TEST(Gemini, The_watcher_counts_what_was_written_and_reads_the_last_counts) {
  const auto watcher = dialect->watch_stream(false);
  watcher->see("", R"({"candidates":[{"content":{"parts":[{"text":"abc"}]}}],"usageMetadata":{"promptTokenCount":9},)"
                   R"("modelVersion":"gemini-3-pro"})");
  EXPECT_EQ(watcher->output_bytes(), 3u);
  EXPECT_EQ(watcher->usage().input, 9);
  EXPECT_FALSE(watcher->usage().reported);
  EXPECT_EQ(watcher->response_model(), "gemini-3-pro");
  watcher->see("", part(R"("functionCall":{"name":"f","args":{"finishReason":"STOP"}})"));
  EXPECT_FALSE(watcher->complete());
  EXPECT_GT(watcher->output_bytes(), 20u);
  watcher->see("", part(R"("text":"")", "STOP"));
  EXPECT_TRUE(watcher->complete());
  EXPECT_FALSE(watcher->finished());  // another candidate may still write
  EXPECT_EQ(watcher->usage().output, 1);
  EXPECT_TRUE(watcher->usage().reported);
  EXPECT_EQ(watcher->end_marker(), "");
  EXPECT_FALSE(watcher->failed());
  watcher->see("", R"({"error":{"code":500}})");
  EXPECT_TRUE(watcher->failed());
}

TEST(Gemini, Decode_names_what_it_cannot_keep_wherever_it_stands) {
  EXPECT_EQ(lost_in(talk(R"({"inlineData":{"mimeType":"image/png","data":"AA==","displayName":"n","a":1}})")),
            "contents.parts.inlineData.displayName contents.parts.inlineData.a");
  EXPECT_EQ(lost_in(talk(R"({"inlineData":{"mimeType":"application/pdf","data":"AA==","displayName":"n"}})")), "");
  EXPECT_EQ(lost_in(talk(R"({"fileData":{"mimeType":"image/png","fileUri":"https://x.example/a.png","a":1}})")),
            "contents.parts.fileData.a");
  EXPECT_EQ(lost_in(talk(R"({"text":"x","thought":true,"thoughtSignature":"AA=="})")),
            "contents.parts.thought contents.parts.thoughtSignature");
  EXPECT_EQ(lost_in(talk(R"({"text":"x"})", R"({"text":"y","thought":true,"thoughtSignature":"AA=="})")), "");
  EXPECT_EQ(lost_in(R"({"systemInstruction":{"role":"system","a":1,"parts":[{"text":"s","b":2}]},)"
                    R"("contents":[{"role":"user","parts":[{"text":"x"}],"c":3}],"generationConfig":{"logprobs":3}})"),
            "generationConfig.logprobs systemInstruction.parts.b systemInstruction.a contents.c");
}

TEST(Gemini, A_tier_goes_to_who_knows_it_in_its_words) {
  const std::vector<std::string> tiers = {"flex", "standard", "priority"};
  for (const auto& [asked, member] :
       std::initializer_list<std::pair<std::string, std::string>>{{"flex", R"("serviceTier":"flex")"},
                                                                  {"standard_only", R"("serviceTier":"standard")"},
                                                                  {"default", R"("serviceTier":"standard")"},
                                                                  {"scale", ""}}) {
    chat::ChatRequest request;
    request.messages.push_back({.role = chat::Role::user, .blocks = {chat::Text{.text = "hi"}}});
    request.service_tier = asked;
    const auto sent = dialect->encode_request(request, {.model = "m", .service_tiers = tiers});
    ASSERT_TRUE(sent) << asked;
    EXPECT_TRUE(member.empty() ? !sent->body.contains("ier\":") : sent->body.contains(member)) << sent->body;
    EXPECT_EQ(sent->dropped_params,
              member.empty() ? std::vector<std::string>{"service_tier"} : std::vector<std::string>())
        << asked;
    EXPECT_EQ(dialect->encode_request(request, {.model = "m"})->dropped_params,
              std::vector<std::string>{"service_tier"});
  }
}

TEST(Gemini, A_schemas_properties_have_the_order_that_it_asks_for) {
  const auto schema =
      parse(R"({"type":"OBJECT","properties":{"a":{},"b":{},"c":{}},"property_ordering":["c","gone","a","c"]})");
  EXPECT_EQ(gemini::json_schema(schema.root(), false), R"({"type":"object","properties":{"c":{},"a":{},"b":{}}})");
}

TEST(Gemini, The_path_names_the_model) {
  EXPECT_EQ(dialect->path("gemini-3-pro", false), "/models/gemini-3-pro:generateContent");
  EXPECT_EQ(dialect->path("models/gemini-3-pro", true), "/models/gemini-3-pro:streamGenerateContent?alt=sse");
  EXPECT_EQ(dialect->path("tunedModels/mine", false), "/tunedModels/mine:generateContent");
  EXPECT_EQ(dialect->path("a/b:c d?", false), "/models/a%2Fb%3Ac%20d%3F:generateContent");
}

TEST(Gemini, Errors_have_the_status_of_their_code) {
  const auto answer = [](const Error& error) {
    const ErrorBody body = dialect->encode_error(error, "");
    return std::to_string(body.status) + " " + std::string(parse(body.body).root()["error"]["status"].string().value());
  };
  EXPECT_EQ(answer({.kind = ErrorKind::invalid_request}), "400 INVALID_ARGUMENT");
  EXPECT_EQ(answer({.kind = ErrorKind::unauthenticated}), "401 UNAUTHENTICATED");
  EXPECT_EQ(answer({.kind = ErrorKind::forbidden}), "403 PERMISSION_DENIED");
  EXPECT_EQ(answer({.kind = ErrorKind::not_found}), "404 NOT_FOUND");
  EXPECT_EQ(answer({.kind = ErrorKind::request_too_large}), "413 INVALID_ARGUMENT");
  EXPECT_EQ(answer({.kind = ErrorKind::budget_exceeded}), "429 RESOURCE_EXHAUSTED");
  EXPECT_EQ(answer({.kind = ErrorKind::internal}), "500 INTERNAL");
  EXPECT_EQ(answer({.kind = ErrorKind::provider_unreachable}), "502 UNAVAILABLE");
  EXPECT_EQ(answer({.kind = ErrorKind::overloaded}), "503 UNAVAILABLE");
  EXPECT_EQ(answer({.kind = ErrorKind::provider_timeout}), "504 DEADLINE_EXCEEDED");
}

TEST(Gemini, Base64_goes_both_ways_in_both_alphabets) {
  for (const std::string bytes : {"", "a", "ab", "abc", "\xfb\xff\xfe?"}) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
  }
  EXPECT_EQ(to_base64("\xfb\xff"), "+/8=");
  EXPECT_EQ(from_base64("-_8"), "\xfb\xff");
  EXPECT_EQ(standard_base64("-_8"), "+/8=");
  EXPECT_EQ(from_base64("a"), std::nullopt);
  EXPECT_EQ(from_base64("a b="), std::nullopt);
}

TEST(Gemini, Arguments_in_pieces_come_together) {
  const auto assembled = [](const std::vector<std::string_view>& pieces) -> std::string {
    gemini::StreamedArguments arguments;
    for (const std::string_view piece : pieces)
      if (!arguments.add(parse(piece).root())) return "fault";
    return arguments.text();
  };
  EXPECT_EQ(assembled({}), "{}");
  EXPECT_EQ(
      assembled({R"({"jsonPath":"$.a[1].b","stringValue":"x"})", R"({"jsonPath":"$.a[1].b","stringValue":"y"})",
                 R"({"jsonPath":"$['c.d']","numberValue":1e2})", R"({"jsonPath":"$.n","nullValue":"NULL_VALUE"})"}),
      R"({"a":[null,{"b":"xy"}],"c.d":100,"n":null})");
  EXPECT_EQ(assembled({R"({"jsonPath":"$[0]","stringValue":"x"})"}), "fault");
  EXPECT_EQ(assembled({R"({"jsonPath":"$","stringValue":"x"})"}), "fault");
  EXPECT_EQ(assembled({R"({"jsonPath":"$.a[","stringValue":"x"})"}), "fault");
  EXPECT_EQ(assembled({R"({"jsonPath":"$.a[99999999]","stringValue":"x"})"}), "fault");
  EXPECT_EQ(assembled({R"({"jsonPath":"$.a","stringValue":"x"})", R"({"jsonPath":"$.a.b","stringValue":"x"})"}),
            "fault");
}

TEST(Gemini, Places_in_bytes_and_in_characters) {
  chat::Citation citation{.begin = 9, .end = 15};
  gemini::bytes_to_characters(citation, "Größe: 1.4 m.");
  EXPECT_EQ(citation.begin, 7);
  EXPECT_EQ(citation.end, 13);
  gemini::characters_to_bytes(citation, "Größe: 1.4 m.");
  EXPECT_EQ(citation.begin, 9);
  EXPECT_EQ(citation.end, 15);
  citation.end = 99;
  gemini::bytes_to_characters(citation, "short");
  EXPECT_EQ(citation.begin, -1);
}

TEST(Embeddings, Name_the_providers_model_wherever_the_body_does) {
  const auto call = make_gemini_batch_embed();
  const std::string body =
      R"({"requests":[ {"model":"models/a","content":{}}, {"content":{},"model":"a"}],"model":"a"})";
  const auto outline = call->outline(body, *json::Document::parse(body), {.model = "a"});
  ASSERT_TRUE(outline);
  EXPECT_EQ(outline->max_output_tokens, 0);
  EXPECT_EQ(
      call->edit(body, *outline, {.model = "b"}),
      R"({"requests":[ {"model":"models/b","content":{}}, {"content":{},"model":"models/b"}],"model":"models/b"})");
  EXPECT_EQ(call->path("b", false), "/models/b:batchEmbedContents");
  EXPECT_EQ(make_gemini_embed()->path("b", false), "/models/b:embedContent");
  for (const char* wrong : {R"({"requests":[]})", R"({"requests":[7]})", R"({})"})
    EXPECT_EQ(call->outline(wrong, *json::Document::parse(wrong), {}).error().param.substr(0, 8), "requests") << wrong;
}

TEST(Embeddings, Are_read_and_written) {
  const EmbeddingCall& one = *make_gemini_embed()->embeddings();
  const auto request = one.decode_request(
      *json::Document::parse(R"({"content":{"parts":[{"text":"a"},{"text":"b"}]},"output_dimensionality":"7"})"));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->inputs, std::vector<std::string>{"a\nb"});
  EXPECT_EQ(request->dimensions, 7);
  EXPECT_FALSE(one.decode_request(*json::Document::parse(
      R"({"content":{"parts":[{"text":"a","inlineData":{"mimeType":"image/png","data":"AA=="}}]}})")));
  const auto answer = one.decode_response(*json::Document::parse(R"({"embeddings":[{"values":[0.1,-1e-7,2]}]})"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(one.encode_response(*answer, *request, "m"), R"({"embedding":{"values":[0.1,-1e-07,2]}})");
  for (const char* wrong : {R"({"embeddings":[{"values":[]}]})", R"({"embeddings":[{"values":["a"]}]})",
                            R"({"embeddings":[{"values":[1e99]}]})"})
    EXPECT_FALSE(one.decode_response(*json::Document::parse(wrong))) << wrong;
}

TEST(CountTokens, Reads_a_prompt_or_a_whole_request) {
  const auto count = make_gemini_count_tokens();
  EXPECT_EQ(count->path("m", false), "/models/m:countTokens");
  EXPECT_EQ(count->encode_count(7), R"({"totalTokens":7})");
  for (const auto& [body, sent] :
       {std::pair{R"({"contents":[{"parts":[{"text":"x"}]}]})", R"({"contents":[{"parts":[{"text":"x"}]}]})"},
        std::pair{R"({"generateContentRequest": {"model":"models/a","contents":[{}]}})",
                  R"({"generateContentRequest": {"model":"models/b","contents":[{}]}})"}}) {
    const auto outline = count->outline(body, *json::Document::parse(body), {.model = "a"});
    ASSERT_TRUE(outline) << body;
    EXPECT_EQ(outline->model, "a");
    EXPECT_EQ(outline->max_output_tokens, 0);
    EXPECT_EQ(count->edit(body, *outline, {.model = "b"}), sent);
  }
  const std::string wrong = R"({"generateContentRequest":7})";
  EXPECT_FALSE(count->outline(wrong, *json::Document::parse(wrong), {}));
}

TEST(Gemini, Many_responses_find_their_calls) {
  constexpr int count = 10'000;
  std::string calls;
  std::string responses;
  for (int i = 0; i < count; ++i) {
    const std::string comma = i == 0 ? "" : ",";
    calls += comma + R"({"functionCall":{"name":"f)" + std::to_string(i) + "\"}}";
    responses += comma + R"({"functionResponse":{"name":"f)" + std::to_string(count - 1 - i) + R"(","response":{}}})";
  }
  const std::string body = R"({"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[)" + calls +
                           R"(]},{"role":"user","parts":[)" + responses + "]}]}";
  const auto request = dialect->decode_request(parse(body), {.model = "m"});
  ASSERT_TRUE(request);
  EXPECT_EQ(std::get<chat::ToolResult>(request->messages[2].blocks[0]).call_id, "call_1_" + std::to_string(count - 1));
}

TEST(Gemini, A_response_is_the_first_calls_that_waits_for_one) {
  const auto request = dialect->decode_request(
      parse(
          R"({"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","id":"a"}},{"functionCall":{"name":"f"}},)"
          R"({"functionCall":{"name":"g"}},{"functionCall":{"name":"f","id":"a"}}]},{"role":"user","parts":[)"
          R"({"functionResponse":{"name":"f","id":"a","response":{}}},{"functionResponse":{"name":"f","response":{}}},)"
          R"({"functionResponse":{"name":"g","response":{}}},{"functionResponse":{"name":"f","response":{}}}]}]})"),
      {.model = "m"});
  ASSERT_TRUE(request);
  std::string ids;
  for (const chat::Block& block : request->messages[1].blocks) ids += std::get<chat::ToolResult>(block).call_id + " ";
  EXPECT_EQ(ids, "a call_0_1 call_0_2 a ");
  EXPECT_EQ(
      decode_fault(
          R"({"contents":[{"role":"model","parts":[{"functionCall":{"name":"f"}}]},{"role":"user","parts":[)"
          R"({"functionResponse":{"name":"f","response":{}}},{"functionResponse":{"name":"f","response":{}}}]}]})"),
      "contents[1].parts[1].functionResponse.name");
}

TEST(Gemini, There_is_a_most_of_functions) {
  std::string functions = R"({"name":"f"})";
  for (int i = 0; i < 4'096; ++i) functions += R"(,{"name":"f"})";
  EXPECT_EQ(
      decode_fault(R"({"contents":[{"parts":[{"text":"x"}]}],"tools":[{"functionDeclarations":[)" + functions + "]}]}"),
      "tools");
}

TEST(Gemini, Decode_refuses_what_is_there_twice_in_either_spelling) {
  const auto with = [](std::string_view members) {
    return R"({"contents":[{"parts":[{"text":"x"}]}],)" + std::string(members) + "}";
  };
  EXPECT_EQ(decode_fault(with(R"("generationConfig":{"topP":0.1,"topP":0.2})")), "generationConfig.topP");
  EXPECT_EQ(decode_fault(with(R"("generationConfig":{"topP":0.1,"top_p":0.2})")), "generationConfig.top_p");
  EXPECT_EQ(decode_fault(with(R"("safetySettings":[],"safety_settings":[])")), "safety_settings");
  EXPECT_EQ(decode_fault(R"({"contents":[{"parts":[{"text":"x","text":"y"}]}]})"), "contents[0].parts[0].text");
  EXPECT_EQ(decode_fault(with(R"("generation_config":{"top_p":0.1})")), "");
  // Between two of the same API it is theirs to judge.
  EXPECT_EQ(outline_fault(with(R"("generationConfig":{"topP":0.1,"topP":0.2})")), "");
}

TEST(Gemini, Decode_refuses_what_excludes_each_other) {
  const std::string call = R"("functionCall":{"name":"f"})";
  EXPECT_EQ(decode_fault(talk(R"({"text":"x"})", R"({"text":"",)" + call + "}")), "contents[1].parts[0].functionCall");
  EXPECT_EQ(decode_fault(talk(R"({"text":"x","inline_data":{"mimeType":"image/png","data":"AA=="}})")),
            "contents[0].parts[0].inline_data");
  EXPECT_EQ(decode_fault(talk(R"({"text":"x"})", "{" + call + R"(,"functionResponse":{"name":"f","response":{}}})")),
            "contents[1].parts[0].functionResponse");
  const std::string hello = R"("contents":[{"parts":[{"text":"x"}]}])";
  EXPECT_EQ(decode_fault("{" + hello + R"(,"systemInstruction":{"parts":[{"text":"x",)" + call + "}]}}"),
            "systemInstruction.parts[0].functionCall");
  EXPECT_EQ(
      decode_fault("{" + hello +
                   R"(,"tools":[{"functionDeclarations":[{"name":"f","parameters":{},"parametersJsonSchema":{}}]}]})"),
      "tools[0].functionDeclarations[0].parameters");
  EXPECT_EQ(decode_fault("{" + hello + R"(,"generationConfig":{"responseSchema":{},"responseJsonSchema":{}}})"),
            "generationConfig.responseSchema");
}

TEST(Gemini, Decode_names_every_member_that_has_no_place) {
  const std::string_view body =
      R"({"contents":[{"role":"user","x1":1,"parts":[{"text":"t","thought":true,"thoughtSignature":"cw=="},)"
      R"({"inlineData":{"mimeType":"image/png","data":"AA==","displayName":"a","x2":1}},)"
      R"({"fileData":{"mimeType":"image/png","fileUri":"https://x.example/a.png","displayName":"b","x3":1}}]}],)"
      R"("systemInstruction":{"parts":[{"text":"s","x4":1}],"x5":1}})";
  const auto request = dialect->decode_request(parse(body), {.model = "m"});
  ASSERT_TRUE(request);
  std::string names;
  for (const auto& [name, value] : request->extras) names.append(names.empty() ? "" : " ").append(name);
  EXPECT_EQ(names,
            "systemInstruction.parts.x4 systemInstruction.x5 contents.parts.thought contents.parts.thoughtSignature "
            "contents.parts.inlineData.displayName "
            "contents.parts.inlineData.x2 contents.parts.fileData.x3 contents.parts.fileData.displayName contents.x1");
  const auto document = dialect->decode_request(
      parse(talk(
          R"({"fileData":{"mimeType":"application/pdf","fileUri":"https://x.example/a.pdf","displayName":"b.pdf"}})")),
      {.model = "m"});
  ASSERT_TRUE(document);
  EXPECT_EQ(std::get<chat::Document>(document->messages.at(0).blocks.at(0)).name, "b.pdf");
}

// What is allowed in a mode in which the model may answer in words, too, is more than a named choice.
TEST(Gemini, A_model_is_given_the_allowed_functions_alone) {
  const auto given = [](std::string_view config) {
    const std::string body =
        R"({"contents":[{"parts":[{"text":"x"}]}],"tools":[{"functionDeclarations":[{"name":"f"},{"name":"g"}]}],)"
        R"("toolConfig":{"functionCallingConfig":{)" +
        std::string(config) + "}}}";
    const auto request = dialect->decode_request(parse(body), {.model = "m"});
    std::string names = request ? "" : "fault " + request.error().param;
    if (!request) return names;
    for (const chat::Tool& tool : request->tools) names += tool.name;
    const chat::ToolChoice choice = request->tool_choice.value_or(chat::ToolChoice{});
    return names + " " + std::to_string(static_cast<int>(choice.mode)) + choice.name;
  };
  EXPECT_EQ(given(R"("mode":"VALIDATED","allowedFunctionNames":["g"])"), "g 0");
  EXPECT_EQ(given(R"("allowedFunctionNames":["g"])"), "g 0");
  EXPECT_EQ(given(R"("mode":"ANY","allowedFunctionNames":["g"])"), "fg 3g");
  EXPECT_EQ(given(R"("mode":"ANY","allowedFunctionNames":["g","f"])"), "fg 2");
  EXPECT_EQ(given(R"("mode":"ANY")"), "fg 2");
  EXPECT_EQ(
      decode_fault(R"({"contents":[{"parts":[{"text":"x"}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}})"),
      "toolConfig.functionCallingConfig.mode");
}

TEST(Gemini, What_may_be_null_may_be_so_among_alternatives) {
  const auto schema = [](std::string_view text) { return gemini::json_schema(parse(text).root(), false); };
  EXPECT_EQ(schema(R"({"anyOf":[{"type":"INTEGER"},{"type":"STRING"}],"nullable":true})"),
            R"({"anyOf":[{"type":"integer"},{"type":"string"},{"type":"null"}]})");
  EXPECT_EQ(schema(R"({"anyOf":[{"type":"INTEGER"},{"type":"NULL"}],"nullable":true})"),
            R"({"anyOf":[{"type":"integer"},{"type":"null"}]})");
  EXPECT_EQ(schema(R"({"anyOf":[{"type":"INTEGER"}]})"), R"({"anyOf":[{"type":"integer"}]})");
}

TEST(Gemini, Tells_the_tier_that_was_served) {
  const auto told = [](std::string_view members) {
    const std::string answer =
        R"({"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"STOP"}],"usageMetadata":{)"
        R"("promptTokenCount":1,"candidatesTokenCount":1)" +
        std::string(members) + "}}";
    const auto whole = dialect->decode_response(parse(answer));
    const auto decoder = dialect->decode_stream();
    std::vector<chat::ChatEvent> events;
    EXPECT_TRUE(decoder->decode("", answer, events));
    EXPECT_EQ(std::get<chat::Finish>(events.back()).service_tier, whole.value().service_tier);
    return whole->service_tier;
  };
  EXPECT_EQ(told(R"(,"serviceTier":"FLEX")"), "flex");
  EXPECT_EQ(told(R"(,"trafficType":"ON_DEMAND")"), "standard");
  EXPECT_EQ(told(R"(,"trafficType":"TRAFFIC_TYPE_UNSPECIFIED")"), "");
  EXPECT_EQ(told(""), "");
}

}  // namespace
}  // namespace sluice::dialects
