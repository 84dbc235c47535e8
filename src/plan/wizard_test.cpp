#include "plan/wizard.h"

#include <gtest/gtest.h>

#include "plan/placement.h"
#include "plan/read_plan.h"

namespace sluice::plan {
namespace {

Plan read(const Answers& answers) {
  yaml::Diagnostics diagnostics;
  auto plan = read_plan("p.yaml", plan_of_answers(answers), catalog::embedded_catalog(),
                        std::chrono::sys_days(std::chrono::year(2026) / 11 / 27), diagnostics);
  EXPECT_TRUE(plan) << diagnostics.render() << plan_of_answers(answers);
  return plan ? std::move(*plan) : Plan();
}

TEST(Wizard, Asks_for_the_six_criteria_with_defaults_that_pass_and_reasons) {
  std::vector<std::string_view> criteria;
  for (const Question& one : questions()) {
    EXPECT_FALSE(one.because.empty()) << one.id;
    EXPECT_TRUE(check_answer(one, "")) << one.id;
    if (criteria.empty() || criteria.back() != one.criterion) criteria.push_back(one.criterion);
  }
  EXPECT_EQ(criteria, (std::vector<std::string_view>{"Use case", "Scale", "Team", "Cost structure", "Compliance",
                                                     "Integration"}));
}

TEST(Wizard, Defaults_alone_make_a_plan_that_has_a_placement) {
  const Plan plan = read({});
  const auto got = place(plan, plan.assumptions);
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->feasible) << got->conflict_says;
}

// Each answer on its own, in all combinations of the words and with names that YAML would take for something else.
TEST(Wizard, Every_answer_reaches_the_plan_and_the_plan_is_valid) {
  for (const char* use_case : {"chat", "code", "documents", "batch"})
    for (const char* data_class : {"public", "internal", "restricted"})
      for (const char* yes : {"yes", "no"})
        for (const char* name : {"a: b # c", "[x]", "\"", "null", "- y", "{z}", "ä\\n"}) {
          const Plan plan = read({{"name", name},
                                  {"use_case", use_case},
                                  {"data_class", data_class},
                                  {"critical", yes},
                                  {"runs_engines", yes},
                                  {"eval", name},
                                  {"quality_floor", "70 %"},
                                  {"residency", "eu, ch"},
                                  {"needs", "tools"},
                                  {"growth_per_month", "-2 %"},
                                  {"monthly_usd", "1M"},
                                  {"prototype", yes},
                                  {"switching_usd", "$1,500"}});
          ASSERT_EQ(plan.workloads.size(), 1U);
          const Workload& one = plan.workloads[0];
          EXPECT_EQ(one.name, name);
          EXPECT_EQ(one.data_class, *data_class_from_name(data_class));
          EXPECT_DOUBLE_EQ(one.quality_floor.at(name), 0.7);
          EXPECT_EQ(one.residency, (std::vector<std::string>{"eu", "ch"}));
          EXPECT_EQ(one.critical, std::string(yes) == "yes");
          EXPECT_DOUBLE_EQ(one.growth_per_month, -0.02);
          EXPECT_EQ(plan.limits.self_hosting, std::string(yes) == "yes");
          EXPECT_EQ(plan.limits.monthly_usd, 1e6);
          EXPECT_EQ(plan.horizon_months, std::string(yes) == "yes" ? 3 : 36);
          EXPECT_EQ(plan.option("open model at a host")->switching_usd, 1500);
        }
}

TEST(Wizard, Says_what_an_answer_cannot_be) {
  const auto says = [](const char* id, const char* text) {
    const auto got = check_answer(*find_question(id), text);
    EXPECT_FALSE(got) << id;
    return got ? std::string() : got.error().message + " / " + got.error().hint;
  };
  EXPECT_EQ(says("use_case", "chats"),
            "use_case: `chats` is none of: chat code documents batch / did you mean `chat`?");
  EXPECT_EQ(says("critical", "perhaps"), "critical: `perhaps` is neither yes nor no / write yes or no");
  EXPECT_EQ(says("tokens_per_month", "10"),
            "tokens_per_month: it cannot be `10` / a number from 10000 to 1000T, such as 2B");
  EXPECT_EQ(says("monthly_usd", "much"), "monthly_usd: `much` is no amount / write 40k, or nothing");
}

}  // namespace
}  // namespace sluice::plan
