#include "net/socket.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sluice::net {

// --- addresses

namespace {

const char* unix_path(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_un&>(address.storage).sun_path;
}

}  // namespace

std::uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
  if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
  return 0;
}

std::string SocketAddress::text() const {
  char buffer[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, buffer, sizeof buffer);
    return std::string(buffer) + ":" + std::to_string(port());
  }
  if (family() == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, buffer, sizeof buffer);
    return "[" + std::string(buffer) + "]:" + std::to_string(port());
  }
  return "unix:" + std::string(unix_path(*this));
}

Result<SocketAddress> numeric_address(const std::string& host, std::uint16_t port) {
  SocketAddress address;
  if (auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage); inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    address.length = sizeof v4;
    return address;
  }
  if (auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
      inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    address.length = sizeof v6;
    return address;
  }
  return fail(ErrorKind::not_found, "'" + host + "' is not an IP address");
}

Result<SocketAddress> unix_address(const std::string& path) {
  SocketAddress address;
  auto& local = reinterpret_cast<sockaddr_un&>(address.storage);
  if (path.size() >= sizeof local.sun_path)
    return fail(ErrorKind::invalid_request, "the socket path '" + path + "' is longer than 107 bytes",
                "use a shorter directory");
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.c_str(), path.size() + 1);
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

// --- Socket

Socket::Socket(Reactor& reactor, Fd fd) : Stream(reactor), fd_(std::move(fd)) {
  reactor_.watch(fd_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
}

Socket::~Socket() { reactor_.unwatch(fd_.get()); }

void Socket::on_events(std::uint32_t epoll_events) {
  const bool readable = epoll_events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
  if (readable) may_be_readable_ = true;
  notify(readable, epoll_events & (EPOLLOUT | EPOLLHUP | EPOLLERR), epoll_events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
}

Attempt Socket::try_read(std::span<char> buffer) {
  if (!may_be_readable_) return {Attempt::State::wait_readable};
  for (;;) {
    const ssize_t n = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (n > 0) {
      if (static_cast<std::size_t>(n) < buffer.size() && !hung_up()) may_be_readable_ = false;
      return {Attempt::State::moved, static_cast<std::size_t>(n)};
    }
    if (n == 0) return {Attempt::State::end};
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return {Attempt::State::broken, 0, errno};
    may_be_readable_ = false;
    return {Attempt::State::wait_readable};
  }
}

Attempt Socket::try_write(std::span<const iovec> pieces) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  for (;;) {
    const ssize_t n = sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (n >= 0) return {Attempt::State::moved, static_cast<std::size_t>(n)};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Attempt::State::wait_writable};
    return {Attempt::State::broken, 0, errno};
  }
}

void Socket::end_writing() { ::shutdown(fd_.get(), SHUT_WR); }

void Socket::cut() { ::shutdown(fd_.get(), SHUT_RDWR); }

bool Socket::stale() {
  if (hung_up()) return true;
  if (!may_be_readable_) return false;  // epoll would have told
  char byte;
  const ssize_t n = recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

// --- connecting

namespace {

Error unreachable(int error) {
  return {.kind = ErrorKind::provider_unreachable, .message = std::strerror(error), .retry = Retry::anywhere};
}

// A connection under way: writable means it is decided.
class Connecting : public Watched {
 public:
  Connecting(Reactor& reactor, int fd) : reactor_(reactor), fd_(fd) { reactor_.watch(fd_, EPOLLOUT | EPOLLET, *this); }
  ~Connecting() override { reactor_.unwatch(fd_); }

  struct Decided : async::Wait {
    Connecting& connecting;
    async::Deadline deadline;
    Decided(Connecting& c, async::Deadline d) : Wait(c.reactor_.scheduler()), connecting(c), deadline(d) {}
    ~Decided() override { connecting.waiter_ = nullptr; }
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> coroutine) {
      connecting.waiter_ = this;
      arm(coroutine, deadline);
    }
    async::Woken await_resume() const { return woken(); }
  };

 private:
  void on_events(std::uint32_t) override {
    if (waiter_) waiter_->wake(async::Woken::event);
  }
  Reactor& reactor_;
  int fd_;
  Decided* waiter_ = nullptr;
};

}  // namespace

async::Task<Result<Fd>> connect_fd(Reactor& reactor, SocketAddress address, async::Deadline deadline) {
  Fd fd(socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) co_return std::unexpected(unreachable(errno));
  const int on = 1;
  if (address.family() != AF_UNIX) setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) < 0) {
    if (errno != EINPROGRESS) co_return std::unexpected(unreachable(errno));
    Connecting connecting(reactor, fd.get());
    const async::Woken woken = co_await Connecting::Decided(connecting, deadline);
    if (woken == async::Woken::cancelled) co_return fail(ErrorKind::client_gone, "the client closed the connection");
    if (woken == async::Woken::deadline)
      co_return std::unexpected(Error{.kind = ErrorKind::provider_timeout,
                                      .message = "no connection to " + address.text() + " in time",
                                      .retry = Retry::anywhere});
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error) co_return std::unexpected(unreachable(error));
  }
  co_return std::move(fd);
}

// --- Listener

