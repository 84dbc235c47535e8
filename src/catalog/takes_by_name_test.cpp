#include "catalog/takes_by_name.h"

#include <gtest/gtest.h>

#include "catalog/catalog.h"

namespace sluice::catalog {
namespace {

chat::Takes found(std::string_view name) {
  static const TakesByName known(embedded_catalog().models);
  return known.find(name);
}

TEST(TakesByName, Claudes_that_take_system_messages_within_are_known_under_every_name) {
  for (const char* model : {"claude-opus-4-8", "us.anthropic.claude-opus-4-8-20260528-v1:0", "claude-opus-4.8",
                            "anthropic/claude-sonnet-5.5", "claude-fable-5", "claude-haiku-5-5@20261001",
                            "databricks-claude-opus-4-8", "Claude-Opus-5", "anthropic/claude-opus-4.8:thinking"})
    EXPECT_TRUE(found(model).system_within) << model;
  for (const char* model : {"claude-opus-4-7", "claude-opus-4-20250514", "claude-sonnet-4-5-20250929",
                            "claude-sonnet-5", "claude-sonnet-5-20260630", "claude-3-5-sonnet-20241022", "claude-",
                            "claude-instant", "gpt-5.4", "amazon.nova-pro-v1:0", ""})
    EXPECT_FALSE(found(model).system_within) << model;
}

TEST(TakesByName, Who_refuses_sampling_is_known_under_every_name) {
  using chat::Sampling;
  for (const char* model : {"claude-opus-4-7", "us.anthropic.claude-opus-4-8-20260528-v1:0", "claude-sonnet-5",
                            "anthropic/claude-haiku-5.5", "claude-fable-5-1", "gpt-5", "gpt-5-mini-2025-08-07",
                            "openai/o3", "o3-2025-04-16", "o4-mini", "accounts/acme/models/gpt-5-nano"})
    EXPECT_EQ(found(model).sampling, Sampling::refused) << model;
  for (const char* model : {"gpt-5.4", "gpt-5.4-2026-03-05", "ft:gpt-5.4-mini-2026-03-17:acme::abc", "gpt-5.1",
                            "databricks-gpt-5-4-nano", "openai/gpt-5.6-sol"})
    EXPECT_EQ(found(model).sampling, Sampling::without_effort) << model;
  for (const char* model :
       {"claude-opus-4-6", "claude-sonnet-4-6", "claude-opus-4-20250514", "claude-3-7-sonnet", "claude-x", "gpt-4o",
        "gpt-4o-2024-08-06", "gpt-5-chat-latest", "gpt-5.7", "gpt-oss-120b", "o", "2026-03-05", "-v1", ""})
    EXPECT_EQ(found(model).sampling, Sampling::taken) << model;
}

TEST(TakesByName, Has_the_efforts_of_the_model) {
  using enum chat::Effort;
  EXPECT_EQ(found("gpt-5-2025-08-07").efforts, (chat::Efforts{minimal, low, medium, high}));
  EXPECT_EQ(found("openai/gpt-5.1").efforts, (chat::Efforts{none, low, medium, high}));
  EXPECT_EQ(found("gpt-5.1").unasked, none);
  EXPECT_EQ(found("gpt-5.6-luna").unasked, std::nullopt) << "it thinks unasked";
  EXPECT_EQ(found("eu.anthropic.claude-sonnet-4-5-20250929-v1:0").efforts, chat::Efforts{none});
}

}  // namespace
}  // namespace sluice::catalog
