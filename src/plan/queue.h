// How many servers traffic needs. A server here is one sequence that an engine runs at once (a slot of its batch), not
// a GPU. Closed formulas find a first number on the peak; a replay of real arrivals then says whether it holds, because
// traffic is burstier than any stationary process.
#pragma once

#include <span>
#include <vector>

namespace sluice::plan {

// Probability of waiting with that many servers under a load of `offered` (rate x service time). 1 when offered >=
// servers.
double erlang_c(double servers, double offered);

// The p-quantile of the wait in seconds, Kimura's two-moment approximation for M/G/c: cv2 is the squared coefficient of
// variation of the service time. 0 when fewer than 1-p wait at all; infinite when the load is too high.
double waiting_quantile(double servers, double per_second, double service_s, double cv2, double p);

// The fewest servers whose p-quantile of the wait is at most `limit_s`, with utilisation at most `most`.
double servers_needed(double per_second, double service_s, double cv2, double p, double limit_s, double most);

struct Arrival {
  double at_s = 0;       // rising
  double service_s = 0;  // of this request
};
struct ReplayResult {
  double p50_s = 0;  // of the wait for a server
  double p95_s = 0;
  double p99_s = 0;
  double utilisation = 0;
  double most_waiting = 0;  // requests at once
};
// First come, first served, by that many servers.
ReplayResult replay(std::span<const Arrival> arrivals, std::size_t servers);

// The fewest servers with which the replay's p95 is at most `limit_s`, looked for from `guess` on; at most
// max_replay_servers. 0 when even those do not do.
constexpr std::size_t max_replay_servers = 1 << 20;
std::size_t servers_for(std::span<const Arrival> arrivals, double limit_s, std::size_t guess);

}  // namespace sluice::plan
