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

catalog::Provider provider(const char* id, bool enabled = true) {
  catalog::Provider made{.id = ProviderId(id)};
  made.enabled = enabled;
  return made;
}

catalog::Model model(const char* of, const char* name) {
  return {.provider = ProviderId(of), .name = ModelName(name), .id = name};
}

// A vendor with a catalogue, a server of one's own whose models nobody has listed, and a vendor without a key.
config::Snapshot::Parts some_providers() {
  config::Snapshot::Parts parts;
  parts.providers = {provider("vendor"), provider("own"), provider("closed", false)};
  parts.models = {model("vendor", "large"), model("vendor", "old"), model("own", "*"), model("closed", "small")};
  parts.models[1].retires = catalog::Retirement{.day = *catalog::parse_date("2020-01-01")};
  parts.routes = {{"auto", {"vendor/large"}}};
  return parts;
}

TEST(Models, Finds_what_can_be_asked_for_and_nothing_else) {
  const config::Snapshot snapshot(some_providers());
  const std::pair<const char*, const char*> known[] = {
      {"auto", "sluice"}, {"vendor/large", "vendor"}, {"large", "vendor"}, {"own/any:20b", "own"}, {"own/a/b", "own"}};
  for (const auto& [name, owner] : known) {
    const auto found = find_model(snapshot, name);
    ASSERT_TRUE(found) << name;
    EXPECT_EQ(found->id, name);
    EXPECT_EQ(found->owned_by, owner) << name;
  }
  for (const char* name :
       {"", "none", "vendor/none", "vendor/old", "old", "closed/small", "small", "own/", "nobody/x", "any"})
    EXPECT_FALSE(find_model(snapshot, name)) << name;
}

TEST(Models, Describes_one_in_the_callers_dialect) {
  const ListedModel one{"own/any", "own"};
  EXPECT_EQ(model_page(one, chat::DialectId::openai_chat, 1),
            R"({"id":"own/any","object":"model","created":1,"owned_by":"own"})");
  EXPECT_TRUE(model_page(one, chat::DialectId::gemini, 1).starts_with(R"({"name":"models/own/any",)"));
  EXPECT_TRUE(
      model_page(one, chat::DialectId::anthropic_messages, 1).starts_with(R"({"type":"model","id":"own/any",)"));
}

}  // namespace
}  // namespace sluice::gateway
