#include "net/reactor.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace sluice::net {
namespace {

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

int milliseconds_until(async::TimePoint then, async::TimePoint now) {
  if (then == async::TimePoint::max()) return -1;
  if (then <= now) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(then - now).count();
  return static_cast<int>(std::min<std::int64_t>(left, 60'000));
}

}  // namespace

// An eventfd that ends epoll_wait when another thread has posted something.
class Reactor::Wakeup : public Watched {
 public:
  explicit Wakeup(Reactor& reactor)
      : reactor_(reactor), fd_(checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")) {
    reactor_.watch(fd_.get(), EPOLLIN, *this);
  }
  ~Wakeup() override { reactor_.unwatch(fd_.get()); }
  void on_events(std::uint32_t) override {
    std::uint64_t count;
    while (read(fd_.get(), &count, sizeof count) > 0) {
    }
  }
  void ring() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(fd_.get(), &one, sizeof one);  // full means already ringing
  }

 private:
  Reactor& reactor_;
  Fd fd_;
};

Reactor::Reactor(async::TimePoint start)
    : epoll_fd_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      scheduler_(start),
      scratch_(std::make_unique<std::array<char, scratch_bytes>>()),
      wakeup_(std::make_unique<Wakeup>(*this)) {}

Reactor::~Reactor() = default;

void Reactor::watch(int fd, std::uint32_t epoll_events, Watched& watched) {
  epoll_event event{.events = epoll_events, .data = {.ptr = &watched}};
  checked(epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl add");
}

void Reactor::rewatch(int fd, std::uint32_t epoll_events, Watched& watched) {
  epoll_event event{.events = epoll_events, .data = {.ptr = &watched}};
  checked(epoll_ctl(epoll_fd_.get(), EPOLL_CTL_MOD, fd, &event), "epoll_ctl mod");
}

void Reactor::unwatch(int fd) { epoll_ctl(epoll_fd_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void Reactor::run() {
  scheduler_.advance(async::Clock::now());
  while (!stopping_.load(std::memory_order_acquire)) run_once();
}

void Reactor::run_once() {
  // The clock moves after epoll_wait only: who becomes ready by it before would sleep through the wait.
  const bool more_to_run = scheduler_.run_ready();
  const int timeout_ms = more_to_run ? 0 : milliseconds_until(scheduler_.next_expiry(), async::Clock::now());

  epoll_event events[events_per_round];
  const int count = epoll_wait(epoll_fd_.get(), events, events_per_round, timeout_ms);
  scheduler_.advance(async::Clock::now());
  // First every change is noted, then code runs: what runs may destroy sockets that have changed in the same round.
  for (int i = 0; i < count; ++i) static_cast<Watched*>(events[i].data.ptr)->on_events(events[i].events);
  scheduler_.run_ready();

  std::vector<std::function<void()>> actions;
  {
    const std::lock_guard lock(posted_mutex_);
    actions.swap(posted_);
  }
  for (auto& action : actions) action();
}

void Reactor::stop() {
  stopping_.store(true, std::memory_order_release);
  wakeup_->ring();
}

void Reactor::post(std::function<void()> action) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(action));
  }
  wakeup_->ring();
}

}  // namespace sluice::net
