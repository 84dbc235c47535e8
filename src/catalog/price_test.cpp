#include "catalog/price.h"

#include <gtest/gtest.h>

#include "catalog/price_book.h"
#include "catalog/read_price.h"

namespace sluice::catalog {
namespace {

Date day(const char* text) { return *parse_date(text); }

struct ReadPrice {
  PriceFact fact;
  yaml::Diagnostics diagnostics;
};

ReadPrice read(std::string text) {
  ReadPrice result;
  const auto source = std::make_shared<yaml::Source>(yaml::Source{"price.yaml", std::move(text)});
  const auto node = yaml::parse(source, result.diagnostics);
  const yaml::Report report{source, result.diagnostics};
  yaml::Fields fields(*node, "a price", report);
  read_price(fields, *node, report, result.fact);
  fields.refuse_others();
  return result;
}

TEST(Price, Usd_per_million_becomes_picodollars_per_token) {
  const ReadPrice price = read("{ input: 2.50, output: 15, cache_read: 0.000001, request: 0.01 }");
  ASSERT_TRUE(price.diagnostics.ok()) << price.diagnostics.render();
  EXPECT_EQ(price.fact.rates[Unit::input], 2'500'000);
  EXPECT_EQ(price.fact.rates[Unit::output], 15'000'000);
  EXPECT_EQ(price.fact.rates[Unit::cache_read], 1);
  EXPECT_EQ(price.fact.rates[Unit::request], 10'000'000'000);
}

TEST(Price, Refuses_what_is_no_honest_price) {
  for (const char* bad :
       {"{ input: 1 }", "{ input: 0, output: 0 }", "{ input: -1, output: 1 }", "{ input: 1, output: 0.0000001 }",
        "{ input: 1, output: cheap }", "{ kind: gratis }", "{ kind: free, input: 1, output: 1 }",
        "{ input: 1, output: 1, tiers: 5 }", "{ input: 1, output: 1, tiers: [{ prompt_tokens: 5, op: above }] }",
        "{ input: 1, output: 1, source_kind: hearsay }", "{ input: 1, output: 1, effective_from: soon }",
        "{ input: 1, output: 1, ouput: 2 }"})
    EXPECT_FALSE(read(bad).diagnostics.ok()) << bad;
  EXPECT_TRUE(read("{ kind: free }").diagnostics.ok());
  EXPECT_TRUE(read("{ kind: self_hosted }").diagnostics.ok());
}

// 1,000 output tokens: the tier of one vendor starts above its threshold, that of the other at it.
TEST(Cost, The_operator_of_a_tier_decides_at_the_threshold) {
  for (const auto& [op, at_threshold] : {std::pair("gt", "0.412"), std::pair("ge", "0.818")}) {
    const ReadPrice price = read("{ input: 2, output: 12, tiers: [{ prompt_tokens: 200000, op: " + std::string(op) +
                                 ", input: 4, output: 18 }] }");
    const Quote quote(&price.fact);
    EXPECT_EQ(cost(quote, {.input = 200'000, .output = 1'000})->usd(), at_threshold);
    EXPECT_EQ(cost(quote, {.input = 200'001, .output = 1'000})->usd(), "0.818004");
    EXPECT_EQ(cost(quote, {.input = 1, .cache_read = 200'000, .output = 1'000})->usd(), "0.818004")
        << "cached tokens count for the tier";
  }
}

TEST(Cost, Each_token_class_has_its_own_rate) {
  const ReadPrice price = read(
      "{ input: 1, output: 10, cache_read: 0.1, cache_write_5m: 1.25, cache_write_1h: 2, reasoning: 20, request: 0.5 "
      "}");
  const chat::Usage usage{.input = 1'000'000,
                          .cache_read = 1'000'000,
                          .cache_write_5m = 1'000'000,
                          .cache_write_1h = 1'000'000,
                          .output = 1'000'000,
                          .reasoning = 1'000'000};
  EXPECT_EQ(cost(Quote(&price.fact), usage)->usd(), "34.85");
}

TEST(Cost, An_upper_bound_holds_for_every_way_to_split_the_tokens) {
  const ReadPrice price = read(
      "{ input: 5, output: 25, cache_read: 0.5, cache_write_5m: 6.25, cache_write_1h: 10, request: 0.001,"
      " tiers: [{ prompt_tokens: 1000, op: ge, input: 10, output: 37.5 }] }");
  const Quote quote(&price.fact);
  for (const Tokens input : {0, 999, 1'000, 5'000})
    for (const Tokens part : {Tokens(0), input / 3, input})
      for (const chat::Usage& usage :
           {chat::Usage{.input = input - part, .cache_read = part, .output = 500},
            chat::Usage{.input = input - part, .cache_write_5m = part, .output = 200, .reasoning = 300},
            chat::Usage{.input = input - part, .cache_write_1h = part, .reasoning = 500}})
        EXPECT_LE(cost(quote, usage)->pico(), upper_bound(quote, input, 500)->pico()) << input << " " << part;
}

TEST(Cost, Saturates_instead_of_overflowing) {
  const ReadPrice price = read("{ input: 1000000, output: 1000000 }");
  EXPECT_EQ(cost(Quote(&price.fact), {.input = std::int64_t{1} << 60, .output = std::int64_t{1} << 60}), Money::max());
}

PriceFact fact(const char* model, const char* from, const char* to, SourceKind kind, std::int64_t input) {
  PriceFact row{.provider = ProviderId("p"), .model = ModelName(model), .source_kind = kind};
  row.rates[Unit::input] = input;
  row.effective_from = day(from);
  if (to) row.effective_to = day(to);
  return row;
}

TEST(PriceBook, The_day_chooses_the_row_and_the_end_is_the_first_day_after_it) {
  const PriceBook book({fact("m", "2026-04-01", "2026-07-02", SourceKind::list, 1),
                        fact("m", "2026-07-02", nullptr, SourceKind::list, 2)});
  const auto input = [&](const char* when) {
    const Quote quote = book.quote(ProviderId("p"), ModelName("m"), day(when));
    return quote.priced() ? quote.rates(0)[Unit::input] : -1;
  };
  EXPECT_EQ(input("2026-03-31"), -1);
  EXPECT_EQ(input("2026-04-01"), 1);
  EXPECT_EQ(input("2026-07-01"), 1);
  EXPECT_EQ(input("2026-07-02"), 2);
  EXPECT_EQ(input("2030-01-01"), 2);
}

TEST(PriceBook, A_contract_beats_a_list_and_a_list_beats_hearsay_whatever_the_dates) {
  const PriceBook book({fact("m", "2026-07-02", nullptr, SourceKind::community, 1),
                        fact("m", "2026-05-01", nullptr, SourceKind::list, 2),
                        fact("m", "2026-01-01", "2026-06-01", SourceKind::contract, 3)});
  EXPECT_EQ(book.quote(ProviderId("p"), ModelName("m"), day("2026-05-31")).rates(0)[Unit::input], 3);
  EXPECT_EQ(book.quote(ProviderId("p"), ModelName("m"), day("2026-08-01")).rates(0)[Unit::input], 2);
}

TEST(PriceBook, A_row_for_every_model_gives_way_to_a_row_of_the_model) {
  const PriceBook book(
      {fact("*", "2026-01-01", nullptr, SourceKind::list, 1), fact("m", "2026-01-01", nullptr, SourceKind::list, 2)});
  EXPECT_EQ(book.quote(ProviderId("p"), ModelName("m"), day("2026-02-01")).rates(0)[Unit::input], 2);
  EXPECT_EQ(book.quote(ProviderId("p"), ModelName("other"), day("2026-02-01")).rates(0)[Unit::input], 1);
  EXPECT_FALSE(book.quote(ProviderId("q"), ModelName("m"), day("2026-02-01")).priced());
}

}  // namespace
}  // namespace sluice::catalog
