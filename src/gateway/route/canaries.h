// A canary's share of its workload's requests, and when that is taken back: each workload that has one is counted
// twice, for the canary and for everybody else, and when the canary fails more often or is slower by more than the
// margins that its configuration states, with enough requests of both, its share is nothing from then on. It stays so
// until its settings change or the process ends. Deterministic: of 100 requests with 5 %, each twentieth goes there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "config/workload.h"

namespace sluice::gateway {

class Canaries {
 public:
  struct Side {
    std::int64_t calls = 0;
    std::int64_t failures = 0;
    std::int64_t answered_us = 0;  // of those that did not fail: until a whole answer or a stream's first token
    double error_share() const { return calls == 0 ? 0 : static_cast<double>(failures) / static_cast<double>(calls); }
    double mean_us() const {
      return calls == failures ? 0 : static_cast<double>(answered_us) / static_cast<double>(calls - failures);
    }
  };
  struct Report {
    std::string workload;
    std::string target;
    std::int64_t percent = 0;  // of the requests, now
    bool rolled_back = false;
    std::string why;  // then: "8.0 % of its calls fail, and 1.0 % of the others'"
    Side canary;
    Side others;
  };
  // `on_rollback` is called with the lock held: it must not block and not call back.
  explicit Canaries(std::function<void(const Report&)> on_rollback = {}) : on_rollback_(std::move(on_rollback)) {}
  Canaries(const Canaries&) = delete;
  Canaries& operator=(const Canaries&) = delete;

  // Any thread. Whether the next request of the workload, which has a canary, goes to it.
  bool take(const config::Workload& workload);
  // How a call went; `us` is not looked at of one that failed.
  void note(const config::Workload& workload, bool is_canary, bool failed, std::int64_t us);
  // In the order of the workloads' names.
  std::vector<Report> report() const;

 private:
  // So that a canary that gets bad late is found: what was counted is halved at so many times its least requests.
  static constexpr std::int64_t most_windows = 4;
  struct State {
    config::Canary settings;
    std::int64_t offered = 0;
    Report now;
  };
  State& state_of(const config::Workload& workload);
  void judge(State& state);

  const std::function<void(const Report&)> on_rollback_;
  mutable std::mutex mutex_;
  std::map<std::string, State, std::less<>> states_;  // as many as there are workloads
};

}  // namespace sluice::gateway
