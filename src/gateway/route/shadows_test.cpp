#include "gateway/route/shadows.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

config::Workload with_shadow() {
  config::Workload workload{.name = "letters"};
  workload.shadow = {.target = "new/m", .percent = 25, .max_in_flight = 2};
  return workload;
}

TEST(Shadow, Gets_exactly_its_share) {
  Shadows shadows;
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += shadows.take(with_shadow());
  EXPECT_EQ(taken, 25);
}

TEST(Shadow, Has_no_more_calls_under_way_than_its_places) {
  Shadows shadows;
  const config::Workload workload = with_shadow();
  EXPECT_TRUE(shadows.begin(workload));
  EXPECT_TRUE(shadows.begin(workload));
  EXPECT_FALSE(shadows.begin(workload));
  shadows.end(workload);
  EXPECT_TRUE(shadows.begin(workload));
  EXPECT_EQ(shadows.report()[0].skipped, 1);
}

TEST(Shadow, That_began_before_its_settings_changed_is_in_no_report) {
  Shadows shadows;
  config::Workload before = with_shadow();
  before.shadow.percent = 100;
  EXPECT_TRUE(shadows.take(before) && shadows.begin(before));
  for (int i = 0; i < 4; ++i) (void)shadows.take(with_shadow());
  shadows.failed(with_shadow());
  shadows.compare(before, {}, {});
  shadows.failed(before);
  shadows.skipped(before);
  shadows.end(before);
  const Shadows::Report report = shadows.report()[0];
  EXPECT_EQ(report.failed, 1);
  EXPECT_EQ(report.compared + report.skipped, 0);
}

TEST(Shadow, What_differs_is_counted) {
  Shadows shadows;
  const config::Workload workload = with_shadow();
  shadows.compare(workload, {.cost = Money::pico(30), .us = 10, .output = 5, .text = "Paris"},
                  {.cost = Money::pico(10), .us = 40, .output = 7, .cut = true, .text = " Paris\n"});
  shadows.compare(workload, {.cost = Money::pico(30), .text = "Paris"}, {.refused = true, .text = "I cannot say."});
  shadows.compare(workload, {.cost = Money::pico(30)}, {.cost = Money::pico(10)});
  shadows.failed(workload);
  const Shadows::Report report = shadows.report()[0];
  EXPECT_EQ(report.compared, 3);
  EXPECT_EQ(report.failed, 1);
  EXPECT_EQ(report.texts, 2);
  EXPECT_EQ(report.same_text, 1);
  EXPECT_EQ(static_cast<std::int64_t>(report.client.pico), 90);
  EXPECT_EQ(static_cast<std::int64_t>(report.shadow.pico), 20);
  EXPECT_EQ(report.shadow.unpriced, 1);
  EXPECT_EQ(report.shadow.cut, 1);
  EXPECT_EQ(report.shadow.refused, 1);
}

}  // namespace
}  // namespace sluice::gateway
