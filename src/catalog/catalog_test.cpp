#include "catalog/catalog.h"

#include <gtest/gtest.h>

#include <set>

namespace sluice::catalog {
namespace {

Catalog read(std::vector<DataFile> files, std::size_t errors = 0) {
  yaml::Diagnostics diagnostics;
  Catalog catalog = read_catalog(files, diagnostics);
  EXPECT_EQ(diagnostics.errors(), errors) << diagnostics.render();
  return catalog;
}

constexpr DataFile a_provider{
    "providers/acme.yaml",
    "name: Acme\ndialect: openai_chat\nbase_url: https://acme.example/v1\nground: hosted_open\n"
    "auth: bearer\nkey_env: [ACME_API_KEY]\n"};
constexpr DataFile its_prices{
    "prices/acme.yaml",
    "prices:\n"
    "  - { model: m, effective_from: 2026-01-01, source: x, observed_at: 2026-01-01, input: 2, output: 8, cache_read: "
    "0.5 }\n"
    "  - { model: m, effective_from: 2026-06-01, source: x, observed_at: 2026-06-01, input: 1, output: 4,\n"
    "      tiers: [ { prompt_tokens: 200000, op: gt, input: 2, output: 6 } ] }\n"};

Quote quote_on(const PriceBook& book, std::string_view day) {
  return book.quote(ProviderId("acme"), ModelName("m"), *parse_date(day));
}

TEST(Catalog, The_files_in_data_are_without_errors) {
  const Catalog catalog = read(embedded_files());
  EXPECT_GE(catalog.providers.size(), 10u);
  EXPECT_GE(catalog.prices.size(), 30u);
}

TEST(Catalog, Every_price_in_data_says_where_it_comes_from_and_when_it_was_seen) {
  for (const PriceFact& fact : embedded_catalog().prices) {
    if (fact.kind == PriceKind::self_hosted) continue;  // nobody's offer
    EXPECT_FALSE(fact.source.empty()) << fact.provider.str() << "/" << fact.model.str();
    EXPECT_TRUE(parse_date(fact.observed_at).has_value()) << fact.provider.str() << "/" << fact.model.str();
  }
}

TEST(Catalog, Every_model_in_data_stands_at_a_provider_that_exists) {
  const Catalog catalog = embedded_catalog();
  std::set<std::string> providers;
  for (const Provider& provider : catalog.providers) providers.insert(provider.id.str());
  for (const Model& model : catalog.models)
    EXPECT_TRUE(providers.contains(model.provider.str())) << model.provider.str();
  for (const PriceFact& fact : catalog.prices)
    EXPECT_TRUE(providers.contains(fact.provider.str())) << fact.provider.str();
}

TEST(Catalog, A_file_with_an_unknown_key_is_refused) {
  read({{"providers/acme.yaml",
         "name: Acme\ndialect: openai_chat\nbase_url: https://acme.example/v1\nground: hosted_open\nauht: bearer\n"}},
       1);
}

TEST(Catalog, A_models_facts_are_read_and_a_benchmark_needs_its_source) {
  const auto facts = [](std::string_view benchmark) {
    return "source: x\nobserved_at: 2026-01-01\nmodels:\n  - { name: m, developer: D, licence: MIT, kind: embedding, "
           "pdf: "
           "true, audio: true, structured_output: true, released: 2026-01-02, retires: { day: 2027-01-02, successor: "
           "n, source: y },\n      benchmarks: "
           "[ { " +
           std::string(benchmark) + " } ] }\n";
  };
  const std::string whole = facts("metric: GPQA Diamond, value: 94.3, source: the card");
  const Model model = read({a_provider, {"models/acme.yaml", whole}}).models.at(0);
  EXPECT_EQ(model.kind, ModelKind::embedding);
  EXPECT_TRUE(model.pdf && model.audio && model.structured_output && !model.video);
  ASSERT_TRUE(model.retires);
  EXPECT_EQ(date_text(model.retires->day), "2027-01-02");
  EXPECT_EQ(model.retires->successor, "n");
  EXPECT_FALSE(model.retired(*parse_date("2027-01-01")));
  EXPECT_TRUE(model.retired(*parse_date("2027-01-02")));
  ASSERT_EQ(model.benchmarks.size(), 1u);
  EXPECT_EQ(model.benchmarks[0].value, "94.3");
  const std::string without = facts("metric: GPQA Diamond, value: 94.3");
  read({a_provider, {"models/acme.yaml", without}}, 1);
}

TEST(Catalog, A_licence_has_terms_that_a_rule_can_look_at_and_no_others) {
  const auto licence = [](std::string_view term) {
    return "observed_at: 2026-01-01\nlicences:\n  - { id: L, name: The Licence, source: x, terms: [{ " +
           std::string(term) + " }] }\n";
  };
  const std::string cap = licence("kind: user_cap, limit: 700000000, text: on the day of the release");
  const Catalog catalog = read({{"licences.yaml", cap}});
  const Licence* found = find_licence(catalog, "L");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->terms.at(0).kind, LicenceTerm::Kind::user_cap);
  EXPECT_EQ(found->terms.at(0).limit, 700'000'000);
  EXPECT_EQ(find_licence(catalog, "M"), nullptr);
  const std::string unknown = licence("kind: be_kind");
  read({{"licences.yaml", unknown}}, 1);
}

TEST(Catalog, A_retirement_needs_its_day_and_its_source) {
  for (const char* wrong : {"{ day: 2027-01-02 }", "{ source: x }", "{ day: soon, source: x }"}) {
    const std::string text =
        "source: x\nobserved_at: 2026-01-01\nmodels:\n  - { name: m, developer: D, licence: MIT, retires: " +
        std::string(wrong) + " }\n";
    read({a_provider, {"models/acme.yaml", text}}, 1);
  }
}

TEST(Catalog, What_a_file_of_prices_says_at_its_head_counts_for_each_of_them) {
  const Catalog catalog =
      read({a_provider,
            {"prices/acme.yaml",
             "source: the list\nobserved_at: 2026-01-01\nunpriced: [other]\nprices:\n"
             "  - { model: m, input: 1, output: 2 }\n"
             "  - { model: n, input: 1, output: 2, source: a letter, observed_at: 2026-02-02 }\n"}});
  EXPECT_EQ(catalog.prices.at(0).source, "the list");
  EXPECT_EQ(catalog.prices.at(0).observed_at, "2026-01-01");
  EXPECT_EQ(catalog.prices.at(1).source, "a letter");
  EXPECT_EQ(catalog.unpriced.at(0).second.str(), "other");
}

TEST(PriceBook, The_price_of_a_day_is_the_latest_that_held_on_it) {
  const PriceBook book(read({a_provider, its_prices}).prices);
  EXPECT_FALSE(quote_on(book, "2025-12-31").priced());
  EXPECT_EQ(quote_on(book, "2026-05-31").rates(1)[Unit::input], 2'000'000);
  EXPECT_EQ(quote_on(book, "2026-06-01").rates(1)[Unit::input], 1'000'000);
}

TEST(PriceBook, What_nobody_has_priced_is_unpriced_and_not_free) {
  const PriceBook book(read({a_provider, its_prices}).prices);
  const Quote quote = book.quote(ProviderId("acme"), ModelName("other"), today());
  EXPECT_FALSE(quote.priced());
  EXPECT_EQ(quote.state(), "unpriced");
  EXPECT_FALSE(cost(quote, {.input = 1, .output = 1}).has_value());
  EXPECT_FALSE(upper_bound(quote, 1, 1).has_value());
}

TEST(Price, A_unit_that_the_source_does_not_name_costs_what_it_is_part_of) {
  const PriceBook book(read({a_provider, its_prices}).prices);
  const Rates& rates = quote_on(book, "2026-02-01").rates(1);
  EXPECT_EQ(rates[Unit::cache_read], 500'000);
  EXPECT_EQ(rates[Unit::cache_write_5m], rates[Unit::input]);
  EXPECT_EQ(rates[Unit::reasoning], rates[Unit::output]);
  EXPECT_EQ(rates[Unit::request], 0);
}

TEST(Price, A_cost_is_exact_to_the_picodollar) {
  const PriceBook book(read({a_provider, its_prices}).prices);
  const chat::Usage usage{.input = 3, .cache_read = 7, .output = 11, .reasoning = 13};
  EXPECT_EQ(cost(quote_on(book, "2026-02-01"), usage)->pico(), 3 * 2'000'000 + 7 * 500'000 + (11 + 13) * 8'000'000);
}

TEST(Price, A_tier_holds_for_the_whole_request_from_its_threshold_on) {
  const PriceBook book(read({a_provider, its_prices}).prices);
  const Quote quote = quote_on(book, "2026-06-01");
  EXPECT_EQ(cost(quote, {.input = 200'000})->pico(), 200'000ll * 1'000'000);
  EXPECT_EQ(cost(quote, {.input = 200'001})->pico(), 200'001ll * 2'000'000);
  EXPECT_EQ(cost(quote, {.input = 1, .cache_read = 200'000})->pico(),
            200'001ll * 2'000'000);  // cached tokens count, too
}

TEST(Price, The_upper_bound_is_never_below_the_cost) {
  const PriceBook book(read({a_provider, its_prices}).prices);
  const Quote quote = quote_on(book, "2026-02-01");
  for (const chat::Usage& usage :
       {chat::Usage{.input = 100, .output = 50}, chat::Usage{.cache_write_1h = 100, .reasoning = 50},
        chat::Usage{.input = 50, .cache_read = 50, .output = 25, .reasoning = 25}})
    EXPECT_GE(*upper_bound(quote, 100, 50), *cost(quote, usage));
}

TEST(Date, Takes_only_days_that_exist) {
  EXPECT_EQ(date_text(*parse_date("2028-02-29")), "2028-02-29");
  for (const char* wrong : {"2027-02-29", "2026-13-01", "2026-1-1", "", "2026/01/01", "20260101xx"})
    EXPECT_FALSE(parse_date(wrong)) << wrong;
}

}  // namespace
}  // namespace sluice::catalog
