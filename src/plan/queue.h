// How many servers traffic needs. A server here is one sequence that an engine runs at once (a slot of its batch), not
// a GPU. Closed formulas find a first number on the peak; a replay of real arrivals then says whether it holds, because
// traffic is burstier than any stationary process.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sluice::plan {

// Probability of waiting with that many servers under a load of `offered` (rate x service time), Poisson arrivals and
// exponential service. 1 when offered >= servers. Between whole servers it is interpolated, and falls everywhere.
double erlang_c(double servers, double offered);

// A stationary queue: how much comes, how long it takes, and how uneven both are. The squared coefficients of variation
// are 1 for Poisson arrivals and for exponential service, 0 for a clock.
struct Load {
  double per_second = 0;
  double service_s = 0;
  double arrival_scv = 1;
  double service_scv = 1;
  double offered() const { return per_second * service_s; }
};

// Probability of waiting. Bursts are counted by Hayward's approximation: with a peakedness of z = (1 + arrival_scv) / 2
// they wait as Poisson arrivals do for servers / z under offered / z.
double waiting_probability(double servers, const Load& load);
// The p-quantile of the wait in seconds, Kimura's two-moment approximation for GI/G/c. 0 when fewer than 1-p wait at
// all; infinite when the load is too high.
double waiting_quantile(double servers, const Load& load, double p);

// The fewest servers whose p-quantile of the wait is at most `limit_s`, with utilisation at most `most`. Infinite when
// the limit is negative: no server answers before it is asked.
double servers_needed(const Load& load, double p, double limit_s, double most);

struct Arrival {
  double at_s = 0;       // rising
  double service_s = 0;  // of this request
  double first_s = 0;    // from its start to its first token; 0 = the limit is on the wait alone
  std::size_t of = 0;    // whose it is, where several share the servers
};
struct ReplayResult {
  double p50_s = 0;  // of the wait for a server
  double p95_s = 0;
  double p99_s = 0;
  double first_p95_s = 0;  // of the wait and the time to the first token together
  double within = 0;       // share of the requests whose wait and first token took at most the limit
  double utilisation = 0;
  double most_waiting = 0;  // requests at once
};
// First come, first served, by that many servers.
ReplayResult replay(std::span<const Arrival> arrivals, std::size_t servers, double limit_s);

// The fewest servers with which 95 % of the requests have their first token within `limit_s`, looked for from `guess`
// on; at most max_replay_servers. 0 when even those do not do, as when the first tokens alone take longer.
constexpr std::size_t max_replay_servers = 1 << 20;
constexpr double replay_share = 0.95;
std::size_t servers_for(std::span<const Arrival> arrivals, double limit_s, std::size_t guess);

// The same for several who share the servers, each with its own limit, by Arrival::of: all of them have 95 % within it.
std::size_t servers_for(std::span<const Arrival> arrivals, std::span<const double> limits_s, std::size_t guess);
// Which share of its calls each of them has within its limit with that many servers.
std::vector<double> shares_within(std::span<const Arrival> arrivals, std::span<const double> limits_s,
                                  std::size_t servers);

// How uneven arrivals are at the scale of `window_s`: variance over mean of the counts in windows of that length, from
// the differences of neighbours, so that a slow change of the rate does not count. 1 for Poisson arrivals; that of a
// renewal process tends to its gaps' squared coefficient of variation. `otherwise` with fewer than ten windows.
double dispersion(std::span<const Arrival> arrivals, double window_s, double otherwise);

}  // namespace sluice::plan
