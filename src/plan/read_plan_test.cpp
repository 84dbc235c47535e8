#include "plan/read_plan.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "json/json.h"
#include "plan/keys.h"
#include "plan/quantity.h"
#include "plan/schema.h"

namespace sluice::plan {
namespace {

constexpr catalog::Date november = std::chrono::sys_days(std::chrono::year(2026) / 11 / 27);

struct Read {
  std::optional<Plan> plan;
  std::string findings;
};

Read read(const std::string& text) {
  yaml::Diagnostics diagnostics;
  auto plan = read_plan("plan.yaml", text, catalog::embedded_catalog(), november, diagnostics);
  return {std::move(plan), diagnostics.render()};
}

// A whole plan with one line changed, so that only that line can be wrong.
std::string with(const std::string& line, const std::string& instead) {
  std::string text = R"(plan: small
assumptions:
  staff.self_host_usd_per_month: 33000
pools:
  - name: h100
    gpu: H100
    price_usd: 250141.80
    opex_usd_per_hour: 6.37
options:
  - name: gpt
    price: { input: 2.5, output: 15, cached: 0.25 }
  - name: own
    pool: h100
    model: llama-2-70b
    output_tokens_per_s: 30576.5
workloads:
  - name: chat
    tokens_per_month: 10B
    mix: 3:1
    cached: 30 %
)";
  if (line.empty()) return text;
  const std::size_t at = text.find(line);
  EXPECT_NE(at, std::string::npos) << line;
  return text.replace(at, line.size(), instead);
}

void expect_finding(const std::string& line, const std::string& instead, const std::vector<std::string>& said) {
  const Read got = read(with(line, instead));
  EXPECT_FALSE(got.plan) << instead;
  for (const std::string& part : said)
    EXPECT_NE(got.findings.find(part), std::string::npos) << part << "\n" << got.findings;
}

TEST(ReadPlan, Reads_what_was_written) {
  const Read got = read(with("", ""));
  ASSERT_TRUE(got.plan) << got.findings;
  const Plan& plan = *got.plan;
  EXPECT_EQ(plan.workloads[0].cached, 0.3);
  EXPECT_NEAR(plan.workloads[0].tokens_per_month(), 10e9, 1);
  EXPECT_NEAR(plan.workloads[0].mix(), 3, 1e-12);
  EXPECT_EQ(plan.options[0].price.rates[catalog::Unit::input], 2'500'000);
  EXPECT_EQ(plan.options[0].price.rates[catalog::Unit::cache_read], 250'000);
  EXPECT_TRUE(plan.options[1].self_hosted());
  EXPECT_EQ(plan.pools[0].gpu->fp8, 1978e12);
  EXPECT_TRUE(plan.assumptions.at("staff.self_host_usd_per_month").changed);
}

TEST(ReadPlan, Takes_a_price_of_the_catalogue_on_its_day) {
  const Read got = read(with("price: { input: 2.5, output: 15, cached: 0.25 }", "api: anthropic/claude-opus-4-7"));
  ASSERT_TRUE(got.plan) << got.findings;
  EXPECT_EQ(got.plan->options[0].price.rates[catalog::Unit::output], 25'000'000);
  EXPECT_EQ(got.plan->options[0].vendor, "anthropic");
  expect_finding(
      "price: { input: 2.5, output: 15, cached: 0.25 }", "api: anthropic/claude-opus-4-77",
      {"plan.yaml:11:10", "no price of `anthropic/claude-opus-4-77`", "did you mean `anthropic/claude-opus-4-7`"});
}

TEST(ReadPlan, Names_the_unit_that_was_probably_meant) {
  expect_finding(
      "input: 2.5", "input: 0.0000025",
      {"plan.yaml:11:21", "must lie between 0.005 and 2000 USD per million tokens", "USD per token: then write 2.5"});
  expect_finding("input: 2.5", "input: 0.0025", {"USD per 1,000 tokens: then write 2.5"});
  expect_finding("input: 2.5", "input: 2500000", {"picodollars per token: then write 2.5"});
  expect_finding("cached: 30 %", "cached: 30", {"it looks like a percentage: then write 0.3"});
  expect_finding("mix: 3:1", "mix: 3:1\n    ttft_p95_ms: 0.8", {"it looks like seconds: then write 800"});
  expect_finding("tokens_per_month: 10B", "tokens_per_month: 10", {"billions of tokens: then write 10B"});
  expect_finding("price_usd: 250141.80", "price_usd: 250", {"thousands of USD: then write 250000"});
  expect_finding("staff.self_host_usd_per_month: 33000", "staff.self_host_usd_per_month: 33",
                 {"thousands of USD: then write 33000"});
  expect_finding("staff.self_host_usd_per_month: 33000", "hardware.life_months: 5",
                 {"looks like years: then write 60"});
  expect_finding("staff.self_host_usd_per_month: 33000", "load.max_utilisation: 85", {"percentage: then write 0.85"});
  expect_finding("price_usd: 250141.80\n    opex_usd_per_hour: 6.37", "rent_usd_per_hour: 35000",
                 {"USD per month: then write 47.9452"});
  expect_finding("opex_usd_per_hour: 6.37", "power_kw: 10200", {"watts: then write 10.2"});
}

TEST(ReadPlan, Takes_a_price_per_token_when_it_says_so) {
  const Read got = read(with("{ input: 2.5, output: 15, cached: 0.25 }",
                             "{ per: token, input: 0.0000025, output: 0.000015, cached: 0.00000025 }"));
  ASSERT_TRUE(got.plan) << got.findings;
  EXPECT_EQ(got.plan->options[0].price.rates[catalog::Unit::input], 2'500'000);
  EXPECT_EQ(got.plan->options[0].price.rates[catalog::Unit::cache_read], 250'000);
  expect_finding("{ input: 2.5, output: 15, cached: 0.25 }", "{ per: token, input: 2.5, output: 15 }",
                 {"2.5M USD per million tokens", "for one token"});
}

TEST(ReadPlan, Says_of_an_assumption_that_cannot_be_why_and_what_it_usually_is) {
  const auto finding = [](const char* said, const std::vector<std::string>& parts) {
    expect_finding("staff.self_host_usd_per_month: 33000", said, parts);
  };
  finding("load.max_utilisation: 0", {"cannot be zero", "never used has no cost per token", "0.85 unless said"});
  finding("staff.self_host_usd_per_month: -1", {"cannot be `-1`", "never negative", "33000 unless said"});
  finding("volume.factor: 0", {"must lie between 0.001 and 1000, not 0"});
  finding("staff.self_host_usd: 30000", {"did you mean `staff.self_host_usd_per_month`?"});
}

TEST(ReadPlan, Refuses_what_cannot_be) {
  expect_finding("price: { input: 2.5, output: 15, cached: 0.25 }", "regions: [eu]",
                 {"has no price and no pool", "never zero"});
  expect_finding("input: 2.5", "input: 0", {"free: true"});
  expect_finding("input: 2.5", "input: -2.5", {"never negative"});
  expect_finding("cached: 0.25", "cached: 4.5", {"dearer than fresh ones"});
  expect_finding("mix: 3:1", "", {"no mix of input and output"});
  expect_finding("mix: 3:1", "mix: 3 to 1", {"`3 to 1` is no ratio", "like 3:1"});
  expect_finding("tokens_per_month: 10B", "tokens_per_month: 10B\n    requests_per_month: 5M",
                 {"either", "remove one"});
}

TEST(ReadPlan, Refuses_rules_that_contradict_each_other) {
  expect_finding("price: { input: 2.5, output: 15, cached: 0.25 }",
                 "price: { input: 2.5, output: 15 }\n    data_class: restricted", {"cannot take restricted data"});
  expect_finding("mix: 3:1", "mix: 3:1\n    critical: true\n    split: false", {"critical and must not be split"});
  expect_finding("pool: h100", "pool: h100\n    price: { input: 1, output: 2 }", {"a pool and a price per token"});
  expect_finding("opex_usd_per_hour: 6.37", "rent_usd_per_hour: 98.32", {"either bought or rented"});
  expect_finding("opex_usd_per_hour: 6.37", "spare: 4\n    most_nodes: 4", {"keeps 4 nodes spare"});
  expect_finding("plan: small", "plan: small\nlifecycle: top_down", {"derives upkeep from the build cost"});
}

TEST(ReadPlan, Says_the_nearest_name) {
  expect_finding("opex_usd_per_hour", "opex_usd_per_hours",
                 {"unknown key `opex_usd_per_hours`", "`opex_usd_per_hour`"});
  expect_finding("gpu: H100", "gpu: H10O", {"there is no GPU `H10O`", "did you mean `H100`"});
  expect_finding("pool: h100", "pool: h10", {"there is no pool `h10`", "did you mean `h100`"});
  expect_finding("staff.self_host_usd_per_month", "staff.selfhost_usd_per_month",
                 {"did you mean `staff.self_host_usd_per_month`"});
  expect_finding("name: own", "name: gpt", {"two options called `gpt`"});
}

TEST(ReadPlan, Tells_all_errors_at_once) {
  const Read got =
      read("plan: x\nworkloads:\n  - { name: a }\n  - { name: b, mix: 3, tokens_per_month: -1 }\nfoo: 1\n");
  EXPECT_FALSE(got.plan);
  for (const char* part : {"`a` has no mix", "unknown key `foo`", "never negative", "no options"})
    EXPECT_NE(got.findings.find(part), std::string::npos) << part << "\n" << got.findings;
}

TEST(ReadPlan, An_empty_text_says_what_to_do) {
  EXPECT_NE(read("").findings.find("sluice plan init"), std::string::npos);
}

TEST(Quantity, Reads_what_people_write) {
  for (const auto& [text, value] : std::vector<std::pair<std::string, double>>{{"10B", 10e9},
                                                                               {"250k", 250e3},
                                                                               {"1_000", 1000},
                                                                               {"$33,000", 33000},
                                                                               {"30 %", 0.3},
                                                                               {"30%", 0.3},
                                                                               {"-2.5", -2.5},
                                                                               {"1e9", 1e9}}) {
    const auto got = parse_quantity(text);
    ASSERT_TRUE(got) << text;
    EXPECT_NEAR(got->value, value, std::abs(value) * 1e-12) << text;
  }
  for (const char* text : {"", "ten", "1,00", "3,000,00", "1.2.3", "inf", "nan", "1e999", "%", "$"})
    EXPECT_FALSE(parse_quantity(text)) << text;
}

TEST(Schema, The_page_is_what_the_declarations_say) {
  const std::string path = SLUICE_PLAN_SCHEMA;
  if (std::getenv("GOLDEN_UPDATE")) std::ofstream(path) << plan_schema();
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), plan_schema())
      << "run GOLDEN_UPDATE=1 ./dev test plan";
  const auto parsed = json::Document::parse(plan_schema());
  ASSERT_TRUE(parsed);
  const json::Value root = parsed->root();
  for (const Key& key : keys()) {
    const json::Value section = key.section == "plan" ? root : root["$defs"][key.section];
    EXPECT_TRUE(section["properties"][key.name].exists()) << key.section << "." << key.name;
  }
}

TEST(Assumptions, Each_has_a_value_within_its_range_and_a_source) {
  for (const Assumption& one : Assumptions::defaults().all()) {
    EXPECT_LE(one.low, one.value) << one.id;
    EXPECT_LE(one.value, one.high) << one.id;
    EXPECT_FALSE(one.unit.empty() || one.source.empty() || one.meaning.empty()) << one.id;
  }
}

}  // namespace
}  // namespace sluice::plan
