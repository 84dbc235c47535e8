#include "base/percent.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Percent, Encodes_all_but_the_unreserved) {
  EXPECT_EQ(percent_encoded("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encoded("a/b:c %\xC3\xA4"), "a%2Fb%3Ac%20%25%C3%A4");
  EXPECT_EQ(percent_encoded("/a b", "/"), "/a%20b");
}

}  // namespace
}  // namespace sluice
