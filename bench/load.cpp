// Closed-loop HTTP load over kept connections, and the CPU time that a gateway spends on it.
// One thread, plain epoll. Each connection sends the same request again as soon as its answer is whole. After a warm-up
// it counts answers and SSE events for a while, and reads at both ends of that window how long the gateway's threads
// have been on a CPU. Prints one line of JSON. It does not measure latency: on a shared machine that is the
// neighbours'.
//
//   bench_load PORT CONNECTIONS WARM_SECONDS SECONDS REQUEST_FILE PID...
//
// REQUEST_FILE holds the request's bytes, head and body. The PIDs are the gateway's processes.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
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
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t max_answer_bytes = 4 * 1024 * 1024;  // an answer past this is a fault of the set-up

[[noreturn]] void die(const std::string& text) {
  std::fprintf(stderr, "bench_load: %s\n", text.c_str());
  std::exit(1);
}

struct Counts {
  std::uint64_t answers = 0;
  std::uint64_t events = 0;
  std::uint64_t errors = 0;  // answers with another status than 200
};

// One connection and the answer it is reading.
class Connection {
 public:
  Connection(int epoll_fd, std::uint16_t port, std::string_view request, Counts& counts)
      : request_(request), counts_(counts) {
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      die("cannot connect to port " + std::to_string(port) + ": " + std::strerror(errno));
    int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = this;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd_, &event);
    send_request();
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void on_readable() {
    char bytes[64 * 1024];
    const ssize_t n = recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n == 0) die("the gateway closed a kept connection; its last answer began: " + answer_.substr(0, 300));
    if (n < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      die(std::string("recv: ") + std::strerror(errno));
    }
    answer_.append(bytes, static_cast<std::size_t>(n));
    if (answer_.size() > max_answer_bytes) die("an answer does not end");
    count_events();
    if (is_whole()) {
      ++counts_.answers;
      if (!answer_.starts_with("HTTP/1.1 200")) {
        ++counts_.errors;
        if (counts_.errors == 1) std::fprintf(stderr, "bench_load: first bad answer: %.300s\n", answer_.c_str());
      }
      answer_.clear();
      seen_ = head_bytes_ = 0;
      send_request();
    }
  }

 private:
  void send_request() {
    for (std::size_t sent = 0; sent < request_.size();) {
      const ssize_t n = send(fd_, request_.data() + sent, request_.size() - sent, MSG_NOSIGNAL);
      if (n < 0) die(std::string("send: ") + std::strerror(errno));
      sent += static_cast<std::size_t>(n);
    }
  }

  // Counts whole "data: {" marks; [DONE] is the end and no event. A mark cut by a read is found with the next one.
  void count_events() {
    constexpr std::string_view mark = "data: {";
    std::size_t at = seen_;
    for (std::size_t hit; (hit = answer_.find(mark, at)) != std::string::npos; at = hit + mark.size()) ++counts_.events;
    seen_ = std::max(at, answer_.size() < mark.size() ? 0 : answer_.size() - mark.size() + 1);
  }

  bool is_whole() {
    if (head_bytes_ == 0) {
      const std::size_t end = answer_.find("\r\n\r\n");
      if (end == std::string::npos) return false;
      head_bytes_ = end + 4;
      read_framing(std::string_view(answer_).substr(0, head_bytes_));
    }
    if (!chunked_) return answer_.size() >= head_bytes_ + body_bytes_;
    return answer_.ends_with("\r\n\r\n") && last_chunk_has_come();
  }

  // The empty chunk, and after it perhaps trailers (a stream's cost). No event of this bench holds such a line.
  bool last_chunk_has_come() const {
    constexpr std::size_t max_trailer_bytes = 512;
    const std::size_t from = answer_.size() > max_trailer_bytes ? answer_.size() - max_trailer_bytes : 0;
    return answer_.find("\r\n0\r\n", from) != std::string::npos;
  }

  void read_framing(std::string_view head) {
    std::string lower(head);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    chunked_ = lower.find("transfer-encoding: chunked") != std::string::npos;
    const std::size_t at = lower.find("content-length: ");
    if (chunked_) return;
    if (at == std::string::npos) die("an answer has neither a length nor chunks: " + std::string(head));
    std::from_chars(lower.data() + at + 16, lower.data() + lower.size(), body_bytes_);
  }

  int fd_ = -1;
  std::string_view request_;  // outlives every connection: main() owns it
  Counts& counts_;            // likewise
  std::string answer_;
  std::size_t seen_ = 0;        // events before this offset are counted
  std::size_t head_bytes_ = 0;  // 0 = the head is not whole yet
  std::size_t body_bytes_ = 0;
  bool chunked_ = false;
};

// Nanoseconds that all threads of these processes have spent on a CPU (first field of schedstat).
std::uint64_t cpu_ns(const std::vector<std::string>& pids) {
  std::uint64_t sum = 0;
  for (const std::string& pid : pids) {
    std::error_code failure;
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + pid + "/task", failure)) {
      std::uint64_t ns = 0;
      std::ifstream(task.path() / "schedstat") >> ns;
      sum += ns;
    }
    if (failure) die("process " + pid + " is gone");
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) die("usage: bench_load PORT CONNECTIONS WARM_SECONDS SECONDS REQUEST_FILE PID...");
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const int connections = std::atoi(argv[2]);
  const auto warm = std::chrono::duration<double>(std::atof(argv[3]));
  const auto window = std::chrono::duration<double>(std::atof(argv[4]));
  std::ifstream file(argv[5], std::ios::binary);
  const std::string request((std::istreambuf_iterator<char>(file)), {});
  if (request.empty()) die(std::string("cannot read ") + argv[5]);
  const std::vector<std::string> pids(argv + 6, argv + argc);

  const int epoll_fd = epoll_create1(0);
  Counts counts;
  std::vector<std::unique_ptr<Connection>> open;
  for (int i = 0; i < connections; ++i) open.push_back(std::make_unique<Connection>(epoll_fd, port, request, counts));

  auto run_for = [&](std::chrono::duration<double> time) {
    const auto end = Clock::now() + time;
    epoll_event events[64];
    while (Clock::now() < end) {
      const int n = epoll_wait(epoll_fd, events, 64, 100);
      for (int i = 0; i < n; ++i) static_cast<Connection*>(events[i].data.ptr)->on_readable();
    }
  };
  run_for(warm);
  const Counts before = counts;
  const std::uint64_t cpu_before = cpu_ns(pids);
  const auto begin = Clock::now();
  run_for(window);
  const std::uint64_t cpu = cpu_ns(pids) - cpu_before;
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::printf(R"({"answers": %llu, "events": %llu, "errors": %llu, "seconds": %.3f, "cpu_us": %.1f})"
              "\n",
              static_cast<unsigned long long>(counts.answers - before.answers),
              static_cast<unsigned long long>(counts.events - before.events),
              static_cast<unsigned long long>(counts.errors), seconds, static_cast<double>(cpu) / 1000.0);
  return 0;
}
