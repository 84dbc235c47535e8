#include "admin/door.h"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "admin/problem.h"

namespace sluice::admin {
namespace {

// Longer than the busiest disk needs for one request; then the client is told, and what was begun goes on.
constexpr std::chrono::seconds longest_wait{30};

// One question to the desk. It holds all that it needs, as its answer may come when nobody waits any more; the reactor
// outlives the desk's thread.
template <class T>
class Question : public async::Wait {
 public:
  template <class Ask>
  Question(net::Reactor& reactor, Desk& desk, Ask ask, std::size_t bytes, async::Deadline deadline)
      : Wait(reactor.scheduler()), deadline_(deadline) {
    taken_ = desk.hand_in(
        [state = state_, ask = std::move(ask), &reactor](Administration& administration) {
          auto answer = std::make_shared<T>(ask(administration));
          reactor.post([state, answer] {
            state->answer.emplace(std::move(*answer));
            if (state->waiting) state->waiting->wake(async::Woken::event);
          });
        },
        bytes);
  }
  ~Question() override { state_->waiting = nullptr; }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  bool await_ready() const { return !taken_; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    state_->waiting = this;
    arm(coroutine, deadline_);
  }
  // Empty: the desk is full, or nobody waits any more.
  std::optional<T> await_resume() { return std::move(state_->answer); }

 private:
  struct State {
    std::optional<T> answer;
    Question* waiting = nullptr;  // touched on the reactor's thread alone
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  async::Deadline deadline_;
  bool taken_ = false;
};

Request copy_head(const http::RequestHead& head) {
  Request request{.method = std::string(head.method),
                  .path = std::string(head.path),
                  .query = std::string(head.query),
                  .headers = {},
                  .body = {}};
  for (const http::Field& field : head) request.headers.add(field.name, field.value);
  return request;
}

Error too_busy() {
  return {.kind = ErrorKind::overloaded,
          .message = "the administration has more requests than it can answer",
          .hint = "try again in a few seconds"};
}

}  // namespace

async::Task<> Door::handle(http::Exchange& exchange) {
  const auto request = std::make_shared<Request>(copy_head(exchange.head()));
  const auto bytes = [&] { return request->headers.text().size() + request->path.size() + request->body.size(); };
  const auto deadline = [&] { return reactor_.within(longest_wait, &exchange.client_gone()); };
  Question<Administration::Admitted> may(
      reactor_, desk_, [request](Administration& administration) { return administration.admit(*request); }, bytes(),
      deadline());
  std::optional<Administration::Admitted> admitted = co_await may;
  std::optional<Answer> answer;
  if (!admitted) {
    answer = problem(too_busy());
  } else if (admitted->refusal) {
    answer = std::move(admitted->refusal);
  } else {
    const auto too_large = [&] {
      return problem({.kind = ErrorKind::request_too_large,
                      .message = "the body has more than " + std::to_string(admitted->body_bytes) + " bytes",
                      .hint = "no request needs more"});
    };
    if (exchange.head().content_length.value_or(0) > admitted->body_bytes) {
      answer = too_large();
    } else {
      Result<std::string> body = co_await exchange.read_body();
      if (!body) {
        answer = problem(body.error());
      } else if (body->size() > admitted->body_bytes) {
        answer = too_large();
      } else {
        request->body = *std::move(body);
        Question<Answer> what(
            reactor_, desk_, [request](Administration& administration) { return administration.answer(*request); },
            bytes(), deadline());
        answer = co_await what;
        if (!answer) answer = problem(too_busy());
      }
    }
  }
  (void)co_await exchange.respond(answer->status, answer->headers, answer->body);
}

std::string Door::malformed(int /*status*/, std::string_view message, http::Headers& headers) {
  Answer answer = problem({.kind = ErrorKind::invalid_request, .message = std::string(message)});
  headers.set("content-type", "application/problem+json");
  return std::move(answer.body);
}

}  // namespace sluice::admin
