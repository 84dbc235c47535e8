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

std::string names_of(chat::DialectId dialect, std::string_view query) {
  std::vector<ListedModel> all;
  for (const char* id : {"a", "p/b", "p/c", "p/d", "p/e"}) all.push_back({id, "p"});
  const auto list = page_of(all, dialect, query);
  if (!list) return "refused: " + list.error().param;
  std::string names;
  for (const ListedModel& model : list->models) names += model.id + " ";
  return names + (list->has_more ? "..." : "end");
}

TEST(Models, Are_listed_in_pages_as_anthropic_and_google_have_them) {
  using chat::DialectId;
  const std::string all = "a p/b p/c p/d p/e end";
  for (const DialectId dialect : {DialectId::openai_chat, DialectId::anthropic_messages, DialectId::gemini})
    EXPECT_EQ(names_of(dialect, "beta=true"), all);
  EXPECT_EQ(names_of(DialectId::openai_chat, "limit=2"), all);
  const DialectId claude = DialectId::anthropic_messages;
  EXPECT_EQ(names_of(claude, "limit=1000"), all);
  EXPECT_EQ(names_of(claude, "limit=2"), "a p/b ...");
  EXPECT_EQ(names_of(claude, "limit=2&after_id=p%2Fb"), "p/c p/d ...");
  EXPECT_EQ(names_of(claude, "after_id=p/d&limit=2"), "p/e end");
  EXPECT_EQ(names_of(claude, "limit=2&before_id=p/d"), "p/b p/c ...");
  EXPECT_EQ(names_of(claude, "limit=9&before_id=p/b"), "a end");
  EXPECT_EQ(names_of(claude, "before_id=p/b&after_id=p/d"), "end");
  for (const char* odd : {"limit=0", "limit=1001", "limit=-1", "limit=two", "limit=2x"})
    EXPECT_EQ(names_of(claude, odd), "refused: limit") << odd;
  EXPECT_EQ(names_of(claude, "after_id=nobody"), "refused: after_id");
  EXPECT_EQ(names_of(claude, "before_id=nobody"), "refused: before_id");
  const DialectId google = DialectId::gemini;
  EXPECT_EQ(names_of(google, "pageSize=3"), "a p/b p/c ...");
  EXPECT_EQ(names_of(google, "pageSize=3&pageToken=p%2Fc"), "p/d p/e end");
  EXPECT_EQ(names_of(google, "pageSize=0"), all);
  EXPECT_EQ(names_of(google, "pageSize=50000"), all);
  EXPECT_EQ(names_of(google, "pageSize=x"), "refused: pageSize");
  EXPECT_EQ(names_of(google, "pageToken=nobody"), "refused: pageToken");
}

TEST(Models, Say_on_a_page_whether_there_are_more) {
  const ModelList list{.models = {{"a", "p"}, {"p/b", "p"}}, .has_more = true};
  EXPECT_TRUE(models_page(list, chat::DialectId::anthropic_messages, 1)
                  .ends_with(R"("has_more":true,"first_id":"a","last_id":"p/b"})"));
  EXPECT_TRUE(models_page(list, chat::DialectId::gemini, 1).ends_with(R"("nextPageToken":"p/b"})"));
  EXPECT_TRUE(models_page({.models = list.models}, chat::DialectId::gemini, 1).ends_with("]}]}"));
}

}  // namespace
}  // namespace sluice::gateway
