#include "gateway/health/health.h"

#include <algorithm>

namespace sluice::gateway {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

std::string_view name(TargetState::Kind kind) {
  switch (kind) {
    case TargetState::Kind::well: return "well";
    case TargetState::Kind::half_open: return "half_open";
    case TargetState::Kind::resting: return "resting";
    case TargetState::Kind::open: return "open";
  }
  return "unknown";
}

std::string_view name(TargetChange::What what) {
  switch (what) {
    case TargetChange::What::opened: return "opened";
    case TargetChange::What::closed: return "closed";
    case TargetChange::What::rests: return "rests";
    case TargetChange::What::retry_refused: return "retry_refused";
  }
  return "unknown";
}

bool is_targets_fault(const Error& error) {
  switch (error.kind) {
    case ErrorKind::provider_unreachable:
    case ErrorKind::provider_timeout: return true;
    case ErrorKind::provider_rejected: break;
    default: return false;
  }
  if (error.retry == Retry::never) return false;  // a content filter's refusal, whatever its status
  const int status = error.provider_status;       // 403 and 404 may be about what this one request names
  return status >= 500 || status == 401 || status == 402 || status == 408 || status == 429;
}

Health::Target* Health::find(std::string_view target) const {
  const auto found = targets_.find(target);
  return found == targets_.end() ? nullptr : &found->second;
}

Health::Target* Health::find_or_add(std::string_view target) {
  if (Target* known = find(target)) return known;
  if (targets_.size() >= max_targets) target = "other";
  return &targets_.try_emplace(std::string(target)).first->second;
}

TargetState Health::state_of(const Target& target, TimePoint now) const {
  const auto until = [&](TimePoint then) { return std::max(duration_cast<milliseconds>(then - now), milliseconds(1)); };
  if (target.is_open) {
    if (now < target.open_until) return {TargetState::Kind::open, until(target.open_until)};
    if (target.probe_since != TimePoint() && now < target.probe_since + longest_probe)
      return {TargetState::Kind::open, until(target.probe_since + longest_probe)};
    return {TargetState::Kind::half_open, milliseconds(0)};
  }
  if (now < target.rests_until) return {TargetState::Kind::resting, until(target.rests_until)};
  return {};
}

TargetState Health::state(std::string_view target, TimePoint now) const {
  if (quiet(now)) return {};
  const std::lock_guard lock(mutex_);
  const Target* known = find(target);
  return known ? state_of(*known, now) : TargetState();
}

bool Health::may_ask(std::string_view target, TimePoint now) {
  if (quiet(now)) return true;
  const std::lock_guard lock(mutex_);
  Target* known = find(target);
  if (!known) return true;
  const TargetState state = state_of(*known, now);
  if (state.kind == TargetState::Kind::half_open) known->probe_since = now;
  return state.kind == TargetState::Kind::well || state.kind == TargetState::Kind::half_open;
}

// Halves what was counted, once for each window that has passed.
void Health::age(Target& target, TimePoint now) const {
  while (now - target.window_began >= window) {
    if (target.calls == 0 && target.retries == 0) {
      target.window_began = now;
      return;
    }
    target.calls /= 2;
    target.failures /= 2;
    target.retries /= 2;
    target.window_began += window;
  }
}

void Health::succeeded(std::string_view target, TimePoint now) {
  if (quiet(now)) return;
  const std::lock_guard lock(mutex_);
  Target* known = find(target);
  if (!known) return;
  if (known->is_open) {
    *known = Target{};
    open_.fetch_sub(1, std::memory_order_relaxed);
    tell({.what = TargetChange::What::closed, .target = target});
    return;
  }
  age(*known, now);
  ++known->calls;
}

void Health::failed(std::string_view target, TimePoint now, const config::BreakerSettings& breaker,
                    const Error& error) {
  const std::lock_guard lock(mutex_);
  Target& known = *find_or_add(target);
  age(known, now);
  ++known.calls;
  ++known.failures;
  known.why = error.message.substr(0, max_why_bytes);
  if (error.retry_after && *error.retry_after > milliseconds(0) && !known.is_open) {
    const auto rest = std::min<milliseconds>(*error.retry_after, longest_rest);
    const bool news = known.rests_until <= now;
    known.rests_until = std::max(known.rests_until, now + rest);
    remember_until(known.rests_until);
    if (news) tell({.what = TargetChange::What::rests, .target = target, .time = rest, .why = known.why});
  }
  judge(target, known, now, breaker);
}

void Health::cut(std::string_view target, TimePoint now, const config::BreakerSettings& breaker, const Error& error) {
  const std::lock_guard lock(mutex_);
  Target& known = *find_or_add(target);
  age(known, now);
  known.calls = std::max(known.calls, known.failures + 1);  // its success may not have been counted
  ++known.failures;
  known.why = error.message.substr(0, max_why_bytes);
  judge(target, known, now, breaker);
}

void Health::judge(std::string_view name, Target& target, TimePoint now, const config::BreakerSettings& breaker) {
  remember_until(now + window);
  if (target.is_open) {
    // A probe has failed, or a call that was under way when it opened.
    if (target.probe_since == TimePoint()) return;
    open(name, target, now, std::min<milliseconds>(target.open_for * 2, milliseconds(breaker.longest_ms)));
    return;
  }
  if (breaker.failures == 0 || target.failures < breaker.failures ||
      target.failures * std::int64_t{100} < breaker.percent * target.calls)
    return;
  target.is_open = true;
  open_.fetch_add(1, std::memory_order_relaxed);
  open(name, target, now, milliseconds(breaker.first_ms));
}

void Health::open(std::string_view name, Target& target, TimePoint now, milliseconds time) {
  target.open_for = time;
  target.open_until = now + time;
  target.probe_since = TimePoint();
  target.rests_until = TimePoint();
  tell({.what = TargetChange::What::opened, .target = name, .time = time, .why = target.why});
}

void Health::undecided(std::string_view target) {
  if (open_.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(mutex_);
  if (Target* known = find(target)) known->probe_since = TimePoint();  // another request may be the probe
}

bool Health::take_retry(std::string_view target, TimePoint now, const config::RetrySettings& retry) {
  const std::lock_guard lock(mutex_);
  Target& known = *find_or_add(target);
  age(known, now);
  const std::int64_t calls = std::max(known.calls - known.retries, 0);
  if (known.retries >= retry.budget_least + calls * retry.budget_percent / 100) {
    tell({.what = TargetChange::What::retry_refused, .target = target});
    return false;
  }
  ++known.retries;
  remember_until(now + window);
  return true;
}

void Health::remember_until(TimePoint then) {
  const TimePoint::rep at = then.time_since_epoch().count();
  if (quiet_at_.load(std::memory_order_relaxed) < at) quiet_at_.store(at, std::memory_order_relaxed);
}

void Health::tell_all(TimePoint now, const std::function<void(std::string_view, const Target&)>& tell) const {
  if (quiet(now)) return;
  const std::lock_guard lock(mutex_);
  for (auto& [target, known] : targets_) {
    age(known, now);
    if (known.is_open || known.rests_until > now || known.failures > 0 || known.retries > 0) tell(target, known);
  }
}

void Health::take_over(std::string_view target, Target known) {
  const std::lock_guard lock(mutex_);
  Target& here = *find_or_add(target);
  if (here.is_open) return;  // two that are not told apart
  known.probe_since = TimePoint();
  remember_until(std::max(known.rests_until, known.window_began + window));
  if (known.is_open) open_.fetch_add(1, std::memory_order_relaxed);
  here = std::move(known);
}

std::vector<Health::Report> Health::report(TimePoint now) const {
  std::vector<Report> all;
  const std::lock_guard lock(mutex_);
  for (auto& [target, known] : targets_) {
    age(known, now);
    all.push_back({target, state_of(known, now), known.calls, known.failures, known.why});
  }
  return all;
}

}  // namespace sluice::gateway
