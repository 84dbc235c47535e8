// The facts that this program ships in data/: whole, and right where a mistake would cost money or leak data.
#include "catalog/catalog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace sluice::catalog {
namespace {

const Catalog& shipped() {
  static const Catalog catalog = embedded_catalog();
  return catalog;
}

Money usd(const char* text) { return *Money::parse_usd(text); }

std::optional<Money> price_of(const char* provider, const char* model, const char* when, chat::Usage usage) {
  static const PriceBook book(shipped().prices);
  return cost(book.quote(ProviderId(provider), ModelName(model), *parse_date(when)), usage);
}

TEST(Data, Has_the_vendors_that_the_environment_can_switch_on) {
  for (const char* variable : {"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GROQ_API_KEY",
                               "TOGETHER_API_KEY", "FIREWORKS_API_KEY", "OPENROUTER_API_KEY", "DEEPSEEK_API_KEY",
                               "MISTRAL_API_KEY", "XAI_API_KEY", "CEREBRAS_API_KEY"})
    EXPECT_TRUE(std::ranges::any_of(shipped().providers, [&](const Provider& p) {
      return std::ranges::count(p.key_env, variable) > 0;
    })) << variable;
}

TEST(Data, Every_default_model_is_in_the_catalogue) {
  for (const Provider& provider : shipped().providers) {
    if (provider.default_model.empty()) continue;
    EXPECT_TRUE(std::ranges::any_of(
        shipped().models,
        [&](const Model& model) { return model.provider == provider.id && model.id == provider.default_model; }))
        << provider.id.str() << "/" << provider.default_model;
  }
}

TEST(Data, Every_model_has_one_name_and_a_price_row_and_every_price_row_has_a_source) {
  std::set<std::pair<std::string, std::string>> seen;
  const PriceBook book(shipped().prices);
  for (const Model& model : shipped().models) {
    EXPECT_FALSE(model.source.empty()) << model.id;
    EXPECT_TRUE(seen.emplace(model.provider.str(), model.id).second)
        << model.provider.str() << "/" << model.id << " is there twice";
    // Google publishes no price for Gemma on its API, so it stays unpriced.
    if (model.provider.str() == "gemini" && model.developer == "Google" && model.open_weights) continue;
    EXPECT_NE(book.find(model.provider.str(), model.name.str()), nullptr)
        << model.provider.str() << "/" << model.name.str() << " has no price row";
  }
  for (const PriceFact& fact : shipped().prices)
    EXPECT_FALSE(fact.source.empty()) << fact.provider.str() << "/" << fact.model.str();
}

TEST(Data, Only_what_runs_on_own_machines_is_self_hosted) {
  for (const Model& model : shipped().models) {
    if (model.ground == Ground::self_hosted) {
      EXPECT_EQ(model.provider.str(), "local") << model.id;
    }
  }
  for (const Provider& provider : shipped().providers) {
    const bool here = provider.engine || provider.base_url.endpoint.host == "127.0.0.1";
    const bool has_place = !provider.base_url.host_header.empty() || !provider.base_url_from.empty();
    const bool encrypted = provider.base_url.endpoint.tls || provider.base_url.host_header.empty();
    EXPECT_TRUE(provider.ground == Ground::self_hosted ? here : has_place && encrypted) << provider.id.str();
  }
}

TEST(Data, Long_prompts_cost_what_the_vendors_tiers_say) {
  const chat::Usage at_200k{.input = 200'000, .output = 1'000};
  EXPECT_EQ(price_of("gemini", "gemini-3.1-pro-preview", "2026-11-01", at_200k), usd("0.412"));
  EXPECT_EQ(price_of("gemini", "gemini-3.1-pro-preview", "2026-11-01", {.input = 200'001, .output = 1'000}),
            usd("0.818004"));
  EXPECT_EQ(price_of("openai", "gpt-5.4", "2026-11-01", {.input = 271'999}), usd("0.6799975"));
  EXPECT_EQ(price_of("openai", "gpt-5.4", "2026-11-01", {.input = 272'000}), usd("1.36"));
  EXPECT_EQ(price_of("openai", "gpt-5.4", "2026-11-01", {.cache_read = 272'000, .output = 1'000}), usd("0.1585"));
}

TEST(Data, A_price_that_was_superseded_still_holds_for_its_days) {
  const chat::Usage a_million{.input = 1'000'000};
  EXPECT_EQ(price_of("meta", "muse-spark-1.1", "2026-05-01", a_million), usd("0"));
  EXPECT_EQ(price_of("meta", "muse-spark-1.1", "2026-11-01", a_million), usd("1.25"));
  EXPECT_EQ(price_of("anthropic", "claude-sonnet-5", "2026-08-31", a_million), usd("2"));
  EXPECT_EQ(price_of("anthropic", "claude-sonnet-5", "2026-09-01", a_million), usd("3"));
  EXPECT_EQ(price_of("openrouter", "qwen/qwen3.6-35b-a3b", "2026-05-01", a_million), usd("0.38"));
  EXPECT_EQ(price_of("anthropic", "claude-opus-4-7", "2026-03-31", a_million), std::nullopt)
      << "before the first row it is unpriced";
}

}  // namespace
}  // namespace sluice::catalog
