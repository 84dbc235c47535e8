// Sockets: the plain Stream over TCP or a Unix socket, the listener, and connecting.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>
#include <vector>

#include "async/task.h"
#include "base/address.h"
#include "base/fd.h"
#include "net/stream.h"

namespace sluice::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  int family() const { return storage.ss_family; }
  std::uint16_t port() const;
  std::string text() const;  // "127.0.0.1:8080", "[::1]:8080", "unix:/path"
};

Result<SocketAddress> numeric_address(const std::string& host, std::uint16_t port);  // not_found when it is a name
Result<SocketAddress> unix_address(const std::string& path);

class Socket : public Stream, public Watched {
 public:
  Socket(Reactor& reactor, Fd fd);
  ~Socket() override;
  bool stale() override;
  void end_writing() override;
  void cut() override;

 protected:
  Attempt try_read(std::span<char> buffer) override;
  Attempt try_write(std::span<const iovec> pieces) override;
  void on_events(std::uint32_t epoll_events) override;
  int fd() const { return fd_.get(); }
  // After a short read there is nothing left until epoll says so: saves one system call per message.
  bool may_be_readable_ = true;

 private:
  Fd fd_;
};

// A connected descriptor, with TCP_NODELAY. Errors: provider_unreachable, provider_timeout, client_gone.
async::Task<Result<Fd>> connect_fd(Reactor& reactor, SocketAddress address, async::Deadline deadline);

class Listener : public Watched {
 public:
  // Whether nobody listens there, not even another process that would share the address. Errors as of listen().
  static Result<void> check_free(const SocketAddress& address);
  // SO_REUSEPORT lets every reactor have its own listener on one address; a Unix socket has one listener. The file of a
  // Unix socket that nobody answers is replaced, and goes with its listener. Errors: unavailable, naming the address,
  // with the way out (port taken, no permission).
  static Result<std::unique_ptr<Listener>> listen(Reactor& reactor, const SocketAddress& address, bool reuse_port);
  // Of a socket that another process has made, and listens on.
  static std::unique_ptr<Listener> adopt(Reactor& reactor, Fd fd);
  ~Listener() override;
  // For another process, which shares the queue of those who wait to be accepted. Valid while this lives.
  int fd() const { return fd_.get(); }
  // The file of a Unix socket stays when this goes: another process listens there.
  void leave_file() { file_ = {}; }
  SocketAddress local_address() const;

  // co_await accept(deadline): the next connection. Errors: client_gone when cancelled, overloaded when the process has
  // no file descriptors left (the caller pauses and tries again).
  async::Task<Result<std::unique_ptr<Socket>>> accept(async::Deadline deadline);
  // The same for who makes another Stream of it.
  async::Task<Result<Fd>> accept_fd(async::Deadline deadline);

 private:
  Listener(Reactor& reactor, Fd fd);
  void on_events(std::uint32_t epoll_events) override;
  class Ready;
  Reactor& reactor_;
  Fd fd_;
  struct File {
    dev_t device = 0;
    ino_t inode = 0;  // 0: none
  };
  File file_;  // of a Unix socket
  Ready* waiter_ = nullptr;
};

}  // namespace sluice::net
