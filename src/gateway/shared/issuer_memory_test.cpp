#include "gateway/shared/issuer_memory.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::gateway {
namespace {

TEST(IssuerMemory, Knows_whose_a_state_is) {
  IssuerMemory memory;
  EXPECT_FALSE(memory.knows_others(chat::DialectId::anthropic_messages, "b.example"));
  memory.note(chat::DialectId::anthropic_messages, "c2ln/A==", "a.example");
  EXPECT_FALSE(memory.knows_others(chat::DialectId::anthropic_messages, "a.example"));
  EXPECT_TRUE(memory.knows_others(chat::DialectId::anthropic_messages, "b.example"));
  EXPECT_FALSE(memory.knows_others(chat::DialectId::gemini, "b.example"));
  EXPECT_FALSE(memory.is_foreign("c2ln/A==", "a.example"));
  EXPECT_TRUE(memory.is_foreign("c2ln/A==", "b.example"));
  EXPECT_FALSE(memory.is_foreign("unknown", "b.example"));
  memory.note(chat::DialectId::anthropic_messages, "other", "b.example");
  EXPECT_TRUE(memory.knows_others(chat::DialectId::anthropic_messages, "a.example"));
}

TEST(IssuerMemory, Takes_a_state_for_the_same_however_its_JSON_was_escaped) {
  IssuerMemory memory;
  memory.note(chat::DialectId::anthropic_messages, R"(c2ln\/A\u003d\u003D)", "a.example");
  EXPECT_TRUE(memory.is_foreign("c2ln/A==", "b.example"));
}

TEST(IssuerMemory, Forgets_the_oldest_when_it_is_full) {
  IssuerMemory memory(2);
  for (const char* state : {"one", "two", "two", "three"})
    memory.note(chat::DialectId::anthropic_messages, state, "a.example");
  EXPECT_FALSE(memory.is_foreign("one", "b.example"));
  EXPECT_TRUE(memory.is_foreign("two", "b.example"));
  EXPECT_TRUE(memory.is_foreign("three", "b.example"));
}

}  // namespace
}  // namespace sluice::gateway
