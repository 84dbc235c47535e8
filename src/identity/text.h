// The small texts of a sign-in over HTTP: queries, cookies, and the place to go back to. Strict where two readers could
// disagree.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::identity {

// A field of a query ("a=1&b=2"), decoded. Empty when it is not there. Errors: invalid_request when it is there twice,
// or is no percent-encoding.
Result<std::optional<std::string>> query_field(std::string_view query, std::string_view name);

// The cookie of that name; empty when it is not there, and when it is there twice: one of the two was put there by
// somebody else.
std::string_view cookie(std::string_view header, std::string_view name);

// A path of this server and nothing else: "/console?tab=1", at most 512 bytes. So no other place can be named as where
// a sign-in ends.
bool is_local_path(std::string_view path);

// An e-mail address is below one of the domains, each in lower case; any is, when there are none.
bool has_domain(std::string_view email, const std::vector<std::string>& domains);

}  // namespace sluice::identity
