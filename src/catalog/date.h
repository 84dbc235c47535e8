// A day in UTC, by which prices and retirements go.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::catalog {

using Date = std::chrono::sys_days;

// "2026-04-01" and back. Empty when it is no date.
std::optional<Date> parse_date(std::string_view text);
std::string date_text(Date date);
Date today();

}  // namespace sluice::catalog
