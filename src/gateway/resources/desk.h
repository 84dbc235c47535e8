// One question to the ResourceDesk and its answer, for a coroutine that goes on when the answer is there.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/result.h"
#include "net/reactor.h"
#include "store/resource_desk.h"

namespace sluice::gateway {

template <class T>
class DeskQuestion : public async::Wait {
 public:
  using Ask = std::function<Result<T>(store::ResourceStore&)>;

  // co_await DeskQuestion<T>(...): what `ask` gives, which runs on the desk's thread and must hold all that it needs.
  // Errors: its own; unavailable when the disk does not keep up; client_gone.
  DeskQuestion(net::Reactor& reactor, store::ResourceDesk& desk, Ask ask, async::Deadline deadline)
      : Wait(reactor.scheduler()), deadline_(deadline) {
    // The answer may come when nobody waits any more; the reactor outlives the desk's work.
    auto work = [state = state_, ask = std::move(ask), &reactor](store::ResourceStore& store) -> Result<void> {
      auto answer = std::make_shared<Result<T>>(ask(store));
      Result<void> done;
      if (!*answer && answer->error().kind == ErrorKind::unavailable) done = std::unexpected(answer->error());
      reactor.post([state, answer] {
        state->answer.emplace(std::move(*answer));
        if (state->waiting) state->waiting->wake(async::Woken::event);
      });
      return done;
    };
    if (!desk.hand_in(std::move(work))) state_->answer.emplace(busy());
  }
  ~DeskQuestion() override { state_->waiting = nullptr; }
  DeskQuestion(const DeskQuestion&) = delete;
  DeskQuestion& operator=(const DeskQuestion&) = delete;

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
    return fail(ErrorKind::unavailable, "what is kept for clients cannot be read: the disk does not keep up",
                "try again in a few seconds");
  }
  struct State {
    std::optional<Result<T>> answer;
    DeskQuestion* waiting = nullptr;  // touched on the reactor's thread alone
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  async::Deadline deadline_;
};

}  // namespace sluice::gateway
