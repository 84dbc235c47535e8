#include "gateway/route/shadows.h"

#include <algorithm>

namespace sluice::gateway {
namespace {

void add(Shadows::Side& side, const Shadows::Answer& answer) {
  if (answer.cost)
    side.pico += answer.cost->pico();
  else
    ++side.unpriced;
  side.us += answer.us;
  side.output += answer.output;
  side.refused += answer.refused ? 1 : 0;
  side.cut += answer.cut ? 1 : 0;
  side.tool_calls += answer.calls_tool ? 1 : 0;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
  return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

}  // namespace

Shadows::State& Shadows::state_of(const config::Workload& workload) {
  State& state = states_[workload.name];
  if (state.settings != workload.shadow) {
    state = {.settings = workload.shadow};
    state.now = {.workload = workload.name, .target = workload.shadow.target};
  }
  return state;
}

Shadows::Report* Shadows::report_of(const config::Workload& workload) {
  const auto found = states_.find(workload.name);
  if (found != states_.end() && found->second.settings != workload.shadow) return nullptr;
  return &state_of(workload).now;
}

bool Shadows::take(const config::Workload& workload) {
  const std::lock_guard lock(mutex_);
  State& state = state_of(workload);
  const std::int64_t before = state.offered * state.settings.percent / 100;
  ++state.offered;
  return state.offered * state.settings.percent / 100 > before;
}

bool Shadows::begin(const config::Workload& workload) {
  const std::lock_guard lock(mutex_);
  std::int64_t& under_way = under_way_[workload.name];
  if (under_way >= workload.shadow.max_in_flight) {
    if (Report* now = report_of(workload)) ++now->skipped;
    return false;
  }
  ++under_way;
  return true;
}

void Shadows::end(const config::Workload& workload) {
  const std::lock_guard lock(mutex_);
  --under_way_[workload.name];
}

void Shadows::skipped(const config::Workload& workload) {
  const std::lock_guard lock(mutex_);
  if (Report* now = report_of(workload)) ++now->skipped;
}

void Shadows::failed(const config::Workload& workload) {
  const std::lock_guard lock(mutex_);
  if (Report* now = report_of(workload)) ++now->failed;
}

void Shadows::compare(const config::Workload& workload, const Answer& client, const Answer& shadow) {
  const std::lock_guard lock(mutex_);
  Report* now = report_of(workload);
  if (!now) return;
  ++now->compared;
  add(now->client, client);
  add(now->shadow, shadow);
  if (!client.text || !shadow.text) return;
  ++now->texts;
  if (trimmed(*client.text) == trimmed(*shadow.text)) ++now->same_text;
}

std::vector<Shadows::Report> Shadows::report() const {
  const std::lock_guard lock(mutex_);
  std::vector<Report> all;
  for (const auto& [name, state] : states_) all.push_back(state.now);
  return all;
}

}  // namespace sluice::gateway
