// One self-hosted engine: a child process that is started, watched, restarted and stopped. Each engine has a thread of
// its own, so its life reads as straight-line code, and the child can be tied to the life of the thread that forked it.
// What the engine speaks once it is ready is no business of this folder: the request's way calls it like any provider.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "engines/log_file.h"
#include "engines/process.h"
#include "engines/socket_place.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace sluice::engines {

enum class EngineState : std::uint8_t {
  missing,   // program or model is not there or damaged: `reason` says how to mend it; looked at again every 2 s
  starting,  // the process runs, /health does not say 200 yet
  ready,
  restarting,  // it died or hung; the next start is due at once, or after a pause when it keeps dying
  failed,      // it died several times in a row; still tried again, with a growing pause of at most 30 s
  stopped,
};
std::string_view state_name(EngineState state);

struct EngineStatus {
  std::string name;
  EngineState state = EngineState::stopped;
  std::string reason;                           // of missing, restarting and failed; for people
  Endpoint endpoint;                            // where to call it; stays the same over restarts
  pid_t pid = 0;                                // 0: no process
  std::uint64_t restarts = 0;                   // starts after the first
  std::chrono::system_clock::time_point since;  // of the state
};

// Times of supervision. Tests shorten them.
struct EngineTimes {
  std::chrono::milliseconds probe_interval{25};        // of /health while starting
  std::chrono::milliseconds probe_timeout{2'000};      // one answer of /health
  std::chrono::milliseconds start_timeout{300'000};    // a large model on a slow disk; then the start counts as hung
  std::chrono::milliseconds check_interval{5'000};     // of /health while ready
  int checks_until_hung = 3;                           // unanswered in a row, while it uses no CPU
  std::chrono::milliseconds busy_until_hung{300'000};  // unanswered although it works: its threads may all be taken
  std::chrono::milliseconds first_pause{500};          // before the second restart in a row; doubles
  std::chrono::milliseconds longest_pause{30'000};
  std::chrono::milliseconds good_after{30'000};       // ready for so long: the next death is the first again
  int deaths_until_failed = 5;                        // in a row
  std::chrono::milliseconds stop_grace{5'000};        // from SIGTERM to SIGKILL
  std::chrono::milliseconds missing_interval{2'000};  // between looks at what is missing
};

struct EngineSpec {
  std::string name;  // [A-Za-z0-9._-]{1,64}, also the name of its socket and log file
  // Looks for program and model and says how to start; called before every start. Errors: not_found or
  // invalid_request, with the way to mend it as the hint. What takes long ends early when `stopping` says true.
  std::function<Result<Command>(const std::string& socket_path, const std::function<bool()>& stopping)> prepare;
  std::string directory;  // for log and socket; must exist and be writable by nobody else
  EngineTimes times = {};
};

struct EngineMetrics {
  explicit EngineMetrics(telemetry::Registry& registry);
  telemetry::GaugeFamily& up;        // engine
  telemetry::CounterFamily& starts;  // engine
};

class Engine {
 public:
  // Starts supervising at once. Log and metrics must outlive it. Errors: invalid_request for an unusable name.
  static Result<std::unique_ptr<Engine>> start(EngineSpec spec, telemetry::Log& log, const EngineMetrics& metrics);
  ~Engine();  // stops it, within stop_grace
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const std::string& name() const { return spec_.name; }
  const Endpoint& endpoint() const { return endpoint_; }
  EngineState state() const { return state_.load(std::memory_order_acquire); }  // lock-free, any thread
  EngineStatus status() const;                                                  // any thread
  void begin_stop();                                                            // any thread
  void wait_stopped();  // after begin_stop; the thread that made the engine

 private:
  enum class Event : std::uint8_t { time, ended, stop };

  Engine(EngineSpec spec, SocketPlace place, telemetry::Log& log, const EngineMetrics& metrics);
  void run();
  // Starts the process and returns when it has died, with the reason, or was asked to stop (then empty).
  std::string live(const Command& command);
  std::string watch(Process& child);
  std::string cause_of_death(Process& child);
  void stop_child(Process& child);
  Event wait(std::chrono::milliseconds at_most, Process* child);
  void set(EngineState state, std::string reason = {});

  const EngineSpec spec_;
  const SocketPlace place_;
  const Endpoint endpoint_;
  telemetry::Log& log_;
  telemetry::Gauge& up_;
  telemetry::Counter& starts_total_;
  LogFile output_;
  Wakeup stop_;

  std::atomic<EngineState> state_{EngineState::stopped};
  mutable std::mutex mutex_;  // of status_
  EngineStatus status_;

  std::chrono::steady_clock::time_point ready_since_;  // only the thread's
  std::thread thread_;                                 // last: it uses all of the above
};

}  // namespace sluice::engines
