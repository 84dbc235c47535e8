#include "plan/queue.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>

namespace sluice::plan {

double erlang_c(double servers, double offered) {
  if (offered <= 0) return 0;
  if (offered >= servers) return 1;
  double blocking = 1;  // Erlang B by its recursion, which never overflows
  for (double n = 1; n <= servers; ++n) blocking = offered * blocking / (n + offered * blocking);
  const double use = offered / servers;
  return blocking / (1 - use + use * blocking);
}

double waiting_quantile(double servers, double per_second, double service_s, double cv2, double p) {
  const double spare = servers / service_s - per_second;
  if (spare <= 0) return INFINITY;
  const double waits = erlang_c(servers, per_second * service_s);
  if (waits <= 1 - p) return 0;
  return std::log(waits / (1 - p)) * (1 + cv2) / (2 * spare);
}

double servers_needed(double per_second, double service_s, double cv2, double p, double limit_s, double most) {
  const double offered = per_second * service_s;
  const double least = std::max(1.0, std::ceil(offered / most - 1e-9));
  const auto enough = [&](double n) { return waiting_quantile(n, per_second, service_s, cv2, p) <= limit_s; };
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

ReplayResult replay(std::span<const Arrival> arrivals, std::size_t servers) {
  ReplayResult result;
  if (arrivals.empty() || servers == 0) return result;
  std::priority_queue<double, std::vector<double>, std::greater<>> busy_until;
  std::priority_queue<double, std::vector<double>, std::greater<>> starts;  // of those that wait
  std::vector<double> waits;
  waits.reserve(arrivals.size());
  double worked = 0;
  double end = arrivals.front().at_s;
  for (const Arrival& one : arrivals) {
    double start = one.at_s;
    if (busy_until.size() >= servers) {
      start = std::max(start, busy_until.top());
      busy_until.pop();
    }
    busy_until.push(start + one.service_s);
    end = std::max(end, start + one.service_s);
    worked += one.service_s;
    waits.push_back(start - one.at_s);
    while (!starts.empty() && starts.top() <= one.at_s) starts.pop();
    if (start > one.at_s) starts.push(start);
    result.most_waiting = std::max(result.most_waiting, static_cast<double>(starts.size()));
  }
  std::ranges::sort(waits);
  const auto quantile = [&](double p) {  // nearest rank
    return waits[static_cast<std::size_t>(std::ceil(p * static_cast<double>(waits.size()))) - 1];
  };
  result.p50_s = quantile(0.50);
  result.p95_s = quantile(0.95);
  result.p99_s = quantile(0.99);
  if (end > arrivals.front().at_s)
    result.utilisation = worked / (static_cast<double>(servers) * (end - arrivals.front().at_s));
  return result;
}

std::size_t servers_for(std::span<const Arrival> arrivals, double limit_s, std::size_t guess) {
  const auto enough = [&](std::size_t n) { return replay(arrivals, n).p95_s <= limit_s; };
  std::size_t high = std::clamp<std::size_t>(guess, 1, max_replay_servers);
  while (!enough(high)) {
    if (high == max_replay_servers) return 0;
    high = std::min(high * 2, max_replay_servers);
  }
  std::size_t low = 0;  // not enough
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    (enough(middle) ? high : low) = middle;
  }
  return high;
}

}  // namespace sluice::plan
