// The facts that this program ships in data/: whole, and right where a mistake would cost money or leak data.
#include "catalog/catalog.h"
#include "catalog/reference.h"
#include "catalog/takes_by_name.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace sluice::catalog {
namespace {

const Catalog& shipped() {
  static const Catalog catalog = embedded_catalog();
  return catalog;
}

// The newest day on which a fact was read: the data's own today, so that no test changes with the clock.
Date as_of() {
  std::string newest;
  for (const PriceFact& fact : shipped().prices) newest = std::max(newest, fact.observed_at);
  return *parse_date(newest);
}

std::string label(const Model& model) { return model.provider.str() + "/" + model.name.str(); }

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
  const std::set<std::string> other_uses = {"azure",       "bedrock", "cloudflare",       "databricks",
                                            "huggingface", "vertex",  "vertex-anthropic", "wandb"};
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
                         "sglang",     "llamacpp",    "cloudflare", "ollama",     "lmstudio",  "tgi",     "vertex"})
    EXPECT_TRUE(std::ranges::count(shipped().providers, ProviderId(id), &Provider::id)) << id;
}

TEST(Data, Knows_the_models_that_everybody_asks_for_wholly) {
  const PriceBook book(shipped().prices);
  for (const std::string_view id : essential_models) {
    const Model* known = nullptr;
    bool priced = false;
    bool limits = false;
    bool released = false;
    for (const Model& model : shipped().models) {
      if (model.id != id) continue;
      known = &model;
      priced = priced || book.quote(model.provider, model.name, as_of()).priced();
      limits = limits || (model.context > 0 && model.max_output > 0);
      released = released || !model.released.empty();
    }
    ASSERT_TRUE(known) << id;
    EXPECT_TRUE(priced && limits && released) << id;
    EXPECT_FALSE(known->benchmarks.empty()) << id;
    EXPECT_NE(known->licence, "not stated") << id;
  }
  EXPECT_TRUE(std::ranges::count(shipped().models, "gpt-oss-120b", &Model::id));
}

