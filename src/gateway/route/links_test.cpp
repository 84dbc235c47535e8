#include "gateway/route/links.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::gateway {
namespace {

std::string found(const std::string& body) {
  const auto parsed = json::Document::parse(body);
  EXPECT_TRUE(parsed) << body;
  if (!parsed) return {};
  std::string all;
  for (const InternalLink& link : internal_links(parsed->root())) all += link.member + "=" + link.host + ";";
  return all;
}

TEST(InternalLinks, Are_found_in_each_dialect) {
  EXPECT_EQ(found(R"({"messages":[{"role":"user","content":[{"type":"image_url",)"
                  R"("image_url":{"url":"http://10.0.0.1/a"}}]}]})"),
            "image_url=10.0.0.1;");
  EXPECT_EQ(found(R"({"messages":[{"content":[{"type":"video_url","video_url":{"url":"http://127.1/"}},)"
                  R"({"type":"audio_url","audio_url":{"url":"file:///a"}}]}]})"),
            "video_url=127.1;audio_url=file:;");
  EXPECT_EQ(found(R"({"input":[{"role":"user","content":[{"type":"input_image","image_url":"http://10.0.0.1/a"},)"
                  R"({"type":"input_file","file_url":"http://10.0.0.2/a"}]},)"
                  R"({"type":"function_call_output","output":[{"type":"input_image","image_url":"http://gpu/a"}]}]})"),
            "image_url=10.0.0.1;file_url=10.0.0.2;image_url=gpu;");
  EXPECT_EQ(found(R"({"messages":[{"content":[{"type":"tool_result","content":[{"type":"image",)"
                  R"("source":{"type":"url","url":"http://10.0.0.1/a"}}]}]}]})"),
            "source=10.0.0.1;");
  EXPECT_EQ(found(R"({"contents":{"parts":{"fileData":{"fileUri":"http://10.0.0.1/a"}}}})"), "fileUri=10.0.0.1;");
  EXPECT_EQ(found(R"({"contents":[{"parts":[{"file_data":{"file_uri":"http://10.0.0.1/a"}}]}]})"),
            "file_uri=10.0.0.1;");
}

TEST(InternalLinks, Of_two_members_with_one_name_both_are_looked_at) {
  EXPECT_EQ(found(R"({"messages":[{"content":[{"type":"text","type":"image_url",)"
                  R"("image_url":{"url":"https://example.com","url":"http://10.0.0.1"}}]}]})"),
            "image_url=10.0.0.1;");
}

TEST(InternalLinks, Each_host_is_told_once) {
  EXPECT_EQ(found(R"({"input":[{"image_url":"http://gpu/a"},{"image_url":"http://gpu/b"}]})"), "image_url=gpu;");
}

TEST(InternalLinks, Of_a_tools_server_is_one) {
  EXPECT_EQ(found(R"({"tools":[{"type":"mcp","server_url":"http://10.0.0.1/sse"},)"
                  R"({"type":"function","parameters":{"server_url":"http://10.0.0.2/"}}]})"),
            "server_url=10.0.0.1;");
  EXPECT_EQ(found(R"({"tools":[{"type":"mcp","server_url":"https://example.com/sse"}]})"), "");
}

TEST(InternalLinks, Of_a_batch_are_those_of_its_requests) {
  std::string all;
  for (const InternalLink& link : internal_links_of_batch(
           "{\"url\":\"/v1/chat/completions\",\"body\":{\"messages\":[{\"content\":[{\"image_url\":{\"url\":"
           "\"http://10.0.0.1/a\"}}]}]}}\r\n\nno JSON\n[1]\n"
           "{\"image_url\":\"http://10.0.0.2/\",\"body\":{\"metadata\":{\"image_url\":\"http://10.0.0.3/\"}}}\n"
           "{\"body\":{},\"body\":{\"input\":[{\"file_url\":\"http://gpu/a\"}]}}"))
    all += link.member + "=" + link.host + ";";
  EXPECT_EQ(all, "image_url=10.0.0.1;file_url=gpu;");
}

TEST(InternalLinks, What_nobody_opens_is_let_be) {
  const std::string link = R"({"image_url":"http://10.0.0.1/"})";
  EXPECT_EQ(found(R"({"metadata":)" + link + "}"), "");
  EXPECT_EQ(found(R"({"tools":[)" + link + "]}"), "");
  EXPECT_EQ(found(R"({"messages":[{"content":[{"type":"tool_use","input":)" + link + "}]}]}"), "");
  EXPECT_EQ(found(R"({"contents":[{"parts":[{"functionCall":{"args":)" + link + "}}]}]}"), "");
  EXPECT_EQ(found(R"({"messages":[{"content":"see http://10.0.0.1/"}]})"), "");
  EXPECT_EQ(found(R"({"messages":[{"content":[{"image_url":{"url":"https://example.com/a.png"}}]}]})"), "");
}

}  // namespace
}  // namespace sluice::gateway
