// Percent-encoding of RFC 3986.
#pragma once

#include <string>
#include <string_view>

namespace sluice {

// Every byte but letters, digits, - . _ ~ and what `kept` names.
std::string percent_encoded(std::string_view text, std::string_view kept = {});

}  // namespace sluice
