// Traffic as the planner's workloads: what is called alike is one, with its volume, sizes, cache hits, hours, peak and
// growth as they were measured, and what its calls would have cost under each option's price, call by call.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"
#include "plan/sizing.h"
#include "replay/traffic.h"

namespace sluice::replay {

// `workload`: what none has placed goes by its model.
enum class By : std::uint8_t { workload, model, route, team, key };
std::optional<By> by_from_name(std::string_view text);
std::string_view name(By by);

// The planner takes 200 workloads; what is smaller than the 49 largest is one together.
constexpr std::size_t most_groups = 50;

constexpr std::int64_t growth_days = 14;  // traffic over fewer days says nothing about growth
constexpr std::int64_t profile_days = 1;  // traffic over less has no hours of the day

struct Group {
  std::string name;
  std::vector<bool> streams;  // which of the traffic's it is
  std::int64_t calls = 0;     // that were worked on
  std::int64_t unpriced = 0;  // the source has no price for them
  MoneySum recorded_pico = 0;
  Tokens input = 0;
  Tokens cached = 0;  // of the input
  Tokens output = 0;
  Tokens longest = 0;      // input and output of the largest call
  double peak_minute = 1;  // of calls, over the mean of its busiest hour
  double peak_second = 1;
  std::optional<plan::Profile> profile;        // by the hour of the day, UTC; none of less than a day
  std::optional<double> growth_per_month;      // by the days' calls; none of less than two weeks
  std::map<std::string, std::int64_t> places;  // provider/model -> calls
};

// The time that the traffic stands for. A ledger's is what was asked for; a trace's from its first call to its last.
struct Span {
  std::int64_t from_us = 0;
  std::int64_t to_us = 0;
  double seconds() const { return static_cast<double>(to_us - from_us) / 1e6; }
  double per_month() const { return plan::seconds_per_month / seconds(); }
};
// Of the traffic itself, at least a second.
Span span_of(const Traffic& traffic);

// The largest first.
std::vector<Group> groups_of(const Traffic& traffic, By by, const Span& span);

// A month of the group's traffic, as it was in the span. Rules of `rules`, where there are any, stay: data class,
// residency, quality, latency, needs; its volumes give way to the measured ones. `options`: what the calls would have
// cost at each of those with a price, in USD a month, is kept with it.
plan::Workload workload_of(const Group& group, const Traffic& traffic, const Span& span, const plan::Workload* rules,
                           const std::vector<plan::Option>& options);

// The option that stands for provider/model: by its name, else by its catalogue price. Null: none does.
const plan::Option* option_at(const plan::Plan& plan, std::string_view place);

// The plan with this traffic for its workloads: those of `base` that the traffic has keep their rules and lose their
// volumes, those that it has not stay as they are said. `now`: where calls stand today, as options beside the base's.
plan::Plan plan_of(plan::Plan base, const Traffic& traffic, const Span& span, const std::vector<Group>& groups,
                   std::vector<plan::Option> now);

// When the groups' calls came, for the planner's own replay; of a group with more than its part of
// plan::max_replayed_calls the busiest ones in a row. Calls that were nobody's work are not in it.
plan::RecordedArrivals arrivals_of(const Traffic& traffic, const std::vector<Group>& groups);

// What the report must say about figures that come from this traffic.
std::vector<std::string> notes_on(const Traffic& traffic, const Span& span, const std::vector<Group>& groups);

}  // namespace sluice::replay
