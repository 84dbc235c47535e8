#include "serve/signals.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

namespace sluice::serve {
namespace {

bool has_terminal() { return static_cast<bool>(Fd(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC))); }

}  // namespace

Signals::Signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR2}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is a full disk, not an end
  fd_ = Fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd_) throw std::system_error(errno, std::generic_category(), "signalfd");
  had_terminal_ = has_terminal();
}

Signals::Wish Signals::take() const {
  signalfd_siginfo signal = {};
  if (::read(fd_.get(), &signal, sizeof signal) != static_cast<ssize_t>(sizeof signal)) return Wish::none;
  switch (signal.ssi_signo) {
    case SIGHUP: return had_terminal_ && !has_terminal() ? Wish::stop : Wish::reload;
    case SIGUSR2: return Wish::upgrade;
    default: return Wish::stop;
  }
}

}  // namespace sluice::serve
