#include "engines/engine.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "engines/probe.h"

namespace sluice::engines {
namespace {

using Clock = std::chrono::steady_clock;

bool is_engine_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name.front() != '.' && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

// What the process has computed so far: one that works but does not answer is busy and not hung.
std::chrono::nanoseconds cpu_time(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return {};
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// The first restart comes at once; whoever keeps dying waits longer each time.
std::chrono::milliseconds pause_after(int deaths, const EngineTimes& times) {
  if (deaths <= 1) return {};
  return std::min(times.first_pause * (1 << std::min(deaths - 2, 16)), times.longest_pause);
}

Endpoint endpoint_at(const std::string& socket_path) {
  Endpoint endpoint;
  endpoint.unix_path = socket_path;
  return endpoint;
}

}  // namespace

std::string_view state_name(EngineState state) {
  switch (state) {
    case EngineState::missing: return "missing";
    case EngineState::starting: return "starting";
    case EngineState::ready: return "ready";
    case EngineState::restarting: return "restarting";
    case EngineState::failed: return "failed";
    case EngineState::stopped: return "stopped";
  }
  return "stopped";
}

EngineMetrics::EngineMetrics(telemetry::Registry& registry)
    : up(registry.gauge("sluice_engine_up", "1 while the engine is ready to answer.", {"engine"})),
      starts(
          registry.counter("sluice_engine_starts_total", "How often the engine's process was started.", {"engine"})) {}

Result<std::unique_ptr<Engine>> Engine::start(EngineSpec spec, telemetry::Log& log, const EngineMetrics& metrics) {
  if (!is_engine_name(spec.name))
    return fail(ErrorKind::invalid_request, "'" + spec.name + "' cannot be the name of an engine",
                "use up to 64 letters, digits, '.', '_' and '-'");
  // The child runs in that directory, so what is relative to ours would mean another place to it.
  std::error_code ignored;
  spec.directory = std::filesystem::absolute(spec.directory, ignored).lexically_normal();
  TRY(SocketPlace place, SocketPlace::choose(spec.directory, spec.name));
  return std::unique_ptr<Engine>(new Engine(std::move(spec), std::move(place), log, metrics));
}

Engine::Engine(EngineSpec spec, SocketPlace place, telemetry::Log& log, const EngineMetrics& metrics)
    : spec_(std::move(spec)),
      place_(std::move(place)),
      endpoint_(endpoint_at(place_.path())),
      log_(log),
      up_(metrics.up.with(spec_.name)),
      starts_total_(metrics.starts.with(spec_.name)),
      output_(spec_.directory + "/" + spec_.name + ".log") {
  status_.name = spec_.name;
  status_.endpoint = endpoint_;
  set(EngineState::starting);  // until the thread knows better: the first requests are told "not yet"
  thread_ = std::thread([this] { run(); });
}

Engine::~Engine() {
  begin_stop();
  wait_stopped();
}

void Engine::begin_stop() { stop_.set(); }

void Engine::wait_stopped() {
  if (thread_.joinable()) thread_.join();
}

EngineStatus Engine::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Engine::set(EngineState state, std::string reason) {
  up_.set(state == EngineState::ready ? 1 : 0);
  {
    const std::lock_guard lock(mutex_);
    if (status_.state == state && status_.reason == reason) return;
    status_.state = state;
    status_.reason = reason;
    status_.since = std::chrono::system_clock::now();
    if (state != EngineState::starting && state != EngineState::ready) status_.pid = 0;
    state_.store(state, std::memory_order_release);
  }
  const bool bad = state != EngineState::starting && state != EngineState::ready && state != EngineState::stopped;
  log_.write(bad ? telemetry::Level::warn : telemetry::Level::info, "engine state",
             {{"engine", spec_.name}, {"state", state_name(state)}, {"reason", reason}, {"log", output_.path()}});
}

void Engine::run() {
  ::pthread_setname_np(::pthread_self(), "engine");
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);  // signals are for the main thread

