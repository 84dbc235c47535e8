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

}  // namespace
}  // namespace sluice::dialects
