#include "plan/queue.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>
#include <span>
#include <vector>

namespace sluice::plan {
namespace {

constexpr std::size_t least_windows = 10;    // fewer counts say nothing of their variance
constexpr double most_windows = 10'000'000;  // a counter each

// 1 / Erlang B of whole servers: the sum of servers! / (servers - k)! / offered^k. Its terms rise for as long as
// servers are idle and fall after; where they have grown beyond all waiting, or count no more, it ends, so that a
// million servers take some hundred steps.
double inverse_blocking(double servers, double offered) {
  constexpr double beyond = 1e30;
  double sum = 1;
  double term = 1;
  for (double k = 0; k < servers; ++k) {
    term *= (servers - k) / offered;
    sum += term;
    if (sum > beyond || term < sum * 1e-17) break;
  }
  return sum;
}

bool starts_in_time(double wait_s, const Arrival& one, double limit_s) { return wait_s + one.first_s <= limit_s; }

using Earliest = std::priority_queue<double, std::vector<double>, std::greater<>>;

// When the next one starts, if it comes at `at_s` and takes `service_s`.
double start_of(Earliest& busy_until, std::size_t servers, const Arrival& one) {
  double start = one.at_s;
  if (busy_until.size() >= servers) {
    start = std::max(start, busy_until.top());
    busy_until.pop();
  }
  busy_until.push(start + one.service_s);
  return start;
}

// How many calls of each may take longer than its limit.
std::vector<std::size_t> allowances(std::span<const Arrival> arrivals, std::size_t sharers) {
  std::vector<double> counts(sharers, 0);
  for (const Arrival& one : arrivals) ++counts[one.of];
  std::vector<std::size_t> may_miss;
  for (const double count : counts)
    may_miss.push_back(static_cast<std::size_t>(count - std::ceil(replay_share * count)));
  return may_miss;
}

bool holds(std::span<const Arrival> arrivals, std::size_t servers, std::span<const double> limits_s,
           std::vector<std::size_t> may_miss) {
  Earliest busy_until;
  for (const Arrival& one : arrivals) {
    const double start = start_of(busy_until, servers, one);
    if (!starts_in_time(start - one.at_s, one, limits_s[one.of]) && may_miss[one.of]-- == 0) return false;
  }
  return true;
}

double nearest_rank(const std::vector<double>& sorted, double p) {
  return sorted[static_cast<std::size_t>(std::ceil(p * static_cast<double>(sorted.size()))) - 1];
}

}  // namespace

double erlang_c(double servers, double offered) {
  if (offered <= 0) return 0;
  if (offered >= servers) return 1;
  const double whole = std::floor(servers);
  const double part = servers - whole;
  double inverse = inverse_blocking(whole, offered);
  if (part > 0) inverse += part * (inverse_blocking(whole + 1, offered) - inverse);
  const double use = offered / servers;
  return 1 / (use + (1 - use) * inverse);
}

double waiting_probability(double servers, const Load& load) {
  const double peakedness = (1 + load.arrival_scv) / 2;
  return erlang_c(servers / peakedness, load.offered() / peakedness);
}

double waiting_quantile(double servers, const Load& load, double p) {
  const double spare = servers / load.service_s - load.per_second;
  if (spare <= 0) return INFINITY;
  const double waits = waiting_probability(servers, load);
  if (waits <= 1 - p) return 0;
  return std::log(waits / (1 - p)) * (load.arrival_scv + load.service_scv) / (2 * spare);
}

double servers_needed(const Load& load, double p, double limit_s, double most) {
  if (limit_s < 0) return INFINITY;
  const double least = std::max(1.0, std::ceil(load.offered() / most - 1e-9));
  const auto enough = [&](double n) { return waiting_quantile(n, load, p) <= limit_s; };
  if (enough(least)) return least;
  double low = least;  // not enough
  double high = least;
  do high = std::ceil(high * 1.5);
  while (!enough(high));
  while (high - low > 1) {
    const double middle = std::floor((low + high) / 2);
    (enough(middle) ? high : low) = middle;
  }
  return high;
}

ReplayResult replay(std::span<const Arrival> arrivals, std::size_t servers, double limit_s) {
  ReplayResult result;
  if (arrivals.empty() || servers == 0) return result;
  Earliest busy_until;
  Earliest starts;  // of those that wait
  std::vector<double> waits;
  std::vector<double> firsts;
  waits.reserve(arrivals.size());
  firsts.reserve(arrivals.size());
  double worked = 0;
  double end = arrivals.front().at_s;
  double in_time = 0;
  for (const Arrival& one : arrivals) {
    const double start = start_of(busy_until, servers, one);
    end = std::max(end, start + one.service_s);
    worked += one.service_s;
    waits.push_back(start - one.at_s);
    firsts.push_back(waits.back() + one.first_s);
    in_time += starts_in_time(waits.back(), one, limit_s) ? 1 : 0;
    while (!starts.empty() && starts.top() <= one.at_s) starts.pop();
    if (start > one.at_s) starts.push(start);
    result.most_waiting = std::max(result.most_waiting, static_cast<double>(starts.size()));
  }
  std::ranges::sort(waits);
  std::ranges::sort(firsts);
  result.p50_s = nearest_rank(waits, 0.50);
  result.p95_s = nearest_rank(waits, 0.95);
  result.p99_s = nearest_rank(waits, 0.99);
  result.first_p95_s = nearest_rank(firsts, 0.95);
  result.within = in_time / static_cast<double>(arrivals.size());
  if (end > arrivals.front().at_s)
    result.utilisation = worked / (static_cast<double>(servers) * (end - arrivals.front().at_s));
  return result;
}

std::size_t servers_for(std::span<const Arrival> arrivals, double limit_s, std::size_t guess) {
  return servers_for(arrivals, std::span(&limit_s, 1), guess);
}

std::size_t servers_for(std::span<const Arrival> arrivals, std::span<const double> limits_s, std::size_t guess) {
  const std::vector<std::size_t> may_miss = allowances(arrivals, limits_s.size());
  // With a server for each of them nobody waits.
  const std::size_t most = std::clamp<std::size_t>(arrivals.size(), 1, max_replay_servers);
  std::size_t high = std::clamp<std::size_t>(guess, 1, most);
  std::size_t low = 0;  // not enough
  while (!holds(arrivals, high, limits_s, may_miss)) {
    if (high == most) return 0;
    low = high;
    high = std::min(high * 2, most);
  }
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    (holds(arrivals, middle, limits_s, may_miss) ? high : low) = middle;
  }
  return high;
}

