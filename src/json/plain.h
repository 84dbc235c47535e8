// Whether a text may stand between quotes as it is, for those who write JSON by hand where it counts.
#pragma once

#include <string_view>

namespace sluice::json {

// Printable ASCII without a quote or a backslash, as nearly all names are: nothing to validate or to escape.
bool is_plain(std::string_view value);

}  // namespace sluice::json