class Listener::Ready : public async::Wait {
 public:
  Ready(Listener& listener, async::Deadline deadline)
      : Wait(listener.reactor_.scheduler()), listener_(listener), deadline_(deadline) {}
  ~Ready() override { listener_.waiter_ = nullptr; }
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    listener_.waiter_ = this;
    arm(coroutine, deadline_);
  }
  async::Woken await_resume() const { return woken(); }

 private:
  Listener& listener_;
  async::Deadline deadline_;
};

Listener::Listener(Reactor& reactor, Fd fd) : reactor_(reactor), fd_(std::move(fd)) {
  reactor_.watch(fd_.get(), EPOLLIN | EPOLLET, *this);  // accept() goes on until the kernel has no more
}

Listener::~Listener() {
  reactor_.unwatch(fd_.get());
  if (!file_.inode) return;
  // Not the file of another server that has taken the place since.
  const SocketAddress address = local_address();
  struct stat status = {};
  if (::lstat(unix_path(address), &status) == 0 && status.st_dev == file_.device && status.st_ino == file_.inode)
    ::unlink(unix_path(address));
}

void Listener::on_events(std::uint32_t) {
  if (waiter_) waiter_->wake(async::Woken::event);
}

namespace {

Error no_listening(const SocketAddress& address, const std::string& reason, std::string hint) {
  return {.kind = ErrorKind::unavailable,
          .message = "cannot listen on " + address.text() + ": " + reason,
          .hint = std::move(hint)};
}

// A Unix socket's file outlives a server that was killed: it goes when nobody answers there.
Result<void> clear_unix_path(const SocketAddress& address) {
  const char* path = unix_path(address);
  struct stat status = {};
  if (::lstat(path, &status) < 0) return {};  // nothing there, or bind() says what is wrong
  if (!S_ISSOCK(status.st_mode))
    return std::unexpected(no_listening(address, "there is a file that is no socket",
                                        "choose another path with --listen, or remove the file"));
  const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe)
    return std::unexpected(no_listening(address, std::string("socket: ") + std::strerror(errno),
                                        "raise the number of open files: ulimit -n"));
  const bool refused = connect(probe.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) < 0 &&
                       errno == ECONNREFUSED;
  if (!refused)
    return std::unexpected(no_listening(address, "already in use",
                                        "another program listens there: stop it or choose another path with --listen"));
  ::unlink(path);
  return {};
}

Result<Fd> listening_socket(const SocketAddress& address, bool reuse_port) {
  constexpr int backlog = 1024;
  const auto refused = [&](const char* what) {
    const int error = errno;
    std::string hint = error == EADDRINUSE
                           ? "another program listens there: stop it or choose another address with --listen"
                       : error == EACCES && address.family() == AF_UNIX
                           ? "this user may not write in the socket's directory: choose another with --listen"
                       : error == EMFILE || error == ENFILE ? "raise the open-file limit (ulimit -n)"
                       : error == EACCES ? "ports below 1024 need a privilege: choose another with --listen"
                       : error == ENOENT ? "make the socket's directory first, or choose another with --listen"
                       : error == EADDRNOTAVAIL
                           ? "this machine has no such address: 127.0.0.1 is for this machine alone, 0.0.0.0 is all"
                           : "";
    return std::unexpected(no_listening(address, std::string(what) + ": " + std::strerror(error), std::move(hint)));
  };
  if (address.family() == AF_UNIX) CHECK_OK(clear_unix_path(address));
  Fd fd(socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return refused("socket");
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (reuse_port) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) < 0) return refused("bind");
  if (::listen(fd.get(), backlog) < 0) return refused("listen");
  return fd;
}

}  // namespace

Result<void> Listener::check_free(const SocketAddress& address) {
  if (address.family() == AF_UNIX) return clear_unix_path(address);
  CHECK_OK(listening_socket(address, false));
  return {};
}

Result<std::unique_ptr<Listener>> Listener::listen(Reactor& reactor, const SocketAddress& address, bool reuse_port) {
  TRY(Fd fd, listening_socket(address, reuse_port));
  return adopt(reactor, std::move(fd));
}

std::unique_ptr<Listener> Listener::adopt(Reactor& reactor, Fd fd) {
  std::unique_ptr<Listener> listener(new Listener(reactor, std::move(fd)));
  const SocketAddress address = listener->local_address();
  struct stat status = {};
  if (address.family() == AF_UNIX && ::lstat(unix_path(address), &status) == 0)
    listener->file_ = {.device = status.st_dev, .inode = status.st_ino};
  return listener;
}

SocketAddress Listener::local_address() const {
  SocketAddress address;
  address.length = sizeof address.storage;
  getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.length);
  return address;
}

async::Task<Result<std::unique_ptr<Socket>>> Listener::accept(async::Deadline deadline) {
  CO_TRY(Fd fd, co_await accept_fd(deadline));
  co_return std::make_unique<Socket>(reactor_, std::move(fd));
}

async::Task<Result<Fd>> Listener::accept_fd(async::Deadline deadline) {
  for (;;) {
    Fd fd(accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      const int on = 1;
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      co_return std::move(fd);
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
      co_return fail(ErrorKind::overloaded, std::string("cannot accept a connection: ") + std::strerror(errno),
                     "raise the open-file limit (ulimit -n)");
    if (errno != EAGAIN && errno != EWOULDBLOCK) continue;  // the peer went away before it was accepted
    if (co_await Ready(*this, deadline) == async::Woken::cancelled)
      co_return fail(ErrorKind::client_gone, "the listener is closing");
  }
}

}  // namespace sluice::net
