// The two reports say the same, and every shipped example has one.
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "json/json.h"
#include "plan/answer.h"
#include "plan/read_plan.h"
#include "plan/report_html.h"
#include "plan/report_json.h"
#include "plan/starter.h"

namespace sluice::plan {
namespace {

constexpr catalog::Date november = std::chrono::sys_days(std::chrono::year(2026) / 11 / 27);

Answer answer_of(const std::string& name, std::string text) {
  yaml::Diagnostics diagnostics;
  auto plan = read_plan(name, std::move(text), catalog::embedded_catalog(), november, diagnostics);
  EXPECT_TRUE(plan) << diagnostics.render();
  if (!plan) return {};
  plan->draws = 300;  // the spread is tested elsewhere
  auto got = answer(std::move(*plan));
  EXPECT_TRUE(got) << got.error().message;
  return got ? std::move(*got) : Answer();
}

Answer example(const std::string& name) {
  std::ifstream file(std::string(SLUICE_EXAMPLES) + "/" + name);
  return answer_of(name, {std::istreambuf_iterator<char>(file), {}});
}

// "a.0.b" in a JSON document.
json::Value at(json::Value value, std::string_view path) {
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    const std::string_view part = path.substr(0, dot);
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    value = error == std::errc() && value.is_array() ? value.at(index) : value[part];
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return value;
}

std::string attribute(std::string_view element, std::string_view name) {
  const std::string start = std::string(name) + "=\"";
  const std::size_t from = element.find(start) + start.size();
  return std::string(element.substr(from, element.find('"', from) - from));
}

class Example : public testing::TestWithParam<std::string> {};

TEST_P(Example, HTML_and_JSON_have_the_same_numbers) {
  const Answer got = example(GetParam());
  const std::string html = report_html(got);
  const auto document = json::Document::parse(report_json(got));
  ASSERT_TRUE(document) << document.error().message;
  std::size_t compared = 0;
  for (std::size_t from = html.find("<data "); from != std::string::npos; from = html.find("<data ", from + 1)) {
    const std::string_view element = std::string_view(html).substr(from, html.find('>', from) - from);
    const std::string path = attribute(element, "data-path");
    const std::string value = attribute(element, "value");
    const json::Value there = at(document->root(), path);
    ASSERT_TRUE(there.exists()) << path;
    if (there.is_string()) {
      EXPECT_EQ(there.string(), value) << path;
    } else {
      ASSERT_TRUE(there.number()) << path;
      EXPECT_EQ(*there.number(), std::strtod(value.c_str(), nullptr)) << path;
    }
    ++compared;
  }
  EXPECT_GT(compared, 40u);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  for (const char* fetched : {"src=", "href=\"http", "url(", "@import"})
    EXPECT_EQ(html.find(fetched), std::string::npos) << fetched;
  for (const char* wrong : {"=\"nan", "=\"inf", ">nan", ">inf", "$nan", "Mnan", "Lnan", ",nan"})
    EXPECT_EQ(html.find(wrong), std::string::npos) << wrong;
}

INSTANTIATE_TEST_SUITE_P(Files, Example,
                         testing::Values("mission.yaml", "lenovo.yaml", "enterprise.yaml", "startup.yaml",
                                         "hospital.yaml"));

TEST(Report, Text_of_a_plan_cannot_become_markup) {
  const Answer got = answer_of("p.yaml", "plan: \"<b>x</b> & co\"\nnotes: [\"<script>alert(1)</script>\"]\n");
  const std::string html = report_html(got);
  EXPECT_NE(html.find("&lt;b&gt;x&lt;/b&gt; &amp; co"), std::string::npos);
  EXPECT_EQ(html.find("<script"), std::string::npos);
}

TEST(Report, Patients_data_stays_in_the_house) {
  const Answer got = example("hospital.yaml");
  ASSERT_TRUE(got.placement && got.placement->feasible) << got.placement->conflict_says;
  for (std::size_t w = 0; w < got.plan.workloads.size(); ++w)
    if (got.plan.workloads[w].data_class == DataClass::restricted) {
      for (const auto& [option, share] : got.placement->workloads[w].shares)
        EXPECT_TRUE(got.plan.option(option)->self_hosted()) << option;
    }
}

TEST(Report, A_start_up_without_capital_rents_nothing_that_stands_idle) {
  const Answer got = example("startup.yaml");
  ASSERT_TRUE(got.placement && got.placement->feasible);
  EXPECT_EQ(got.placement->best.capex_usd, 0);
  EXPECT_EQ(got.placement->best.node_usd, 0);
}

TEST(Report, The_enterprises_joint_plan_is_never_dearer_than_greed) {
  const Answer got = example("enterprise.yaml");
  ASSERT_TRUE(got.placement && got.placement->feasible) << got.placement->conflict_says;
  EXPECT_EQ(got.placement->workloads[0].shares.size(), 2u);  // critical
  EXPECT_EQ(got.flows.front().flow.months.size(), 36u);
}

TEST(Report, An_impossible_figure_is_refused_with_its_place_and_reason) {
  std::ifstream file(std::string(SLUICE_EXAMPLES) + "/mission.yaml");
  std::string text(std::istreambuf_iterator<char>(file), {});
  text.replace(text.find("output_tokens_per_s: 30576.5"), 28, "output_tokens_per_s: 79126");
  yaml::Diagnostics diagnostics;
  const auto plan = read_plan("p", text, catalog::embedded_catalog(), november, diagnostics);
  ASSERT_TRUE(plan);
  const auto got = answer(*plan);
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().message.find("`self-hosted`"), std::string::npos);
  EXPECT_NE(got.error().message.find("MFU 1.40"), std::string::npos);
}

TEST(Report, Contradictory_rules_are_a_page_too) {
  const Answer got = answer_of("p.yaml",
                               "plan: p\noptions: [{ name: a, price: { input: 1, output: 2 }, quality: { e: 0.5 } }]\n"
                               "workloads: [{ name: w, tokens_per_month: 1B, mix: 3, quality: { e: 0.9 } }]\n");
  EXPECT_FALSE(got.placement->feasible);
  EXPECT_NE(report_html(got).find("There is no plan that keeps all rules"), std::string::npos);
  EXPECT_NE(report_json(got).find("\"feasible\":false"), std::string::npos);
}

TEST(Starter, The_plan_to_begin_with_is_one) {
  const Answer got = answer_of("plan.yaml", std::string(starter_plan()));
  ASSERT_TRUE(got.placement);
  EXPECT_TRUE(got.placement->feasible) << got.placement->conflict_says;
}

TEST(Warnings, Output_that_is_cheaper_than_input_is_asked_about) {
  const auto warned = [](const char* price) {
    const Answer got = answer_of("p.yaml", std::string("plan: p\noptions: [{ name: api, price: ") + price +
                                               " }]\nworkloads: [{ name: w, tokens_per_month: 1B, mix: 3:1 }]\n");
    return std::ranges::any_of(got.warnings,
                               [](const std::string& one) { return one.find("are the two exchanged?") != one.npos; });
  };
  EXPECT_TRUE(warned("{ input: 15, output: 2.5 }"));
  EXPECT_FALSE(warned("{ input: 2.5, output: 15 }"));
  EXPECT_FALSE(warned("{ input: 0.5, output: 0.5 }"));
}

}  // namespace
}  // namespace sluice::plan
