// Durations and points in time as people type them on a command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::cli {

using Time = std::chrono::sys_time<std::chrono::milliseconds>;

// "90s", "15m", "12h", "30d", "2w", and sums of them such as "1h30m". Whole positive numbers, at most 100 years.
// Errors: a usage error that names `flag`.
Result<std::chrono::seconds> parse_duration(std::string_view text, std::string_view flag);

// A day ("2026-04-01", its first moment in UTC), a moment ("2026-04-01T12:30:00Z"), or a duration before `now` ("7d").
// Errors: a usage error that names `flag`.
Result<Time> parse_time(std::string_view text, Time now, std::string_view flag);

// The same before the present moment, in microseconds since 1970 UTC; empty text: no time.
Result<std::optional<std::int64_t>> parse_time_us(const std::string& text, const char* flag);

// "2026-04-01T12:30:00Z".
std::string time_text(Time time);

}  // namespace sluice::cli
