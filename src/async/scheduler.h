// Scheduler: time, deadlines, cancellation and the queue of coroutines that may go on. It does no I/O: a reactor (or a
// simulation) tells it the time and runs it. One per thread; nothing here is thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <coroutine>
#include <cstdint>

#include "async/list.h"

namespace sluice::async {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

class Scheduler;
class Wait;

struct ReadyNode : ListNode {};
struct TimerNode : ListNode {};
struct CancelNode : ListNode {};

// Wakes every wait that was given it, once and for good: "the client has gone".
class Cancel {
 public:
  void fire();
  bool fired() const { return fired_; }

 private:
  friend class Wait;
  bool fired_ = false;
  List<Wait, CancelNode> waits_;
};

// How long a wait may last, and what else ends it. Every wait has one.
struct Deadline {
  TimePoint at = TimePoint::max();
  Cancel* cancel = nullptr;  // a borrow that outlives the wait: both belong to the same connection

  static Deadline never() { return {}; }
  bool cancelled() const { return cancel && cancel->fired(); }
  Deadline earlier(TimePoint other) const { return {other < at ? other : at, cancel}; }
};

// event: it may attempt what it waits for; done: it has.
enum class Woken : std::uint8_t { not_yet, event, done, deadline, cancelled };

// One suspended coroutine and the reasons for which it may go on. Base of every awaiter that really waits.
class Wait : public ReadyNode, public TimerNode, public CancelNode {
 public:
  explicit Wait(Scheduler& scheduler) : scheduler_(scheduler) {}
  virtual ~Wait() = default;
  // A deadline or a cancellation outranks an event. The coroutine runs from the scheduler's queue, never in the caller.
  void wake(Woken why);
  Woken woken() const { return woken_; }

 protected:
  void arm(std::coroutine_handle<> coroutine, const Deadline& deadline);
  // Called after an event, before the coroutine goes on. False: a false alarm, keep waiting.
  virtual bool attempt() { return true; }
  // arm() for what is not tried yet: attempt() is called when everybody who is ready has run, so that all such attempts
  // of a round are made one behind the other.
  void arm_late(std::coroutine_handle<> coroutine, const Deadline& deadline);
  Scheduler& scheduler() const { return scheduler_; }

 private:
  friend class Scheduler;
  bool hold(std::coroutine_handle<> coroutine, const Deadline& deadline);
  Scheduler& scheduler_;
  std::coroutine_handle<> coroutine_;
  TimePoint at_ = TimePoint::max();
  Woken woken_ = Woken::not_yet;
};

class Scheduler {
 public:
  explicit Scheduler(TimePoint now) : now_(now), tick_(to_tick(now)) {}
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  TimePoint now() const { return now_; }
  // Moves the clock forward and queues what has expired.
  void advance(TimePoint now);
  // Resumes what is queued, and what these queue in turn, up to a bound that leaves room for I/O. True if more is left.
  bool run_ready();
  // When the next deadline may expire, to the millisecond; TimePoint::max() when there is none.
  TimePoint next_expiry() const;

  // co_await scheduler.sleep(deadline): until the deadline, or earlier when cancelled.
  auto sleep(Deadline deadline) {
    struct Sleep : Wait {
      Deadline deadline;
      Sleep(Scheduler& scheduler, Deadline d) : Wait(scheduler), deadline(d) {}
      bool await_ready() const { return deadline.cancelled(); }
      void await_suspend(std::coroutine_handle<> coroutine) { arm(coroutine, deadline); }
      void await_resume() const {}
    };
    return Sleep(*this, deadline);
  }

 private:
  friend class Wait;
  static constexpr std::int64_t wheel_slots = 4096;  // 4 s of 1 ms ticks; a later timer stays in its slot for its round
  static constexpr int resumes_per_round = 1024;     // then look at the sockets again
  static std::int64_t to_tick(TimePoint at) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
  }
  void add_timer(Wait& wait);
  void attempt_late();

  TimePoint now_;
  std::int64_t tick_;  // every slot before this tick is done
  List<Wait, ReadyNode> ready_;
  List<Wait, ReadyNode> late_;
  std::array<List<Wait, TimerNode>, wheel_slots> wheel_;
  std::array<std::uint64_t, wheel_slots / 64> occupied_{};  // a set bit: the slot may hold timers
};

}  // namespace sluice::async
