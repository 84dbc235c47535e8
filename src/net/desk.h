// What may wait for a disk stands behind a desk: one thread that owns it and does what it is handed, in order. A
// coroutine asks and goes on when the answer is there, so no reactor waits; what comes faster than it is answered is
// refused.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/result.h"
#include "net/reactor.h"

namespace sluice::net {

template <class Keeper>
class Desk {
 public:
  using Work = std::function<void(Keeper&)>;
  static constexpr std::size_t most_waiting = 256;
  static constexpr std::size_t most_waiting_bytes = 64u << 20;

  explicit Desk(Keeper keeper) : keeper_(std::move(keeper)), thread_([this] { run(); }) {}
  ~Desk() { stop(); }
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  // Any thread; never waits. `bytes` is what the work holds in memory. False: there is too much of it, or it has
  // stopped.
  bool hand_in(Work work, std::size_t bytes = 0) {
    {
      const std::lock_guard held(mutex_);
      if (stopping_ || waiting_.size() >= most_waiting || waiting_bytes_ + bytes > most_waiting_bytes) return false;
      waiting_.push_back({std::move(work), bytes});
      waiting_bytes_ += bytes;
    }
    wake_.notify_one();
    return true;
  }

  // Does what was handed in, then ends the thread; takes no more. Before the reactors that it answers to end.
  void stop() {
    {
      const std::lock_guard held(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

 private:
  struct Waiting {
    Work work;
    std::size_t bytes = 0;
  };

  void run() {
    std::unique_lock held(mutex_);
    for (;;) {
      wake_.wait(held, [&] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      Waiting next = std::move(waiting_.front());
      waiting_.pop_front();
      held.unlock();
      next.work(keeper_);
      next.work = nullptr;
      held.lock();
      waiting_bytes_ -= next.bytes;
    }
  }

  Keeper keeper_;     // the thread's
  std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

// One question to another thread and its answer. The answer may come when nobody waits any more, so what is asked holds
// all that it needs; the reactor outlives the thread that answers.
template <class T>
class Question : public async::Wait {
 public:
  using Reply = std::function<void(Result<T>)>;  // any thread, once

  // `hand_in(Reply)` passes the question on, or returns false: then the answer is `busy`, as when it comes too late.
  template <class HandIn>
  Question(Reactor& reactor, async::Deadline deadline, Error busy, HandIn hand_in)
      : Wait(reactor.scheduler()), deadline_(deadline), busy_(std::move(busy)) {
    taken_ = hand_in([state = state_, &reactor](Result<T> answer) {
      reactor.post([state, kept = std::make_shared<Result<T>>(std::move(answer))] {
        state->answer.emplace(std::move(*kept));
        if (state->waiting) state->waiting->wake(async::Woken::event);
      });
    });
  }
  // `ask(Keeper&)` runs on the desk's thread and gives a T or a Result<T>; `bytes` as for Desk::hand_in.
  template <class Keeper, class Ask>
  Question(Reactor& reactor, Desk<Keeper>& desk, Ask ask, std::size_t bytes, async::Deadline deadline, Error busy)
      : Question(reactor, deadline, std::move(busy), [&](Reply reply) {
          return desk.hand_in(
              [asked = std::move(ask), answer = std::move(reply)](Keeper& keeper) { answer(asked(keeper)); }, bytes);
        }) {}
  ~Question() override { state_->waiting = nullptr; }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  bool await_ready() const { return !taken_; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    state_->waiting = this;
    arm(coroutine, deadline_);
  }
  // Errors: the answer's; `busy`; client_gone.
  Result<T> await_resume() {
    if (state_->answer) return *std::move(state_->answer);
    if (woken() == async::Woken::cancelled) return fail(ErrorKind::client_gone, "the client has gone");
    return std::unexpected(std::move(busy_));
  }

 private:
  struct State {
    std::optional<Result<T>> answer;
    Question* waiting = nullptr;  // touched on the reactor's thread alone
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  async::Deadline deadline_;
  Error busy_;
  bool taken_ = false;
};

}  // namespace sluice::net
