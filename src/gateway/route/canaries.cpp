#include "gateway/route/canaries.h"

#include <cmath>

namespace sluice::gateway {
namespace {

// "8.0 %"
std::string percent_text(double share) {
  const auto tenths = static_cast<std::int64_t>(std::lround(share * 1'000));
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

std::string ms_text(double us) { return std::to_string(static_cast<std::int64_t>(us / 1'000)) + " ms"; }

}  // namespace

Canaries::State& Canaries::state_of(const config::Workload& workload) {
  State& state = states_[workload.name];
  if (state.settings != workload.canary) {
    state = {.settings = workload.canary};
    state.now = {.workload = workload.name, .target = workload.canary.target, .percent = workload.canary.percent};
  }
  return state;
}

bool Canaries::take(const config::Workload& workload) {
  const std::lock_guard lock(mutex_);
  State& state = state_of(workload);
  if (state.now.rolled_back) return false;
  const std::int64_t before = state.offered * state.settings.percent / 100;
  ++state.offered;
  return state.offered * state.settings.percent / 100 > before;
}

void Canaries::note(const config::Workload& workload, bool is_canary, bool failed, std::int64_t us) {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find(workload.name);
  if (found != states_.end() && found->second.settings != workload.canary) return;  // it began before a reload
  State& state = state_of(workload);
  Side& side = is_canary ? state.now.canary : state.now.others;
  ++side.calls;
  if (failed)
    ++side.failures;
  else
    side.answered_us += us;
  judge(state);
  if (side.calls < most_windows * state.settings.min_requests) return;
  side.calls /= 2;
  side.failures /= 2;
  side.answered_us /= 2;
}

void Canaries::judge(State& state) {
  Report& now = state.now;
  if (now.rolled_back || now.canary.calls < state.settings.min_requests ||
      now.others.calls < state.settings.min_requests)
    return;
  const double error_margin = static_cast<double>(state.settings.max_error_increase_percent) / 100;
  const double latency_factor = 1 + static_cast<double>(state.settings.max_latency_increase_percent) / 100;
  if (now.canary.error_share() > now.others.error_share() + error_margin)
    now.why = percent_text(now.canary.error_share()) + " of its calls fail, and " +
              percent_text(now.others.error_share()) + " of the others'";
  else if (now.others.mean_us() > 0 && now.canary.mean_us() > now.others.mean_us() * latency_factor)
    now.why =
        "its answers take " + ms_text(now.canary.mean_us()) + ", and the others' " + ms_text(now.others.mean_us());
  else
    return;
  now.rolled_back = true;
  now.percent = 0;
  if (on_rollback_) on_rollback_(now);
}

std::vector<Canaries::Report> Canaries::report() const {
  const std::lock_guard lock(mutex_);
  std::vector<Report> all;
  for (const auto& [name, state] : states_) all.push_back(state.now);
  return all;
}

}  // namespace sluice::gateway
