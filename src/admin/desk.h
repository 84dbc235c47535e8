// The administration's thread: takes requests from any reactor and answers them one after the other. No reactor waits
// for a disk; what comes faster than it is answered is refused.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "admin/administration.h"

namespace sluice::admin {

class Desk {
 public:
  using Work = std::function<void(Administration&)>;

  explicit Desk(Administration administration);
  ~Desk();  // stop()
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  // Any thread; never waits. `bytes` is what the work holds in memory. False: there is too much of it, or it has
  // stopped.
  bool hand_in(Work work, std::size_t bytes);
  // Does what was handed in, then ends the thread; takes no more.
  void stop();

  static constexpr std::size_t most_waiting = 256;
  static constexpr std::size_t most_waiting_bytes = 64u << 20;

 private:
  struct Waiting {
    Work work;
    std::size_t bytes = 0;
  };
  void run();

  Administration administration_;  // the thread's
  std::mutex mutex_;               // of what follows
  std::condition_variable wake_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sluice::admin
