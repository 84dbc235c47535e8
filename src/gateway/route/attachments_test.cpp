#include "gateway/route/attachments.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::gateway {
namespace {

std::string found(const std::string& body) {
  const auto parsed = json::Document::parse(body);
  EXPECT_TRUE(parsed) << body;
  const Attachments attachments = read_attachments(parsed->root());
  return std::string(attachments.audio ? "audio" : "") + (attachments.pdf ? "pdf" : "");
}

std::string of_user(const std::string& parts) {
  return R"({"messages":[{"role":"user","content":[{"type":"text","text":"see"},)" + parts + "]}]}";
}

TEST(Attachments, Are_found_in_each_dialect) {
  EXPECT_EQ(found(of_user(R"({"type":"input_audio","input_audio":{"data":"AA","format":"wav"}})")), "audio");
  EXPECT_EQ(found(of_user(R"({"type":"file","file":{"filename":"A.PDF","file_data":"AA"}})")), "pdf");
  EXPECT_EQ(found(of_user(R"({"type":"file","file":{"file_data":"data:application/pdf;base64,AA"}})")), "pdf");
  EXPECT_EQ(
      found(of_user(R"({"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AA"}})")),
      "pdf");
  EXPECT_EQ(found(of_user(R"({"type":"document","source":{"type":"url","url":"https://a.example/b"}})")), "pdf");
  EXPECT_EQ(found(of_user(R"({"type":"tool_result","content":[{"type":"document",)"
                          R"("source":{"type":"base64","media_type":"application/pdf","data":"AA"}}]})")),
            "pdf");
  EXPECT_EQ(
      found(R"({"input":[{"role":"user","content":[{"type":"input_file","filename":"a.pdf","file_data":"A"}]}]})"),
      "pdf");
  EXPECT_EQ(found(R"({"contents":[{"parts":[{"inlineData":{"mimeType":"audio/wav","data":"AA"}}]}]})"), "audio");
  EXPECT_EQ(found(R"({"contents":{"parts":{"inline_data":{"mime_type":"application/pdf","data":"AA"}}}})"), "pdf");
  EXPECT_EQ(found(R"({"contents":[{"parts":[{"fileData":{"mimeType":"application/pdf","fileUri":"u"}},)"
                  R"({"inlineData":{"mimeType":"audio/mp3","data":"AA"}}]}]})"),
            "audiopdf");
}

TEST(Attachments, The_last_message_is_the_assistants_or_is_not) {
  const auto ends = [](const char* body) { return read_attachments(json::Document::parse(body)->root()).prefill; };
  EXPECT_TRUE(ends(R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})"));
  EXPECT_TRUE(ends(R"({"contents":[{"parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"b"}]}]})"));
  EXPECT_TRUE(ends(R"({"input":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})"));
  EXPECT_FALSE(ends(R"({"messages":[{"role":"assistant","content":"a"},{"role":"user","content":"b"}]})"));
  const auto behind = [](const char* body) {
    return read_attachments(json::Document::parse(body)->root()).told_behind;
  };
  const char* told = R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
                     R"({"role":"system","content":"s"},{"role":"developer","content":"t"}]})";
  EXPECT_TRUE(ends(told) && behind(told));
  EXPECT_FALSE(ends(R"({"messages":[{"role":"user","content":"a"},{"role":"system","content":"s"}]})"));
  EXPECT_FALSE(behind(R"({"messages":[{"role":"system","content":"s"},{"role":"assistant","content":"b"}]})"));
  for (const char* none : {R"({"messages":[]})", R"({"messages":["assistant"]})", R"({"input":"assistant"})", "{}"})
    EXPECT_FALSE(ends(none)) << none;
}

TEST(Attachments, Are_not_what_a_text_speaks_of) {
  EXPECT_EQ(found(R"({"messages":[{"role":"user","content":"a document, a.pdf, input_audio, audio/wav"}]})"), "");
  EXPECT_EQ(found(of_user(R"({"type":"document","source":{"type":"text","media_type":"text/plain","data":"pdf"}})")),
            "");
  EXPECT_EQ(found(of_user(R"({"type":"file","file":{"filename":"pdf.txt","file_data":"data:text/plain;base64,AA"}})")),
            "");
  EXPECT_EQ(found("{}"), "");
}

}  // namespace
}  // namespace sluice::gateway
