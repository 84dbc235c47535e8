// Reactor: one thread's event loop. Edge-triggered epoll tells which sockets changed; the scheduler then runs whoever
// waited for them. All that a reactor owns stays on its thread; only post() and stop() may be called from elsewhere.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "async/scheduler.h"
#include "base/fd.h"

namespace sluice::net {

// Something with a file descriptor whose changes the reactor reports. Registered while it lives.
class Watched {
 public:
  virtual ~Watched() = default;
  // Marks what has changed and wakes its waits; must run nobody's code and destroy nothing.
  virtual void on_events(std::uint32_t epoll_events) = 0;
};

class Reactor {
 public:
  // `start` is the time until the first round. Throws std::system_error when the kernel gives no epoll or eventfd.
  explicit Reactor(async::TimePoint start = async::Clock::now());
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // Runs on the calling thread until stop().
  void run();
  // One round: waits at most until the next deadline, then runs what is ready. For tests and for blocking callers.
  void run_once();
  void stop();                              // thread-safe
  void post(std::function<void()> action);  // thread-safe: runs on the reactor's thread

  async::Scheduler& scheduler() { return scheduler_; }
  async::TimePoint now() const { return scheduler_.now(); }
  async::Deadline within(async::Duration duration, async::Cancel* cancel = nullptr) const {
    return {now() + duration, cancel};
  }

  // Reading into one buffer that all connections of the thread share keeps an idle connection small. Its content is
  // good until the next suspension.
  std::span<char> scratch() { return *scratch_; }

  void watch(int fd, std::uint32_t epoll_events, Watched& watched);
  void rewatch(int fd, std::uint32_t epoll_events, Watched& watched);
  void unwatch(int fd);

 private:
  static constexpr std::size_t scratch_bytes = 64 * 1024;  // one read takes most bodies whole
  static constexpr int events_per_round = 256;
  class Wakeup;

  Fd epoll_fd_;
  async::Scheduler scheduler_;
  std::unique_ptr<std::array<char, scratch_bytes>> scratch_;
  std::unique_ptr<Wakeup> wakeup_;
  std::atomic<bool> stopping_{false};
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace sluice::net
