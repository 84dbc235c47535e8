// What calls have shown about each target (provider/model), shared by all reactors: a circuit breaker that opens when
// most calls fail and lets one probe through after a while, the rest that a target has asked for with retry-after, and
// a bound on the ratio of retries to requests. Only failing targets are kept: while none fails, nothing is looked up
// and nothing is counted.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/settings.h"

namespace sluice::gateway {

struct TargetState {
  enum class Kind : std::uint8_t {
    well,
    half_open,  // it was left alone for long enough: the next request is the probe
    resting,    // it has asked to be left alone (retry-after)
    open,       // most calls have failed, or a probe is under way
  };
  Kind kind = Kind::well;
  std::chrono::milliseconds again_in{0};  // until it may be asked again
};
std::string_view name(TargetState::Kind kind);  // "well", "half_open", "resting", "open"

// What has happened to a target, for the log and the metrics.
struct TargetChange {
  enum class What : std::uint8_t { opened, closed, rests, retry_refused };
  What what = What::opened;
  std::string_view target;
  std::chrono::milliseconds time{0};  // for how long it is left alone
  std::string_view why;               // the failure's message; may be empty
};
std::string_view name(TargetChange::What what);

class Health {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // `on_change` is called with the lock held: it must not block and not call back.
  explicit Health(std::function<void(const TargetChange&)> on_change = {}) : on_change_(std::move(on_change)) {}
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  // Any thread, all of them. Nothing has failed lately: every target is well.
  bool quiet(TimePoint now) const {
    return open_.load(std::memory_order_relaxed) == 0 &&
           now.time_since_epoch().count() >= quiet_at_.load(std::memory_order_relaxed);
  }
  TargetState state(std::string_view target, TimePoint now) const;
  // Whether it may be asked now. Of those that come when it is half open only the first may: it is the probe.
  bool may_ask(std::string_view target, TimePoint now);
  // Outcomes of calls. A stream has succeeded with its first token, and is cut when it breaks off after that.
  void succeeded(std::string_view target, TimePoint now);
  void failed(std::string_view target, TimePoint now, const config::BreakerSettings& breaker, const Error& error);
  void cut(std::string_view target, TimePoint now, const config::BreakerSettings& breaker, const Error& error);
  // A call came to no verdict: its client has left, or the request was at fault.
  void undecided(std::string_view target);
  // Before the same target is asked again for the same request: true while retries are few beside requests.
  bool take_retry(std::string_view target, TimePoint now, const config::RetrySettings& retry);

  struct Report {
    std::string target;
    TargetState state;
    int calls = 0;     // counted since the first failure; halved every window
    int failures = 0;  // of them
    std::string why;   // the last failure
  };
  // Every target that has ever failed, in the order of their names.
  std::vector<Report> report(TimePoint now) const;

  // What is known of a target.
  struct Target {
    TimePoint window_began{};
    int calls = 0;
    int failures = 0;
    int retries = 0;
    bool is_open = false;
    TimePoint open_until{};
    std::chrono::milliseconds open_for{0};
    TimePoint probe_since{};  // of a probe under way; else TimePoint()
    TimePoint rests_until{};
    std::string why;
  };
  // For the process that takes this one's place, on the same machine and so with the same clock: `tell` gets each
  // target of which something is remembered.
  void tell_all(TimePoint now, const std::function<void(std::string_view target, const Target&)>& tell) const;
  // What the process before this one knew. A probe that is under way there has its outcome there: another one is sent
  // from here.
  void take_over(std::string_view target, Target known);

 private:
  // Of all calls the recent ones count: what was counted is halved after each window.
  static constexpr std::chrono::seconds window{30};
  // A probe that has not come to an outcome by then stands in nobody's way any more.
  static constexpr std::chrono::seconds longest_probe{60};
  // A rest that a target asks for beyond this is a spent quota or a mistake: it is asked again then.
  static constexpr std::chrono::minutes longest_rest{5};
  // Configured targets are hundreds; clients can name more, and beyond this they are not told apart.
  static constexpr std::size_t max_targets = 10'000;
  static constexpr std::size_t max_why_bytes = 200;

  Target* find(std::string_view target) const;
  Target* find_or_add(std::string_view target);
  TargetState state_of(const Target& target, TimePoint now) const;
  void age(Target& target, TimePoint now) const;
  void judge(std::string_view name, Target& target, TimePoint now, const config::BreakerSettings& breaker);
  void open(std::string_view name, Target& target, TimePoint now, std::chrono::milliseconds time);
  void remember_until(TimePoint then);
  void tell(const TargetChange& change) const {
    if (on_change_) on_change_(change);
  }

  const std::function<void(const TargetChange&)> on_change_;
  std::atomic<int> open_{0};                                // targets whose breaker is open
  std::atomic<TimePoint::rep> quiet_at_{TimePoint::rep{}};  // when the last failure is forgotten
  mutable std::mutex mutex_;
  mutable std::map<std::string, Target, std::less<>> targets_;
};

// Whether a failed call says something about its target: not when the request was at fault, the client left, or Sluice
// itself could not.
bool is_targets_fault(const Error& error);

}  // namespace sluice::gateway
