// For tests: a redis-server of its own on a Unix socket, which is stopped, killed and started anew at will.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "redis/connection.h"

extern char** environ;

namespace sluice::redis {

class TestingServer {
 public:
  enum class Keep : std::uint8_t { nothing, everything };
  explicit TestingServer(Keep keep = Keep::nothing) : keep_(keep) {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice_redis_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no directory for redis-server");
    directory_ = pattern;
    ::signal(SIGPIPE, SIG_IGN);  // as the program does: hiredis writes to a server that has gone
    start();
  }
  ~TestingServer() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  TestingServer(const TestingServer&) = delete;
  TestingServer& operator=(const TestingServer&) = delete;

  // Without what it knew, unless everything is kept: then each write is on disk before it is answered.
  void start() {
    const std::string socket = path();
    std::vector<std::string> words{"redis-server",
                                   "--port",
                                   "0",
                                   "--unixsocket",
                                   socket,
                                   "--save",
                                   "",
                                   "--appendonly",
                                   keep_ == Keep::everything ? "yes" : "no",
                                   "--appendfsync",
                                   "always",
                                   "--dir",
                                   directory_,
                                   "--logfile",
                                   directory_ + "/log"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    // It must not hold the test's output open, should the test die before it.
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO})
      ::posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_WRONLY, 0);
    const int failed = ::posix_spawnp(&pid_, "redis-server", &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw std::runtime_error("redis-server cannot be started: ./dev setup installs it");
    for (int attempt = 0; attempt < 1'000; ++attempt) {
      if (Connection::open(options())) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    throw std::runtime_error("redis-server does not answer");
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
    ::unlink(path().c_str());
  }
  void stand_still() const { ::kill(pid_, SIGSTOP); }
  void go_on() const { ::kill(pid_, SIGCONT); }

  std::string path() const { return directory_ + "/redis.sock"; }
  Connection::Options options() const {
    Connection::Options options;
    options.address.path = path();
    return options;
  }

 private:
  const Keep keep_;
  std::string directory_;
  pid_t pid_ = 0;
};

}  // namespace sluice::redis
