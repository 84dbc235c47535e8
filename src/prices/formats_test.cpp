#include "prices/formats.h"

#include <gtest/gtest.h>

#include "prices/review.h"

namespace sluice::prices {
namespace {

using catalog::SourceKind;
using catalog::Unit;

constexpr std::string_view models_dev = R"({
  "acme": {"id": "acme", "models": {
    "big": {"cost": {"input": 2.5, "output": 15, "cache_read": 0.25, "cache_write": 3.125,
                     "tiers": [{"input": 5, "output": 22.5, "tier": {"size": 200000}}]},
            "experimental": {"modes": {"fast": {"cost": {"input": 5, "output": 30},
                                                "provider": {"body": {"service_tier": "priority"}}}}}},
    "gratis": {"cost": {"input": 0, "output": 0}},
    "unknown": {"name": "has no cost"}}},
  "openai": {"id": "openai", "models": {
    "gpt-5.4": {"cost": {"input": 2.5, "output": 15, "tiers": [{"input": 5, "output": 22.5, "tier": {"size": 272000}}]}}}}
})";

constexpr std::string_view genai = R"([
  {"id": "google", "name": "Google", "fallback_model_providers": ["acme"], "models": [
    {"id": "gemini-x", "match": {"or": [{"starts_with": "gemini-x"}, {"regex": "^g-\\d"}]},
     "prices": {"input_mtok": {"base": 2, "tiers": [{"start": 200000, "price": 4}]},
                "output_mtok": {"base": 12, "tiers": [{"start": 200000, "price": 18}]}, "input_audio_mtok": 3}}]},
  {"id": "acme", "models": [
    {"id": "dated", "match": {"equals": "dated"}, "prices": [
      {"prices": {"input_mtok": 10, "output_mtok": 40}},
      {"constraint": {"start_date": "2026-06-10"}, "prices": {"input_mtok": 2, "output_mtok": 8}},
      {"constraint": {"start_date": "2027-01-01"}, "prices": {"input_mtok": 1, "output_mtok": 4}}]},
    {"id": "nightly", "match": {"equals": "nightly"}, "prices": [
      {"prices": {"input_mtok": 0.135, "output_mtok": 0.55}},
      {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"},
       "prices": {"input_mtok": 0.27, "output_mtok": 1.1}}]}]}
])";

constexpr std::string_view litellm = R"({
  "sample_spec": {"litellm_provider": "one of the providers"},
  "azure/gpt-5": {"litellm_provider": "azure", "mode": "chat", "input_cost_per_token": 1.25e-06,
    "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-07, "input_cost_per_token_flex": 6.25e-07,
    "output_cost_per_token_flex": 5e-06, "input_cost_per_token_above_272k_tokens": 2.5e-06,
    "output_cost_per_token_above_272k_tokens": 1.5e-05},
  "claude-z": {"litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 3e-06,
    "output_cost_per_token": 1.5e-05, "cache_creation_input_token_cost": 3.75e-06,
    "cache_creation_input_token_cost_above_1hr": 6e-06, "cache_read_input_token_cost": 3e-07,
    "search_context_cost_per_query": {"search_context_size_medium": 0.01}},
  "wrong": {"litellm_provider": "acme", "mode": "chat", "input_cost_per_token": -1e-06, "output_cost_per_token": 1e-06}
})";

ReadOptions options(const char* from = "2026-07-01", SourceKind layer = SourceKind::community) {
  return {.source = "test", .observed = from, .layer = layer, .from = *catalog::parse_date(from)};
}

catalog::Quote quote(const catalog::PriceBook& book, const char* provider, const char* model, const char* day) {
  return book.quote(ProviderId(provider), ModelName(model), *catalog::parse_date(day));
}

