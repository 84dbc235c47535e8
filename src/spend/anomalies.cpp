#include "spend/anomalies.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "base/utc.h"
#include "store/usage_report.h"

namespace sluice::spend {
namespace {

constexpr std::int64_t least_history = 24;    // hours, before anything is unusual
constexpr std::int64_t seasonal_history = 3;  // weeks, from which on hours of the week are compared
constexpr double least_spread = 0.15;         // of the logarithm: a doubling is 4.6 of these, whatever the past was
constexpr double mad_to_deviation = 1.4826;   // of a normal distribution
constexpr std::int64_t least_requests = 20;   // below, a share says nothing
constexpr Tokens least_prompt_tokens = 100'000;

// Medians are values that were there: the lower of two in the middle.
template <class Value>
Value median(std::vector<Value> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// Hours without anything between the series' first hour and this one are hours of nothing, and count.
std::vector<std::int64_t> comparable(const Hours& hours, std::int64_t hour) {
  std::vector<std::int64_t> others;
  if (hours.empty()) return others;
  const std::int64_t first = hours.begin()->first;
  if (hour - first < least_history) return others;
  if (hour - first >= seasonal_history * hours_a_week) {
    for (std::int64_t week = 1; week <= most_weeks; ++week)
      for (const std::int64_t beside : {-1, 0, 1})
        if (const std::int64_t other = hour - week * hours_a_week + beside; other >= first) others.push_back(other);
  } else {
    for (std::int64_t other = std::max(first, hour - hours_a_week); other < hour; ++other) others.push_back(other);
  }
  return others;
}

HourOf at(const Hours& hours, std::int64_t hour) {
  const auto found = hours.find(hour);
  return found == hours.end() ? HourOf{} : found->second;
}

double usd_of(MoneySum pico) { return static_cast<double>(pico) / static_cast<double>(Money::pico_per_usd); }

std::string percent(double share) { return std::to_string(std::llround(share * 100)) + " %"; }

std::optional<double> cached_share(const HourOf& hour) {
  const Tokens prompt = hour.input + hour.cache_read + hour.cache_write;
  if (prompt < least_prompt_tokens) return std::nullopt;
  return static_cast<double>(hour.cache_read) / static_cast<double>(prompt);
}

double retry_share(const HourOf& hour) {
  return static_cast<double>(hour.extra_attempts) / static_cast<double>(std::max<std::int64_t>(hour.requests, 1));
}

}  // namespace

std::optional<std::int64_t> hour_before(const Hours& hours, std::int64_t hour) {
  auto found = hours.lower_bound(hour);
  if (found == hours.begin()) return std::nullopt;
  --found;
  return found->first >= hour - hours_a_week ? std::optional(found->first) : std::nullopt;
}

std::vector<Anomaly> judge(const SeriesName& series, const Hours& hours, std::int64_t hour, const Sensitivity& by) {
  std::vector<Anomaly> found;
  const auto now = hours.find(hour);
  if (now == hours.end()) return found;
  const HourOf& here = now->second;
  const auto tell = [&](AnomalyKind kind, std::int64_t compared_with, MoneySum usual, double z, std::string reason) {
    found.push_back({.kind = kind,
                     .series = series,
                     .hour = hour,
                     .compared_with = compared_with,
                     .cost = here.pico,
                     .usual = usual,
                     .z = z,
                     .reason = std::move(reason),
                     .explained = {}});
  };

  // A model without a price costs nothing anywhere, so nothing else would show it. Once a day.
  if (here.unpriced > 0) {
    const auto day = hours.lower_bound(hour - 24);
    if (std::none_of(day, now, [](const auto& one) { return one.second.unpriced > 0; }))
      tell(AnomalyKind::unpriced_model, hour, 0, 0,
           std::to_string(here.unpriced) + " of " + std::to_string(here.requests) + " requests have no known price");
  }

  const std::vector<std::int64_t> others = comparable(hours, hour);
  if (others.empty()) return found;

  // Amounts far below what is worth telling are about nothing.
  const double unit = std::max(usd_of(by.least.pico()) / 4, 1e-6);
  const auto scale = [&](MoneySum pico) { return std::log1p(std::max(usd_of(pico), 0.0) / unit); };
  std::vector<std::pair<MoneySum, std::int64_t>> costs;
  std::vector<double> logarithms;
  for (const std::int64_t other : others) {
    costs.emplace_back(at(hours, other).pico, other);
    logarithms.push_back(scale(costs.back().first));
  }
  const auto [usual, usual_hour] = median(costs);
  const double middle = median(logarithms);
  // A dozen hours say little about their spread. What two weeks differ by, hour for hour, says it from a whole week's.
  std::vector<double> distances;
  const bool seasonal = hour - hours.begin()->first >= seasonal_history * hours_a_week;
  if (seasonal) {
    for (std::int64_t other = hour - hours_a_week; other < hour; ++other)
      distances.push_back(std::abs(scale(at(hours, other).pico) - scale(at(hours, other - hours_a_week).pico)) /
                          std::numbers::sqrt2);
  } else {
    for (const double value : logarithms) distances.push_back(std::abs(value - middle));
  }
  const double spread = std::max(mad_to_deviation * median(distances), least_spread);
  const double z = (scale(here.pico) - middle) / spread;
  if (z >= by.z && here.pico - usual >= by.least.pico()) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", z);
    tell(AnomalyKind::cost, usual_hour, usual, z,
         "it cost " + store::usd(here.pico) + " USD, usual are " + store::usd(usual) + " (robust z " + text + " of " +
             std::to_string(others.size()) + " comparable hours)");
  }

