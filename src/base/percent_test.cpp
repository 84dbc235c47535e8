#include "base/percent.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Percent, Encodes_all_but_the_unreserved) {
  EXPECT_EQ(percent_encoded("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encoded("a/b:c %\xC3\xA4"), "a%2Fb%3Ac%20%25%C3%A4");
  EXPECT_EQ(percent_encoded("/a b", "/"), "/a%20b");
}

TEST(PercentDecoded, Gives_the_bytes_back_or_nothing) {
  EXPECT_EQ(percent_decoded("a%20b%2Fc%2fd+e", false), "a b/c/d+e");
  EXPECT_EQ(percent_decoded("a+b%2B", true), "a b+");
  EXPECT_EQ(percent_decoded("", true), "");
  for (const char* wrong : {"%", "%2", "a%zz", "%2g", "%%20"})
    EXPECT_EQ(percent_decoded(wrong, false), std::nullopt) << wrong;
}

}  // namespace
}  // namespace sluice
