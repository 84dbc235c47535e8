// The schema against the reader: it may not promise what is refused.
#include "config/reference.h"

#include <gtest/gtest.h>

#include "config/load.h"
#include "json/json.h"

namespace sluice::config {
namespace {

std::string findings(const std::string& text) { return load({.text = text}).diagnostics.render(); }

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
  EXPECT_GT(seen, 30u);
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
