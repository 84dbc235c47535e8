// Asks an engine over its Unix socket whether it can answer. Blocking, with a time limit: for the engine's own thread.
#pragma once

#include <chrono>
#include <string>

namespace sluice::engines {

enum class Health : std::uint8_t {
  ok,           // GET /health: 200
  not_yet,      // it answers, with another status: the model is still loading
  unreachable,  // nobody listens (yet)
  no_answer,    // connected, but no answer of HTTP in time
};

Health probe_health(const std::string& socket_path, std::chrono::milliseconds timeout);

}  // namespace sluice::engines
