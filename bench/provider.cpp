// The provider of ./dev bench: answers at once, or streams events at a pace. One thread, plain epoll, no parsing beyond
// the head's end and the body's length, so that it costs as little as a provider can. An event may say when it was
// sent, so that whoever gets it knows how long it was under way (bench_load).
//
//   bench_provider PORT FOLDER
//
// FOLDER holds NAME.json, the whole answer to a request for /NAME/..., and NAME.events, the events of a stream: a first
// line with the microseconds between two events (0: all at once, each in its own system call), then one event's data a
// line. Nineteen '@' in an event become the nanoseconds of the monotonic clock at which it is sent.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Nanoseconds = std::chrono::nanoseconds;

constexpr std::string_view stamp = "@@@@@@@@@@@@@@@@@@@";
constexpr std::size_t max_request_bytes = 8 * 1024 * 1024;  // a request past this is a fault of the set-up

[[noreturn]] void die(const std::string& text) {
  std::fprintf(stderr, "bench_provider: %s\n", text.c_str());
  std::exit(1);
}

std::int64_t now_ns() { return Nanoseconds(Clock::now().time_since_epoch()).count(); }

// What is answered to the requests of one path.
struct Answer {
  std::string whole;                // head and body
  std::vector<std::string> events;  // framed as chunks
  std::int64_t pace_ns = 0;
};

std::string chunk(const std::string& data) {
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  return size + data + "\r\n";
}

Answer read_answer(const std::filesystem::path& path) {
  std::ifstream file(path);
  Answer answer;
  std::string line;
  if (path.extension() == ".json") {
    std::getline(file, line, '\0');
    answer.whole =
        "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
        "Content-Type: application/json\r\nContent-Length: " +
        std::to_string(line.size()) + "\r\nConnection: keep-alive\r\nx-request-id: bench-0123456789\r\n\r\n" + line;
    return answer;
  }
  std::getline(file, line);
  answer.pace_ns = std::atoll(line.c_str()) * 1000;
  answer.whole =
      "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
      "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n";
  while (std::getline(file, line)) answer.events.push_back(chunk("data: " + line + "\n\n"));
  answer.events.push_back("0\r\n\r\n");
  return answer;
}

class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // False at the end of the connection. `answers` by the path's first part.
  bool on_readable(const std::map<std::string, Answer, std::less<>>& answers) {
    char bytes[64 * 1024];
    for (;;) {
      const ssize_t n = recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
      if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return false;
      if (n < 0) break;
      request_.append(bytes, static_cast<std::size_t>(n));
      if (static_cast<std::size_t>(n) < sizeof bytes) break;
    }
    if (request_.size() > max_request_bytes) die("a request does not end");
    const std::size_t head = request_.find("\r\n\r\n");
    if (head == std::string::npos) return true;
    if (body_end_ == 0) body_end_ = head + 4 + length_in(std::string_view(request_).substr(0, head));
    if (request_.size() < body_end_) return true;
    const std::size_t slash = request_.find('/') + 1;
    const std::string_view name = std::string_view(request_).substr(slash, request_.find_first_of("/ ", slash) - slash);
    const auto found = answers.find(name);
    if (found == answers.end()) {
      send_all("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    } else {
      answer_ = &found->second;
      next_ = 0;
      due_ns_ = now_ns();
      send_all(answer_->whole);
    }
    request_.erase(0, body_end_);
    body_end_ = 0;
    return true;
  }
  // Whether there is an event to be sent, and when.
  bool streams() const { return answer_ && next_ < answer_->events.size(); }
  std::int64_t due_ns() const { return due_ns_; }
  void send_next() {
    const std::string& event = answer_->events[next_++];
    if (const std::size_t at = event.find(stamp); at != std::string::npos) {
      stamped_ = event;
      char digits[24];
      std::snprintf(digits, sizeof digits, "%019lld", static_cast<long long>(now_ns()));
      stamped_.replace(at, stamp.size(), digits);
      send_all(stamped_);
    } else {
      send_all(event);
    }
    due_ns_ += answer_->pace_ns;
  }

 private:
  static std::size_t length_in(std::string_view head) {
    constexpr std::string_view name = "content-length: ";
    const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
    const auto at = std::search(head.begin(), head.end(), name.begin(), name.end(), same);
    std::size_t length = 0;
    if (at != head.end()) std::from_chars(&*at + name.size(), head.data() + head.size(), length);
    return length;
  }
  void send_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0) return;  // the next read sees the end
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  int fd_;
  std::string request_;
  std::string stamped_;
  std::size_t body_end_ = 0;  // 0: the head is not whole
  const Answer* answer_ = nullptr;
  std::size_t next_ = 0;
  std::int64_t due_ns_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) die("usage: bench_provider PORT FOLDER");
  prctl(PR_SET_TIMERSLACK, 1000UL);
  std::map<std::string, Answer, std::less<>> answers;
  for (const auto& file : std::filesystem::directory_iterator(argv[2]))
    answers.emplace(file.path().stem().string(), read_answer(file.path()));

  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener, 8192) != 0)
    die(std::string("cannot listen: ") + std::strerror(errno));
  const int epoll_fd = epoll_create1(0);
  epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);

  std::unordered_map<int, std::unique_ptr<Connection>> connections;
  using Due = std::pair<std::int64_t, int>;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due;  // one entry for each stream
  std::unordered_map<int, bool> waiting;                           // in `due`
  for (;;) {
    timespec wait{.tv_sec = 10, .tv_nsec = 0};
    if (!due.empty()) {
      const std::int64_t left = std::max<std::int64_t>(due.top().first - now_ns(), 0);
      wait = {.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
    }
    epoll_event events[256];
    const int n = epoll_pwait2(epoll_fd, events, 256, &wait, nullptr);
    for (int i = 0; i < n; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        const int accepted = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (accepted < 0) continue;
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event one{.events = EPOLLIN, .data = {.fd = accepted}};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, accepted, &one);
        connections[accepted] = std::make_unique<Connection>(accepted);
        continue;
      }
      Connection& connection = *connections.at(fd);
      if (!connection.on_readable(answers)) {
        connections.erase(fd);
      } else if (connection.streams() && !waiting[fd]) {
        waiting[fd] = true;
        due.emplace(connection.due_ns(), fd);
      }
    }
    for (const std::int64_t now = now_ns(); !due.empty() && due.top().first <= now;) {
      const int fd = due.top().second;
      due.pop();
      waiting[fd] = false;
      const auto found = connections.find(fd);
      if (found == connections.end() || !found->second->streams()) continue;
      Connection& connection = *found->second;
      do connection.send_next();
      while (connection.streams() && connection.due_ns() <= now);
      if (!connection.streams()) continue;
      waiting[fd] = true;
      due.emplace(connection.due_ns(), fd);
    }
  }
}
