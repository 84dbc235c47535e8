// One golden case for each condition that a price may have, and the file that keeps imported ones.
#include <gtest/gtest.h>

#include "catalog/imported_prices.h"
#include "catalog/read_price.h"

namespace sluice::catalog {
namespace {

Date day(const char* text) { return *parse_date(text); }

PriceFact price(std::string text, const char* model = "m") {
  yaml::Diagnostics diagnostics;
  const auto source = std::make_shared<yaml::Source>(yaml::Source{"price.yaml", std::move(text)});
  const auto node = yaml::parse(source, diagnostics);
  const yaml::Report report{source, diagnostics};
  yaml::Fields fields(*node, "a price", report);
  PriceFact fact{.provider = ProviderId("p"), .model = ModelName(model)};
  read_price(fields, *node, report, fact);
  fields.refuse_others();
  EXPECT_TRUE(diagnostics.ok()) << diagnostics.render();
  return fact;
}

bool is_refused(std::string text) {
  yaml::Diagnostics diagnostics;
  const auto source = std::make_shared<yaml::Source>(yaml::Source{"price.yaml", std::move(text)});
  const auto node = yaml::parse(source, diagnostics);
  const yaml::Report report{source, diagnostics};
  yaml::Fields fields(*node, "a price", report);
  PriceFact fact;
  read_price(fields, *node, report, fact);
  return !diagnostics.ok();
}

std::string cost_text(const PriceBook& book, const chat::Usage& usage, Moment when = day("2026-07-15"),
                      std::string_view region = {}) {
  const auto cost = catalog::cost(book.quote(ProviderId("p"), ModelName("m"), when, region), usage);
  return cost ? cost->usd() : "unpriced";
}

constexpr Tokens million = 1'000'000;

TEST(PriceConditions, A_marginal_tier_leaves_what_is_before_the_threshold_as_it_was) {
  const PriceBook book(
      {price("{ input: 2, output: 10, cache_read: 1, tiers: [{ prompt_tokens: 1000000, op: gt, "
             "scope: marginal, input: 4, output: 20, cache_read: 3 }] }")});
  EXPECT_EQ(cost_text(book, {.input = million}), "2.0");
  EXPECT_EQ(cost_text(book, {.input = million + 1}), "2.000004");
  EXPECT_EQ(cost_text(book, {.input = 2 * million, .output = million}), "26.0") << "what is generated is beyond it";
  EXPECT_EQ(cost_text(book, {.input = million, .cache_read = million}), "5.0") << "the cached tokens come first";
  const PriceBook at(
      {price("{ input: 2, output: 10, tiers: [{ prompt_tokens: 1000000, op: ge, scope: marginal, "
             "input: 4, output: 20 }] }")});
  EXPECT_EQ(cost_text(at, {.input = million}), "2.000002") << "the token at the threshold is the first dearer one";
}

TEST(PriceConditions, A_tier_may_leave_cached_tokens_out_of_its_count) {
  const PriceBook counted(
      {price("{ input: 1, output: 1, tiers: [{ prompt_tokens: 100, op: gt, input: 10, output: 10 }] }")});
  const PriceBook not_counted(
      {price("{ input: 1, output: 1, tiers: [{ prompt_tokens: 100, op: gt, counts_cached: false, input: 10, output: 10 "
             "}] }")});
  const chat::Usage usage{.input = 60, .cache_read = 60};
  EXPECT_EQ(cost_text(counted, usage), "0.0012");
  EXPECT_EQ(cost_text(not_counted, usage), "0.00012");
}

TEST(PriceConditions, The_service_tier_that_was_billed_chooses_its_price) {
  const PriceBook book({price("{ input: 10, output: 10 }"), price("{ service_tier: flex, input: 5, output: 5 }"),
                        price("{ service_tier: batch, input: 4, output: 4 }"),
                        price("{ service_tier: priority, input: 20, output: 20 }"),
                        price("{ service_tier: fast, input: 60, output: 60 }")});
  using chat::ServiceTier;
  EXPECT_EQ(cost_text(book, {.input = million}), "10.0");
  EXPECT_EQ(cost_text(book, {.input = million, .service_tier = ServiceTier::flex}), "5.0");
  EXPECT_EQ(cost_text(book, {.input = million, .service_tier = ServiceTier::batch}), "4.0");
  EXPECT_EQ(cost_text(book, {.input = million, .service_tier = ServiceTier::priority}), "20.0");
  EXPECT_EQ(cost_text(book, {.input = million, .service_tier = ServiceTier::fast}), "60.0");
  EXPECT_EQ(cost_text(book, {.input = million, .service_tier = ServiceTier::provisioned}), "10.0")
      << "has none of its own";
  const Quote quote = book.quote(ProviderId("p"), ModelName("m"), day("2026-07-15"));
  EXPECT_EQ(upper_bound(quote, million, 0)->usd(), "60.0") << "the provider may choose the dearest";
  EXPECT_FALSE(PriceBook({price("{ service_tier: flex, input: 5, output: 5 }")})
                   .quote(ProviderId("p"), ModelName("m"), day("2026-07-15"))
                   .priced());
}

TEST(PriceConditions, A_region_and_hours_of_the_day_come_before_what_holds_everywhere_and_always) {
  const PriceBook book({price("{ input: 1, output: 1 }"), price("{ region: eu-west-1, input: 2, output: 2 }"),
                        price("{ hours: \"16:30-00:30\", input: 0.5, output: 0.5 }")});
  const Date noon = day("2026-07-15");
  const auto at = [&](int hours, int minutes, std::string_view region = {}) {
    return cost_text(book, {.input = million}, noon + std::chrono::hours(hours) + std::chrono::minutes(minutes),
                     region);
  };
  EXPECT_EQ(at(12, 0), "1.0");
  EXPECT_EQ(at(12, 0, "eu-west-1"), "2.0");
  EXPECT_EQ(at(12, 0, "us-east-1"), "1.0");
  EXPECT_EQ(at(16, 29), "1.0");
  EXPECT_EQ(at(16, 30), "0.5");
  EXPECT_EQ(at(0, 29), "0.5");
  EXPECT_EQ(at(0, 30), "1.0");
}

TEST(PriceConditions, Hours_are_in_UTC_or_at_a_distance_from_it) {
  const auto china = parse_window("00:30-08:30+08:00");
  ASSERT_TRUE(china);
  EXPECT_TRUE(china->holds(day("2026-07-15") + std::chrono::minutes(16 * 60 + 30)));
  EXPECT_FALSE(china->holds(day("2026-07-15") + std::chrono::minutes(30)));
  EXPECT_EQ(window_text(*china), "00:30-08:30+08:00");
  EXPECT_EQ(window_text(*parse_window("16:30-00:30")), "16:30-00:30");
  EXPECT_TRUE(parse_window("22:00-06:00-05:00")->holds(day("1969-12-31") + std::chrono::hours(4)))
      << "before 1970, too";
  for (const char* bad : {"", "16:30", "16:30-", "24:00-01:00", "16:60-17:00", "16:30-16:30", "16:30-17:30+15:00",
                          "1:00-2:00", "16:30-17:30 Mars/Olympus", "16:30-17:30 ", "16:30-17:30+01:00 Europe/Berlin"})
    EXPECT_FALSE(parse_window(bad)) << bad;
}

TEST(PriceConditions, Hours_of_a_time_zone_follow_its_clocks_also_on_the_days_on_which_they_are_set) {
  using std::chrono::minutes;
  const auto berlin = parse_window("02:30-08:30 Europe/Berlin");
  ASSERT_TRUE(berlin);
  EXPECT_EQ(window_text(*berlin), "02:30-08:30 Europe/Berlin");
  EXPECT_EQ(parse_window(window_text(*berlin)), berlin);
  // The first and the last minute in UTC, and how many of the day hold.
  const auto hours_of = [&](const char* date) {
    std::string text;
    int held = 0;
    for (int minute = 0; minute < 24 * 60; ++minute) {
      const bool holds = berlin->holds(day(date) + minutes(minute));
      const bool before = berlin->holds(day(date) + minutes(minute - 1));
      if (holds != before)
        text += (holds ? " from " : " to ") + std::to_string(minute / 60) + ":" + std::to_string(minute % 60);
      held += holds ? 1 : 0;
    }
    return std::to_string(held) + text;
  };
  EXPECT_EQ(hours_of("2026-01-15"), "360 from 1:30 to 7:30");
  EXPECT_EQ(hours_of("2026-07-15"), "360 from 0:30 to 6:30");
  // 2:00 is followed by 3:00: the half hour from 2:30 on is not there.
  EXPECT_EQ(hours_of("2026-03-29"), "330 from 1:0 to 6:30");
  // 3:00 is followed by 2:00: the half hour from 2:30 on comes twice.
  EXPECT_EQ(hours_of("2026-10-25"), "390 from 0:30 to 1:0 from 1:30 to 7:30");
  const auto night = parse_window("22:00-06:00 America/New_York");
  ASSERT_TRUE(night);
  EXPECT_TRUE(night->holds(day("2026-07-15") + minutes(9 * 60 + 59)));
  EXPECT_FALSE(night->holds(day("2026-07-15") + minutes(10 * 60)));
  EXPECT_TRUE(night->holds(day("2026-01-15") + minutes(10 * 60 + 59)));
}

TEST(PriceConditions, Each_unit_has_a_price_or_that_of_what_it_is_a_part_of) {
  const PriceFact all = price(
      "{ input: 1, output: 10, cache_read: 0.1, cache_write_5m: 1.25, reasoning: 20, request: 0.5, input_audio: 3, "
      "output_audio: 40, output_image: 30, cache_storage: 4.5, search: 0.01, session: 0.03, image: 0.04, video_second: "
      "0.1, "
      "audio_second: 0.006, gpu_hour: 3.5, provisioned_hour: 12 }");
  for (const auto& [unit, usd] :
       {std::pair(Unit::input, "1.0"), std::pair(Unit::cache_read, "0.1"), std::pair(Unit::cache_write_1h, "1.25"),
        std::pair(Unit::reasoning, "20.0"), std::pair(Unit::input_audio, "3.0"), std::pair(Unit::input_image, "1.0"),
        std::pair(Unit::input_video, "1.0"), std::pair(Unit::cache_read_audio, "0.1"),
        std::pair(Unit::output_audio, "40.0"), std::pair(Unit::output_image, "30.0"),
        std::pair(Unit::cache_storage, "4.5")}) {
    Quantities used = {};
    used[static_cast<std::size_t>(unit)] = million;
    EXPECT_EQ(cost(all, used).usd(), usd) << name(unit);
  }
  for (const auto& [unit, usd] :
       {std::pair(Unit::request, "1.0"), std::pair(Unit::search, "0.02"), std::pair(Unit::session, "0.06"),
        std::pair(Unit::image, "0.08"), std::pair(Unit::video_second, "0.2"), std::pair(Unit::audio_second, "0.012"),
        std::pair(Unit::gpu_hour, "7.0"), std::pair(Unit::provisioned_hour, "24.0")}) {
    Quantities used = {};
    used[static_cast<std::size_t>(unit)] = 2;
    EXPECT_EQ(cost(all, used).usd(), usd) << name(unit);
  }
  EXPECT_EQ(price("{ image: 0.04 }").rates[Unit::image], 40'000'000'000)
      << "all that it costs may be counted one by one";
  EXPECT_TRUE(is_refused("{ image: 0 }")) << "zero must be said";
}

TEST(PriceConditions, The_lines_of_a_bill_sum_to_its_cost) {
  const PriceFact fact = price(
      "{ input: 2, output: 10, request: 0.001, tiers: [{ prompt_tokens: 100, op: gt, scope: "
      "marginal, input: 4, output: 20 }] }");
  const Quantities used = quantities({.input = 250, .cache_read = 30, .output = 7, .reasoning = 3});
  Money sum;
  for (const CostLine& line : cost_lines(fact, used)) sum += line.amount;
  EXPECT_EQ(sum, cost(fact, used));
  EXPECT_EQ(cost_lines(fact, used).size(), 6U)
      << "input and the request, what is generated, and both parts of the prompt";
}

TEST(PriceAliases, An_alias_that_moved_costs_what_it_stood_for_on_the_day) {
  PriceFacts facts{.facts = {price("{ input: 1, output: 1 }", "old"), price("{ input: 2, output: 2 }", "new")},
                   .aliases = {},
                   .fallbacks = {}};
  facts.aliases.push_back({.provider = ProviderId("p"),
                           .text = "m",
                           .model = ModelName("old"),
                           .from = day("2026-01-01"),
                           .to = day("2026-08-01")});
  facts.aliases.push_back(
      {.provider = ProviderId("p"), .text = "m", .model = ModelName("new"), .from = day("2026-08-01")});
  facts.aliases.push_back({.provider = ProviderId("p"),
                           .match = PriceAlias::Match::starts_with,
                           .text = "New-",
                           .model = ModelName("new")});
  facts.fallbacks.push_back({ProviderId("q"), ProviderId("p")});
  const PriceBook book(std::move(facts));
  EXPECT_EQ(cost_text(book, {.input = million}, day("2025-12-31")), "unpriced");
  EXPECT_EQ(cost_text(book, {.input = million}, day("2026-07-31")), "1.0");
  EXPECT_EQ(cost_text(book, {.input = million}, day("2026-08-01")), "2.0");
  EXPECT_TRUE(book.quote(ProviderId("p"), ModelName("new-2026-08"), day("2026-08-01")).priced());
  EXPECT_TRUE(book.quote(ProviderId("q"), ModelName("new-2026-08"), day("2026-08-01")).priced()) << "as at p";
  EXPECT_FALSE(book.quote(ProviderId("r"), ModelName("new"), day("2026-08-01")).priced());
}

PriceImport import_of(const char* recorded, const char* from, const char* input) {
  PriceFact fact = price(
      std::string("{ input: ") + input +
      ", output: 10, cache_read: 0.25, source: \"a \\\"list\\\"\", note: n, region: eu, service_tier: flex, hours: "
      "\"16:30-00:30\", tiers: [{ prompt_tokens: 272000, op: ge, input: 5, output: 22.5 }] }");
  fact.source_kind = SourceKind::community;
  fact.effective_from = day(from);
  return {.source = "test", .recorded_at = recorded, .prices = {{fact}, {}, {}}, .ends = {}};
}

TEST(ImportedPrices, Come_back_as_they_were_written) {
  PriceImport import = import_of("2026-07-02", "2026-07-02", "2.5");
  import.prices.aliases.push_back(
      {.provider = ProviderId("p"), .match = PriceAlias::Match::contains, .text = "x", .model = ModelName("m")});
  import.prices.fallbacks.push_back({ProviderId("q"), ProviderId("p")});
  import.ends.push_back({"p/gone", SourceKind::community, day("2026-07-02")});
  const auto back = read_import(write_import(import), "prices");
  ASSERT_TRUE(back) << back.error().message;
  const PriceFact& fact = back->prices.facts.at(0);
  const PriceFact& before = import.prices.facts.at(0);
  EXPECT_EQ(fact.rates, before.rates);
  EXPECT_EQ(fact.tiers, before.tiers);
  EXPECT_EQ(fact.window, before.window);
  EXPECT_EQ(price_key(fact), "p/m#flex#region=eu#16:30-00:30");
  EXPECT_EQ(fact.source, "a \"list\"");
  EXPECT_EQ(fact.recorded_at, "2026-07-02");
  EXPECT_EQ(back->prices.aliases.size(), 1U);
  EXPECT_EQ(back->prices.fallbacks.size(), 1U);
  EXPECT_EQ(back->ends.at(0).key, "p/gone");
}

TEST(ImportedPrices, A_past_day_stays_as_it_was_after_later_imports) {
  const auto file = [](const PriceImport& import) { return ImportedFile{import.recorded_at, write_import(import)}; };
  const auto plain = [](const char* recorded, const char* from, const char* input) {
    PriceImport import = import_of(recorded, from, input);
    PriceFact& fact = import.prices.facts[0];
    fact.tiers.clear();
    fact.region.clear();
    fact.window.reset();
    fact.service_tier = ServiceTier::standard;
    return import;
  };
  PriceImport end{.source = "test", .recorded_at = "2026-09-01", .prices = {}, .ends = {}};
  end.ends.push_back({"p/m", SourceKind::community, day("2026-09-01")});
  const std::vector<ImportedFile> files{file(plain("2026-07-02", "2026-07-02", "1")),
                                        file(plain("2026-08-01", "2026-08-01", "2")),
                                        file(plain("2026-08-05", "2026-08-01", "3")), file(end)};
  const auto input = [&](const char* when, std::optional<Date> known = std::nullopt) {
    const auto facts = read_imports(files, known);
    EXPECT_TRUE(facts);
    return cost_text(PriceBook(*facts), {.input = million}, day(when));
  };
  EXPECT_EQ(input("2026-07-01"), "unpriced");
  EXPECT_EQ(input("2026-07-31"), "1.0");
  EXPECT_EQ(input("2026-08-03"), "3.0") << "of two for the same day the later import counts";
  EXPECT_EQ(input("2026-08-03", day("2026-08-04")), "2.0") << "as it was known then";
  EXPECT_EQ(input("2026-08-31"), "3.0");
  EXPECT_EQ(input("2026-09-01"), "unpriced");
  EXPECT_EQ(input("2026-09-01", day("2026-08-31")), "3.0");
}

TEST(ImportedPrices, Refuse_a_damaged_file_with_its_place) {
  const std::string good = write_import(import_of("2026-07-02", "2026-07-02", "2.5"));
  for (const std::string& bad :
       {std::string(), std::string("{}\n"), std::string("hello\n"), good + "{\"record\":\"odd\"}\n",
        good.substr(0, good.size() - 20), good + "{\"record\":\"price\"}\n"})
    EXPECT_FALSE(read_imports({{"000001.jsonl", bad}})) << bad;
  const auto error = read_imports({{"000001.jsonl", good + "{\"record\":\"odd\"}\n"}});
  EXPECT_NE(error.error().message.find("000001.jsonl:3"), std::string::npos) << error.error().message;
}

}  // namespace
}  // namespace sluice::catalog
