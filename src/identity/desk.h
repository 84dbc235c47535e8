// The one thread on which sessions are kept and looked up; a question takes well below a millisecond.
#pragma once

#include <functional>
#include <utility>

#include "net/desk.h"
#include "store/store.h"

namespace sluice::identity {

using Desk = net::Desk<store::Store>;

template <class T>
class Question : public net::Question<T> {
 public:
  using Ask = std::function<Result<T>(store::Store&)>;

  // co_await Question<T>(...): what `ask` gives, which runs on the desk's thread and must hold all that it needs.
  // Errors: its own; unavailable when the desk is full or late; client_gone.
  Question(net::Reactor& reactor, Desk& desk, Ask ask, async::Deadline deadline)
      : net::Question<T>(reactor, desk, std::move(ask), 0, deadline,
                         {.kind = ErrorKind::unavailable,
                          .message = "sessions cannot be read: the disk does not keep up",
                          .hint = "try again in a few seconds"}) {}
};

}  // namespace sluice::identity
