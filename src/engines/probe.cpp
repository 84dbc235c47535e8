#include "engines/probe.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "engines/process.h"
#include "http/parse.h"

namespace sluice::engines {
namespace {

constexpr std::string_view question = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
using Clock = std::chrono::steady_clock;

bool wait_readable(int fd, Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  pollfd event{.fd = fd, .events = POLLIN, .revents = 0};
  return left.count() > 0 && ::poll(&event, 1, static_cast<int>(left.count())) == 1;
}

}  // namespace

Health probe_health(const std::string& socket_path, std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) return Health::unreachable;
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  // Non-blocking: a Unix socket connects at once or not at all (its backlog is full when the engine hangs).
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno == EAGAIN ? Health::no_answer : Health::unreachable;
  if (::send(fd.get(), question.data(), question.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(question.size()))
    return Health::no_answer;
  std::array<char, 4096> buffer;
  std::size_t size = 0;
  while (size < buffer.size() && wait_readable(fd.get(), deadline)) {
    const ssize_t got = ::recv(fd.get(), buffer.data() + size, buffer.size() - size, 0);
    if (got <= 0) return Health::no_answer;
    size += static_cast<std::size_t>(got);
    http::ResponseHead head;
    const http::HeadOutcome outcome = http::parse_response_head({buffer.data(), size}, {}, head);
    if (outcome.state == http::HeadOutcome::State::malformed) return Health::no_answer;
    if (outcome.state == http::HeadOutcome::State::complete) return head.status == 200 ? Health::ok : Health::not_yet;
  }
  return Health::no_answer;
}

}  // namespace sluice::engines
