#include "dialects/text_scan.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::dialects {
namespace {

// name=first character:string bytes, one after the other
std::string members(std::string_view json) {
  std::string out;
  for (MemberScan scan(json); scan.next();) {
    out += std::string(scan.name()) + "=" + scan.value_begins_with() + ":" + std::string(scan.string()) + " ";
  }
  return out;
}

TEST(MemberScan, Finds_the_members_of_every_depth_in_order) {
  EXPECT_EQ(members(R"({"a":"x","b":{"c" : [ {"d":null} ]},"e":-1.5})"), "a=\":x b={: c=[: d=n: e=-: ");
  EXPECT_EQ(members("{\"a\"\n:\t\"\"}"),
            "a=\":"
            " ");
}

TEST(MemberScan, Is_not_fooled_by_text) {
  EXPECT_EQ(members(R"({"x":"\"content\":\"no\"","content":"a\"b\\"})"), R"(x=":\"content\":\"no\" content=":a\"b\\ )");
  EXPECT_EQ(members(R"(["content","content"])"), "");
  EXPECT_EQ(members(R"({"a":"\\","b":"y"})"), R"(a=":\\ b=":y )");
}

TEST(MemberScan, Ends_where_the_text_is_cut) {
  EXPECT_EQ(members(R"({"a":"cut)"), "");
  EXPECT_EQ(members(R"({"a":"cut\")"), "");
  EXPECT_EQ(members(R"({"a":1,"b)"), "a=1: ");
  EXPECT_EQ(members(R"({"a":)"), std::string("a=") + '\0' + ": ");
  EXPECT_EQ(members(""), "");
}

TEST(WithStringMember, Replaces_the_first_null_or_string_and_nothing_else) {
  const auto told = [](std::string text) { return with_string_member(std::move(text), "id", "a\"b"); };
  EXPECT_EQ(told(R"({"x":{"id" : null},"id":null})"), R"({"x":{"id" : "a\"b"},"id":null})");
  EXPECT_EQ(told("data: {\"id\":\"old\\\"er\"}\n\n"), "data: {\"id\":\"a\\\"b\"}\n\n");
  EXPECT_EQ(told(R"({"id":{"type":"string"},"id":""})"), R"({"id":{"type":"string"},"id":"a\"b"})");
  for (const std::string same : {R"({"text":"\"id\":null"})", R"(["id",null])", R"({"id":7})", R"({"id":"cut)", ""})
    EXPECT_EQ(told(same), same);
}

}  // namespace
}  // namespace sluice::dialects
