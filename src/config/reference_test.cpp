// The schema against the reader: it may not promise what is refused.
#include "config/reference.h"

#include <gtest/gtest.h>

#include "config/load.h"
#include "json/json.h"

namespace sluice::config {
namespace {

// The errors. That a provider lacks its key is none.
std::string findings(const std::string& text) {
  std::string errors;
  const Loaded loaded = load({.text = text});
  for (const yaml::Diagnostic& finding : loaded.diagnostics.all())
    if (finding.severity == yaml::Severity::error) errors += yaml::render(finding);
  return errors;
}

TEST(Reference, Every_property_of_the_schema_is_a_key_that_the_reader_knows) {
  const auto schema = json::Document::parse(json_schema());
  ASSERT_TRUE(schema) << schema.error().message;
  const json::Value sections = schema->root()["properties"];
  std::size_t seen = 0;
  for (const char* name : {"server", "retry", "keys"})
    for (const auto& [key, value] : sections[name]["properties"].members()) {
      EXPECT_EQ(findings(std::string(name) + ": { " + std::string(key) + ": ~ }").find("unknown key"),
                std::string::npos)
          << name << "." << key;
      ++seen;
    }
  for (const char* name : {"providers", "engines"})
    for (const auto& [key, value] : sections[name]["additionalProperties"]["properties"].members()) {
      EXPECT_EQ(findings(std::string(name) + ": { local: { " + std::string(key) + ": ~ } }").find("unknown key"),
                std::string::npos)
          << name << "." << key;
      ++seen;
    }
  const json::Value price = schema->root()["$defs"]["price"]["properties"];
  for (const auto& [key, value] : price.members()) {
    EXPECT_EQ(findings("providers: { groq: { prices: { m: { " + std::string(key) + ": ~ } } } }").find("unknown key"),
              std::string::npos)
        << key;
    EXPECT_EQ(findings("providers: { groq: { prices: { m: [{ " + std::string(key) + ": ~ }] } } }").find("unknown key"),
              std::string::npos)
        << key;
    ++seen;
  }
  for (const auto& [key, value] : price["tiers"]["items"]["properties"].members()) {
    EXPECT_EQ(findings("providers: { groq: { prices: { m: { tiers: [{ " + std::string(key) + ": ~ }] } } } }")
                  .find("unknown key"),
              std::string::npos)
        << key;
    ++seen;
  }
  EXPECT_GT(seen, 90u);
}

TEST(Reference, Every_word_of_a_providers_settings_is_taken_and_every_other_is_refused_with_all_of_them) {
  const auto schema = json::Document::parse(json_schema());
  ASSERT_TRUE(schema);
  std::size_t seen = 0;
  for (const auto& [key, value] :
       schema->root()["properties"]["providers"]["additionalProperties"]["properties"].members()) {
    EXPECT_FALSE(value["description"].string().value_or("").empty()) << key;
    const auto with = [setting = std::string(key)](std::string_view word) {
      return findings("providers: { groq: { " + setting + ": " + std::string(word) + " } }");
    };
    for (const json::Value& word : value["enum"].elements()) {
      EXPECT_EQ(with(*word.string()), "") << key;
      EXPECT_NE(with("nonsense").find(*word.string()), std::string::npos) << with("nonsense");
      ++seen;
    }
  }
  EXPECT_EQ(seen, 21u);
}

TEST(Reference, The_schemas_bounds_and_defaults_are_the_readers) {
  const auto schema = json::Document::parse(json_schema());
  ASSERT_TRUE(schema);
  for (const char* name : {"server", "retry", "keys"})
    for (const auto& [key, value] : schema->root()["properties"][name]["properties"].members()) {
      if (value["type"].string() != "integer") continue;
      const auto with = [&, setting = std::string(key)](std::int64_t number) {
        return load({.text = std::string(name) + ": { " + setting + ": " + std::to_string(number) + " }"}).snapshot !=
               nullptr;
      };
      const std::int64_t least = *value["minimum"].integer();
      const std::int64_t most = *value["maximum"].integer();
      EXPECT_TRUE(with(least) && with(most) && with(*value["default"].integer())) << name << "." << key;
      EXPECT_FALSE(with(least - 1) || with(most + 1)) << name << "." << key;
    }
}

}  // namespace
}  // namespace sluice::config
