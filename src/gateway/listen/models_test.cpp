#include "gateway/listen/models.h"

#include <gtest/gtest.h>

#include "json/json.h"

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
  for (const char* name : {"", "none", "vendor/none", "vendor/old", "old", "closed/small", "small", "own/", "nobody/x",
                           "any", "own/*", "*", "vendor/*"})
    EXPECT_FALSE(find_model(snapshot, name)) << name;
}

TEST(Models, A_star_stands_for_models_and_is_none) {
  std::string names;
  for (const ListedModel& one : list_models(config::Snapshot(some_providers()))) names += one.id + " ";
  EXPECT_EQ(names, "auto vendor/large ");
}

std::string methods_of(const config::Snapshot& snapshot, std::string_view id) {
  const auto found = find_model(snapshot, id);
  if (!found) return "none";
  const std::string page = model_page(*found, chat::DialectId::gemini, 1);
  const auto parsed = json::Document::parse(page);
  std::string methods;
  for (const json::Value& method : parsed->root()["supportedGenerationMethods"].elements())
    methods.append(methods.empty() ? "" : " ").append(*method.string());
  return methods;
}

TEST(Models, Offer_the_methods_that_they_have) {
  config::Snapshot::Parts parts = some_providers();
  parts.providers.push_back(provider("claude"));
  parts.providers.back().dialect = chat::DialectId::anthropic_messages;
  parts.models.push_back(model("vendor", "embed"));
  parts.models.back().kind = catalog::ModelKind::embedding;
  parts.models.push_back(model("vendor", "mine"));
  parts.models.back().source = "configuration";
  parts.routes.push_back({"both", {"vendor/large", "vendor/embed"}});
  const config::Snapshot snapshot(std::move(parts));
  const std::string generates = "generateContent streamGenerateContent countTokens";
  const std::string embeds = "embedContent batchEmbedContents";
  EXPECT_EQ(methods_of(snapshot, "vendor/large"), generates);
  EXPECT_EQ(methods_of(snapshot, "vendor/embed"), embeds);
  EXPECT_EQ(methods_of(snapshot, "auto"), generates);
  EXPECT_EQ(methods_of(snapshot, "both"), generates + " " + embeds);
  EXPECT_EQ(methods_of(snapshot, "vendor/mine"), generates + " " + embeds) << "nobody knows what it is for";
  EXPECT_EQ(methods_of(snapshot, "own/any"), generates + " " + embeds);
  EXPECT_EQ(methods_of(snapshot, "claude/any"), generates) << "its API has no embeddings";
}

TEST(Models, Say_what_the_catalogue_knows) {
  catalog::Model known = model("vendor", "large");
  known.display_name = "Large";
  known.context = 200'000;
  known.max_output = 64'000;
  known.reasoning = true;
  known.released = "2026-02-05";
  known.retires = catalog::Retirement{.day = *catalog::parse_date("2027-01-31")};
  const ListedModel one{.id = "vendor/large", .owned_by = "vendor", .facts = &known};
  EXPECT_EQ(model_page(one, chat::DialectId::openai_chat, 1),
            R"({"id":"vendor/large","object":"model","created":1770249600,"owned_by":"vendor",)"
            R"("shutdown_date":"2027-01-31"})");
  const std::string page = model_page(one, chat::DialectId::anthropic_messages, 1);
  EXPECT_TRUE(page.starts_with(
      R"({"type":"model","id":"vendor/large","display_name":"Large","created_at":"2026-02-05T00:00:00Z",)"
      R"("lifecycle":"deprecated","max_input_tokens":200000,"max_tokens":64000,)"
      R"("retires_at":"2027-01-31T00:00:00Z","capabilities":{"batch":{"supported":false},)"))
      << page;
  EXPECT_TRUE(page.ends_with(R"("line":null,"deprecated_at":null})")) << page;
  EXPECT_EQ(model_page(one, chat::DialectId::gemini, 1),
            R"({"name":"models/vendor/large","baseModelId":"vendor/large","version":"","displayName":"Large",)"
            R"("inputTokenLimit":200000,"outputTokenLimit":64000,"supportedGenerationMethods":)"
            R"(["generateContent","streamGenerateContent","countTokens"],"thinking":true})");
  known.retires->earliest = true;
  EXPECT_FALSE(model_page(one, chat::DialectId::openai_chat, 1).contains("shutdown_date")) << "that is only a promise";
}

