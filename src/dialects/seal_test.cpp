#include "dialects/seal.h"

#include <gtest/gtest.h>

namespace sluice::dialects {
namespace {

TEST(Seal, Opens_to_what_was_sealed) {
  for (const std::string_view issuer : {"google/gemini-3.1-pro", "ollama/qwen:3b", ""}) {
    for (const std::string_view state : {"", "EqQB:/+=", "12:34"}) {
      const std::string text = seal(issuer, state);
      const auto opened = open_seal(text);
      ASSERT_TRUE(opened) << text;
      EXPECT_EQ(opened->issuer, issuer);
      EXPECT_EQ(opened->state, state);
    }
  }
}

TEST(Seal, Does_not_open_what_has_none_or_a_broken_one) {
  for (const std::string_view text :
       {"", "EqQB", "sluice-sealed:", "sluice-sealed:3", "sluice-sealed:9:abc", "sluice-sealed:x:abc",
        "sluice-sealed:99999999999999999999:a", "sluice-sealed:-1:a"})
    EXPECT_FALSE(open_seal(text)) << text;
}

TEST(Seal, Keeps_all_of_a_thinking_block_but_its_text) {
  const chat::Thinking before{.text = "seen", .signature = "abc\n=", .redacted = true, .id = "rs_1"};
  const chat::Thinking after = open_thinking(seal_thinking("acme/big", before));
  EXPECT_EQ(after.issuer, "acme/big");
  EXPECT_EQ(after.signature, before.signature);
  EXPECT_EQ(after.id, "rs_1");
  EXPECT_TRUE(after.redacted);
  EXPECT_EQ(open_thinking("EqQB").signature, "EqQB");
  EXPECT_EQ(open_thinking("EqQB").issuer, "");
  EXPECT_EQ(open_thinking(seal("a/b", "x")).signature, "");
}

}  // namespace
}  // namespace sluice::dialects
