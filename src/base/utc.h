// Points in time as text.
#pragma once

#include <cstdint>
#include <string>

namespace sluice {

// "2026-04-01T12:30:00Z" (RFC 3339), of microseconds since 1970 UTC; fractions of a second are cut off.
std::string utc_text(std::int64_t unix_us);

}  // namespace sluice
