#include "dialects/provider_error.h"

#include <gtest/gtest.h>

namespace sluice::dialects {
namespace {

TEST(ProviderError, Says_where_another_try_may_help) {
  const auto retry = [](int status, std::string_view code = "") {
    return provider_error({.status = status, .code = code}, {}).retry;
  };
  for (const int status : {400, 413, 422, 451}) EXPECT_EQ(retry(status), Retry::never) << status;
  for (const int status : {401, 402, 403, 404}) EXPECT_EQ(retry(status), Retry::elsewhere) << status;
  for (const int status : {408, 409, 429, 500, 502, 503, 504, 529}) EXPECT_EQ(retry(status), Retry::anywhere) << status;
  EXPECT_EQ(retry(429, "insufficient_quota"), Retry::elsewhere);
}

TEST(ProviderError, Has_the_code_of_a_prompt_that_is_too_long_and_never_a_type_for_a_code) {
  EXPECT_EQ(provider_error({.status = 400, .type = "invalid_request_error", .message = "temperature: no"}, {}).code,
            "");
  EXPECT_EQ(provider_error({.status = 400, .type = "x", .code = "bad_thing"}, {}).code, "bad_thing");
  for (const std::string_view message :
       {"prompt is too long: 210000 tokens > 200000 maximum", "This model's maximum context length is 8192 tokens."}) {
    const Error error = provider_error({.status = 400, .type = "invalid_request_error", .message = message}, {});
    EXPECT_EQ(error.code, "context_length_exceeded");
    EXPECT_EQ(error.retry, Retry::elsewhere);
  }
  EXPECT_EQ(provider_error({.status = 500, .message = "prompt is too long"}, {}).code, "");
}

TEST(ProviderError, Prefers_milliseconds_to_seconds_and_ignores_what_is_no_number) {
  const auto after = [](http::Headers headers) {
    return provider_error({.status = 429}, headers).retry_after.value_or(std::chrono::milliseconds(-1)).count();
  };
  EXPECT_EQ(after({{"retry-after", "3"}}), 3000);
  EXPECT_EQ(after({{"Retry-After", "0.25"}}), 250);
  EXPECT_EQ(after({{"retry-after", "3"}, {"retry-after-ms", "70"}}), 70);
  EXPECT_EQ(after({{"retry-after", "-5"}}), -1);
  EXPECT_EQ(after({{"retry-after", "nan"}}), -1);
  EXPECT_EQ(after({{"retry-after", "1e300"}}), 24 * 3600 * 1000);
}

TEST(ProviderError, Reads_a_date_against_the_providers_own_clock) {
  const auto after = [](const std::string& retry_after, const std::string& date) {
    http::Headers headers{{"retry-after", retry_after}};
    if (!date.empty()) headers.add("date", date);
    return provider_error({.status = 429}, headers).retry_after.value_or(std::chrono::milliseconds(-1)).count();
  };
  const std::string now = "Wed, 21 Oct 2026 07:28:00 GMT";
  EXPECT_EQ(after("Wed, 21 Oct 2026 07:28:37 GMT", now), 37'000);
  EXPECT_EQ(after("Thu, 22 Oct 2026 00:00:00 GMT", "Wed, 21 Oct 2026 23:59:59 GMT"), 1'000);
  EXPECT_EQ(after("Thu, 01 Mar 2029 00:00:00 GMT", "Wed, 28 Feb 2029 23:59:00 GMT"), 60'000);
  EXPECT_EQ(after("Wed, 21 Oct 2026 07:27:59 GMT", now), 0) << "it has passed";
  EXPECT_EQ(after("Fri, 31 Dec 9999 23:59:59 GMT", now), 24 * 3600 * 1000);
  EXPECT_EQ(after("Wed, 21 Oct 2026 07:28:37 GMT", ""), -1) << "by whose clock?";
  for (const char* wrong :
       {"Wed, 21 Oct 2026 07:28:37 UTC", "Wed, 32 Oct 2026 07:28:37 GMT", "Wed, 00 Oct 2026 07:28:37 GMT",
        "Wed, 21 ctN 2026 07:28:37 GMT", "Wed, 21 Oct 2026 24:28:37 GMT", "Wed, 21 Oct 20x6 07:28:37 GMT",
        "Wed, 21 Oct 2026 07:28:3 GMT", "Wednesday, 21-Oct-26 07:28:37 GMT", "soon"})
    EXPECT_EQ(after(wrong, now), -1) << wrong;
}

TEST(ProviderError, Never_repeats_words_about_a_key_and_cuts_long_ones_between_characters) {
  EXPECT_EQ(provider_error({.status = 401, .message = "bad key sk-123"}, {}).message.find("sk-123"), std::string::npos);
  std::string text(999, 'x');
  text += "\xc3\xa9\xc3\xa9";
  const std::string_view wanted = std::string_view(text).substr(0, 999);
  const std::string message = provider_error({.status = 400, .message = text}, {}).message;
  EXPECT_TRUE(message.starts_with(wanted));
  EXPECT_EQ(message.substr(wanted.size()), "...");
}

TEST(ProviderError, A_content_filters_refusal_is_never_routed_around_whatever_its_status) {
  for (const int status : {400, 403, 429, 500, 502}) {
    const Error error = provider_error({.status = status, .code = "content_filter", .message = "no"}, {});
    EXPECT_EQ(error.retry, Retry::never) << status;
    EXPECT_EQ(error.code, "content_filter");
  }
  const Error flagged =
      provider_error({.status = 403, .message = "This model requires moderation and your input was flagged"}, {});
  EXPECT_EQ(flagged.retry, Retry::never);
  EXPECT_EQ(client_status_of_provider(flagged), 400);
  EXPECT_NE(flagged.message.find("flagged"), std::string::npos);
  const Error policy = provider_error({.status = 400, .code = "content_policy_violation"}, {});
  EXPECT_EQ(policy.code, "content_policy_violation") << "the provider's own code stays";
}

TEST(ProviderError, Spent_credit_is_asked_for_elsewhere_also_when_only_the_words_say_it) {
  EXPECT_EQ(provider_error({.status = 429, .type = "insufficient_quota"}, {}).retry, Retry::elsewhere);
  EXPECT_EQ(provider_error(
                {.status = 429, .type = "rate_limit_error", .message = "You have reached your monthly spend limit"}, {})
                .retry,
            Retry::elsewhere);
  EXPECT_EQ(provider_error(
                {.status = 429, .type = "rate_limit_error", .message = "This request would exceed your rate limit"}, {})
                .retry,
            Retry::anywhere);
}

TEST(ProviderError, A_prompt_that_is_too_long_is_one_whatever_the_status) {
  const Error error = provider_error({.status = 502, .code = "context_length_exceeded"}, {});
  EXPECT_EQ(error.retry, Retry::elsewhere);
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