  int deaths = 0;  // in a row
  while (!stop_.is_set()) {
    const Result<Command> command = spec_.prepare(place_.path(), [this] { return stop_.is_set(); });
    if (stop_.is_set()) break;
    if (!command) {
      const Error& error = command.error();
      set(EngineState::missing, error.hint.empty() ? error.message : error.message + "; " + error.hint);
      wait(spec_.times.missing_interval, nullptr);
      continue;
    }
    ready_since_ = Clock::time_point::max();
    std::string cause = live(*command);
    if (cause.empty()) break;
    const bool was_good =
        ready_since_ != Clock::time_point::max() && Clock::now() - ready_since_ >= spec_.times.good_after;
    deaths = was_good ? 1 : deaths + 1;
    set(deaths < spec_.times.deaths_until_failed ? EngineState::restarting : EngineState::failed, std::move(cause));
    wait(pause_after(deaths, spec_.times), nullptr);
  }
  set(EngineState::stopped);
}

std::string Engine::live(const Command& command) {
  place_.clear();
  output_.forget();
  Result<Process> child = Process::start(command, spec_.directory);
  if (!child) return child.error().message + "; " + child.error().hint;
  {
    const std::lock_guard lock(mutex_);
    if (starts_total_.value() > 0) ++status_.restarts;
    status_.pid = child->pid();
  }
  starts_total_.add();
  set(EngineState::starting);
  std::string cause = watch(*child);
  // Also when it hung or has died: its own children, if any, must not stay behind.
  stop_child(*child);
  output_.drain(child->output_fd());
  place_.clear();
  return cause;
}

std::string Engine::watch(Process& child) {
  const EngineTimes& times = spec_.times;
  Clock::time_point last_answer = Clock::now();  // or the start
  std::chrono::nanoseconds last_cpu{};
  int unanswered = 0;
  for (;;) {
    const bool ready = state() == EngineState::ready;
    const Health health = probe_health(place_.path(), times.probe_timeout);
    const std::chrono::nanoseconds cpu = cpu_time(child.pid());
    const auto silent = Clock::now() - last_answer;
    if (health == Health::ok) {
      last_answer = Clock::now();
      unanswered = 0;
      if (!ready) ready_since_ = last_answer;
      set(EngineState::ready);
    } else if (!ready && silent > times.start_timeout) {
      return "it was not ready after " + std::to_string(times.start_timeout.count() / 1000) + " s; " +
             output_.last_line();
    } else if (ready) {
      unanswered = cpu > last_cpu + std::chrono::milliseconds(10) ? 0 : unanswered + 1;
      if (unanswered >= times.checks_until_hung || silent > times.busy_until_hung)
        return "it hung: /health was not answered";
    }
    last_cpu = cpu;
    switch (wait(state() == EngineState::ready ? times.check_interval : times.probe_interval, &child)) {
      case Event::time: break;
      case Event::stop: return {};
      case Event::ended: return cause_of_death(child);
    }
  }
}

std::string Engine::cause_of_death(Process& child) {
  output_.drain(child.output_fd());
  child.signal(SIGKILL);  // what is left of its group, while its number is still its own
  std::string cause = "it ended with " + child.ended().value_or("an unknown status");
  if (cause.find("Illegal instruction") != std::string::npos)
    return cause + ": it is built for another CPU; ./dev setup builds one for this machine";
  if (const std::string line = output_.last_line(); !line.empty()) cause += "; its last line: " + line;
  return cause;
}

void Engine::stop_child(Process& child) {
  if (child.ended()) return;
  child.signal(SIGTERM);
  const Clock::time_point deadline = Clock::now() + spec_.times.stop_grace;
  std::array<pollfd, 2> events{{{.fd = child.exit_fd(), .events = POLLIN, .revents = 0},
                                {.fd = child.output_fd(), .events = POLLIN, .revents = 0}}};
  while (Clock::now() < deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (::poll(events.data(), events.size(), static_cast<int>(left.count()) + 1) < 0) continue;
    if (events[1].revents != 0 && !output_.drain(child.output_fd())) events[1].fd = -1;
    if (events[0].revents != 0) break;
  }
  child.signal(SIGKILL);  // whatever did not follow; the destructor reaps
}

// Until the time is over, the child has ended or somebody wants the engine to stop; keeps the log going meanwhile.
Engine::Event Engine::wait(std::chrono::milliseconds at_most, Process* child) {
  const Clock::time_point deadline = Clock::now() + at_most;
  std::array<pollfd, 3> events{{{.fd = stop_.fd(), .events = POLLIN, .revents = 0},
                                {.fd = child ? child->exit_fd() : -1, .events = POLLIN, .revents = 0},
                                {.fd = child ? child->output_fd() : -1, .events = POLLIN, .revents = 0}}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    const int ready = ::poll(events.data(), events.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0 && events[0].revents != 0) return Event::stop;
    if (ready > 0 && events[2].revents != 0 && !output_.drain(child->output_fd())) events[2].fd = -1;
    if (ready > 0 && events[1].revents != 0) return Event::ended;
    if (Clock::now() >= deadline) return Event::time;
  }
}

}  // namespace sluice::engines
