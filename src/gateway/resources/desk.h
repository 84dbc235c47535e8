// One question to the ResourceDesk and its answer, for a coroutine that goes on when the answer is there.
#pragma once

#include <functional>
#include <utility>

#include "net/desk.h"
#include "store/resource_desk.h"

namespace sluice::gateway {

template <class T>
class DeskQuestion : public net::Question<T> {
 public:
  using Ask = std::function<Result<T>(store::ResourceStore&)>;

  // co_await DeskQuestion<T>(...): what `ask` gives, which runs on the desk's thread and must hold all that it needs.
  // Errors: its own; unavailable when the disk does not keep up; client_gone.
  DeskQuestion(net::Reactor& reactor, store::ResourceDesk& desk, Ask ask, async::Deadline deadline)
      : net::Question<T>(reactor, deadline, busy(), [&](typename net::Question<T>::Reply reply) {
          return desk.hand_in([asked = std::move(ask), answer = std::move(reply)](store::ResourceStore& store) {
            Result<T> found = asked(store);
            Result<void> done;
            if (!found && found.error().kind == ErrorKind::unavailable) done = std::unexpected(found.error());
            answer(std::move(found));
            return done;
          });
        }) {}

 private:
  static Error busy() {
    return {.kind = ErrorKind::unavailable,
            .message = "what is kept for clients cannot be read: the disk does not keep up",
            .hint = "try again in a few seconds"};
  }
};

}  // namespace sluice::gateway
