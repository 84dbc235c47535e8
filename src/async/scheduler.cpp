#include "async/scheduler.h"

#include <algorithm>
#include <bit>

namespace sluice::async {

void Cancel::fire() {
  fired_ = true;
  while (Wait* wait = waits_.pop_front()) wait->wake(Woken::cancelled);
}

void Wait::wake(Woken why) {
  if (woken_ == Woken::not_yet || woken_ == Woken::event) woken_ = why;
  if (!ReadyNode::linked()) scheduler_.ready_.push_back(*this);
}

void Wait::arm(std::coroutine_handle<> coroutine, const Deadline& deadline) {
  if (hold(coroutine, deadline)) scheduler_.add_timer(*this);
}

void Wait::arm_late(std::coroutine_handle<> coroutine, const Deadline& deadline) {
  if (!hold(coroutine, deadline)) return;
  woken_ = Woken::event;
  scheduler_.late_.push_back(*this);
}

// False: it is cancelled already, and queued as such.
bool Wait::hold(std::coroutine_handle<> coroutine, const Deadline& deadline) {
  coroutine_ = coroutine;
  woken_ = Woken::not_yet;
  at_ = deadline.at;
  if (deadline.cancelled()) {
    wake(Woken::cancelled);
    return false;
  }
  if (deadline.cancel) deadline.cancel->waits_.push_back(*this);
  return true;
}

void Scheduler::add_timer(Wait& wait) {
  if (wait.at_ == TimePoint::max()) return;
  const std::int64_t due = std::max(to_tick(wait.at_) + 1, tick_);  // rounded up: never early
  const auto slot = static_cast<std::size_t>(due % wheel_slots);
  wheel_[slot].push_back(wait);
  occupied_[slot / 64] |= std::uint64_t{1} << (slot % 64);
}

void Scheduler::advance(TimePoint now) {
  now_ = std::max(now, now_);
  const std::int64_t target = to_tick(now_);
  // After a long pause one full turn of the wheel visits every timer.
  for (std::int64_t turn = std::max(tick_, target - wheel_slots + 1); turn <= target; ++turn) {
    const auto slot = static_cast<std::size_t>(turn % wheel_slots);
    const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
    if (!(occupied_[slot / 64] & bit)) continue;
    occupied_[slot / 64] &= ~bit;
    List<Wait, TimerNode> due;
    wheel_[slot].move_to(due);
    while (Wait* wait = due.pop_front()) {
      if (wait->at_ <= now_) {
        wait->wake(Woken::deadline);
      } else {
        wheel_[slot].push_back(*wait);  // its round has not come
        occupied_[slot / 64] |= bit;
      }
    }
  }
  tick_ = target + 1;
}

bool Scheduler::run_ready() {
  for (int resumed = 0; resumed < resumes_per_round; ++resumed) {
    if (ready_.empty()) attempt_late();
    Wait* wait = ready_.pop_front();
    if (!wait) return false;
    if (wait->woken_ == Woken::event && !wait->attempt()) {
      wait->woken_ = Woken::not_yet;
      continue;
    }
    wait->TimerNode::unlink();
    wait->CancelNode::unlink();
    wait->coroutine_.resume();  // may destroy *wait
  }
  attempt_late();
  return !ready_.empty();
}

void Scheduler::attempt_late() {
  while (Wait* wait = late_.pop_front()) {
    if (wait->woken_ == Woken::event) {
      if (!wait->attempt()) {
        wait->woken_ = Woken::not_yet;
        add_timer(*wait);
        continue;
      }
      wait->woken_ = Woken::done;
    }
    ready_.push_back(*wait);
  }
}

TimePoint Scheduler::next_expiry() const {
  for (std::int64_t step = 0; step < wheel_slots;) {
    const auto slot = static_cast<std::size_t>((tick_ + step) % wheel_slots);
    const std::uint64_t rest = occupied_[slot / 64] >> (slot % 64);
    if (rest) return TimePoint(std::chrono::milliseconds(tick_ + step + std::countr_zero(rest)));
    step += 64 - static_cast<std::int64_t>(slot % 64);
  }
  return TimePoint::max();
}

}  // namespace sluice::async