TEST(Models, Say_to_Anthropics_clients_what_a_model_can) {
  catalog::Model claude = model("anthropic", "claude-opus-5.5");
  claude.developer = "Anthropic";
  claude.reasoning = claude.images = true;
  claude.takes = {.sampling = chat::Sampling::refused, .efforts = {chat::Effort::low, chat::Effort::max}};
  ListedModel one{.id = "anthropic/claude-opus-5.5", .owned_by = "anthropic", .facts = &claude, .of_anthropic = true};
  const auto can = [&](std::initializer_list<const char*> path) {
    const std::string page = model_page(one, chat::DialectId::anthropic_messages, 1);
    const auto parsed = json::Document::parse(page);
    json::Value at = parsed->root()["capabilities"];
    for (const char* name : path) at = at[name];
    return at["supported"].boolean();
  };
  EXPECT_TRUE(model_page(one, chat::DialectId::anthropic_messages, 1).contains(R"("line":"opus")"));
  EXPECT_EQ(can({"image_input"}), true);
  EXPECT_EQ(can({"pdf_input"}), false);
  EXPECT_EQ(can({"batch"}), true);
  EXPECT_EQ(can({"effort", "max"}), true);
  EXPECT_EQ(can({"effort", "medium"}), false);
  EXPECT_EQ(can({"thinking", "types", "adaptive"}), true);
  EXPECT_EQ(can({"thinking", "types", "enabled"}), false) << "it takes no budget";
  EXPECT_EQ(can({"thinking", "types", "disabled"}), false) << "it always thinks";
  one.of_anthropic = false;
  EXPECT_EQ(can({"batch"}), false);
  EXPECT_EQ(can({"server_tools", "web_search"}), false);
  claude.takes = {};
  EXPECT_EQ(can({"effort", "medium"}), true) << "what is not known is not ruled out";
}

TEST(Models, Describes_one_in_the_callers_dialect) {
  const ListedModel one{.id = "own/any", .owned_by = "own"};
  EXPECT_EQ(model_page(one, chat::DialectId::openai_chat, 1),
            R"({"id":"own/any","object":"model","created":1,"owned_by":"own"})");
  EXPECT_TRUE(model_page(one, chat::DialectId::gemini, 1).starts_with(R"({"name":"models/own/any",)"));
  EXPECT_TRUE(
      model_page(one, chat::DialectId::anthropic_messages, 1).starts_with(R"({"type":"model","id":"own/any",)"));
}

std::string names_of(chat::DialectId dialect, std::string_view query) {
  std::vector<ListedModel> all;
  for (const char* id : {"a", "p/b", "p/c", "p/d", "p/e"}) all.push_back({.id = id, .owned_by = "p"});
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
  const ModelList list{.models = {{.id = "a", .owned_by = "p"}, {.id = "p/b", .owned_by = "p"}}, .has_more = true};
  EXPECT_TRUE(models_page(list, chat::DialectId::anthropic_messages, 1)
                  .ends_with(R"("has_more":true,"first_id":"a","last_id":"p/b"})"));
  EXPECT_TRUE(models_page(list, chat::DialectId::gemini, 1).ends_with(R"("nextPageToken":"p/b"})"));
  EXPECT_TRUE(models_page({.models = list.models}, chat::DialectId::gemini, 1).ends_with("]}]}"));
}

}  // namespace
}  // namespace sluice::gateway
