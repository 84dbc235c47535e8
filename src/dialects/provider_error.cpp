#include "dialects/provider_error.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <initializer_list>

namespace sluice::dialects {
namespace {

constexpr std::size_t max_message_bytes = 1000;        // a provider's message longer than this helps nobody
constexpr double max_retry_after_seconds = 24 * 3600;  // more is a mistake or a spent quota

std::optional<double> positive_number(std::optional<std::string_view> text) {
  double value = 0;
  if (!text || text->empty()) return std::nullopt;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (failed != std::errc() || end != text->data() + text->size() || !std::isfinite(value) || value < 0)
    return std::nullopt;
  return value;
}

// Two digits at `at`; -1 when they are none.
int two_digits(std::string_view text, std::size_t at) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return digit(text[at]) && digit(text[at + 1]) ? (text[at] - '0') * 10 + (text[at + 1] - '0') : -1;
}

// RFC 9110 5.6.7, IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT". The two obsolete forms are not read. Whether the day's
// name fits is nobody's business.
std::optional<std::chrono::sys_seconds> http_date(std::string_view text) {
  constexpr std::string_view shape = "ddd, 00 mmm 0000 00:00:00 GMT";
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != shape.size()) return std::nullopt;
  for (const std::size_t at : {3u, 4u, 7u, 11u, 16u, 19u, 22u, 25u, 26u, 27u, 28u})
    if (text[at] != shape[at]) return std::nullopt;
  const std::size_t month = months.find(text.substr(8, 3));
  const int century = two_digits(text, 12);
  const int year = two_digits(text, 14);
  const int hour = two_digits(text, 17);
  const int minute = two_digits(text, 20);
  const int second = two_digits(text, 23);
  if (month == std::string_view::npos || month % 3 != 0 || century < 0 || year < 0) return std::nullopt;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return std::nullopt;
  const std::chrono::year_month_day day{std::chrono::year(century * 100 + year),
                                        std::chrono::month(static_cast<unsigned>(month / 3 + 1)),
                                        std::chrono::day(static_cast<unsigned>(std::max(two_digits(text, 5), 0)))};
  if (!day.ok()) return std::nullopt;
  return std::chrono::sys_days(day) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

// A date is one by the provider's clock, so it is read against the provider's own `date` field; without that it says
// nothing. A date that has passed means at once.
std::optional<double> seconds_until(std::optional<std::string_view> then, std::optional<std::string_view> now) {
  const auto until = then ? http_date(*then) : std::nullopt;
  const auto since = now ? http_date(*now) : std::nullopt;
  if (!until || !since) return std::nullopt;
  return static_cast<double>(std::max<std::int64_t>((*until - *since).count(), 0));
}

std::optional<std::chrono::milliseconds> retry_after(const http::Headers& headers) {
  std::optional<double> seconds = positive_number(headers.get("retry-after"));
  if (!seconds) seconds = seconds_until(headers.get("retry-after"), headers.get("date"));
  if (const auto ms = positive_number(headers.get("retry-after-ms"))) seconds = *ms / 1000;
  if (!seconds) return std::nullopt;
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(std::ceil(std::min(*seconds, max_retry_after_seconds) * 1000)));
}

bool says_one_of(std::string_view message, std::initializer_list<std::string_view> all) {
  return std::ranges::any_of(all,
                             [&](std::string_view words) { return message.find(words) != std::string_view::npos; });
}

// Anthropic says it in words alone, with a 429 that has no retry-after.
bool credit_is_spent(const ProviderFault& fault) {
  for (const std::string_view word :
       {"insufficient_quota", "billing_error", "billing_hard_limit_reached", "insufficient_credits"})
    if (fault.type == word || fault.code == word) return true;
  return says_one_of(fault.message, {"spend limit", "spending limit", "usage limits", "credit balance"});
}

// In the words of OpenAI, Azure, Anthropic, OpenRouter (whose status is 403).
bool is_content_filter(const ProviderFault& fault) {
  for (const std::string_view word :
       {"content_filter", "content_policy_violation", "moderation_blocked", "ResponsibleAIPolicyViolation"})
    if (fault.type == word || fault.code == word) return true;
  return says_one_of(fault.message,
                     {"content management policy", "content filtering policy", "your input was flagged"});
}

