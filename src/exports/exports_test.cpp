#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "exports/focus.h"
#include "exports/requests.h"
#include "exports/table.h"
#include "json/json.h"

namespace sluice::exports {
namespace {

store::LoggedEntry call(std::int64_t row, const std::string& model, chat::Usage usage, std::optional<Money> cost) {
  store::LoggedEntry logged;
  logged.row = row;
  logged.key_name = "team, \"a\"";
  store::LedgerEntry& entry = logged.entry;
  entry.request_id = RequestId("req_" + std::to_string(row));
  entry.start_us = 1'775'000'000'000'000 + row * 60'000'000;
  entry.end_us = entry.start_us + 1'500'000;
  entry.key_id = KeyId("key_1");
  entry.requested_model = "=cmd()";
  entry.provider = ProviderId("acme");
  entry.model = ModelName(model);
  entry.ground = catalog::Ground::proprietary;
  entry.usage = usage;
  entry.cost = cost;
  return logged;
}

catalog::PriceFact fact(const std::string& model, catalog::SourceKind kind, std::int64_t input, std::int64_t output) {
  catalog::PriceFact one{.provider = ProviderId("acme"), .model = ModelName(model)};
  catalog::GivenRates given = {};
  given[static_cast<std::size_t>(catalog::Unit::input)] = input;
  given[static_cast<std::size_t>(catalog::Unit::output)] = output;
  given[static_cast<std::size_t>(catalog::Unit::cache_read)] = input / 10;
  one.rates = catalog::fill(given);
  one.source_kind = kind;
  one.source = "test";
  return one;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<json::Document> focus_rows(const FocusSum& sum, FocusVersion version) {
  std::ostringstream out;
  const auto writer = write_table(Format::jsonl, focus_columns(version), out);
  sum.write(*writer);
  writer->finish();
  std::vector<json::Document> rows;
  for (const std::string& line : lines_of(out.str())) {
    auto parsed = json::Document::parse(line);
    if (!parsed) ADD_FAILURE() << line;
    if (parsed) rows.push_back(*std::move(parsed));
  }
  return rows;
}

TEST(Table, Amounts_and_times_keep_their_digits_and_no_more) {
  EXPECT_EQ(text_of(Decimal{0}), "0");
  EXPECT_EQ(text_of(Decimal{1}), "0.000000000001");
  EXPECT_EQ(text_of(Decimal{-1'500'000'000'000}), "-1.5");
  EXPECT_EQ(text_of(Decimal{static_cast<MoneySum>(12'345'678'901) * Money::pico_per_usd + 10}),
            "12345678901.00000000001");
  EXPECT_EQ(text_of(Moment{0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(text_of(Moment{1'775'046'600'123'000}), "2026-04-01T12:30:00.123Z");
  EXPECT_EQ(text_of(Moment{1'775'046'600'123'456}), "2026-04-01T12:30:00.123456Z");
}

TEST(Table, Csv_keeps_commas_quotes_and_the_difference_between_nothing_and_an_empty_text) {
  std::ostringstream out;
  const auto writer = write_table(Format::csv, {{"name"}, {"note", Type::text, true}, {"usd", Type::decimal}}, out);
  writer->row(std::vector<Cell>{std::string("a,\"b\"\n"), Cell(), Decimal{-250'000'000'000}});
  writer->row(std::vector<Cell>{std::string(), std::string("=1+1"), Decimal{}});
  writer->finish();
  EXPECT_EQ(out.str(), "name,note,usd\r\n\"a,\"\"b\"\"\n\",,-0.25\r\n\"\",'=1+1,0\r\n");
}

TEST(Table, Every_ledger_column_is_in_every_format) {
  chat::Usage usage{.input = 10, .output = 5};
  usage.reported = true;
  for (const Format format : {Format::csv, Format::jsonl, Format::parquet}) {
    std::ostringstream out;
    const auto writer = write_table(format, request_columns(), out);
    writer->row(request_cells(call(1, "m", usage, Money::pico(7))));
    writer->row(request_cells(call(2, "m", usage, std::nullopt)));
    writer->finish();
    for (const Column& column : request_columns())
      EXPECT_NE(out.str().find(column.name), std::string::npos) << column.name;
  }
}

TEST(Table, Json_lines_are_objects_with_exact_numbers) {
  std::ostringstream out;
  const auto writer = write_table(Format::jsonl, request_columns(), out);
  writer->row(request_cells(call(1, "m", {.input = 10}, Money::pico(1'234'567'890'123))));
  writer->finish();
  EXPECT_NE(out.str().find("\"cost_usd\":1.234567890123,"), std::string::npos) << out.str();
  const auto parsed = json::Document::parse(lines_of(out.str()).at(0));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->root()["key"].string(), "team, \"a\"");
  EXPECT_TRUE(parsed->root()["first_token_us"].is_null());
}

TEST(Parquet, Begins_and_ends_as_the_format_wants_and_says_how_long_its_footer_is) {
  std::ostringstream out;
  const auto writer = write_table(Format::parquet, {{"n", Type::integer, true}}, out);
  writer->row(std::vector<Cell>{std::int64_t{7}});
  writer->row(std::vector<Cell>{Cell()});
  writer->finish();
  const std::string file = out.str();
  ASSERT_GT(file.size(), 12u);
  EXPECT_EQ(file.substr(0, 4), "PAR1");
  EXPECT_EQ(file.substr(file.size() - 4), "PAR1");
  std::uint32_t footer = 0;
  for (int i = 3; i >= 0; --i)
    footer = footer << 8 | static_cast<unsigned char>(file[file.size() - 8 + static_cast<std::size_t>(i)]);
  EXPECT_LT(footer, file.size() - 12);
}

TEST(Focus, Charges_are_by_kind_of_token_and_their_products_match_their_costs) {
  const catalog::PriceBook book({fact("m", catalog::SourceKind::list, 2'000'000, 10'000'000)});
  FocusSum sum(book, {.version = FocusVersion::v1_2, .display_name = [](const std::string&) { return "Acme"; }});
  // Prompt caching: 1,000 fresh and 9,000 cached input tokens, 500 generated ones; twice.
  const chat::Usage usage{.input = 1'000, .cache_read = 9'000, .output = 500, .reported = true};
  const Money cost = Money::pico(1'000 * 2'000'000LL + 9'000 * 200'000LL + 500 * 10'000'000LL);
  ASSERT_TRUE(sum.add(call(1, "m", usage, cost)));
  ASSERT_TRUE(sum.add(call(2, "m", usage, cost)));
  EXPECT_EQ(sum.whole(), 0);
  const auto rows = focus_rows(sum, FocusVersion::v1_2);
  ASSERT_EQ(rows.size(), 3u);
  std::int64_t tokens = 0;
  for (const json::Document& one : rows) {
    const json::Value row = one.root();
    tokens += *row["ConsumedQuantity"].integer();
    EXPECT_EQ(row["ProviderName"].string(), "Acme");
    EXPECT_EQ(row["PricingUnit"].string(), "1000000 Tokens");
    EXPECT_EQ(row["x_Requests"].integer(), 2);
    EXPECT_NEAR(*row["ContractedUnitPrice"].number() * *row["PricingQuantity"].number(),
                *row["ContractedCost"].number(), 1e-12);
    EXPECT_NEAR(*row["ListUnitPrice"].number() * *row["PricingQuantity"].number(), *row["ListCost"].number(), 1e-12);
    EXPECT_EQ(row["BillingPeriodStart"].string(), "2026-03-01T00:00:00Z");
    EXPECT_EQ(row["BillingPeriodEnd"].string(), "2026-04-01T00:00:00Z");
  }
  EXPECT_EQ(tokens, 2 * 10'500);  // no token is on two rows
  EXPECT_EQ(rows[2].root()["SkuMeter"].string(), "Cached input tokens");
  EXPECT_EQ(rows[2].root()["BilledCost"].number(), 0.0036);
}

TEST(Focus, Charges_of_two_workloads_are_two_rows_that_name_them) {
  const catalog::PriceBook book({fact("m", catalog::SourceKind::list, 2'000'000, 10'000'000)});
  FocusSum sum(book, {.version = FocusVersion::v1_4});
  for (const char* workload : {"letters", "", "letters"}) {
    store::LoggedEntry logged = call(1, "m", {.input = 1'000, .reported = true}, Money::pico(2'000'000'000));
    logged.entry.workload = workload;
    ASSERT_TRUE(sum.add(logged));
  }
  const auto rows = focus_rows(sum, FocusVersion::v1_4);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_TRUE(rows[0].root()["x_Workload"].is_null());
  EXPECT_EQ(rows[1].root()["x_Workload"].string(), "letters");
  EXPECT_EQ(rows[1].root()["x_Requests"].integer(), 2);
}

TEST(Focus, A_contract_is_charged_and_the_list_stays_visible) {
  const catalog::PriceBook book({fact("m", catalog::SourceKind::list, 2'000'000, 10'000'000),
                                 fact("m", catalog::SourceKind::contract, 1'500'000, 8'000'000)});
  FocusSum sum(book, {.version = FocusVersion::v1_4});
  ASSERT_TRUE(sum.add(call(1, "m", {.input = 1'000'000, .reported = true}, Money::pico(1'500'000'000'000))));
  const auto rows = focus_rows(sum, FocusVersion::v1_4);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].root()["BilledCost"].number(), 1.5);
  EXPECT_EQ(rows[0].root()["ListCost"].integer(), 2);
  EXPECT_FALSE(rows[0].root()["ProviderName"].exists());
  EXPECT_EQ(rows[0].root()["ServiceProviderName"].string(), "acme");
}

TEST(Focus, What_the_book_no_longer_explains_is_one_charge_and_what_has_no_price_is_none) {
  const catalog::PriceBook book({fact("m", catalog::SourceKind::list, 2'000'000, 10'000'000)});
  FocusSum sum(book, {});
  ASSERT_TRUE(sum.add(call(1, "m", {.input = 1'000}, Money::pico(123))));     // other prices held then
  ASSERT_TRUE(sum.add(call(2, "gone", {.input = 1'000}, Money::pico(456))));  // no price any more
  ASSERT_TRUE(sum.add(call(3, "gone", {.input = 1'000}, std::nullopt)));      // never had one
  ASSERT_TRUE(sum.add(call(4, "m", {}, Money())));                            // refused by the provider
  EXPECT_EQ(sum.whole(), 2);
  EXPECT_EQ(sum.unpriced(), 1);
  EXPECT_EQ(sum.billed_pico(), 579);
  EXPECT_EQ(sum.rows(), 2u);
}

TEST(Focus, A_correction_is_said_to_be_one) {
  const catalog::PriceBook book({fact("m", catalog::SourceKind::list, 2'000'000, 10'000'000)});
  FocusSum sum(book, {.version = FocusVersion::v1_4});
  store::LoggedEntry logged = call(1, "m", {}, Money::pico(-250));
  logged.entry.correction = store::Correction::difference;
  ASSERT_TRUE(sum.add(logged));
  const auto rows = focus_rows(sum, FocusVersion::v1_4);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].root()["ChargeClass"].string(), "Correction");
  EXPECT_TRUE(rows[0].root()["PricingQuantity"].is_null());
  EXPECT_EQ(sum.billed_pico(), -250);
}

TEST(Focus, The_sum_of_all_charges_is_the_ledger_to_the_picodollar) {
  const catalog::PriceBook book({fact("a", catalog::SourceKind::list, 1'250'001, 10'000'007),
                                 fact("b", catalog::SourceKind::contract, 333'333, 777'777)});
  std::mt19937 random(20260401);
  MoneySum ledger = 0;
  FocusSum sum(book, {.version = FocusVersion::v1_4, .period = FocusPeriod::hour});
  for (std::int64_t row = 1; row <= 3'000; ++row) {
    const std::string model = random() % 3 == 0 ? "a" : random() % 2 == 0 ? "b" : "c";
    const chat::Usage usage{.input = static_cast<Tokens>(random() % 100'000),
                            .cache_read = static_cast<Tokens>(random() % 5'000),
                            .output = static_cast<Tokens>(random() % 9'000),
                            .reasoning = static_cast<Tokens>(random() % 100)};
    std::optional<Money> cost = catalog::cost(book.quote(ProviderId("acme"), ModelName(model), {}), usage);
    if (random() % 10 == 0) cost = Money::pico(static_cast<std::int64_t>(random()));
    ledger += cost.value_or(Money()).pico();
    ASSERT_TRUE(sum.add(call(row, model, usage, cost)));
  }
  EXPECT_EQ(sum.billed_pico(), ledger);
  EXPECT_GT(sum.whole(), 0);
  std::ostringstream out;
  const auto writer = write_table(Format::csv, focus_columns(FocusVersion::v1_4), out);
  sum.write(*writer);
  MoneySum written = 0;
  for (const std::string& line : lines_of(out.str())) {
    const std::string cell = line.substr(0, line.find(','));
    if (cell == "BilledCost") continue;
    const auto amount = Money::parse_usd(cell);
    ASSERT_TRUE(amount) << cell;
    written += amount->pico();
  }
  EXPECT_EQ(written, ledger);
}

}  // namespace
}  // namespace sluice::exports
