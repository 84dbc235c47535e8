// Scope: the only way to start concurrent work. It owns what it spawned; when it dies, what still runs is cancelled.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

#include "async/list.h"
#include "async/task.h"

namespace sluice::async {

class Scope {
 public:
  Scope() = default;
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  // Must not run inside one of its own jobs.
  ~Scope() { cancel_all(); }

  // Runs `function(values...)`, which returns Task<void>: until its first suspension now, the rest later. The values
  // are moved into the job, so that nothing it needs dies before it. An exception that leaves it is a bug: terminate.
  template <class Function, class... Values>
  void spawn(Function function, Values... values) {
    run(*this, std::move(function), std::move(values)...);
  }
  std::size_t size() const { return size_; }
  void cancel_all() {
    while (JobPromise* job = jobs_.front()) std::coroutine_handle<JobPromise>::from_promise(*job).destroy();
  }

 private:
  struct JobPromise;
  struct Job {
    using promise_type = JobPromise;
  };
  struct JobPromise : ListNode {
    template <class... Arguments>
    explicit JobPromise(Scope& scope, Arguments&...) : scope_(scope) {
      scope_.jobs_.push_back(*this);
      ++scope_.size_;
    }
    ~JobPromise() { --scope_.size_; }
    Job get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
    Scope& scope_;
  };

  template <class Function, class... Values>
  static Job run(Scope&, Function function, Values... values) {
    co_await function(std::move(values)...);
  }

  List<JobPromise> jobs_;
  std::size_t size_ = 0;
};

}  // namespace sluice::async