TEST(Data, Has_the_rows_of_the_three_clouds_with_their_own_names_prices_and_regions) {
  const chat::Usage a_million{.input = 1'000'000};
  EXPECT_EQ(price_of("bedrock", "anthropic.claude-opus-4-7", "2026-11-27", a_million), usd("5"));
  EXPECT_EQ(price_of("bedrock", "eu.anthropic.claude-opus-4-7", "2026-11-27", a_million), usd("5.5"));
  EXPECT_EQ(price_of("azure", "gpt-5.4", "2026-11-27", a_million), usd("5")) << "above its threshold";
  EXPECT_EQ(price_of("vertex", "gemini-3.1-pro-preview", "2026-11-27", {.input = 1'000}), usd("0.002"));
  EXPECT_EQ(price_of("vertex-anthropic", "claude-opus-4-7@default", "2026-11-27", a_million), usd("5"));
  for (const Model& model : shipped().models)
    if (model.provider.str() == "bedrock" && model.name.str().starts_with("eu.")) {
      EXPECT_EQ(model.region, "eu") << label(model);
    }
}

TEST(Data, Every_licence_is_described_and_what_is_not_stated_says_why) {
  std::set<std::string> seen;
  for (const Licence& licence : shipped().licences) {
    EXPECT_TRUE(seen.insert(licence.id).second) << licence.id << " is there twice";
    EXPECT_FALSE(licence.source.empty()) << licence.id;
    EXPECT_TRUE(parse_date(licence.observed_at)) << licence.id;
    for (const LicenceTerm& term : licence.terms) {
      const bool cap = term.kind == LicenceTerm::Kind::user_cap || term.kind == LicenceTerm::Kind::revenue_cap;
      EXPECT_EQ(term.limit > 0, cap) << licence.id << ": " << name(term.kind);
      EXPECT_FALSE(term.text.empty()) << licence.id << ": " << name(term.kind);
    }
  }
  for (const Model& model : shipped().models) {
    const Licence* licence = find_licence(shipped(), model.licence);
    ASSERT_TRUE(licence) << label(model) << " is under " << model.licence << ", which data/licences.yaml has not";
    if (model.licence == "not stated")
      EXPECT_FALSE(model.licence_note.empty()) << label(model);
    else
      EXPECT_EQ(model.open_weights, licence->weights) << label(model);
  }
}

TEST(Data, The_same_weights_have_one_licence_at_every_host) {
  std::map<std::string, std::string> licences;
  for (const Model& model : shipped().models) {
    const auto [known, first] = licences.emplace(model.id, model.licence);
    EXPECT_TRUE(first || known->second == model.licence) << label(model) << ": " << known->second;
  }
}

TEST(Data, Every_model_has_its_limits_in_a_sane_range_and_a_day_on_which_it_was_read) {
  for (const Model& model : shipped().models) {
    EXPECT_TRUE(model.context >= 512 && model.context <= 20'000'000) << label(model) << ": " << model.context;
    EXPECT_LE(model.max_output, model.context + model.context / 16) << label(model);  // 1,000,000 beside 1,048,576
    EXPECT_TRUE(parse_date(model.observed_at)) << label(model);
    EXPECT_TRUE(model.released.empty() || parse_date(model.released)) << label(model);
    EXPECT_TRUE(model.kind == ModelKind::chat || (!model.tools && model.max_output == 0)) << label(model);
    if (model.retires) {
      EXPECT_FALSE(model.retires->source.empty()) << label(model);
      EXPECT_NE(model.retires->successor, model.name.str()) << label(model);
      EXPECT_TRUE(model.retires->day > *parse_date("2025-01-01") && model.retires->day < *parse_date("2030-01-01"))
          << label(model);
    }
  }
}

// Anthropic's word on its models since 4.6, wherever they run.
TEST(Data, Newer_Claudes_refuse_to_go_on_from_the_assistants_last_message_at_every_host) {
  int refusing = 0;
  for (const Model& model : shipped().models) {
    const bool older = model.id.ends_with("-4.5");
    EXPECT_EQ(model.refuses_prefill, model.developer == "Anthropic" && !older) << label(model);
    refusing += model.refuses_prefill && model.provider.str() == "bedrock";
  }
  EXPECT_GT(refusing, 20) << "a cloud's regions have the maker's facts";
}

// By the makers' pages that data/README.md names.
TEST(Data, What_a_model_takes_is_said_at_every_host) {
  int hosts = 0;
  for (const Model& model : shipped().models) {
    const std::string weights = name_of_weights(model);
    const bool newer_claude =
        model.developer == "Anthropic" && !weights.ends_with("-4.5") && !weights.ends_with("-4.6");
    const bool thinking_gpt = model.developer == "OpenAI" && model.reasoning && !model.open_weights;
    const chat::Takes& takes = model.takes;
    const bool others = !newer_claude && !thinking_gpt && model.developer != "Google";
    EXPECT_TRUE(!newer_claude || takes.sampling == chat::Sampling::refused) << label(model);
    EXPECT_TRUE(!thinking_gpt || takes.sampling != chat::Sampling::taken) << label(model);
    EXPECT_TRUE(!others || takes.sampling == chat::Sampling::taken) << label(model);
    const bool has_efforts = model.developer == "Anthropic" || thinking_gpt;
    EXPECT_TRUE(!has_efforts || !takes.efforts.empty()) << label(model);
    EXPECT_TRUE(takes.sampling != chat::Sampling::without_effort || takes.efforts.contains(chat::Effort::none))
        << label(model) << ": it would never sample";
    EXPECT_EQ(model.takes.system_within, newer_claude && weights != "claude-opus-4.7" && weights != "claude-sonnet-5")
        << label(model);
    hosts += weights == "gpt-5.4" && model.takes.chat_tools_without_effort;
  }
  EXPECT_GT(hosts, 5);
}

TEST(Data, No_vendor_is_in_auto_with_a_model_that_it_has_stopped) {
  for (const Provider& provider : shipped().providers)
    for (const Model& model : shipped().models)
      if (model.provider == provider.id && model.id == provider.default_model) {
        EXPECT_FALSE(model.retired(as_of())) << label(model);
      }
}

TEST(Data, No_two_models_of_a_provider_share_a_name) {
  std::map<std::pair<std::string, std::string>, const Model*> taken;
  for (const Model& model : shipped().models) {
    std::set<std::string> names{model.name.str(), model.id};
    names.insert(model.aliases.begin(), model.aliases.end());
    for (const std::string& name : names)
      EXPECT_TRUE(taken.emplace(std::pair(model.provider.str(), name), &model).second)
          << model.provider.str() << "/" << name << " means two models";
  }
}

// What slips into catalogues: a storage price in the place of a cached token's, a zero, a price per thousand tokens.
TEST(Data, No_price_is_odd) {
  const auto million = [](std::int64_t pico) { return Money::pico(pico * 1'000'000); };
  for (const PriceFact& fact : shipped().prices) {
    if (fact.kind != PriceKind::metered) continue;
    std::vector<Rates> all{fact.rates};
    for (const Tier& tier : fact.tiers) all.push_back(tier.rates);
    for (const Rates& rates : all) {
      const std::string what = fact.provider.str() + "/" + fact.model.str();
      EXPECT_LE(rates[Unit::cache_read], rates[Unit::input]) << what << ": a cached token is dearer than a fresh one";
      EXPECT_GE(rates[Unit::cache_write_1h], rates[Unit::cache_write_5m] * 1 / 2) << what;
      EXPECT_TRUE(rates[Unit::input] > 0 || rates[Unit::output] > 0) << what;
      EXPECT_LE(million(rates[Unit::input]), usd("250")) << what;
      EXPECT_LE(million(rates[Unit::output]), usd("1000")) << what;
      if (rates[Unit::output] > 0) {
        EXPECT_GE(rates[Unit::output], rates[Unit::input] / 10) << what;
      }
    }
    EXPECT_TRUE(std::ranges::is_sorted(fact.tiers, {}, &Tier::prompt_tokens)) << fact.model.str();
  }
}

TEST(Data, Of_a_models_prices_one_holds_on_each_day_and_none_is_five_times_the_one_before) {
  const PriceBook book(shipped().prices);
  for (const auto& [of, history] : book.all()) {
    const std::string what = of.first + "/" + of.second;
    for (std::size_t i = 0; i + 1 < history.facts.size(); ++i) {  // the latest first
      const PriceFact& later = history.facts[i];
      const PriceFact& earlier = history.facts[i + 1];
      if (later.source_kind != earlier.source_kind) continue;
      EXPECT_LT(earlier.effective_from, later.effective_from) << what;
      ASSERT_TRUE(earlier.effective_to) << what << " has two prices at a time";
      EXPECT_LE(*earlier.effective_to, later.effective_from) << what;
      if (earlier.kind == PriceKind::metered && later.kind == PriceKind::metered) {
        EXPECT_LT(later.rates[Unit::input], 5 * earlier.rates[Unit::input]) << what;
        EXPECT_LT(earlier.rates[Unit::input], 5 * later.rates[Unit::input]) << what;
      }
    }
  }
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

TEST(Data, Every_benchmark_is_a_number_with_the_address_of_its_source) {
  for (const Model& model : shipped().models)
    for (const Benchmark& benchmark : model.benchmarks) {
      EXPECT_TRUE(benchmark.source.starts_with("https://")) << model.id << ": " << benchmark.metric;
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
  EXPECT_EQ(price_of("deepseek", "deepseek-v4-pro", "2026-08-16", a_million), usd("0.435"));
  EXPECT_EQ(price_of("deepseek", "deepseek-v4-pro", "2026-08-17", a_million), usd("1.32")) << "the peak price";
  EXPECT_EQ(price_of("openrouter", "qwen/qwen3.6-35b-a3b", "2026-05-01", a_million), usd("0.38"));
  EXPECT_EQ(price_of("anthropic", "claude-opus-4-7", "2026-03-31", a_million), std::nullopt)
      << "before the first row it is unpriced";
}

}  // namespace
}  // namespace sluice::catalog
