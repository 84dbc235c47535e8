#include "gateway/listen/models.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

TEST(Models, Reads_a_name_as_clients_write_it_in_a_path) {
  EXPECT_EQ(decode_model_id("auto"), "auto");
  EXPECT_EQ(decode_model_id("groq/llama-4-scout"), "groq/llama-4-scout");
  EXPECT_EQ(decode_model_id("groq%2Fllama-4-scout"), "groq/llama-4-scout");
  EXPECT_EQ(decode_model_id("ollama%2fgpt-oss%3A20b"), "ollama/gpt-oss:20b");
  EXPECT_EQ(decode_model_id("a%252Fb"), "a%2Fb") << "it is decoded once";
  EXPECT_EQ(decode_model_id("a+b"), "a+b");
  EXPECT_EQ(decode_model_id(""), "");
}

TEST(Models, Takes_no_name_with_a_broken_escape_or_without_an_end) {
  for (const char* broken : {"%", "a%2", "%2", "%zz", "%2G", "%+2", "%-1", "% 2", "%0x", "%%2F"})
    EXPECT_EQ(decode_model_id(broken), std::nullopt) << broken;
  EXPECT_EQ(decode_model_id(std::string(100'000, 'a')), std::nullopt);
}

TEST(Models, Finds_one_by_its_decoded_name) {
  const std::vector<ListedModel> models{{"auto", "sluice"}, {"groq/llama-4-scout", "groq"}};
  for (const char* written : {"groq/llama-4-scout", "groq%2Fllama-4-scout"}) {
    const auto page = model_page(models, decode_model_id(written).value_or(""), chat::DialectId::openai_chat, 0);
    ASSERT_TRUE(page) << written;
    EXPECT_NE(page->find("\"id\":\"groq/llama-4-scout\""), std::string::npos) << *page;
  }
}

}  // namespace
}  // namespace sluice::gateway