std::vector<double> shares_within(std::span<const Arrival> arrivals, std::span<const double> limits_s,
                                  std::size_t servers) {
  std::vector<double> counts(limits_s.size(), 0);
  std::vector<double> within(limits_s.size(), 0);
  Earliest busy_until;
  for (const Arrival& one : arrivals) {
    ++counts[one.of];
    const double start = start_of(busy_until, servers, one);
    if (starts_in_time(start - one.at_s, one, limits_s[one.of])) ++within[one.of];
  }
  for (std::size_t i = 0; i < within.size(); ++i) within[i] = counts[i] > 0 ? within[i] / counts[i] : 1;
  return within;
}

double dispersion(std::span<const Arrival> arrivals, double window_s, double otherwise) {
  if (arrivals.size() < least_windows || window_s <= 0) return otherwise;
  const double start = arrivals.front().at_s;
  const double windows = std::floor((arrivals.back().at_s - start) / window_s);
  if (windows < static_cast<double>(least_windows) || windows > most_windows) return otherwise;
  std::vector<double> counts(static_cast<std::size_t>(windows), 0);
  for (const Arrival& one : arrivals) {
    const auto at = static_cast<std::size_t>((one.at_s - start) / window_s);
    if (at < counts.size()) ++counts[at];
  }
  double sum = counts.front();
  double squares = 0;
  for (std::size_t i = 1; i < counts.size(); ++i) {
    sum += counts[i];
    squares += (counts[i] - counts[i - 1]) * (counts[i] - counts[i - 1]);
  }
  if (sum <= 0) return otherwise;
  const double pairs = static_cast<double>(counts.size() - 1);
  return squares / (2 * pairs) / (sum / static_cast<double>(counts.size()));
}

}  // namespace sluice::plan
