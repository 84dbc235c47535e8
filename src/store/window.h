// The time over which a limit counts money: for ever, the last hours or days, or a calendar's hour, day, week or month
// in a time zone. A Window is what is written down; a WindowClock answers where a moment belongs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace date {
class time_zone;
}

namespace sluice::store {

constexpr std::int64_t us_per_hour = 3'600'000'000;

struct Window {
  enum class Kind : std::uint8_t { total, rolling, hour, day, week, month };
  Kind kind = Kind::total;
  std::int64_t length_us = 0;  // of a rolling one
  std::string zone;            // IANA name, of a calendar's

  // "total"; "90m", "24h", "30d": the last so long; "hour", "day", "week" (from Monday), "month": the calendar's, in
  // `zone`, which is "UTC" when it is empty. A rolling one is 1 minute to 366 days.
  // Errors: invalid_request for another word or an unknown zone, saying which there are.
  static Result<Window> parse(std::string_view text, std::string_view zone);
  // As parse() reads it, always the same for the same window.
  std::string text() const;
  // For people, behind an amount: "", " within 30d", " per month (Europe/Berlin)".
  std::string words() const;

  friend bool operator==(const Window&, const Window&) = default;
};

// Spend is counted in buckets, named by their first moment. A window is the buckets from first(now) on: those that lie
// in the future, when the clock was set back, count as well, so that no jump of the clock gives money back. Not
// thread-safe: it remembers where it looked last.
class WindowClock {
 public:
  explicit WindowClock(const Window& window);

  std::int64_t bucket(std::int64_t at_us);
  std::int64_t first(std::int64_t now_us);
  // When what was spent in `bucket` no longer counts; 0 = never.
  std::int64_t leaves_at(std::int64_t bucket);
  std::size_t most_buckets() const;  // that can count, and some that a clock set back may ask for

 private:
  struct Bounds {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  Bounds calendar(std::int64_t at_us) const;

  const Window::Kind kind_;
  const std::int64_t length_us_;
  const std::int64_t width_us_;  // of a rolling window's buckets
  const date::time_zone* zone_ = nullptr;
  Bounds last_;  // of the calendar's that was asked for last
};

}  // namespace sluice::store
