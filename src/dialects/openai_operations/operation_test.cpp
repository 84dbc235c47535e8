#include <gtest/gtest.h>

#include "dialects/openai_operations/openai_operations.h"

namespace sluice::dialects {
namespace {

Result<RequestOutline> outline_of(const Dialect& dialect, std::string_view body) {
  const auto parsed = json::Document::parse(body);
  EXPECT_TRUE(parsed) << body;
  return dialect.outline(body, *parsed, {});
}

TEST(Embeddings, Only_the_models_name_changes) {
  const auto dialect = make_openai_embeddings();
  const std::string body = R"({ "input":[[1,2],[3]], "dimensions" :8,"model":"a","encoding_format":"base64"})";
  const auto outline = outline_of(*dialect, body);
  ASSERT_TRUE(outline);
  EXPECT_EQ(outline->model, "a");
  EXPECT_EQ(outline->max_output_tokens, 0);
  EXPECT_EQ(dialect->edit(body, *outline, {.model = "b"}),
            R"({ "input":[[1,2],[3]], "dimensions" :8,"model":"b","encoding_format":"base64"})");
  EXPECT_EQ(dialect->path("m", false), "/embeddings");
}

TEST(Embeddings, Name_what_is_missing_or_too_much) {
  const auto dialect = make_openai_embeddings();
  EXPECT_EQ(outline_of(*dialect, R"({"model":"a"})").error().param, "input");
  EXPECT_EQ(outline_of(*dialect, R"({"input":"x"})").error().param, "model");
  std::string many = R"({"model":"a","input":["x")";
  for (int i = 1; i < 2048; ++i) many += R"(,"x")";
  EXPECT_TRUE(outline_of(*dialect, many + "]}"));
  EXPECT_EQ(outline_of(*dialect, many + R"(,"x"]})").error().param, "input");
}

TEST(Embeddings, Count_their_prompt) {
  const auto answer =
      json::Document::parse(R"({"object":"list","data":[],"model":"m","usage":{"prompt_tokens":8,"total_tokens":8}})");
  const chat::Usage usage = make_openai_embeddings()->read_usage(*answer);
  EXPECT_TRUE(usage.reported);
  EXPECT_EQ(usage.input, 8);
  EXPECT_EQ(usage.total_output(), 0);
}

TEST(Completions, Reserve_for_every_prompt_and_choice) {
  const auto dialect = make_openai_completions();
  EXPECT_EQ(outline_of(*dialect, R"({"model":"a","prompt":"x"})")->max_output_tokens, 16);
  EXPECT_EQ(outline_of(*dialect, R"({"model":"a","prompt":[1,2,3]})")->choices, 1);
  EXPECT_EQ(outline_of(*dialect, R"({"model":"a","prompt":["x","y"],"n":2,"best_of":3,"max_tokens":7})")->choices, 6);
}

TEST(Completions, A_stream_gets_the_usage_flag) {
  const auto dialect = make_openai_completions();
  const std::string body = R"({"model":"a","prompt":"x","stream":true})";
  const auto outline = outline_of(*dialect, body);
  ASSERT_TRUE(outline);
  EXPECT_TRUE(outline->stream);
  EXPECT_EQ(dialect->edit(body, *outline, {.model = "b", .ask_for_stream_usage = true}),
            R"({"model":"b","stream_options":{"include_usage":true},"prompt":"x","stream":true})");
}

TEST(Moderations, Name_their_default_model_to_the_provider) {
  const auto dialect = make_openai_moderations();
  for (const auto& [body, sent] : {std::pair{R"({"input":"x"})", R"({"model":"m","input":"x"})"},
                                   std::pair{R"({"input":"x","model":null})", R"({"input":"x","model":"m"})"}}) {
    const auto outline = outline_of(*dialect, body);
    ASSERT_TRUE(outline) << body;
    EXPECT_EQ(outline->model, "omni-moderation-latest");
    EXPECT_EQ(dialect->edit(body, *outline, {.model = "m"}), sent);
  }
}

Result<RequestOutline> form_of(const Dialect& dialect, const std::string& body) {
  const auto nothing = json::Document::parse("{}");
  return dialect.outline(body, *nothing, {.content_type = "multipart/form-data; boundary=b"});
}

TEST(Transcriptions, A_form_keeps_all_but_the_models_name) {
  const auto dialect = make_openai_transcriptions();
  const std::string field = "--b\r\nContent-Disposition: form-data; name=";
  const std::string file = field + "\"file\"; filename=\"model\"\r\n\r\n\x01\xff--\r\nmodel\r\n";
  const std::string body = file + field + "\"model\"\r\n\r\na/b\r\n" + field + "stream\r\n\r\ntrue\r\n--b--\r\n";
  const auto outline = form_of(*dialect, body);
  ASSERT_TRUE(outline);
  EXPECT_EQ(outline->model, "a/b");
  EXPECT_TRUE(outline->stream);
  EXPECT_EQ(dialect->edit(body, *outline, {.model = "whisper-1", .ask_for_stream_usage = true}),
            file + field + "\"model\"\r\n\r\nwhisper-1\r\n" + field + "stream\r\n\r\ntrue\r\n--b--\r\n");
  EXPECT_EQ(form_of(*dialect, file + "--b--").error().param, "model");
}

TEST(Images, A_form_without_a_model_names_the_default) {
  const auto dialect = make_openai_image_edits();
  const std::string body = "--b\r\nContent-Disposition: form-data; name=prompt\r\n\r\nx\r\n--b--\r\n";
  const auto outline = form_of(*dialect, body);
  ASSERT_TRUE(outline);
  EXPECT_EQ(outline->model, "gpt-image-1.5");
  EXPECT_EQ(dialect->edit(body, *outline, {.model = "m"}),
            "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\r\n" + body);
}

TEST(Images, A_stream_gets_no_flag_and_each_image_counts) {
  const auto dialect = make_openai_images();
  const std::string body = R"({"model":"a","prompt":"x","stream":true})";
  const auto outline = outline_of(*dialect, body);
  ASSERT_TRUE(outline);
  EXPECT_TRUE(outline->stream);
  EXPECT_EQ(dialect->edit(body, *outline, {.model = "b", .ask_for_stream_usage = true}),
            R"({"model":"b","prompt":"x","stream":true})");
  const auto watcher = dialect->watch_stream(false);
  watcher->see("image_generation.partial_image", R"({"type":"image_generation.partial_image","b64_json":"AAAA"})");
  EXPECT_FALSE(watcher->complete());
  for (int i = 0; i < 2; ++i)
    watcher->see(
        "", R"({"type":"image_generation.completed","usage":{"total_tokens":9,"input_tokens":4,"output_tokens":5}})");
  EXPECT_TRUE(watcher->complete());
  EXPECT_FALSE(watcher->finished());
  EXPECT_EQ(watcher->usage().input, 8);
  EXPECT_EQ(watcher->usage().output, 10);
}

TEST(Speech, Streams_when_it_is_asked_for_events) {
  const auto dialect = make_openai_speech();
  EXPECT_TRUE(outline_of(*dialect, R"({"model":"a","input":"x","stream_format":"sse"})")->stream);
  EXPECT_FALSE(outline_of(*dialect, R"({"model":"a","input":"x","stream_format":"audio","stream":true})")->stream);
  EXPECT_EQ(outline_of(*dialect, R"({"model":"a"})").error().param, "input");
}

TEST(Rerank, Counts_the_tokens_that_are_told) {
  const auto dialect = make_rerank();
  EXPECT_EQ(outline_of(*dialect, R"({"model":"a","query":"q"})").error().param, "documents");
  EXPECT_EQ(dialect->read_usage(*json::Document::parse(R"({"usage":{"total_tokens":12}})")).input, 12);
  EXPECT_FALSE(dialect->read_usage(*json::Document::parse(R"({"meta":{"billed_units":{"search_units":1}}})")).reported);
}

}  // namespace
}  // namespace sluice::dialects
