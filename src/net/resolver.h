// DNS by c-ares, on the reactor's own loop: nobody blocks, and a slow name server holds up only who asked it.
#pragma once

#include <memory>
#include <vector>

#include "async/task.h"
#include "net/socket.h"

namespace sluice::net {

class Resolver {
 public:
  explicit Resolver(Reactor& reactor);  // throws std::runtime_error when c-ares cannot start
  ~Resolver();

  // The addresses of a name in the order in which they should be tried (RFC 6724); an IP literal is itself. Answers are
  // kept for their TTL, at most 60 s. Errors: provider_unreachable (no such name, no server), provider_timeout.
  async::Task<Result<std::vector<SocketAddress>>> resolve(std::string host, std::uint16_t port,
                                                          async::Deadline deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::net
