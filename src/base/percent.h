// Percent-encoding of RFC 3986.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

// Every byte but letters, digits, - . _ ~ and what `kept` names.
std::string percent_encoded(std::string_view text, std::string_view kept = {});

// The bytes that a text stands for; empty when a % is not followed by two hexadecimal digits. In forms and queries a
// plus is a blank.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank);

}  // namespace sluice
