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

// A part for each number, which refers to the next one.
std::string chain(int length) {
  std::string schema = R"({"properties":{"a":{"$ref":"#/$defs/d0"}},"$defs":{)";
  for (int i = 0; i < length; ++i)
    schema += "\"d" + std::to_string(i) + R"(":{"$ref":"#/$defs/d)" + std::to_string(i + 1) + "\"},";
  return schema + "\"d" + std::to_string(length) + R"(":{"type":"string"}}})";
}

TEST(SchemaReferences, Refuses_longer_chains_than_any_schema_has) {
  EXPECT_EQ(inlined(chain(63)), R"({"properties":{"a":{"type":"string"}}})");
  EXPECT_TRUE(inlined(chain(64)).contains("'#/$defs/d64' is inside the parts of 64 others"));
  EXPECT_TRUE(inlined(chain(10'000)).contains("inside the parts of 64 others"));
}

TEST(SchemaReferences, Refuses_more_levels_than_JSON_may_have) {
  std::string schema = R"({"items":{"$ref":"#/$defs/d0"},"$defs":{)";
  for (int i = 0; i < 10; ++i) {
    schema += "\"d" + std::to_string(i) + "\":";
    for (int k = 0; k < 40; ++k) schema += R"({"items":)";
    schema += R"({"$ref":"#/$defs/d)" + std::to_string(i + 1) + "\"}" + std::string(40, '}') + ",";
  }
  EXPECT_TRUE(inlined(schema + R"("d10":{"type":"string"}}})").contains("more than 256 levels"));
}

// A look-up that walks the parts would take 30,000 times 30,000 steps, twice.
TEST(SchemaReferences, Finds_each_of_many_parts_at_once) {
  std::string properties;
  std::string parts;
  std::string alternatives;
  std::string expected;
  for (int i = 0; i < 30'000; ++i) {
    const std::string number = std::to_string(i);
    const std::string comma = i == 0 ? "" : ",";
    properties += comma + "\"p" + number + R"(":{"$ref":"#/$defs/d)" + number + "\"}";
    parts += comma + "\"d" + number + R"(":{"$ref":"#/anyOf/)" + number + "\"}";
    alternatives += comma + "{}";
    expected += comma + "\"p" + number + "\":{}";
  }
  EXPECT_EQ(
      inlined(R"({"anyOf":[)" + alternatives + R"(],"properties":{)" + properties + R"(},"$defs":{)" + parts + "}}"),
      R"({"anyOf":[)" + alternatives + R"(],"properties":{)" + expected + "}}");
}

TEST(SchemaReferences, Refuses_work_that_leaves_no_trace) {
  std::string schema = R"({"items":[)";
  for (int i = 0; i < 2'000; ++i) schema += R"({"$ref":"#/$defs/d"},)";
  schema += R"({}],"$defs":{"d":{)";
  for (int i = 0; i < 2'000; ++i) schema += R"("definitions":{},)";
  EXPECT_TRUE(inlined(schema + R"("title":"d"}}})").contains("more than can be written out"));
}

TEST(SchemaReferences, Leaves_properties_of_any_name_where_they_are) {
  EXPECT_EQ(
      inlined(
          R"({"properties":{"definitions":{"type":"string"},"$defs":{"type":"null"},"$ref":{"type":"number"},)"
          R"("x":{"$ref":"#/$defs/y"}},"patternProperties":{"$ref":{"$ref":"#/$defs/y"}},)"
          R"("required":["definitions","x"],"$defs":{"y":{"properties":{"definitions":{"$ref":"#/definitions/z"}}}},)"
          R"("definitions":{"z":{"type":"boolean"}}})"),
      R"({"properties":{"definitions":{"type":"string"},"$defs":{"type":"null"},"$ref":{"type":"number"},)"
      R"("x":{"properties":{"definitions":{"type":"boolean"}}}},)"
      R"("patternProperties":{"$ref":{"properties":{"definitions":{"type":"boolean"}}}},)"
      R"("required":["definitions","x"]})");
}

TEST(SchemaReferences, Leaves_values_as_they_are) {
  const std::string_view values =
      R"("const":{"$ref":"#/a"},"enum":[{"$ref":"#/b"},{"$defs":{}}],"default":{"definitions":{"$ref":"x"}},)"
      R"("examples":[{"$ref":"#/c"}])";
  EXPECT_EQ(inlined("{" + std::string(values) + R"(,"items":{"$ref":"#/$defs/y"},"$defs":{"y":{"type":"null"}}})"),
            "{" + std::string(values) + R"(,"items":{"type":"null"}})");
}

// A look-up that went on behind its end would hash 500,000 paths of up to 1 MB.
TEST(SchemaReferences, Ends_a_look_up_where_nothing_is) {
  std::string reference = "#";
  for (int i = 0; i < 500'000; ++i) reference += "/x";
  const std::string fault = inlined(R"({"$ref":")" + reference + "\"}");
  EXPECT_TRUE(fault.contains("leads to no part"));
  EXPECT_LT(fault.size(), 1'000U) << "nor is all of it said again";
}

// What is looked up costs as much as it is long, and no step of it can be seen in the schema.
TEST(SchemaReferences, Counts_the_length_of_references) {
  const std::string name(100'000, 'n');
  std::string schema = R"({"items":[)";
  for (int i = 0; i < 10'000; ++i) schema += R"({"$ref":"#/$defs/d"},)";
  schema += R"({}],"$defs":{"d":{"$ref":"#/$defs/)" + name + R"("},")" + name + R"(":{}}})";
  EXPECT_TRUE(inlined(schema).contains("more than can be written out"));
}

TEST(SchemaReferences, Reads_references_that_are_percent_encoded) {
  EXPECT_EQ(inlined(R"({"items":{"$ref":"#/%24defs/List%5Ba~1b%5D"},"$defs":{"List[a/b]":{"type":"null"}}})"),
            R"({"items":{"type":"null"}})");
  EXPECT_TRUE(inlined(R"({"$ref":"#/$defs/a","$defs":{"a":{"items":{"$ref":"#/%24defs/a"}}}})")
                  .contains("'#/$defs/a' refers to itself"));
  EXPECT_EQ(inlined(R"({"items":{"$ref":"#/$defs/50%"},"$defs":{"50%":{"type":"null"}}})"),
            R"({"items":{"type":"null"}})");
}

TEST(SchemaReferences, Refuses_to_lose_what_both_sides_of_a_reference_ask_for) {
  EXPECT_TRUE(inlined(R"({"$ref":"#/$defs/a","properties":{"y":{}},"$defs":{"a":{"properties":{"x":{}}}}})")
                  .contains("'properties' stands beside a reference"));
  EXPECT_EQ(
      inlined(R"({"$ref":"#/$defs/a","type":"object","title":"Mine","$defs":{"a":{"title":"A","type":"object"}}})"),
      R"({"type":"object","title":"Mine"})");
}

}  // namespace
}  // namespace sluice::dialects
