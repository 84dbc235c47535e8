// Bytes in JSON. Read in either alphabet, with or without padding; written in the standard one with padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::dialects {

std::string to_base64(std::string_view bytes);
// Empty when it is none.
std::optional<std::string> from_base64(std::string_view text);
// The same bytes in the standard alphabet with padding, as most dialects want them; what is no base64 stays.
std::string standard_base64(std::string_view text);

}  // namespace sluice::dialects
