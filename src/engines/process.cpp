#include "engines/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace sluice::engines {
namespace {

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail(ErrorKind::unavailable, std::string("no pipe for a child process: ") + std::strerror(errno),
                "raise the limit of open files (ulimit -n)");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

std::vector<char*> pointers(const std::string* first, const std::vector<std::string>& rest) {
  std::vector<char*> list;
  list.reserve(rest.size() + 2);
  if (first) list.push_back(const_cast<char*>(first->c_str()));  // execve takes non-const for historical reasons alone
  for (const std::string& text : rest) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

struct ChildSetup {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* directory;
  int input;
  int output;
  int report;  // gets errno when the program cannot be started; closed by its start
  pid_t parent;
};

// Runs in the child between fork and exec, where only async-signal-safe calls are allowed: no allocation, no locks.
[[noreturn]] void become(const ChildSetup& setup) {
  const auto give_up = [&] {
    const int error = errno;
    [[maybe_unused]] const ssize_t written = ::write(setup.report, &error, sizeof error);
    ::_exit(127);
  };
  ::setpgid(0, 0);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up();
  if (::getppid() != setup.parent) ::_exit(127);  // the parent died before the line above
  // What the parent ignores or blocks would be inherited.
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGQUIT, SIGUSR1, SIGUSR2})
    ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(setup.input, 0) < 0 || ::dup2(setup.output, 1) < 0 || ::dup2(setup.output, 2) < 0) give_up();
  if (::dup2(setup.report, 3) < 0 || ::fcntl(3, F_SETFD, FD_CLOEXEC) < 0) give_up();
  if (::syscall(SYS_close_range, 4U, ~0U, 0U) != 0) {
    for (int fd = 4; fd < 65'536; ++fd) ::close(fd);  // Linux before 5.9
  }
  if (::chdir(setup.directory) == 0) ::execve(setup.program, setup.arguments, setup.environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(3, &error, sizeof error);
  ::_exit(127);
}

// Descriptors 0 to 3 are overwritten in the child, so the pipe ends that it takes must not lie there.
Fd above_standard(Fd fd) {
  if (fd.get() > 3) return fd;
  return Fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 4));
}

}  // namespace

Wakeup::Wakeup() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_.get() < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Wakeup::set() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof one);  // fails only when it is set already
}

bool Wakeup::is_set() const {
  pollfd event{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&event, 1, 0) == 1;
}

Result<Process> Process::start(const Command& command, const std::string& directory) {
  TRY(Pipe input, make_pipe());
  TRY(Pipe output, make_pipe());
  TRY(Pipe report, make_pipe());
  const Fd child_input = above_standard(std::move(input.read));
  const Fd child_output = above_standard(std::move(output.write));
  Fd child_report = above_standard(std::move(report.write));
  const std::vector<char*> arguments = pointers(&command.program, command.arguments);
  const std::vector<char*> environment = pointers(nullptr, command.environment);
  const ChildSetup setup{command.program.c_str(), arguments.data(),   environment.data(), directory.c_str(),
                         child_input.get(),       child_output.get(), child_report.get(), ::getpid()};
  const pid_t pid = ::fork();
  if (pid < 0)
    return fail(ErrorKind::unavailable, std::string("no child process: ") + std::strerror(errno),
                "raise the limit of processes (ulimit -u) or free memory");
  if (pid == 0) become(setup);
  ::setpgid(pid, pid);  // in both, so that it holds whoever runs first
  Process process(pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))), std::move(input.write),
                  std::move(output.read));
  child_report = Fd();
  int error = 0;
  ssize_t got = 0;
  while ((got = ::read(report.read.get(), &error, sizeof error)) < 0 && errno == EINTR) continue;
  if (got == sizeof error)
    return fail(ErrorKind::unavailable, command.program + " cannot be started: " + std::strerror(error),
                "is it a program for this machine, and may you run it (chmod +x)?");
  if (process.exit_fd() < 0)
    return fail(ErrorKind::unavailable, "no pidfd for a child process", "Linux 5.3 or newer is needed");
  ::fcntl(process.output_fd(), F_SETFL, O_NONBLOCK);
  return process;
}

Process::~Process() {
  if (pid_.value == 0 || ended()) return;
  signal(SIGKILL);
  int status = 0;
  while (::waitpid(pid_.value, &status, 0) < 0 && errno == EINTR) continue;
}

void Process::signal(int number) const {
  if (pid_.value > 0 && !ended_)
    ::kill(-pid_.value, number);  // not reaped yet, so the number cannot mean another group
}

std::optional<std::string> Process::ended() {
  if (ended_) return ended_;
  int status = 0;
  const pid_t pid = ::waitpid(pid_.value, &status, WNOHANG);
  if (pid == 0 || (pid < 0 && errno == EINTR)) return std::nullopt;
  if (pid == pid_.value && WIFSIGNALED(status)) {
    ended_ = "signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")";
  } else {
    ended_ = "exit code " + std::to_string(WEXITSTATUS(status));
  }
  return ended_;
}

}  // namespace sluice::engines
