#include "dialects/provider_error.h"

#include <gtest/gtest.h>

namespace sluice::dialects {
namespace {

TEST(ProviderError, Says_where_another_try_may_help) {
  const auto retry = [](int status, std::string_view code = "") {
    return provider_error({.status = status, .code = code}, {}).retry;
  };
  for (const int status : {400, 413, 422, 451}) EXPECT_EQ(retry(status), Retry::never) << status;
  for (const int status : {301, 401, 402, 403, 404}) EXPECT_EQ(retry(status), Retry::elsewhere) << status;
  for (const int status : {408, 409, 429, 500, 502, 503, 504, 529}) EXPECT_EQ(retry(status), Retry::anywhere) << status;
  EXPECT_EQ(retry(429, "insufficient_quota"), Retry::elsewhere);
}

TEST(ProviderError, Prefers_milliseconds_to_seconds_and_ignores_what_is_no_number) {
  const auto after = [](http::Headers headers) {
    return provider_error({.status = 429}, headers).retry_after.value_or(std::chrono::milliseconds(-1)).count();
  };
  EXPECT_EQ(after({{"retry-after", "3"}}), 3000);
  EXPECT_EQ(after({{"Retry-After", "0.25"}}), 250);
  EXPECT_EQ(after({{"retry-after", "3"}, {"retry-after-ms", "70"}}), 70);
  EXPECT_EQ(after({{"retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"}}), -1);
  EXPECT_EQ(after({{"retry-after", "-5"}}), -1);
  EXPECT_EQ(after({{"retry-after", "nan"}}), -1);
  EXPECT_EQ(after({{"retry-after", "1e300"}}), 24 * 3600 * 1000);
}

TEST(ProviderError, Never_repeats_words_about_a_key_and_cuts_long_ones_between_characters) {
  EXPECT_EQ(provider_error({.status = 401, .message = "bad key sk-123"}, {}).message.find("sk-123"), std::string::npos);
  std::string text(999, 'x');
  text += "\xc3\xa9\xc3\xa9";
  EXPECT_EQ(provider_error({.status = 400, .message = text}, {}).message, std::string(999, 'x') + "...");
}

TEST(ProviderError, Tells_clients_not_to_retry_what_cannot_work) {
  EXPECT_EQ(retry_headers({.kind = ErrorKind::budget_exceeded}).get("x-should-retry"), "false");
  EXPECT_EQ(
      retry_headers({.kind = ErrorKind::rate_limited, .retry_after = std::chrono::milliseconds(1)}).get("retry-after"),
      "1");
  EXPECT_FALSE(retry_headers({.kind = ErrorKind::unavailable}).get("x-should-retry"));
}

}  // namespace
}  // namespace sluice::dialects