  if (const auto share = cached_share(here); share && here.pico >= by.least.pico()) {
    std::vector<std::pair<double, std::int64_t>> shares;
    for (const std::int64_t other : others)
      if (const auto one = cached_share(at(hours, other))) shares.emplace_back(*one, other);
    constexpr std::size_t least_shares = 6;
    constexpr double worth_losing = 0.2;
    if (shares.size() >= least_shares) {
      const auto [usual_share, share_hour] = median(shares);
      if (usual_share >= worth_losing && *share < usual_share / 2)
        tell(AnomalyKind::cache_collapse, share_hour, at(hours, share_hour).pico, 0,
             percent(*share) + " of the prompts' tokens came from a cache, usual are " + percent(usual_share));
    }
  }

  if (here.extra_attempts >= least_requests && retry_share(here) >= 0.5) {
    std::vector<std::pair<double, std::int64_t>> shares;
    for (const std::int64_t other : others) shares.emplace_back(retry_share(at(hours, other)), other);
    const auto [usual_share, share_hour] = median(shares);
    if (retry_share(here) >= 3 * usual_share)
      tell(AnomalyKind::retry_storm, share_hour, at(hours, share_hour).pico, 0,
           std::to_string(here.extra_attempts) + " calls beside those that ended its " + std::to_string(here.requests) +
               " requests: " + percent(retry_share(here)) + ", usual are " + percent(usual_share));
  }
  return found;
}

std::vector<Anomaly> judge(const SeriesName& series, std::int64_t hour, std::int64_t before,
                           const Difference& difference, const Sensitivity& by) {
  std::vector<Anomaly> found;
  const auto size = [](MoneySum amount) { return amount < 0 ? -amount : amount; };
  const auto look = [&](AnomalyKind kind, MoneySum effect, const char* what) {
    constexpr MoneySum share = 10;  // a tenth of what the hour before cost
    if (size(effect) < by.least.pico() || size(effect) * share < difference.before) return;
    found.push_back({.kind = kind,
                     .series = series,
                     .hour = hour,
                     .compared_with = before,
                     .cost = difference.after,
                     .usual = difference.before,
                     .z = 0,
                     .reason = std::string(what) + " make it " + store::usd(size(effect)) + " USD " +
                               (effect < 0 ? "cheaper" : "dearer"),
                     .explained = difference});
  };
  look(AnomalyKind::price_change, difference.price, "other prices");
  if (difference.tier > 0) look(AnomalyKind::tier_crossing, difference.tier, "tokens priced by another tier");
  return found;
}

std::string hour_text(std::int64_t hour) {
  return utc_text(hour * 3'600'000'000).substr(0, std::string_view("2026-04-01T12:00").size()) + "Z";
}

std::string sentence(const Anomaly& anomaly) {
  std::string text = anomaly.series.provider + "/" + anomaly.series.model + " for " +
                     (anomaly.series.team == "(none)" ? "keys without a team" : "the team " + anomaly.series.team) +
                     ", the hour from " + hour_text(anomaly.hour) + ": " + anomaly.reason;
  if (anomaly.explained)
    text += "; against " + hour_text(anomaly.compared_with) + " it is " + sentence(*anomaly.explained);
  return text;
}

}  // namespace sluice::spend
