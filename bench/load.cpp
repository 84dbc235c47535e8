// HTTP load over kept connections, the CPU time that a gateway spends on it, and how long its answers take. One thread,
// plain epoll. Prints one line of JSON.
//
//   bench_load closed PORT CONNECTIONS WARM_SECONDS SECONDS REQUEST_FILE PID...
//   bench_load open RATE PORT CONNECTIONS WARM_SECONDS SECONDS REQUEST_FILE PID...
//   bench_load count N PORT CONNECTIONS REQUEST_FILE
//
// closed: each connection sends the same request again as soon as its answer is whole. After a warm-up it counts
// answers and SSE events for a while, and reads at both ends of that window how long the gateway's threads have been on
// a CPU. For events that say when they were sent (bench_provider) it also tells how long they were under way, how that
// changed from one event of a stream to the next, and how long the first took from the request.
//
// open: requests come at a fixed rate whatever the answers do, and an answer's time counts from the moment at which its
// request was due, not from when a connection was free for it: a gateway that stops for a moment is charged for all
// that should have come in that moment.
//
// count: N requests and no more, for those who count instructions.
//
// REQUEST_FILE holds the request's bytes, head and body. The PIDs are the gateway's processes.
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

std::int64_t now_ns() { return std::chrono::nanoseconds(Clock::now().time_since_epoch()).count(); }

// Times, each kept: a run has a few million at most.
class Times {
 public:
  void add(std::int64_t ns) { ns_.push_back(ns); }
  void clear() { ns_.clear(); }
  // {"count": 1, "p50": 1.5, ...} in microseconds.
  std::string json() {
    std::sort(ns_.begin(), ns_.end());
    const auto at = [&](double share) {
      if (ns_.empty()) return 0.0;
      const auto index = static_cast<std::size_t>(share * static_cast<double>(ns_.size()));
      return static_cast<double>(ns_[std::min(index, ns_.size() - 1)]) / 1000.0;
    };
    char text[256];
    std::snprintf(text, sizeof text,
                  R"({"count": %zu, "p50": %.1f, "p90": %.1f, "p99": %.1f, "p999": %.1f, "max": %.1f})", ns_.size(),
                  at(0.5), at(0.9), at(0.99), at(0.999), at(1));
    return text;
  }

 private:
  std::vector<std::int64_t> ns_;
};

struct Counts {
  std::uint64_t answers = 0;
  std::uint64_t events = 0;
  std::uint64_t errors = 0;  // answers with another status than 200
  Times answer;              // open: from when a request was due to the end of its answer
  Times event;               // closed: from when an event was sent
  Times jitter;              // how that differs from the event before
  Times first;               // from the request to the first event
};

// One connection and the answer it is reading.
class Connection {
 public:
  // `again`: sends the next request as soon as an answer is whole.
  Connection(int epoll_fd, std::uint16_t port, std::string_view request, Counts& counts, bool again)
      : request_(request), counts_(counts), again_(again) {
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
    if (again_) begin(now_ns());
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends the request that was due then.
  void begin(std::int64_t due_ns) {
    due_ns_ = due_ns;
    last_delay_ns_ = 0;
    busy_ = true;
    send_request();
  }
  bool busy() const { return busy_; }

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
      counts_.answer.add(now_ns() - due_ns_);
      answer_.clear();
      seen_ = head_bytes_ = 0;
      busy_ = false;
      if (again_) begin(now_ns());
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
    for (std::size_t hit; (hit = answer_.find(mark, at)) != std::string::npos; at = hit + mark.size()) {
      ++counts_.events;
      time_event(std::string_view(answer_).substr(hit + mark.size()));
    }
    seen_ = std::max(at, answer_.size() < mark.size() ? 0 : answer_.size() - mark.size() + 1);
  }

  // An event that begins with "sent": "NANOSECONDS".
  void time_event(std::string_view data) {
    constexpr std::string_view name = R"("sent": ")";
    std::int64_t sent = 0;
    if (!data.starts_with(name) ||
        std::from_chars(data.data() + name.size(), data.data() + data.size(), sent).ptr == data.data() + name.size())
      return;
    const std::int64_t now = now_ns();
    const std::int64_t delay = now - sent;
    counts_.event.add(delay);
    if (last_delay_ns_ != 0)
      counts_.jitter.add(std::abs(delay - last_delay_ns_));
    else
      counts_.first.add(now - due_ns_);
    last_delay_ns_ = delay;
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
  bool again_;
  bool busy_ = false;
  std::int64_t due_ns_ = 0;
  std::int64_t last_delay_ns_ = 0;  // of the stream's last event; 0 = there was none
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

std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  if (bytes.empty()) die(std::string("cannot read ") + path);
  return bytes;
}

