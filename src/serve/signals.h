// The signals of a server, as a descriptor that its main thread waits for. Made before any other thread: those inherit
// the mask, so that no signal reaches them.
#pragma once

#include "base/fd.h"

namespace sluice::serve {

class Signals {
 public:
  Signals();  // throws std::system_error when the kernel has no descriptor left

  int fd() const { return fd_.get(); }  // readable: one is there

  enum class Wish { none, stop, reload, upgrade };
  // SIGINT and SIGTERM: stop. SIGHUP: reload, or stop when the terminal that the server was started at is gone.
  // SIGUSR2: upgrade. `none` when no signal is there.
  Wish take() const;

 private:
  Fd fd_;
  bool had_terminal_ = false;
};

}  // namespace sluice::serve
