#include "store/window.h"

#include <date/tz.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <stdexcept>

namespace sluice::store {
namespace {

using std::chrono::microseconds;

constexpr std::int64_t us_per_minute = 60'000'000;
constexpr std::int64_t us_per_day = 24 * us_per_hour;
constexpr std::int64_t longest_us = 366 * us_per_day;
// A rolling window has at most so many buckets, and forgets a bucket at a time.
constexpr std::int64_t rolling_buckets = 60;
constexpr std::size_t calendar_buckets = 4;

struct Word {
  std::string_view text;
  Window::Kind kind;
};
constexpr Word words_of_the_calendar[] = {{"hour", Window::Kind::hour},
                                          {"day", Window::Kind::day},
                                          {"week", Window::Kind::week},
                                          {"month", Window::Kind::month}};

const date::time_zone* find_zone(const std::string& name) {
  try {
    return date::locate_zone(name);
  } catch (const std::runtime_error&) {
    return nullptr;
  }
}

std::unexpected<Error> no_window(std::string_view text) {
  return fail(ErrorKind::invalid_request, "`" + std::string(text) + "` is no window",
              "write total, or a length of 1m to 366d such as 90m, 24h or 30d for the last so long, or hour, day, week "
              "or month for the calendar's");
}

// The length in us; 0 when it is none.
std::int64_t length_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (wrong != std::errc() || end != text.data() + text.size() - 1 || number < 1 || number > longest_us / us_per_minute)
    return 0;
  const char unit = text.back();
  const std::int64_t each = unit == 'm' ? us_per_minute : unit == 'h' ? us_per_hour : unit == 'd' ? us_per_day : 0;
  return number * each > longest_us ? 0 : number * each;
}

std::int64_t floor_to(std::int64_t value, std::int64_t width) {
  const std::int64_t rest = value % width;
  return value - (rest < 0 ? rest + width : rest);
}

// Whole hours where the window is long enough: the ledger's sums by the hour are enough to count them then.
std::int64_t bucket_width(std::int64_t length_us) {
  const std::int64_t unit = length_us >= us_per_day ? us_per_hour : us_per_minute;
  return std::max<std::int64_t>((length_us / rolling_buckets + unit - 1) / unit, 1) * unit;
}

std::int64_t in_us(date::sys_time<microseconds> at) { return at.time_since_epoch().count(); }

}  // namespace

Result<Window> Window::parse(std::string_view text, std::string_view zone) {
  Window window;
  if (text == "total" || text.empty()) {
    window.kind = Kind::total;
  } else if (const auto* const word = std::ranges::find(words_of_the_calendar, text, &Word::text);
             word != std::end(words_of_the_calendar)) {
    window.kind = word->kind;
    window.zone = zone.empty() ? "UTC" : zone;
    if (!find_zone(window.zone))
      return fail(ErrorKind::invalid_request, "`" + window.zone + "` is no time zone that this machine knows",
                  "write an IANA name such as Europe/Berlin or America/New_York; `timedatectl list-timezones` has all");
    return window;
  } else {
    window.kind = Kind::rolling;
    window.length_us = length_of(text);
    if (window.length_us == 0) return no_window(text);
  }
  if (!zone.empty())
    return fail(ErrorKind::invalid_request, "a time zone goes with the calendar's hour, day, week or month only",
                "leave the zone out, or choose one of these windows");
  return window;
}

std::string Window::text() const {
  if (kind == Kind::total) return "total";
  if (kind == Kind::rolling) {
    if (length_us % us_per_day == 0) return std::to_string(length_us / us_per_day) + "d";
    if (length_us % us_per_hour == 0) return std::to_string(length_us / us_per_hour) + "h";
    return std::to_string(length_us / us_per_minute) + "m";
  }
  return std::string(std::ranges::find(words_of_the_calendar, kind, &Word::kind)->text);
}

std::string Window::words() const {
  if (kind == Kind::total) return "";
  return kind == Kind::rolling ? " within " + text() : " per " + text() + " (" + zone + ")";
}

WindowClock::WindowClock(const Window& window)
    : kind_(window.kind),
      length_us_(window.length_us),
      width_us_(kind_ == Window::Kind::rolling ? bucket_width(window.length_us) : 1) {
  // Window::parse has found the zone; should the machine have lost it since, its days are UTC's.
  if (!window.zone.empty()) zone_ = find_zone(window.zone);
}

std::int64_t WindowClock::bucket(std::int64_t at_us) {
  if (kind_ == Window::Kind::total) return 0;
  if (kind_ == Window::Kind::rolling) return floor_to(at_us, width_us_);
  if (at_us < last_.begin || at_us >= last_.end) last_ = calendar(at_us);
  return last_.begin;
}

std::int64_t WindowClock::first(std::int64_t now_us) {
  return kind_ == Window::Kind::rolling ? floor_to(now_us - length_us_, width_us_) : bucket(now_us);
}

std::int64_t WindowClock::leaves_at(std::int64_t bucket) {
  if (kind_ == Window::Kind::total) return 0;
  return kind_ == Window::Kind::rolling ? bucket + width_us_ + length_us_ : calendar(bucket).end;
}

std::size_t WindowClock::most_buckets() const {
  if (kind_ == Window::Kind::total) return 1;
  return kind_ == Window::Kind::rolling ? static_cast<std::size_t>(rolling_buckets) + 4 : calendar_buckets;
}

WindowClock::Bounds WindowClock::calendar(std::int64_t at_us) const {
  using namespace date;
  const sys_time<microseconds> at{microseconds(at_us)};
  sys_info info{};
  if (zone_)
    info = zone_->get_info(at);
  else
    info = {.begin = sys_seconds::min(), .end = sys_seconds::max(), .offset = {}, .save = {}, .abbrev = {}};
  const local_time<microseconds> local{at.time_since_epoch() + info.offset};
  if (kind_ == Window::Kind::hour) {
    // On the clock's hours, and anew where the clock is set: the hour that comes twice in autumn is two windows.
    const std::int64_t offset_us = microseconds(info.offset).count();
    const std::int64_t begin = floor_to(at_us + offset_us, us_per_hour) - offset_us;
    const auto limit = [](sys_seconds edge) {  // the library's ends of time do not fit microseconds
      constexpr std::int64_t most_s = 9'000'000'000'000;
      return std::clamp<std::int64_t>(edge.time_since_epoch().count(), -most_s, most_s) * 1'000'000;
    };
    return {std::max(begin, limit(info.begin)), std::min(begin + us_per_hour, limit(info.end))};
  }
  const local_days today = floor<days>(local);
  local_days from = today;
  local_days to = today + days(1);
  if (kind_ == Window::Kind::week) {
    from = today - (weekday(today) - Monday);
    to = from + days(7);
  } else if (kind_ == Window::Kind::month) {
    const year_month_day date(today);
    from = local_days(date.year() / date.month() / 1);
    to = local_days((date.year() / date.month() + months(1)) / 1);
  }
  // A midnight that comes twice counts from the first; one that is left out is the moment when the clock is set.
  const auto moment = [&](local_days day) {
    const local_time<microseconds> midnight{day.time_since_epoch()};
    return zone_ ? in_us(zone_->to_sys(midnight, choose::earliest))
                 : in_us(sys_time<microseconds>(midnight.time_since_epoch()));
  };
  return {moment(from), moment(to)};
}

}  // namespace sluice::store