TEST(Scaled, Is_exact_and_rounds_halves_to_the_even_number) {
  EXPECT_EQ(scaled("2.5", 6), 2'500'000);
  EXPECT_EQ(scaled("2e-07", 12), 200'000);
  EXPECT_EQ(scaled("1.2E+3", 0), 1'200);
  EXPECT_EQ(scaled("0.5", 0), 0);
  EXPECT_EQ(scaled("1.5", 0), 2);
  EXPECT_EQ(scaled("2.5", 0), 2);
  EXPECT_EQ(scaled("2.50000000000000000001", 0), 3);
  EXPECT_EQ(scaled("1.1999999999999999e-06", 12), 1'200'000);
  EXPECT_EQ(scaled("-3", 0), -3);
  EXPECT_EQ(scaled("9300000000000", 6), std::nullopt) << "beyond 64 bits";
  EXPECT_EQ(scaled("1e-99999", 12), 0);
  for (const char* bad : {"", "x", "1x", "1e", "--1", "."}) EXPECT_EQ(scaled(bad, 0), std::nullopt) << bad;
}

TEST(ModelsDev, Gives_prices_tiers_and_the_modes_that_are_service_tiers) {
  const auto read = read_catalogue(models_dev, std::nullopt, options());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->format, Format::models_dev);
  const catalog::PriceBook book(read->prices);
  const catalog::Quote big = quote(book, "acme", "big", "2026-07-01");
  EXPECT_EQ(catalog::cost(big, {.input = 200'000, .output = 1'000})->usd(), "0.515");
  EXPECT_EQ(catalog::cost(big, {.input = 200'001, .output = 1'000})->usd(), "1.022505");
  EXPECT_EQ(catalog::cost(big, {.input = 1'000'000, .service_tier = chat::ServiceTier::priority})->usd(), "5.0");
  EXPECT_EQ(quote(book, "openai", "gpt-5.4", "2026-07-01").fact()->tiers.at(0).op, catalog::Tier::Op::ge);
  EXPECT_FALSE(quote(book, "acme", "big", "2026-06-30").priced()) << "it began with the import";
  EXPECT_FALSE(quote(book, "acme", "unknown", "2026-07-01").priced());
}

TEST(GenaiPrices, Gives_days_hours_names_and_the_other_provider) {
  const auto read = read_catalogue(genai, std::nullopt, options());
  ASSERT_TRUE(read) << read.error().message;
  const catalog::PriceBook book(read->prices);
  const auto input = [&](const char* provider, const char* model, const char* day) {
    const catalog::Quote found = quote(book, provider, model, day);
    return found.priced() ? found.rates(0)[Unit::input] : -1;
  };
  EXPECT_EQ(input("gemini", "gemini-x-002", "2026-07-01"), 2'000'000) << "a name that begins so";
  EXPECT_EQ(input("gemini", "dated", "2026-07-01"), 2'000'000) << "by the other provider";
  EXPECT_EQ(input("acme", "dated", "2026-12-31"), 2'000'000);
  EXPECT_EQ(input("acme", "dated", "2027-01-01"), 1'000'000);
  EXPECT_EQ(
      catalog::cost(quote(book, "gemini", "gemini-x", "2026-07-01"), {.input = 1, .input_audio = 1'000'000})->usd(),
      "3.000004")
      << "above 200,000 prompt tokens; sound has no tiers";
  const auto at = [&](int hour) {
    return book
        .quote(ProviderId("acme"), ModelName("nightly"), *catalog::parse_date("2026-07-02") + std::chrono::hours(hour))
        .rates(0)[Unit::input];
  };
  EXPECT_EQ(at(0), 135'000);
  EXPECT_EQ(at(1), 270'000);
  EXPECT_EQ(at(16), 270'000);
  EXPECT_EQ(at(17), 135'000);
  ASSERT_EQ(read->left_out.size(), 1U);
  EXPECT_NE(read->left_out[0].find("regex"), std::string::npos);
}

TEST(GenaiPrices, Keeps_the_whole_history_when_the_import_begins_early) {
  const auto read = read_catalogue(genai, Format::genai_prices, options("2020-01-01"));
  ASSERT_TRUE(read);
  const catalog::PriceBook book(read->prices);
  EXPECT_EQ(quote(book, "acme", "dated", "2026-06-09").rates(0)[Unit::input], 10'000'000);
  EXPECT_EQ(quote(book, "acme", "dated", "2026-06-10").rates(0)[Unit::input], 2'000'000);
}

TEST(LiteLlm, Gives_tiers_flex_and_the_cache_and_leaves_out_what_is_below_zero) {
  const auto read = read_catalogue(litellm, std::nullopt, options());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->format, Format::litellm);
  const catalog::PriceBook book(read->prices);
  const catalog::Quote gpt = quote(book, "azure", "gpt-5", "2026-07-01");
  EXPECT_EQ(gpt.rates(0)[Unit::input], 1'250'000);
  EXPECT_EQ(gpt.rates(272'000)[Unit::input], 2'500'000);
  EXPECT_EQ(gpt.rates(272'000)[Unit::cache_read], 2'500'000) << "a tier's input price is its cached one's, too";
  EXPECT_EQ(gpt.fact(chat::ServiceTier::flex)->rates[Unit::output], 5'000'000);
  EXPECT_EQ(gpt.fact(chat::ServiceTier::flex)->rates[Unit::cache_read], 625'000);
  const catalog::Quote claude = quote(book, "anthropic", "claude-z", "2026-07-01");
  EXPECT_EQ(claude.rates(0)[Unit::cache_write_1h], 6'000'000);
  EXPECT_EQ(catalog::cost(claude, {.searches = 3})->usd(), "0.03");
  EXPECT_EQ(read->negative, std::vector<std::string>{"acme/wrong"});
}

TEST(Catalogue, Refuses_what_it_does_not_know) {
  for (const char* bad : {"", "{", "{}", "[]", "5", R"({"a": {"b": 1}})", R"([{"models": []}])"})
    EXPECT_FALSE(read_catalogue(bad, std::nullopt, options())) << bad;
}

catalog::PriceFact fact(const char* model, const char* input, const char* output, const char* cache_read) {
  catalog::GivenRates given;
  given[0] = scaled(input, 6);
  given[1] = scaled(output, 6);
  given[2] = scaled(cache_read, 6);
  catalog::PriceFact fact{.provider = ProviderId("p"), .model = ModelName(model), .rates = catalog::fill(given)};
  fact.source_kind = SourceKind::community;
  fact.source = "test";
  fact.effective_from = *catalog::parse_date("2026-07-01");
  return fact;
}

Finding only(const catalog::PriceFact& incoming, const std::vector<catalog::PriceFact>& in_force,
             const std::vector<std::string>& accept = {}) {
  const Review found = review({{incoming}, {}, {}}, catalog::PriceBook(in_force), SourceKind::community, "test", accept,
                              *catalog::parse_date("2026-08-01"));
  return found.findings.empty() ? Finding{.key = {}, .fact = {}, .rates = {}, .before_source = {}, .doubts = {}}
                                : found.findings.front();
}

TEST(Review, Believes_what_moves_a_little_and_doubts_slips) {
  const auto now = [](const char* input, const char* output, const char* cache_read) {
    catalog::PriceFact row = fact("m", input, output, cache_read);
    row.effective_from = *catalog::parse_date("2026-08-01");
    return row;
  };
  const std::vector<catalog::PriceFact> before{fact("m", "2", "10", "0.2")};
  EXPECT_EQ(only(now("2", "10", "0.2"), before).change, Change::same);
  EXPECT_TRUE(only(now("1", "5", "0.1"), before).doubts.empty()) << "half is believed";
  EXPECT_TRUE(only(now("4", "20", "0.4"), before).doubts.empty()) << "twice, too";
  EXPECT_EQ(only(now("4.01", "20", "0.4"), before).doubts.size(), 1U);
  EXPECT_EQ(only(now("0.99", "10", "0.2"), before).doubts.size(), 1U);
  EXPECT_EQ(only(now("2", "10", "4.5"), before).doubts.size(), 2U) << "dearer than fresh, and a jump";
  EXPECT_EQ(only(now("2", "0.1", "0.2"), before).doubts.size(), 2U) << "below a tenth of input, and a jump";
  EXPECT_EQ(only(now("0", "0", "0"), before).doubts.size(), 1U);
  const Finding per_token = only(now("2000000", "10000000", "200000"), before);
  EXPECT_NE(per_token.doubts.front().find("mixed up"), std::string::npos);
  EXPECT_NE(only(now("0.000002", "0.00001", "0.0000002"), before).doubts.front().find("different units"),
            std::string::npos);
  EXPECT_EQ(only(fact("new", "2", "10", "0.2"), before).change, Change::added);
  EXPECT_FALSE(only(fact("new", "0", "0", "0"), before).doubts.empty()) << "a new zero";
}

TEST(Review, Takes_what_was_accepted_by_name_and_makes_an_accepted_zero_free) {
  const std::vector<std::string> accept{"p/new", "p/nobody"};
  const Review found =
      review({{fact("new", "0", "0", "0"), fact("other", "0", "0", "0")}, {}, {}}, catalog::PriceBook(),
             SourceKind::community, "test", accept, *catalog::parse_date("2026-08-01"));
  EXPECT_EQ(found.quarantined(), 1U);
  EXPECT_EQ(found.unknown_accepts, std::vector<std::string>{"p/nobody"});
  const std::vector<catalog::PriceFact> taken = accepted_facts(found);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].model.str(), "new");
  EXPECT_EQ(taken[0].kind, catalog::PriceKind::free);
}

TEST(Review, A_catalogue_that_disagrees_with_the_list_is_doubted_though_it_is_another_layer) {
  catalog::PriceFact list = fact("m", "2", "10", "0.2");
  list.source_kind = SourceKind::list;
  const Finding finding = only(fact("m", "5", "10", "0.2"), {list});
  EXPECT_EQ(finding.change, Change::added);
  EXPECT_EQ(finding.doubts.size(), 1U);
}

}  // namespace
}  // namespace sluice::prices
