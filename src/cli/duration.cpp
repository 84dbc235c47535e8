#include "cli/duration.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string>

#include "base/utc.h"
#include "cli/exit_code.h"

namespace sluice::cli {
namespace {

using std::chrono::seconds;

constexpr std::int64_t longest_seconds = std::int64_t{100} * 365 * 86'400;  // far from any overflow of milliseconds

std::optional<std::int64_t> unit_seconds(char unit) {
  switch (unit) {
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3'600;
    case 'd': return 86'400;
    case 'w': return 604'800;
    default: return std::nullopt;
  }
}

std::optional<seconds> read_duration(std::string_view text) {
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || count < 0 || end == text.data() + text.size()) return std::nullopt;
    const auto unit = unit_seconds(*end);
    if (!unit || count > (longest_seconds - total) / *unit) return std::nullopt;
    total += count * *unit;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  }
  if (total == 0) return std::nullopt;
  return seconds(total);
}

// Exactly `digits` decimal digits from the start of `text`, which moves on.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  int value = 0;
  if (text.size() < digits) return std::nullopt;
  for (char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Time> read_clock_time(std::string_view text, Time day) {
  if (!take(text, 'T')) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  int second = 0;
  if (take(text, ':')) {
    const auto read = take_number(text, 2);
    if (!read || *read > 59) return std::nullopt;
    second = *read;
  }
  if (text != "Z") return std::nullopt;
  return day + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + seconds(second);
}

std::optional<Time> read_moment(std::string_view text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const Time start = std::chrono::sys_days(date);
  return text.empty() ? std::optional(start) : read_clock_time(text, start);
}

}  // namespace

Result<seconds> parse_duration(std::string_view text, std::string_view flag) {
  if (const auto duration = read_duration(text)) return *duration;
  return usage_error(fmt::format("{}: `{}` is not a duration", flag, text),
                     "write a number and a unit: 90s, 15m, 12h, 30d, 2w, or a sum such as 1h30m");
}

Result<Time> parse_time(std::string_view text, Time now, std::string_view flag) {
  if (const auto moment = read_moment(text)) return *moment;
  if (const auto duration = read_duration(text)) return now - *duration;
  return usage_error(fmt::format("{}: `{}` is neither a date nor a duration", flag, text),
                     "write a day (2026-04-01), a moment in UTC (2026-04-01T12:30:00Z), or how long ago (7d, 12h)");
}

Result<std::optional<std::int64_t>> parse_time_us(const std::string& text, const char* flag) {
  if (text.empty()) return std::nullopt;
  const Time now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  TRY(const Time at, parse_time(text, now, flag));
  return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
}

std::string time_text(Time time) { return utc_text(std::chrono::microseconds(time.time_since_epoch()).count()); }

}  // namespace sluice::cli
