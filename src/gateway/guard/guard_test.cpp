#include "gateway/guard/guard.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using catalog::Ground;

Verdict verdict(DataClass key_class, std::optional<std::string_view> header = {}) {
  const Result<Verdict> result = guard({.key_class = key_class, .header_class = header});
  EXPECT_TRUE(result.has_value());
  return result.value_or(Verdict{});
}

TEST(Guard, Lets_ordinary_requests_go_everywhere) {
  const Verdict open = verdict(DataClass::internal);
  EXPECT_EQ(open.rule, Verdict::Rule::open);
  for (const Ground ground : {Ground::self_hosted, Ground::hosted_open, Ground::proprietary})
    EXPECT_TRUE(open.allows(ground));
}

TEST(Guard, Keeps_the_requests_of_a_restricted_key_at_home) {
  const Verdict closed = verdict(DataClass::restricted);
  EXPECT_EQ(closed.rule, Verdict::Rule::restricted_by_key);
  EXPECT_TRUE(closed.allows(Ground::self_hosted));
  EXPECT_FALSE(closed.allows(Ground::hosted_open));
  EXPECT_FALSE(closed.allows(Ground::proprietary));
}

TEST(Guard, Keeps_a_request_at_home_that_says_so_itself) {
  const Verdict closed = verdict(DataClass::internal, "restricted");
  EXPECT_EQ(closed.rule, Verdict::Rule::restricted_by_header);
  EXPECT_FALSE(closed.allows(Ground::proprietary));
}

TEST(Guard, Keeps_a_request_of_a_restricted_workload_at_home) {
  for (const char* header : {"public", "internal", "restricted"}) {
    const Result<Verdict> closed =
        guard({.key_class = DataClass::public_data, .header_class = header, .workload_class = DataClass::restricted});
    ASSERT_TRUE(closed.has_value());
    EXPECT_EQ(closed->rule, Verdict::Rule::restricted_by_workload);
    EXPECT_FALSE(closed->allows(Ground::hosted_open));
  }
  const Result<Verdict> still_closed =
      guard({.key_class = DataClass::restricted, .workload_class = DataClass::internal});
  ASSERT_TRUE(still_closed.has_value());
  EXPECT_FALSE(still_closed->allows(Ground::proprietary)) << "a workload can only be stricter";
}

TEST(Guard, Keeps_a_request_at_home_that_goes_on_from_what_had_to_stay_there) {
  const Result<Verdict> closed = guard({.header_class = "public", .recalled_class = DataClass::restricted});
  ASSERT_TRUE(closed.has_value());
  EXPECT_EQ(closed->rule, Verdict::Rule::restricted_by_past);
  EXPECT_FALSE(closed->allows(Ground::proprietary));
  const Result<Verdict> open = guard({.recalled_class = DataClass::internal});
  ASSERT_TRUE(open.has_value());
  EXPECT_EQ(open->rule, Verdict::Rule::open);
}

TEST(Guard, Lets_no_header_loosen_what_the_key_says) {
  EXPECT_FALSE(verdict(DataClass::restricted, "public").allows(Ground::proprietary));
}

TEST(Guard, Refuses_a_data_class_that_it_does_not_know) {
  for (const std::string_view word : {"", "secret", "restricted,public"}) {
    const Result<Verdict> result = guard({.key_class = DataClass::internal, .header_class = word});
    ASSERT_FALSE(result.has_value()) << word;
    EXPECT_EQ(result.error().kind, ErrorKind::invalid_request);
    EXPECT_FALSE(result.error().hint.empty());
  }
}

}  // namespace
}  // namespace sluice::gateway
