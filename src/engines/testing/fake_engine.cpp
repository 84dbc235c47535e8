// A program that behaves like llama-server, or misbehaves as told: what the tests of supervision start as a child.
//   fake_engine --host SOCKET [--mode MODE] [--ms N] [--note TEXT]
// Modes: ok | slow (not ready for N ms) | exit (after N ms, code 3) | never (503 for ever) | hang (ready, silent after
// N ms) | garbage (answers no HTTP) | stubborn (ignores SIGTERM) | chatty (prints 4 MB) | environment (prints it)
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;

int listen_on(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 16) != 0) {
    std::perror("listen");
    std::exit(2);
  }
  return fd;
}

std::string_view answer(std::string_view mode, bool late) {
  if (mode == "garbage") return "what? 200\r\n\r\n";
  if (mode == "never" || (mode == "slow" && !late))
    return "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
}

void serve(int listener, std::string_view mode, Clock::time_point change) {
  for (;;) {
    const int fd = ::accept(listener, nullptr, nullptr);
    if (fd < 0) continue;
    char request[4096];
    [[maybe_unused]] const ssize_t got = ::recv(fd, request, sizeof request, 0);
    const bool late = Clock::now() >= change;
    if (mode == "hang" && late) ::pause();
    const std::string_view text = answer(mode, late);
    ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    ::close(fd);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string host;
  std::string mode = "ok";
  long ms = 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--host") host = argv[i + 1];
    if (option == "--mode") mode = argv[i + 1];
    if (option == "--ms") ms = std::atol(argv[i + 1]);
    if (option == "--note") std::printf("note %s\n", argv[i + 1]);
  }
  const Clock::time_point change = Clock::now() + std::chrono::milliseconds(ms);
  if (mode == "environment")
    for (char** entry = environ; *entry; ++entry) std::printf("%s\n", *entry);
  if (mode == "chatty")
    for (int i = 0; i < 40'000; ++i) std::printf("line %d %s\n", i, std::string(90, 'x').c_str());
  std::fflush(stdout);
  if (mode == "stubborn") ::signal(SIGTERM, SIG_IGN);
  if (mode == "exit") {
    std::this_thread::sleep_until(change);
    std::fprintf(stderr, "fake failure: no memory\n\n");
    return 3;
  }
  const int listener = listen_on(host);
  serve(listener, mode, change);
}
