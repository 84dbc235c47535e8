#include "dialects/strict_schema.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::dialects {
namespace {

std::string object(std::string_view properties, std::string_view required, std::string_view more = "") {
  return R"({"type":"object","additionalProperties":false,"properties":{)" + std::string(properties) +
         R"(},"required":[)" + std::string(required) + "]" + std::string(more) + "}";
}

TEST(StrictSchema, Has_closed_objects_with_all_their_properties) {
  EXPECT_TRUE(
      is_strict_schema(object(R"("city":{"type":"string"},"at":{"type":["number","null"]})", R"("city","at")")));
  EXPECT_TRUE(is_strict_schema(object("", "")));
  EXPECT_FALSE(is_strict_schema(object(R"("city":{"type":"string"},"at":{"type":"number"})", R"("city")")))
      << "a property that may be left out";
  EXPECT_TRUE(is_strict_schema(object(R"("b":{"type":"null"},"a":{"type":"null"})", R"("c","b",1,"a","a")")));
  EXPECT_FALSE(is_strict_schema(object(R"("":{"type":"null"})", "1"))) << "a number is no name";
  EXPECT_FALSE(is_strict_schema(R"({"type":"object","properties":{},"required":[]})")) << "others may be added";
  EXPECT_FALSE(is_strict_schema(object(R"("a":{"type":"object","properties":{}})", R"("a")"))) << "an open one inside";
  EXPECT_FALSE(is_strict_schema(object(R"("a":{"type":"array","items":{"type":"object","properties":{}}})", R"("a")")));
}

TEST(StrictSchema, Has_the_words_that_the_API_knows) {
  EXPECT_TRUE(is_strict_schema(object(
      R"("a":{"$ref":"#/$defs/n"},"b":{"anyOf":[{"type":"null"},{"$ref":"#"}]},"c":{"enum":["x"]},"d":{"type":"string","format":"date"})",
      R"("a","b","c","d")", R"(,"$defs":{"n":{"type":"array","items":{"type":"integer","minimum":1},"minItems":1}})")));
  for (const char* part :
       {R"({"type":"string","minLength":1})", R"({"oneOf":[{"type":"null"}]})", R"({"allOf":[{"type":"null"}]})",
        R"({"type":"string","format":"uri"})", R"({"type":"array"})", R"({})", "true",
        R"({"$ref":"https://x.example"})",
        R"({"type":"object","additionalProperties":false,"properties":{},"patternProperties":{}})", R"({"anyOf":[]})"})
    EXPECT_FALSE(is_strict_schema(object(R"("a":)" + std::string(part), R"("a")"))) << part;
}

TEST(StrictSchema, Is_an_object_of_few_levels) {
  EXPECT_FALSE(is_strict_schema(R"({"type":"array","items":{"type":"string"}})"));
  EXPECT_FALSE(is_strict_schema(object("", "", R"(,"anyOf":[{"type":"null"}])")));
  EXPECT_FALSE(is_strict_schema("no json"));
  std::string nested = R"({"type":"string"})";
  for (int level = 0; level < 10; ++level) nested = object(R"("a":)" + nested, R"("a")");
  EXPECT_TRUE(is_strict_schema(nested));
  EXPECT_FALSE(is_strict_schema(object(R"("a":)" + nested, R"("a")")));
}

// Many names of properties that are not there cost no more than their own length each.
TEST(StrictSchema, Has_5000_properties_at_most) {
  const auto of = [](int properties) {
    std::string all;
    std::string names;
    for (int i = 0; i < 100'000; ++i) names.append("\"other").append(std::to_string(i)).append("\",");
    for (int i = 0; i < properties; ++i) {
      const std::string name = "\"p" + std::to_string(i) + "\"";
      all.append(i ? "," : "").append(name).append(R"(:{"type":"null"})");
      names.append(i ? "," : "").append(name);
    }
    return object(all, names);
  };
  EXPECT_TRUE(is_strict_schema(of(5'000)));
  EXPECT_FALSE(is_strict_schema(of(5'001)));
}

}  // namespace
}  // namespace sluice::dialects
