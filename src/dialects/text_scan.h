// Cheap looks at JSON text without parsing it, for lane 1, which sees every event of every stream. They may be fooled only
// by keys inside nested objects, never by text inside strings: there every quote is escaped.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::dialects {

// What follows "name": in the text, without the whitespace; empty when the name is not there.
std::string_view after_key(std::string_view json, std::string_view quoted_name);

// Bytes between the quotes of the string member's value, escapes counted as they stand; 0 when there is none.
std::size_t string_member_bytes(std::string_view json, std::string_view quoted_name);

}  // namespace sluice::dialects
