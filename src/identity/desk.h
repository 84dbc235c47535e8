// The one thread on which sessions are kept and looked up: a reactor asks and goes on when the answer is there.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "net/reactor.h"
#include "store/store.h"

namespace sluice::identity {

class Desk {
 public:
  using Work = std::function<void(store::Store&)>;
  // Questions that wait; each takes well below a millisecond. More are refused.
  static constexpr std::size_t most_waiting = 256;

  // Errors of Store::open.
  static Result<std::unique_ptr<Desk>> start(const store::Home& home);
  ~Desk();  // stop()
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  // Any thread; never waits. False: full, or stopped.
  bool hand_in(Work work);
  // Does what was handed in, then ends the thread. Before the reactors that it answers to.
  void stop();

 private:
  explicit Desk(store::Store store);
  void run();

  store::Store store_;  // the thread's
  std::mutex mutex_;    // of what follows
  std::condition_variable wake_;
  std::deque<Work> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

template <class T>
class Question : public async::Wait {
 public:
  using Ask = std::function<Result<T>(store::Store&)>;

  // co_await Question<T>(...): what `ask` gives, which runs on the desk's thread and must hold all that it needs.
  // Errors: its own; unavailable when the desk is full or late; client_gone.
  Question(net::Reactor& reactor, Desk& desk, Ask ask, async::Deadline deadline)
      : Wait(reactor.scheduler()), deadline_(deadline) {
    // The answer may come when nobody waits any more; the reactor outlives the desk's work.
    auto work = [state = state_, ask = std::move(ask), &reactor](store::Store& store) {
      reactor.post([state, answer = std::make_shared<Result<T>>(ask(store))] {
        state->answer.emplace(std::move(*answer));
        if (state->waiting) state->waiting->wake(async::Woken::event);
      });
    };
    if (!desk.hand_in(std::move(work))) state_->answer.emplace(busy());
  }
  ~Question() override { state_->waiting = nullptr; }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  bool await_ready() const { return state_->answer.has_value(); }
  void await_suspend(std::coroutine_handle<> coroutine) {
    state_->waiting = this;
    arm(coroutine, deadline_);
  }
  Result<T> await_resume() {
    if (state_->answer) return *std::move(state_->answer);
    if (woken() == async::Woken::cancelled) return fail(ErrorKind::client_gone, "the client has gone");
    return busy();
  }

 private:
  static std::unexpected<Error> busy() {
    return fail(ErrorKind::unavailable, "sessions cannot be read: the disk does not keep up",
                "try again in a few seconds");
  }
  struct State {
    std::optional<Result<T>> answer;
    Question* waiting = nullptr;  // touched on the reactor's thread alone
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  async::Deadline deadline_;
};

}  // namespace sluice::identity