Retry retry_class(const ProviderFault& fault) {
  switch (fault.status) {
    case 401:
    case 402:
    case 403:
    case 404: return Retry::elsewhere;
    case 408:
    case 409: return Retry::anywhere;
    case 429: return credit_is_spent(fault) ? Retry::elsewhere : Retry::anywhere;
    default: break;
  }
  return fault.status >= 500 ? Retry::anywhere : Retry::never;
}

// The prompt does not fit, in the words of Anthropic, OpenAI and vLLM, Gemini, llama.cpp.
bool is_too_long(const ProviderFault& fault) {
  if (fault.code == "context_length_exceeded" || fault.type == "exceed_context_size_error") return true;
  if (fault.status != 400 && fault.status != 413) return false;
  return says_one_of(fault.message, {"prompt is too long", "exceed context limit", "maximum context length",
                                     "exceeds the context window", "exceeds the maximum number of tokens",
                                     "exceeds the available context size"});
}

// Cut at a whole character.
std::string bounded(std::string_view text) {
  if (text.size() <= max_message_bytes) return std::string(text);
  std::size_t end = max_message_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace

Error provider_error(const ProviderFault& fault, const http::Headers& headers) {
  Error error{.kind = ErrorKind::provider_rejected, .provider_status = fault.status};
  error.retry = retry_class(fault);
  error.retry_after = retry_after(headers);
  error.code = std::string(fault.code);
  if (is_too_long(fault)) {
    error.code = "context_length_exceeded";
    error.retry = Retry::elsewhere;  // where the context is larger
  }
  const bool filtered = is_content_filter(fault);
  if (filtered) {
    error.retry = Retry::never;
    if (error.code.empty() || fault.status == 403) error.code = content_filter_code;
    if (fault.status == 403) error.provider_status = 400;  // about the request, and not about the account
  }
  error.param = std::string(fault.param);
  const std::string status = std::to_string(fault.status);
  if (fault.status == 401 || (fault.status == 403 && !filtered)) {
    error.message = "the provider refused the gateway's credentials (status " + status + ")";
    error.hint = "the operator should check this provider's API key";
  } else if (!fault.message.empty()) {
    error.message = bounded(fault.message);
  } else {
    error.message = "the provider answered with status " + status;
  }
  return error;
}

std::unexpected<Error> not_the_protocol(std::string_view what) {
  return std::unexpected(Error{.kind = ErrorKind::provider_unreachable,
                               .message = "the provider's answer is not what its protocol says: " + std::string(what),
                               .retry = Retry::anywhere});
}

std::unexpected<Error> wrong_shape(std::string_view what) {
  std::unexpected<Error> wrong = not_the_protocol(what);
  wrong.error().retry = Retry::elsewhere;
  return wrong;
}

int client_status_of_provider(const Error& error) {
  if (error.kind != ErrorKind::provider_rejected) return 0;
  switch (error.provider_status) {
    case 400:
    case 404:
    case 408:
    case 409:
    case 413:
    case 422:
    case 429:
    case 503:
    case 504: return error.provider_status;
    case 529: return 503;
    default: return error.provider_status >= 405 && error.provider_status < 500 ? 400 : 502;
  }
}

namespace {

// What can be done about a fault that nobody foresaw, so that no reader is left without a way.
std::string_view way_out(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::provider_unreachable:
      return "try again, or another model; the operator sees what failed with `sluice logs tail` and `sluice doctor`";
    case ErrorKind::provider_timeout:
      return "try again, or stream a shorter answer; the operator can raise the times under `retry`";
    case ErrorKind::internal: return "a fault of Sluice: tell its operator the x-sluice-request-id";
    default: return {};
  }
}

}  // namespace

std::string message_with_hint(const Error& error) {
  const std::string_view hint = error.hint.empty() ? way_out(error.kind) : error.hint;
  return hint.empty() ? error.message : error.message + " (" + std::string(hint) + ")";
}

http::Headers retry_headers(const Error& error) {
  http::Headers headers;
  if (error.retry_after) {
    const std::int64_t seconds = (error.retry_after->count() + 999) / 1000;
    headers.add("retry-after", std::to_string(std::max<std::int64_t>(seconds, 0)));
  }
  const bool hopeless = error.kind == ErrorKind::budget_exceeded || error.kind == ErrorKind::invalid_request ||
                        (error.kind == ErrorKind::provider_rejected && error.retry != Retry::anywhere);
  if (hopeless) headers.add("x-should-retry", "false");
  return headers;
}

}  // namespace sluice::dialects
