#include "dialects/provider_error.h"

#include <array>
#include <charconv>
#include <cmath>

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

// An HTTP date in retry-after is not read: it would need the provider's clock.
std::optional<std::chrono::milliseconds> retry_after(const http::Headers& headers) {
  std::optional<double> seconds = positive_number(headers.get("retry-after"));
  if (const auto ms = positive_number(headers.get("retry-after-ms"))) seconds = *ms / 1000;
  if (!seconds) return std::nullopt;
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(std::ceil(std::min(*seconds, max_retry_after_seconds) * 1000)));
}

bool credit_is_spent(const ProviderFault& fault) {
  for (const std::string_view word :
       {"insufficient_quota", "billing_error", "billing_hard_limit_reached", "insufficient_credits"})
    if (fault.type == word || fault.code == word) return true;
  return false;
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
  if (fault.status >= 500) return Retry::anywhere;
  return fault.status >= 400 ? Retry::never : Retry::elsewhere;  // a redirect is a wrong base URL
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
  error.code = std::string(fault.code.empty() ? fault.type : fault.code);
  error.param = std::string(fault.param);
  const std::string status = std::to_string(fault.status);
  if (fault.status == 401 || fault.status == 403) {
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

std::string message_with_hint(const Error& error) {
  if (error.hint.empty()) return error.message;
  return error.message + " (" + error.hint + ")";
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
