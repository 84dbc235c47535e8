// All engines of one Sluice, by name.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engines/engine.h"

namespace sluice::engines {

class Supervisor {
 public:
  // Log and registry must outlive it.
  Supervisor(telemetry::Log& log, telemetry::Registry& metrics)
      : log_(log), metrics_(metrics) {}  // once for a registry
  ~Supervisor() { stop(); }

  // At start-up, before other threads ask. Errors: invalid_request (the name is unusable or used twice), unavailable.
  Result<void> add(EngineSpec spec);
  // Any thread. Null or empty: there is no engine of that name.
  const Engine* find(std::string_view name) const;
  std::optional<EngineStatus> status(std::string_view name) const;
  // Stops all at the same time, within the longest grace. What was started is gone when it returns.
  void stop();

 private:
  telemetry::Log& log_;
  const EngineMetrics metrics_;
  std::vector<std::unique_ptr<Engine>> engines_;
};

}  // namespace sluice::engines
