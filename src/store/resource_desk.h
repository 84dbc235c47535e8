// The ResourceStore's one thread: takes work from any thread and does it in the order in which it came, so that who
// asks for something finds what was handed in before. Nobody waits here; answers go back by the work itself.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "store/resource_store.h"

namespace sluice::store {

class ResourceDesk {
 public:
  // What it fails with is noted as the desk's problem.
  using Work = std::function<Result<void>(ResourceStore&)>;

  static Result<std::unique_ptr<ResourceDesk>> start(const std::string& directory);
  ~ResourceDesk();  // stop()
  ResourceDesk(const ResourceDesk&) = delete;
  ResourceDesk& operator=(const ResourceDesk&) = delete;

  // Any thread; never waits. `bytes` is what the work holds in memory. False: the disk does not keep up, and the work
  // is not taken.
  bool hand_in(Work work, std::size_t bytes = 0);
  // Does what was handed in, then ends the thread; takes no more.
  void stop();
  // Why the last work that failed did; empty when the last one did not.
  std::string problem() const;

  static constexpr std::size_t most_waiting = 4'096;
  static constexpr std::size_t most_waiting_bytes = 64u << 20;

 private:
  struct Waiting {
    Work work;
    std::size_t bytes = 0;
  };
  explicit ResourceDesk(std::unique_ptr<ResourceStore> store);
  void run();

  std::unique_ptr<ResourceStore> store_;  // the thread's
  mutable std::mutex mutex_;              // of what follows
  std::condition_variable wake_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::string problem_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sluice::store
