// Signal: one coroutine waits until another says that there is something to look at. A notify() while nobody waits is
// remembered, once; it says nothing about what has happened, so who is woken looks again.
#pragma once

#include "async/scheduler.h"

namespace sluice::async {

class Signal {
 public:
  explicit Signal(Scheduler& scheduler) : scheduler_(scheduler) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  // Never runs the waiting coroutine itself.
  void notify() {
    set_ = true;
    if (waiter_) waiter_->wake(Woken::event);
  }

  class Waiting : public Wait {
   public:
    Waiting(Signal& signal, Deadline deadline) : Wait(signal.scheduler_), signal_(signal), deadline_(deadline) {}
    ~Waiting() override {
      if (signal_.waiter_ == this) signal_.waiter_ = nullptr;
    }
    bool await_ready() const { return signal_.set_; }
    void await_suspend(std::coroutine_handle<> coroutine) {
      signal_.waiter_ = this;
      arm(coroutine, deadline_);
    }
    // True: notified. False: the deadline has passed, or it was cancelled.
    bool await_resume() {
      if (signal_.waiter_ == this) signal_.waiter_ = nullptr;
      if (woken() == Woken::deadline || woken() == Woken::cancelled) return false;
      signal_.set_ = false;
      return true;
    }

   private:
    Signal& signal_;
    Deadline deadline_;
  };
  // co_await wait(deadline): at most one coroutine at a time. A notification outranks a deadline that has passed before
  // the wait begins.
  Waiting wait(Deadline deadline) { return Waiting(*this, deadline); }

 private:
  Scheduler& scheduler_;
  Waiting* waiter_ = nullptr;
  bool set_ = false;
};

}  // namespace sluice::async
