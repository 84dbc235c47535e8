#include "gateway/route/objective.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

namespace sluice::gateway {
namespace {

using config::Objective;

constexpr double unknown_is_last = std::numeric_limits<double>::max();

double price_of(const Attempt& attempt) {
  return attempt.expected_cost ? static_cast<double>(attempt.expected_cost->pico()) : unknown_is_last;
}

// Who has not been measured is taken to be a little faster than the fastest, so that it is tried.
std::vector<double> times_of(const std::vector<Attempt>& attempts) {
  std::int64_t fastest = std::numeric_limits<std::int64_t>::max();  // of nobody: then all are alike
  for (const Attempt& attempt : attempts)
    if (attempt.expected_us >= 0) fastest = std::min(fastest, attempt.expected_us);
  std::vector<double> times;
  for (const Attempt& attempt : attempts)
    times.push_back(static_cast<double>(attempt.expected_us >= 0 ? attempt.expected_us : fastest - 1));
  return times;
}

double badness_of(const Attempt& attempt, const config::Workload& workload) {
  const std::optional<double> quality = config::quality_of(*attempt.candidate, workload.quality);
  return quality ? -*quality : unknown_is_last;
}

// From 0 for the best to 1 for the worst; what is not known is the worst.
std::vector<double> scaled(std::vector<double> values) {
  double least = unknown_is_last;
  double most = std::numeric_limits<double>::lowest();
  for (const double value : values)
    if (value != unknown_is_last) {
      least = std::min(least, value);
      most = std::max(most, value);
    }
  for (double& value : values)
    value = value == unknown_is_last ? 1 : most > least ? (value - least) / (most - least) : 0;
  return values;
}

}  // namespace

void estimate(Attempt& attempt, const Expected& expected, const TargetSpeed& speed) {
  chat::Usage usage{.input = expected.input, .output = expected.output};
  attempt.expected_cost = catalog::cost(attempt.quote, usage);
  attempt.expected_us = speed.expected_us(expected.output);
  attempt.error_share = speed.error_share;
}

void order(std::vector<Attempt>& attempts, const config::Workload& workload, Objective objective) {
  if (objective == Objective::listed || attempts.size() < 2) return;
  std::vector<double> prices;
  std::vector<double> badness;
  for (const Attempt& attempt : attempts) {
    prices.push_back(price_of(attempt));
    badness.push_back(badness_of(attempt, workload));
  }
  const std::vector<double> times = times_of(attempts);
  std::vector<std::pair<double, double>> ranks(attempts.size());  // by the second among those alike
  if (objective == Objective::weighted) {
    const std::vector<double> price = scaled(prices);
    const std::vector<double> time = scaled(times);
    const std::vector<double> bad = scaled(badness);
    const config::WorkloadWeights& weights = workload.weights;
    for (std::size_t i = 0; i < attempts.size(); ++i)
      ranks[i] = {static_cast<double>(weights.price) * price[i] + static_cast<double>(weights.latency) * time[i] +
                      static_cast<double>(weights.quality) * bad[i] +
                      static_cast<double>(weights.errors) * attempts[i].error_share,
                  prices[i]};
  } else {
    for (std::size_t i = 0; i < attempts.size(); ++i)
      ranks[i] = objective == Objective::cheapest  ? std::pair(prices[i], times[i])
                 : objective == Objective::fastest ? std::pair(times[i], prices[i])
                                                   : std::pair(badness[i], prices[i]);
  }
  std::vector<std::size_t> places(attempts.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::ranges::sort(places, {}, [&](std::size_t i) { return std::tuple(ranks[i].first, ranks[i].second, i); });
  constexpr std::pair<Objective, Attempt::Reason> reasons[] = {{Objective::cheapest, Attempt::Reason::cheapest},
                                                               {Objective::fastest, Attempt::Reason::fastest},
                                                               {Objective::best, Attempt::Reason::best},
                                                               {Objective::weighted, Attempt::Reason::weighted}};
  const Attempt::Reason reason =
      std::ranges::find(reasons, objective, &std::pair<Objective, Attempt::Reason>::first)->second;
  std::vector<Attempt> ordered;
  ordered.reserve(attempts.size());
  for (const std::size_t place : places) ordered.push_back(std::move(attempts[place]));
  for (Attempt& attempt : ordered) attempt.reason = reason;
  attempts = std::move(ordered);
}

}  // namespace sluice::gateway
