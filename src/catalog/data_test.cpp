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

// A key that is made for one vendor's models says that they are wanted; one with other uses does not, and a vendor
// without chat models has nothing for `auto`.
TEST(Data, Every_hosted_vendor_with_chat_models_is_in_auto_unless_its_key_has_other_uses) {
  const std::set<std::string> other_uses = {"cloudflare", "databricks", "huggingface", "wandb"};
  for (const Provider& provider : shipped().providers) {
    const bool chats = std::ranges::any_of(shipped().models, [&](const Model& model) {
      return model.provider == provider.id && model.kind == ModelKind::chat;
    });
    EXPECT_EQ(!provider.default_model.empty(), chats && !other_uses.contains(provider.id.str())) << provider.id.str();
  }
}

TEST(Data, Has_forty_vendors_and_the_engines_that_people_run) {
  EXPECT_GE(std::ranges::count_if(shipped().providers,
                                  [](const Provider& provider) { return provider.ground != Ground::self_hosted; }),
            40);
  for (const char* id : {"openai",     "anthropic",   "gemini",     "meta",       "together",  "groq",    "fireworks",
                         "cerebras",   "deepseek",    "mistral",    "xai",        "cohere",    "azure",   "bedrock",
                         "openrouter", "nvidia",      "perplexity", "nebius",     "deepinfra", "baseten", "zai",
                         "moonshot",   "huggingface", "sambanova",  "databricks", "minimax",   "alibaba", "vllm",
                         "sglang",     "llamacpp",    "cloudflare", "ollama",     "lmstudio",  "tgi"})
    EXPECT_TRUE(std::ranges::count(shipped().providers, ProviderId(id), &Provider::id)) << id;
}

TEST(Data, Has_the_models_that_everybody_asks_for) {
  for (const char* id : {"gpt-5.4", "claude-opus-4.7", "gemini-3.1-pro", "muse-spark-1.1", "qwen3.6-35b-a3b",
                         "llama-4-scout", "deepseek-v4-pro", "deepseek-v4-flash", "gemma-4-31b", "mistral-large",
                         "mistral-medium", "mistral-small", "gpt-oss-120b"})
    EXPECT_TRUE(std::ranges::count(shipped().models, id, &Model::id)) << id;
}

// x-sluice-ground may not overstate: a host that sells closed models, too, vouches for none that the catalogue lacks.
// Groq's two closed systems are in the catalogue, and it has no others.
TEST(Data, A_host_of_closed_models_vouches_for_no_model_that_is_not_known) {
  for (const Provider& provider : shipped().providers)
    for (const Model& model : shipped().models)
      if (model.provider == provider.id && provider.id.str() != "groq" && model.licence == "proprietary") {
        EXPECT_EQ(provider.ground, Ground::proprietary) << provider.id.str() << " sells " << model.id;
      }
}

TEST(Data, Every_benchmark_is_a_number_with_its_source) {
  for (const Model& model : shipped().models)
    for (const Benchmark& benchmark : model.benchmarks) {
      EXPECT_FALSE(benchmark.source.empty()) << model.id << ": " << benchmark.metric;
      EXPECT_EQ(benchmark.value.find_first_not_of("0123456789."), std::string::npos) << benchmark.value;
    }
}

TEST(Data, Every_model_has_one_name_and_a_price_row_and_every_price_row_has_a_source) {
  std::set<std::pair<std::string, std::string>> seen;
  const PriceBook book(shipped().prices);
  for (const Model& model : shipped().models) {
    EXPECT_FALSE(model.source.empty()) << model.id;
    EXPECT_TRUE(seen.emplace(model.provider.str(), model.id).second)
        << model.provider.str() << "/" << model.id << " is there twice";
    // A model without a price is one on purpose: its file says so.
    const bool unpriced = std::ranges::count(shipped().unpriced, std::pair(model.provider, model.name)) > 0;
    EXPECT_EQ(book.find(model.provider.str(), model.name.str()) == nullptr, unpriced)
        << model.provider.str() << "/" << model.name.str() << " needs a price row, or a place under `unpriced`";
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
