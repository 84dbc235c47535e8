#include "dialects/schema_references.h"

#include <gtest/gtest.h>

namespace sluice::dialects {
namespace {

std::string inlined(std::string_view schema) {
  const auto result = without_references(schema, "f");
  return result ? *result : "refused: " + result.error().message;
}

TEST(SchemaReferences, Puts_parts_in_the_places_of_their_references) {
  EXPECT_EQ(
      inlined(
          R"({"type":"object","properties":{"a":{"$ref":"#/$defs/x"},"b":{"$ref":"#/$defs/y","title":"B"}},)"
          R"("$defs":{"x":{"type":"string","title":"X"},"y":{"type":"array","items":{"$ref":"#/$defs/x"},"title":"Y"}}})"),
      R"({"type":"object","properties":{"a":{"type":"string","title":"X"},)"
      R"("b":{"title":"B","type":"array","items":{"type":"string","title":"X"}}}})");
  EXPECT_EQ(inlined(R"({"anyOf":[{"type":"null"},{"$ref":"#/anyOf/0"}],"x":{"a~/b":1},"y":{"$ref":"#/x"}})"),
            R"({"anyOf":[{"type":"null"},{"type":"null"}],"x":{"a~/b":1},"y":{"a~/b":1}})");
}

TEST(SchemaReferences, Leaves_a_schema_without_any_as_it_is) {
  EXPECT_EQ(inlined(R"({ "type":"object" , "$defs":{"x":{}} })"), R"({ "type":"object" , "$defs":{"x":{}} })");
}

TEST(SchemaReferences, Refuses_what_cannot_be_written_out) {
  EXPECT_TRUE(inlined(R"({"$ref":"#/$defs/n","$defs":{"n":{"properties":{"next":{"$ref":"#/$defs/n"}}}}})")
                  .contains("'#/$defs/n' refers to itself"));
  EXPECT_TRUE(inlined(R"({"properties":{"next":{"$ref":"#"}}})").contains("refers to itself"));
  EXPECT_TRUE(inlined(R"({"items":{"$ref":"#/$defs/none"}})").contains("leads to no part"));
  EXPECT_TRUE(inlined(R"({"items":{"$ref":"https://x.example/s"}})").contains("leads to no part"));
  std::string wide = R"({"$ref":"#/$defs/d0","$defs":{)";
  for (int i = 0; i < 30; ++i) {
    const std::string next = R"({"$ref":"#/$defs/d)" + std::to_string(i + 1) + R"("})";
    wide += "\"d" + std::to_string(i) + R"(":{"properties":{"a":)" + next + ",\"b\":" + next + "}},";
  }
  EXPECT_TRUE(inlined(wide + R"("d30":{"type":"string"}}})").contains("larger than 1 MB"));
}

}  // namespace
}  // namespace sluice::dialects
