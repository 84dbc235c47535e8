// Which hours of a ledger are unusual, and why, in numbers. Each team's spend on each model at each provider is a
// series of hours, and an hour is judged by those before it alone.
//
// By size: a robust z of the hour's cost (median and MAD of comparable hours, on a logarithmic scale, because spend
// grows in proportions). Comparable are the same hour of the week and its two neighbours in the four weeks before;
// while there are less than three weeks of history, the seven days before. By rule: a cache that is no longer hit,
// retries beyond measure, a model without a price, another price, and prompts that crossed a tier's threshold. What an
// hour costs is explained as the difference to the hour that is the median (difference.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/money.h"
#include "base/result.h"
#include "spend/difference.h"

namespace sluice::spend {

struct HourOf {
  std::int64_t requests = 0;
  std::int64_t extra_attempts = 0;
  Tokens input = 0;  // read fresh
  Tokens cache_read = 0;
  Tokens cache_write = 0;
  std::int64_t unpriced = 0;
  MoneySum pico = 0;
};
using Hours = std::map<std::int64_t, HourOf>;  // those in which there was something, since 1970 UTC

struct SeriesName {
  std::string team;  // "(none)" for keys without one
  std::string provider;
  std::string model;
  friend auto operator<=>(const SeriesName&, const SeriesName&) = default;
};

struct Sensitivity {
  double z = 4;                                    // false alarms: see the test and the guide
  Money least = Money::pico(Money::pico_per_usd);  // above the usual cost of an hour
};

enum class AnomalyKind : std::uint8_t {
  cost,
  cache_collapse,
  retry_storm,
  unpriced_model,
  price_change,
  tier_crossing
};
constexpr std::string_view name(AnomalyKind kind) {
  switch (kind) {
    case AnomalyKind::cost: return "cost";
    case AnomalyKind::cache_collapse: return "cache_collapse";
    case AnomalyKind::retry_storm: return "retry_storm";
    case AnomalyKind::unpriced_model: return "unpriced_model";
    case AnomalyKind::price_change: return "price_change";
    case AnomalyKind::tier_crossing: return "tier_crossing";
  }
  return "cost";
}

struct Anomaly {
  AnomalyKind kind = AnomalyKind::cost;
  SeriesName series;
  std::int64_t hour = 0;
  std::int64_t compared_with = 0;  // the hour that is explained against
  MoneySum cost = 0;
  MoneySum usual = 0;  // the median
  double z = 0;        // of kind cost
  std::string reason;  // with its numbers
  std::optional<Difference> explained;
};

// How far back an hour is compared.
constexpr std::int64_t most_weeks = 4;
constexpr std::int64_t hours_a_week = 168;
constexpr std::int64_t most_hours_back = most_weeks * hours_a_week + 1;

// By what the sums by the hour tell: cost, cache_collapse, retry_storm, unpriced_model. Without explanations.
std::vector<Anomaly> judge(const SeriesName& series, const Hours& hours, std::int64_t hour, const Sensitivity& by);
// By what the rows tell, against the hour before in which there was something: price_change, tier_crossing.
std::vector<Anomaly> judge(const SeriesName& series, std::int64_t hour, std::int64_t before,
                           const Difference& difference, const Sensitivity& by);
// The last hour before with something in it, within a week.
std::optional<std::int64_t> hour_before(const Hours& hours, std::int64_t hour);

// "acme/big for the team red cost 12.5 USD from 2026-11-27T22:00Z, ...".
std::string sentence(const Anomaly& anomaly);
std::string hour_text(std::int64_t hour);

}  // namespace sluice::spend