// All connections of a run, and the requests that are due.
class Load {
 public:
  Load(std::uint16_t port, int connections, std::string request, double per_second)
      : request_(std::move(request)), gap_ns_(per_second > 0 ? static_cast<std::int64_t>(1e9 / per_second) : 0) {
    for (int i = 0; i < connections; ++i)
      open_.push_back(std::make_unique<Connection>(epoll_fd_, port, request_, counts_, per_second == 0));
    for (const auto& one : open_) idle_.push_back(one.get());
    next_ns_ = now_ns();
  }
  Counts& counts() { return counts_; }

  void run_until(std::int64_t end_ns) {
    for (std::int64_t now = now_ns(); now < end_ns; now = now_ns()) step(now, end_ns);
  }
  void run_to(std::uint64_t answers) {
    while (counts_.answers < answers) step(now_ns(), now_ns() + 100'000'000);
  }

 private:
  void step(std::int64_t now, std::int64_t end_ns) {
    if (gap_ns_ > 0) {
      for (; next_ns_ <= now && !idle_.empty(); next_ns_ += gap_ns_) {
        idle_.back()->begin(next_ns_);
        idle_.pop_back();
      }
      // Whoever waits for a connection is late, and that is counted.
      end_ns = std::min(end_ns, idle_.empty() ? end_ns : next_ns_);
    }
    const std::int64_t left = std::max<std::int64_t>(end_ns - now_ns(), 0);
    const timespec wait{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
    epoll_event events[256];
    const int n = epoll_pwait2(epoll_fd_, events, 256, &wait, nullptr);
    for (int i = 0; i < n; ++i) {
      auto* connection = static_cast<Connection*>(events[i].data.ptr);
      connection->on_readable();
      if (gap_ns_ > 0 && !connection->busy()) idle_.push_back(connection);
    }
  }

  const int epoll_fd_ = epoll_create1(0);
  const std::string request_;
  const std::int64_t gap_ns_;  // 0: closed loop
  Counts counts_;
  std::vector<std::unique_ptr<Connection>> open_;
  std::vector<Connection*> idle_;
  std::int64_t next_ns_ = 0;  // when the next request is due
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<char*> arguments(argv + 1, argv + argc);
  const std::string_view mode = arguments.empty() ? "" : arguments[0];
  const bool is_open = mode == "open";
  const bool counts_only = mode == "count";
  const std::size_t wanted = is_open ? 7 : counts_only ? 5 : 6;
  if ((mode != "closed" && !is_open && !counts_only) || arguments.size() < wanted)
    die("usage: bench_load closed|open RATE|count N PORT CONNECTIONS ... (the head of bench/load.cpp says more)");
  prctl(PR_SET_TIMERSLACK, 1000UL);
  char** at = arguments.data() + 1;
  const double number = is_open || counts_only ? std::atof(*at++) : 0;
  const auto port = static_cast<std::uint16_t>(std::atoi(*at++));
  const int connections = std::atoi(*at++);
  if (counts_only) {
    Load load(port, connections, read_file(*at), 0);
    load.run_to(static_cast<std::uint64_t>(number));
    std::printf(R"({"answers": %llu, "events": %llu, "errors": %llu})"
                "\n",
                static_cast<unsigned long long>(load.counts().answers),
                static_cast<unsigned long long>(load.counts().events),
                static_cast<unsigned long long>(load.counts().errors));
    return 0;
  }
  const auto warm_ns = static_cast<std::int64_t>(std::atof(*at++) * 1e9);
  const auto window_ns = static_cast<std::int64_t>(std::atof(*at++) * 1e9);
  Load load(port, connections, read_file(*at++), number);
  const std::vector<std::string> pids(at, arguments.data() + arguments.size());

  Counts& counts = load.counts();
  load.run_until(now_ns() + warm_ns);
  const std::uint64_t answers = counts.answers;
  const std::uint64_t sent_events = counts.events;
  for (Times* times : {&counts.answer, &counts.event, &counts.jitter, &counts.first}) times->clear();
  const std::uint64_t cpu_before = cpu_ns(pids);
  const std::int64_t begin = now_ns();
  load.run_until(begin + window_ns);
  const std::uint64_t cpu = cpu_ns(pids) - cpu_before;
  const double seconds = static_cast<double>(now_ns() - begin) / 1e9;
  std::printf(R"({"answers": %llu, "events": %llu, "errors": %llu, "seconds": %.3f, "cpu_us": %.1f, )"
              R"("answer_us": %s, "event_us": %s, "jitter_us": %s, "first_us": %s})"
              "\n",
              static_cast<unsigned long long>(counts.answers - answers),
              static_cast<unsigned long long>(counts.events - sent_events),
              static_cast<unsigned long long>(counts.errors), seconds, static_cast<double>(cpu) / 1000.0,
              counts.answer.json().c_str(), counts.event.json().c_str(), counts.jitter.json().c_str(),
              counts.first.json().c_str());
  return 0;
}
