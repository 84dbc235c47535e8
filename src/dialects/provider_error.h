// What every provider's failed answer has in common, whatever its dialect: the status decides whether another try may
// help.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/headers.h"

namespace sluice::dialects {

struct ProviderFault {
  int status = 0;
  std::string_view type;  // of the error object; empty when there is none
  std::string_view code;
  std::string_view message;  // empty when the body is not the dialect's error, HTML for instance
  std::string_view param;
};

// kind provider_rejected, provider_status, retry class and retry_after (from retry-after-ms, else retry-after in
// seconds or as a date, which counts from the provider's own `date`).
//   never      400, 413, 422 and other complaints about the request
//   elsewhere  401, 402, 403, 404: about the gateway's account there; a 429 for spent credit; and a prompt that is too
//              long for this model, whose code is then context_length_exceeded whatever the provider calls it
//   anywhere   408, 409, 429, 5xx
// A content filter's refusal is never routed around, whatever its status: its code is content_filter_code where the
// provider has none of its own for it.
// The code is the provider's, if its dialect has codes; its type is not, for the client's dialect has types of its own.
// The message repeats the provider's, cut to a bounded length; for 401 and 403 it does not, because it may quote the
// key.
Error provider_error(const ProviderFault& fault, const http::Headers& headers);

inline constexpr std::string_view content_filter_code = "content_filter";

// A wrong answer instead of a failed one: provider_unreachable, to be tried anywhere.
std::unexpected<Error> not_the_protocol(std::string_view what);
// The same of a whole answer, which may cost as much again: to be tried elsewhere.
std::unexpected<Error> wrong_shape(std::string_view what);

// The status that a client gets for an error that a provider's status caused; 0 for other kinds. A provider's 401, 402
// and 403 are about the gateway's credentials, so the client gets 502.
int client_status_of_provider(const Error& error);

// The message and the hint in one sentence or two.
std::string message_with_hint(const Error& error);

// retry-after in whole seconds, rounded up, and x-should-retry: false where another try cannot help (the official SDKs
// obey).
http::Headers retry_headers(const Error& error);

}  // namespace sluice::dialects
