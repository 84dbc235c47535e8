// A child process that cannot outlive its parent, and what is needed to start it without a shell: a program, an
// argument vector and an environment that is listed word for word, so that no key of a provider ever reaches a child.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace sluice::engines {

// Readable once somebody has called set(); stays so.
class Wakeup {
 public:
  Wakeup();  // throws std::system_error when the process has no descriptor left
  void set();
  bool is_set() const;
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
};

struct Command {
  std::string program;                   // absolute path
  std::vector<std::string> arguments;    // without the program's name
  std::vector<std::string> environment;  // "NAME=value"; nothing else is passed on
};

class Process {
 public:
  // Starts it in a process group of its own, with the given directory as its working directory. It is killed by the
  // kernel when the CALLING THREAD ends, so call from a thread that lives as long as the child may. Its standard input
  // is a pipe that ends with this object, its output goes to a pipe. Errors: unavailable, with the system's reason.
  static Result<Process> start(const Command& command, const std::string& directory);
  Process(Process&&) noexcept = default;
  Process& operator=(Process&&) noexcept = default;
  ~Process();  // kills and reaps what still runs

  pid_t pid() const { return pid_.value; }
  int exit_fd() const { return pidfd_.get(); }     // readable when it has ended
  int output_fd() const { return output_.get(); }  // non-blocking; both streams
  void signal(int number) const;                   // to its process group
  // Once it has ended: "exit code 3" or "signal 9 (Killed)"; empty while it runs.
  std::optional<std::string> ended();

 private:
  // Empties when moved from, so that only one object ever kills.
  struct Pid {
    pid_t value = 0;
    explicit Pid(pid_t pid = 0) : value(pid) {}
    Pid(Pid&& other) noexcept : value(std::exchange(other.value, 0)) {}
    Pid& operator=(Pid&& other) noexcept {
      value = std::exchange(other.value, 0);
      return *this;
    }
  };
  Process(pid_t pid, Fd pidfd, Fd input, Fd output)
      : pid_(pid), pidfd_(std::move(pidfd)), input_(std::move(input)), output_(std::move(output)) {}

  Pid pid_;
  Fd pidfd_;
  Fd input_;
  Fd output_;
  std::optional<std::string> ended_;
};

}  // namespace sluice::engines
