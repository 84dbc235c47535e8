#include "replay/workloads.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <unordered_map>

#include "json/json.h"
#include "plan/cost.h"
#include "plan/quantity.h"
#include "plan/read_plan.h"
#include "replay/reprice.h"

namespace sluice::replay {
namespace {

constexpr std::int64_t us_per_second = 1'000'000;
constexpr std::int64_t seconds_per_hour = 3'600;
constexpr std::int64_t seconds_per_day = 86'400;
constexpr const char* others = "(the others)";

// Names come from clients: what is printed later must be text.
std::string shown(const std::string& name) {
  if (name.empty()) return "(none)";
  std::string text = json::as_utf8(name);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

std::string named(const Stream& stream, By by) {
  switch (by) {
    case By::workload: return stream.workload.empty() ? named(stream, By::model) : shown(stream.workload);
    case By::model: return stream.provider.empty() ? "traffic" : shown(stream.provider + "/" + stream.model);
    case By::route: return shown(stream.route);
    case By::team: return shown(stream.team);
    case By::key: return shown(stream.key);
  }
  return "traffic";
}

// What the calls of one group are counted into before it is known how they spread.
struct Counting {
  std::unordered_map<std::int64_t, std::uint32_t> seconds;
  std::unordered_map<std::int64_t, std::uint32_t> minutes;
  std::unordered_map<std::int64_t, std::uint32_t> hours;
  std::map<std::int64_t, std::int64_t> days;
};

double most(const std::unordered_map<std::int64_t, std::uint32_t>& counts) {
  std::uint32_t peak = 0;
  for (const auto& [at, count] : counts) peak = std::max(peak, count);
  return peak;
}

// The slope of the days' logarithms, by least squares, as a change a month. Days without a call count as half of one.
std::optional<double> growth(const std::map<std::int64_t, std::int64_t>& days, const Span& span) {
  // Whole days only: the first and the last may have been cut.
  const std::int64_t first = span.from_us / us_per_second / seconds_per_day + 1;
  const std::int64_t last = span.to_us / us_per_second / seconds_per_day - 1;
  const std::int64_t count = last - first + 1;
  if (count < growth_days) return std::nullopt;
  // Whole weeks, so that a weekend more at one end is no trend.
  const std::int64_t begin = last - count / 7 * 7 + 1;
  double n = 0;
  double sx = 0;
  double sy = 0;
  double sxx = 0;
  double sxy = 0;
  for (std::int64_t day = begin; day <= last; ++day) {
    const auto found = days.find(day);
    const double y = std::log(found == days.end() ? 0.5 : static_cast<double>(found->second));
    const auto x = static_cast<double>(day - begin);
    n += 1;
    sx += x;
    sy += y;
    sxx += x * x;
    sxy += x * y;
  }
  const double slope = (n * sxy - sx * sy) / (n * sxx - sx * sx);
  return std::clamp(std::expm1(slope * plan::hours_per_month / 24), -0.5, 1.0);
}

void spread(Group& group, const Counting& counting, const Span& span) {
  const double hours = std::max(1.0, span.seconds() / static_cast<double>(seconds_per_hour));
  const double busiest_hour = std::max(most(counting.hours), static_cast<double>(group.calls) / hours);
  // Less than an hour: its own length counts, or a short trace would look like a peak.
  const double hour_s = std::clamp(span.seconds(), 1.0, static_cast<double>(seconds_per_hour));
  group.peak_minute = std::max(1.0, most(counting.minutes) / std::min(60.0, hour_s) / (busiest_hour / hour_s));
  group.peak_second = std::max(1.0, most(counting.seconds) / (busiest_hour / hour_s));
  if (span.seconds() >= static_cast<double>(profile_days * seconds_per_day)) {
    plan::Profile profile = {};
    for (const auto& [hour, count] : counting.hours) profile[static_cast<std::size_t>((hour % 24 + 24) % 24)] += count;
    const double sum = std::accumulate(profile.begin(), profile.end(), 0.0);
    for (double& share : profile) share *= 24 / sum;
    group.profile = profile;
  }
  group.growth_per_month = growth(counting.days, span);
}

// In the order of their coming, and at most that many in a row: those that came in the shortest time.
void keep_busiest(plan::Recorded& recorded, std::size_t most) {
  std::vector<plan::Recorded::Call>& calls = recorded.calls;
  recorded.of = calls.size();
  std::ranges::sort(calls, [](const auto& a, const auto& b) {
    return std::tie(a.at_s, a.input, a.output) < std::tie(b.at_s, b.input, b.output);
  });
  if (calls.size() <= most) return;
  std::size_t first = 0;
  for (std::size_t i = 0; i + most <= calls.size(); ++i)
    if (calls[i + most - 1].at_s - calls[i].at_s < calls[first + most - 1].at_s - calls[first].at_s) first = i;
  calls = std::vector(calls.begin() + static_cast<std::ptrdiff_t>(first),
                      calls.begin() + static_cast<std::ptrdiff_t>(first + most));
}

}  // namespace

std::optional<By> by_from_name(std::string_view text) {
  for (const By by : {By::workload, By::model, By::route, By::team, By::key})
    if (name(by) == text) return by;
  return std::nullopt;
}

std::string_view name(By by) {
  switch (by) {
    case By::workload: return "workload";
    case By::model: return "model";
    case By::route: return "route";
    case By::team: return "team";
    case By::key: return "key";
  }
  return "model";
}

Span span_of(const Traffic& traffic) {
  return {.from_us = traffic.first_us(), .to_us = std::max(traffic.last_us(), traffic.first_us() + us_per_second)};
}

std::vector<Group> groups_of(const Traffic& traffic, By by, const Span& span) {
  const std::size_t streams = traffic.streams().size();
  std::vector<Tokens> tokens(streams, 0);
  for (const Call& call : traffic.calls()) tokens[call.stream] += call.input() + call.output();
  std::map<std::string, Tokens> sizes;
  for (std::size_t s = 0; s < streams; ++s) sizes[named(traffic.streams()[s], by)] += tokens[s];
  std::vector<std::pair<std::string, Tokens>> order(sizes.begin(), sizes.end());
  std::ranges::sort(order, [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  std::map<std::string, std::size_t> place_of;
  std::vector<Group> groups;
  for (const auto& [name, size] : order) {
    const bool own = order.size() <= most_groups || groups.size() < most_groups - 1;
    if (own || groups.size() == most_groups - 1) {
      groups.push_back({.name = own ? name : others, .streams = std::vector<bool>(streams, false)});
    }
    place_of[name] = groups.size() - 1;
  }
  std::vector<std::size_t> group_of(streams);
  for (std::size_t s = 0; s < streams; ++s) {
    group_of[s] = place_of[named(traffic.streams()[s], by)];
    groups[group_of[s]].streams[s] = true;
  }
  std::vector<Counting> counting(groups.size());
  for (const Call& call : traffic.calls()) {
    Group& group = groups[group_of[call.stream]];
    group.recorded_pico += call.cost_pico;
    if (call.correction || call.free) continue;  // money, or nobody's work
    ++group.calls;
    group.unpriced += call.priced ? 0 : 1;
    const Tokens input = call.input();
    const Tokens output = call.output();
    group.input += input;
    group.cached += call.cached();
    group.output += output;
    group.longest = std::max(group.longest, input + output);
    const Stream& stream = traffic.streams()[call.stream];
    if (!stream.provider.empty()) ++group.places[stream.provider + "/" + stream.model];
    Counting& counts = counting[group_of[call.stream]];
    const std::int64_t second = call.start_us / us_per_second;
    ++counts.seconds[second];
    ++counts.minutes[second / 60];
    ++counts.hours[second / seconds_per_hour];
    ++counts.days[second / seconds_per_day];
  }
  for (std::size_t g = 0; g < groups.size(); ++g) spread(groups[g], counting[g], span);
  // What made no call (corrections alone) is money, and no workload.
  return groups;
}

plan::Workload workload_of(const Group& group, const Traffic& traffic, const Span& span, const plan::Workload* rules,
                           const std::vector<plan::Option>& options) {
  plan::Workload out = rules ? *rules : plan::Workload{};
  out.name = group.name;
  const auto calls = static_cast<double>(std::max<std::int64_t>(group.calls, 1));
  out.requests_per_month = static_cast<double>(group.calls) * span.per_month();
  out.input_tokens = static_cast<double>(group.input) / calls;
  out.output_tokens = static_cast<double>(group.output) / calls;
  out.cached = group.input > 0 ? static_cast<double>(group.cached) / static_cast<double>(group.input) : 0;
  out.context_tokens = static_cast<double>(group.longest);
  out.peak = std::clamp(group.peak_minute, 1.0, 100.0);
  if (group.profile)
    out.profile = *group.profile;
  else if (!rules)
    out.profile = plan::profile_of("flat");
  if (group.growth_per_month) out.growth_per_month = *group.growth_per_month;
  for (const plan::Option& option : options)
    if (!option.self_hosted())
      out.measured_usd[option.name] = plan::usd(price_under(traffic, option.price, group.streams)) * span.per_month();
  return out;
}

const plan::Option* option_at(const plan::Plan& plan, std::string_view place) {
  if (const plan::Option* named = plan.option(place)) return named;
  for (const plan::Option& one : plan.options)
    if (!one.self_hosted() && one.price.provider.str() + "/" + one.price.model.str() == place) return &one;
  return nullptr;
}

plan::Plan plan_of(plan::Plan base, const Traffic& traffic, const Span& span, const std::vector<Group>& groups,
                   std::vector<plan::Option> now) {
  for (plan::Option& one : now)
    if (!option_at(base, one.name) && base.options.size() < plan::max_options) base.options.push_back(std::move(one));
  std::vector<plan::Workload> stated = std::move(base.workloads);
  base.workloads.clear();
  for (const Group& group : groups) {
    if (group.calls == 0) continue;  // corrections alone: money, and no work
    const auto rules = std::ranges::find(stated, group.name, &plan::Workload::name);
    base.workloads.push_back(
        workload_of(group, traffic, span, rules == stated.end() ? nullptr : &*rules, base.options));
    if (rules != stated.end()) stated.erase(rules);
  }
  for (plan::Workload& one : stated) {
    if (base.workloads.size() == plan::max_workloads) break;
    base.notes.push_back(fmt::format("`{}` is not in the traffic: the volumes that the plan states count", one.name));
    base.workloads.push_back(std::move(one));
  }
  for (std::string& note : notes_on(traffic, span, groups)) base.notes.push_back(std::move(note));
  return base;
}

plan::RecordedArrivals arrivals_of(const Traffic& traffic, const std::vector<Group>& groups) {
  plan::RecordedArrivals out;
  if (groups.empty()) return out;
  std::vector<plan::Recorded*> of_stream(traffic.streams().size(), nullptr);
  for (const Group& group : groups) {
    if (group.calls == 0) continue;
    plan::Recorded& recorded = out[group.name];
    for (std::size_t s = 0; s < group.streams.size(); ++s)
      if (group.streams[s]) of_stream[s] = &recorded;
  }
  for (const Call& call : traffic.calls()) {
    if (call.correction || call.free || !of_stream[call.stream]) continue;
    of_stream[call.stream]->calls.push_back({.at_s = static_cast<double>(call.start_us - traffic.first_us()) / 1e6,
                                             .input = static_cast<double>(call.input()),
                                             .output = static_cast<double>(call.output())});
  }
  const std::size_t most = std::max(plan::least_replayed_calls, plan::max_replayed_calls / groups.size());
  for (auto& [name, recorded] : out) keep_busiest(recorded, most);
  return out;
}

std::vector<std::string> notes_on(const Traffic& traffic, const Span& span, const std::vector<Group>& groups) {
  std::vector<std::string> notes;
  notes.push_back(fmt::format("volumes are measured: {} calls in {} hours; a month is {} times that",
                              traffic.requests(), plan::short_number(std::round(span.seconds() / 36) / 100),
                              plan::short_number(std::round(span.per_month() * 100) / 100)));
  if (span.seconds() < static_cast<double>(7 * seconds_per_day))
    notes.push_back(
        "the traffic is of less than a week: nights and weekends are not in its mean, so a month may be less");
  for (const Group& group : groups) {
    if (group.calls == 0) continue;
    notes.push_back(fmt::format(
        "`{}`: peak minute {:.2f} and peak second {:.2f} times the busiest hour's mean (the minute counts, as a call "
        "on "
        "an own engine takes seconds); {:.1f} % of the input from the cache{}{}",
        group.name, group.peak_minute, group.peak_second,
        group.input > 0 ? 100.0 * static_cast<double>(group.cached) / static_cast<double>(group.input) : 0.0,
        group.profile ? "" : "; less than a day, so its hours are taken for flat",
        group.growth_per_month ? fmt::format("; {:+.1f} % a month", *group.growth_per_month * 100)
                               : "; less than two weeks, so no growth is measured"));
  }
  if (traffic.fault_count() > 0) {
    std::string which;
    for (const Fault& fault : traffic.faults())
      which += fmt::format("{}line {}: {}", which.empty() ? "" : "; ", fault.line, fault.what);
    notes.push_back(fmt::format("{} rows could not be read and are not in it ({}{})", traffic.fault_count(), which,
                                traffic.fault_count() > traffic.faults().size() ? "; ..." : ""));
  }
  return notes;
}

}  // namespace sluice::replay
