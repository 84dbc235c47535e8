// What the main thread does while the reactors serve: it waits for signals, calls at the control socket and changes of
// the configuration file, and does what they ask. No request waits for it.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "serve/config_watch.h"
#include "serve/configuration.h"
#include "serve/control_socket.h"
#include "serve/signals.h"

namespace sluice::serve {

class MainLoop {
 public:
  // All of them outlive it.
  // `upgrade` starts the new program and returns its process id when that serves; it may take minutes.
  using Upgrade = std::function<Result<pid_t>()>;
  MainLoop(const Signals& signals, const ControlSocket& control, const ConfigWatch& watch, Reloader& reloader,
           Upgrade upgrade)
      : signals_(signals), control_(control), watch_(watch), reloader_(reloader), upgrade_(std::move(upgrade)) {}

  // Waits that long and does what is asked meanwhile. True as soon as the server is to stop, also because another has
  // taken its place.
  bool wait(std::chrono::milliseconds limit);

 private:
  bool obey_signal();
  bool answer_call();

  const Signals& signals_;
  const ControlSocket& control_;
  const ConfigWatch& watch_;
  Reloader& reloader_;
  const Upgrade upgrade_;
  bool changed_ = false;  // the file, a moment ago: some programs write in several steps
};

}  // namespace sluice::serve
