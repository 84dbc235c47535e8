#include "serve/control_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sluice::serve {
namespace {

constexpr std::size_t most_answer_bytes = 1 << 20;  // 100 findings with their lines

std::unexpected<Error> failed(const char* what, const std::string& data_dir, std::string hint) {
  return fail(ErrorKind::unavailable, std::string(what) + " " + control_path(data_dir) + ": " + std::strerror(errno),
              std::move(hint));
}

// A data directory's path may be longer than the 107 bytes of a socket's address; by its descriptor it is short.
struct Place {
  Fd directory;
  sockaddr_un address = {};
  socklen_t length = 0;

  explicit Place(const std::string& data_dir) : directory(::open(data_dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    const std::string path = "/proc/self/fd/" + std::to_string(directory.get()) + "/control.sock";
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

void limit_waiting(int fd, int option, std::chrono::seconds limit) {
  const timeval time{.tv_sec = limit.count(), .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, option, &time, sizeof time);
}

// Up to the line's end, without it. Empty: it was not whole in time, or longer than `most`.
std::optional<std::string> read_line(int fd, std::size_t most) {
  std::string text;
  char buffer[4096];
  while (text.size() < most) {
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    text.append(buffer, static_cast<std::size_t>(n));
    if (const std::size_t end = text.find('\n'); end != std::string::npos) return text.substr(0, end);
  }
  return std::nullopt;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Result<ControlSocket> ControlSocket::listen(const std::string& data_dir) {
  const std::string hint = "the data directory must be on a file system that takes Unix sockets";
  const Place place(data_dir);
  ::unlink(control_path(data_dir).c_str());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd || ::bind(fd.get(), place.get(), place.length) < 0 || ::chmod(control_path(data_dir).c_str(), 0600) < 0 ||
      ::listen(fd.get(), 8) < 0)
    return failed("cannot listen on", data_dir, hint);
  struct stat status = {};
  if (::lstat(control_path(data_dir).c_str(), &status) < 0) return failed("cannot find", data_dir, hint);
  return ControlSocket(data_dir, std::move(fd), status.st_ino);
}

ControlSocket::~ControlSocket() {
  if (!fd_) return;
  struct stat status = {};
  const std::string path = control_path(directory_);
  if (::lstat(path.c_str(), &status) == 0 && status.st_ino == inode_) ::unlink(path.c_str());
}

std::optional<ControlSocket::Call> ControlSocket::accept() const {
  Call call{.fd = Fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)), .request = {}};
  if (!call.fd) return std::nullopt;
  limit_waiting(call.fd.get(), SO_RCVTIMEO, request_time);
  limit_waiting(call.fd.get(), SO_SNDTIMEO, answer_time);
  auto line = read_line(call.fd.get(), most_request_bytes);
  if (!line) return std::nullopt;
  call.request = *std::move(line);
  return call;
}

void ControlSocket::Call::answer(std::string_view line) const {
  write_all(fd.get(), std::string(line) + "\n");  // a caller that has left is not waited for
}

Result<std::string> call_server(const std::string& data_dir, std::string_view request, std::chrono::seconds limit) {
  const std::string hint = "start one with: sluice serve (or name its data directory with --data)";
  const Place place(data_dir);
  if (!place.directory) return failed("no server can be reached at", data_dir, hint);
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  limit_waiting(fd.get(), SO_SNDTIMEO, limit);
  limit_waiting(fd.get(), SO_RCVTIMEO, limit);
  if (!fd || ::connect(fd.get(), place.get(), place.length) < 0)
    return failed("no server can be reached at", data_dir, hint);
  if (!write_all(fd.get(), std::string(request) + "\n"))
    return failed("the server does not listen at", data_dir, "try again, or look at its log");
  auto line = read_line(fd.get(), most_answer_bytes);
  if (!line)
    return fail(ErrorKind::unavailable, "the server gave no answer within " + std::to_string(limit.count()) + " s",
                "it may have ended: look at its log");
  return *std::move(line);
}

}  // namespace sluice::serve
