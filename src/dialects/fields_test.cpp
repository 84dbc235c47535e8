#include "dialects/fields.h"

#include <gtest/gtest.h>

namespace sluice::dialects {
namespace {

class FieldsOf {
 public:
  explicit FieldsOf(std::string_view text)
      : document_(*json::Document::parse(text)), fields_(*Fields::of(document_.root(), "a[0]")) {}
  const Fields* operator->() const { return &fields_; }

 private:
  json::Document document_;
  Fields fields_;
};

template <class T>
std::string fault(const Result<T>& result) {
  return result ? "" : result.error().message + "|" + result.error().param;
}

TEST(Fields, Names_the_field_and_both_types_when_the_type_is_wrong) {
  const FieldsOf fields(R"({"s":1,"n":"x","l":{},"b":"true","i":1.5})");
  EXPECT_EQ(fault(fields->string("s")), "a[0].s: a string is expected, not an integer|a[0].s");
  EXPECT_EQ(fault(fields->number("n", 0, 1)), "a[0].n: a number is expected, not a string|a[0].n");
  EXPECT_EQ(fault(fields->array("l")), "a[0].l: an array is expected, not an object|a[0].l");
  EXPECT_EQ(fault(fields->boolean("b")), "a[0].b: a boolean is expected, not a string|a[0].b");
  EXPECT_EQ(fault(fields->integer("i", 0, 9)), "a[0].i: an integer is expected, not a number|a[0].i");
}

TEST(Fields, Counts_null_as_absent) {
  const FieldsOf fields(R"({"s":null})");
  EXPECT_EQ(*fields->string("s"), std::nullopt);
  EXPECT_TRUE(fields->array("s")->empty());
  EXPECT_EQ(fault(fields->required_string("s")), "a[0].s: this field is required|a[0].s");
  EXPECT_TRUE(fields->others({}).empty());
}

TEST(Fields, Holds_numbers_to_their_range) {
  const FieldsOf fields(R"({"t":2.5,"n":0,"e":""})");
  EXPECT_EQ(fault(fields->number("t", 0, 2)), "a[0].t: it must be between 0 and 2|a[0].t");
  EXPECT_EQ(fault(fields->integer("n", 1, 8)), "a[0].n: it must be between 1 and 8, not 0|a[0].n");
  EXPECT_EQ(fault(fields->required_string("e")), "a[0].e: it must not be empty|a[0].e");
}

TEST(Fields, Refuses_what_is_no_object) {
  const auto document = json::Document::parse("[1]");
  EXPECT_EQ(fault(Fields::of(document->root(), "")), "an object is expected, not an array|");
}

}  // namespace
}  // namespace sluice::dialects
