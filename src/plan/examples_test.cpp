// The tables that the design of the planner is held to, from the shipped files: the thresholds of the enterprise
// comparison and Lenovo's TCO paper, each within 0.01 % of what their own inputs give, and within the digits printed.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "plan/break_even.h"
#include "plan/read_plan.h"

namespace sluice::plan {
namespace {

Plan example(const std::string& name) {
  std::ifstream file(std::string(SLUICE_EXAMPLES) + "/" + name);
  yaml::Diagnostics diagnostics;
  auto plan = read_plan(name, {std::istreambuf_iterator<char>(file), {}}, catalog::embedded_catalog(),
                        std::chrono::sys_days(std::chrono::year(2026) / 11 / 27), diagnostics);
  EXPECT_TRUE(plan) << diagnostics.render();
  return plan ? std::move(*plan) : Plan();
}

void expect_within(double got, double expected, double share, const std::string& what) {
  EXPECT_NEAR(got, expected, std::abs(expected) * share) << what;
}

// F = 33,000 + 8,819.13 USD, and the price of a token by the mix: computed here from the article's figures alone.
TEST(Examples, The_missions_thresholds) {
  const Plan plan = example("mission.yaml");
  const BreakEvenTable table = break_even_table(plan, plan.break_even.at(0));
  const double fixed = 33000 + (250141.80 / 43800 + 6.37) * 730;
  const std::map<std::string, std::pair<double, double>> prices = {
      {"Opus 4.7", {5, 25}},         {"GPT-5.4", {2.5, 15}},          {"Gemini 3.1", {2, 12}},
      {"Qwen hosted", {0.38, 2.25}}, {"DeepSeek hosted", {0.3, 0.5}}, {"Scout hosted", {0.116, 0.359}}};
  const std::map<double, std::map<std::string, double>> printed = {{1,
                                                                    {{"Opus 4.7", 2.8},
                                                                     {"GPT-5.4", 4.8},
                                                                     {"Gemini 3.1", 6.0},
                                                                     {"Qwen hosted", 31.8},
                                                                     {"DeepSeek hosted", 104.5},
                                                                     {"Scout hosted", 176.1}}},
                                                                   {3,
                                                                    {{"Opus 4.7", 4.2},
                                                                     {"GPT-5.4", 7.4},
                                                                     {"Gemini 3.1", 9.3},
                                                                     {"Qwen hosted", 49.3},
                                                                     {"DeepSeek hosted", 119.5},
                                                                     {"Scout hosted", 236.6}}},
                                                                   {5.47,
                                                                    {{"Opus 4.7", 5.2},
                                                                     {"GPT-5.4", 9.4},
                                                                     {"Gemini 3.1", 11.8},
                                                                     {"Qwen hosted", 62.5},
                                                                     {"DeepSeek hosted", 126.4},
                                                                     {"Scout hosted", 272.3}}},
                                                                   {10,
                                                                    {{"Opus 4.7", 6.1},
                                                                     {"GPT-5.4", 11.5},
                                                                     {"Gemini 3.1", 14.4},
                                                                     {"Qwen hosted", 76.0},
                                                                     {"DeepSeek hosted", 131.4},
                                                                     {"Scout hosted", 302.8}}},
                                                                   {73.4,
                                                                    {{"Opus 4.7", 7.9},
                                                                     {"GPT-5.4", 15.7},
                                                                     {"Gemini 3.1", 19.6},
                                                                     {"Qwen hosted", 103.2},
                                                                     {"DeepSeek hosted", 138.2},
                                                                     {"Scout hosted", 350.6}}}};
  ASSERT_EQ(table.cells.size(), 30u);
  for (const BreakEven& cell : table.cells) {
    const auto [input, output] = prices.at(cell.against);
    const double price = (cell.mix * input + output) / (cell.mix + 1) / 1e6;
    const std::string what = cell.against + " at " + std::to_string(cell.mix);
    expect_within(cell.fixed_usd_per_month, fixed, 1e-4, what);
    expect_within(cell.tokens_per_month, fixed / price, 1e-4, what);
    EXPECT_NEAR(cell.tokens_per_month / 1e9, printed.at(cell.mix).at(cell.against), 0.0501) << what;
    EXPECT_EQ(cell.staff_usd_per_month, 33000);
    EXPECT_EQ(cell.utilisation, 1);
    expect_within(cell.node_ceiling_tokens, 160.7e9, 1e-3, what);
    EXPECT_FALSE(cell.verdict.empty());
  }
}

TEST(Examples, The_missions_bills_to_the_dollar) {
  const Plan plan = example("mission.yaml");
  const BreakEvenTable table = break_even_table(plan, plan.break_even.at(0));
  const std::vector<std::map<std::string, std::string>> bills = {
      {{"Opus 4.7", "10000.00"}, {"GPT-5.4", "5625.00"}, {"Qwen hosted", "847.50"}, {"Scout hosted", "176.75"}},
      {{"Opus 4.7", "100000.00"}, {"GPT-5.4", "56250.00"}, {"Qwen hosted", "8475.00"}, {"Scout hosted", "1767.50"}},
      {{"Opus 4.7", "1000000.00"},
       {"GPT-5.4", "562500.00"},
       {"Qwen hosted", "84750.00"},
       {"Scout hosted", "17675.00"}}};
  ASSERT_EQ(table.bills.size(), 3u);
  EXPECT_EQ(table.bills_mix, 3);
  for (std::size_t i = 0; i < 3; ++i) {
    for (const auto& [name, amount] : table.bills[i].apis)
      if (bills[i].contains(name)) {
        EXPECT_EQ(cents(amount), bills[i].at(name)) << name;
      }
    EXPECT_EQ(cents(table.bills[i].self_hosted_usd), "41819.13");  // one node of this size serves 160.7 B a month
  }
}

TEST(Examples, Hardware_alone_is_another_table_and_says_so) {
  const Plan plan = example("mission.yaml");
  const BreakEvenTable table = break_even_table(plan, plan.break_even.at(1));
  const std::map<std::string, double> printed = {{"Opus 4.7", 0.88},        {"GPT-5.4", 1.57},
                                                 {"Gemini 3.1", 1.96},      {"Qwen hosted", 10.4},
                                                 {"DeepSeek hosted", 25.2}, {"Scout hosted", 49.9}};
  for (const BreakEven& cell : table.cells) {
    EXPECT_EQ(cell.staff_usd_per_month, 0);
    EXPECT_NEAR(cell.tokens_per_month / 1e9, printed.at(cell.against), 0.051) << cell.against;
  }
}

TEST(Examples, A_node_that_cannot_serve_its_break_even_says_never_and_with_how_many_it_does) {
  const Plan plan = example("mission.yaml");
  const BreakEvenTable table = break_even_table(plan, plan.break_even.at(0));
  const auto cell = [&](const std::string& name) {
    return *std::ranges::find_if(table.cells, [&](const BreakEven& c) { return c.mix == 1 && c.against == name; });
  };
  EXPECT_NE(cell("Scout hosted").verdict.find("never with one node"), std::string::npos);
  EXPECT_EQ(cell("Scout hosted").nodes, 2);
  EXPECT_NEAR(cell("DeepSeek hosted").needed_utilisation, 0.65, 0.005);
  EXPECT_NEAR(cell("Qwen hosted").needed_utilisation, 0.20, 0.005);
  EXPECT_NEAR(cell("Opus 4.7").needed_utilisation, 0.017, 0.0005);
}

TEST(Examples, Each_rule_of_thumb_says_what_it_compares_and_where_it_holds) {
  const Plan plan = example("mission.yaml");
  const BreakEvenTable table = break_even_table(plan, plan.break_even.at(0));
  std::string all;
  for (const std::string& rule : table.rules) all += rule + "\n";
  for (const char* part :
       {"there for Opus 4.7 at any mix", "there for GPT-5.4 up to 6.4:1", "there for Gemini 3.1 up to 3.6:1",
        "never there for Qwen hosted", "it contradicts B", "crosses at 2.9 B"})
    EXPECT_NE(all.find(part), std::string::npos) << part << "\n" << all;
}

const RentRow& row(const RentOrBuyTable& table, const std::string& name, double use) {
  return *std::ranges::find_if(table.rows, [&](const RentRow& r) { return r.name == name && r.utilisation == use; });
}

TEST(Examples, Lenovos_table) {
  const Plan plan = example("lenovo.yaml");
  const RentOrBuyTable a = rent_or_buy_table(plan, plan.rent_or_buy.at(0));
  const auto months = [&](const RentOrBuyTable& table, const char* name, double use, double rent) {
    const double expected = table.price_usd / (use * rent - table.opex_usd_per_hour) / 730;
    const RentRow& got = row(table, name, use);
    EXPECT_TRUE(got.months) << name;
    if (got.months) expect_within(*got.months, expected, 1e-4, name);
    return got.months.value_or(0);
  };
  EXPECT_NEAR(months(a, "Azure ND96isr H100 v5", 1, 98.32), 3.73, 0.005);
  EXPECT_NEAR(months(a, "AWS p5", 1, 55.04), 7.04, 0.005);
  EXPECT_NEAR(months(a, "market 2.90 per GPU", 1, 23.2), 20.4, 0.05);
  EXPECT_NEAR(months(a, "market 2.50 per GPU", 1, 20.0), 25.1, 0.05);
  EXPECT_NEAR(months(a, "market 2.01 per GPU", 1, 16.08), 35.3, 0.05);
  EXPECT_NEAR(months(a, "Azure ND96isr H100 v5", 0.2, 98.32), 25.8, 0.05);
  EXPECT_NEAR(months(a, "Azure ND96isr H100 v5", 0.3, 98.32), 14.8, 0.05);
  EXPECT_NEAR(months(a, "Azure ND96isr H100 v5", 0.5, 98.32), 8.0, 0.05);
  // At 20 % an hour at AWS costs 11.008 USD and the own node's 6.37: 53,937 hours.
  EXPECT_FALSE(row(a, "AWS p5", 0.2).months);
  EXPECT_NEAR(months(a, "AWS p5", 0.3, 55.04), 33.8, 0.05);
  EXPECT_NEAR(months(a, "AWS p5", 0.5, 55.04), 16.2, 0.05);
  EXPECT_FALSE(row(a, "SemiAnalysis 3-year rental 1.30 per GPU", 1).hours);
  EXPECT_NE(row(a, "SemiAnalysis 3-year rental 1.30 per GPU", 1).verdict.find("never within the life"),
            std::string::npos);
  EXPECT_NE(row(a, "AWS p5", 0.05).verdict.find("never: running"), std::string::npos);
  // USD per million and the "18x".
  const double hour = 250141.80 / 43800 + 6.37;
  expect_within(a.owner_usd_per_hour, hour, 1e-4, "owner");
  for (const auto& [use, printed] :
       std::map<double, double>{{1, 0.11}, {0.5, 0.22}, {0.2, 0.55}, {0.1, 1.10}, {0.05, 2.20}}) {
    const auto one = *std::ranges::find(a.per_million, use, &RentOrBuyTable::PerMillion::utilisation);
    expect_within(one.usd, hour / (30576.5 * 3600 * use) * 1e6, 1e-4, "per million");
    EXPECT_NEAR(one.usd, printed, 0.006);
  }
  EXPECT_NEAR(*a.per_million[0].api_is_times_dearer, 18.2, 0.05);
  EXPECT_NEAR(a.per_million[0].usd_with_staff, 0.52, 0.005);
  EXPECT_NEAR(*a.per_million[0].with_staff, 3.8, 0.05);
  EXPECT_NEAR(a.per_million[1].usd_with_staff, 1.04, 0.005);
  // The power that eight H100 draw.
  const RentOrBuyTable powered = rent_or_buy_table(plan, plan.rent_or_buy.at(1));
  EXPECT_NEAR(months(powered, "Azure ND96isr H100 v5", 1, 98.32), 3.82, 0.005);
  const RentOrBuyTable b = rent_or_buy_table(plan, plan.rent_or_buy.at(2));
  EXPECT_NEAR(months(b, "GCP a3-ultra", 1, 84.808), 5.0, 0.05);
  EXPECT_NEAR(months(b, "AWS p5en", 1, 63.296), 7.0, 0.05);
  EXPECT_NEAR(months(b, "GCP 1 year", 1, 58.47), 7.7, 0.05);
  EXPECT_NEAR(months(b, "GCP 3 years", 1, 37.20), 13.4, 0.05);
  const RentOrBuyTable d = rent_or_buy_table(plan, plan.rent_or_buy.at(3));
  EXPECT_NEAR(months(d, "AWS p6-b300", 1, 142.416), 4.9, 0.05);
  expect_within(d.owner_life_usd, 1013447.5, 1e-4, "owner over five years");
  expect_within(d.rented_life_usd[0].second, 142.416 * 43800, 1e-4, "rented over five years");
  expect_within(d.owner_usd_per_hour, 23.138, 1e-4, "not the 23.19 that is printed");
  expect_within(d.per_million[0].usd, 4.726, 1e-4, "not the 4.74 that is printed");
  expect_within(1 - d.owner_life_usd / (142.416 * 43800), 0.8375, 1e-4, "saved");
}

}  // namespace
}  // namespace sluice::plan
