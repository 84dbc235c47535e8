// The simulated world: one random source, one clock that jumps from event to event, and the reactor whose coroutines it
// drives. Everything that happens comes from the seed, so that a run can be repeated to the byte.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "gateway/shared/gateway.h"
#include "net/reactor.h"

namespace sluice::simulation {

using async::Duration;
using async::TimePoint;

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed), reactor(begin) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  TimePoint now() const { return reactor.now(); }
  // Does something later; what is asked for first comes first at the same time.
  void after(Duration delay, std::function<void()> action);
  // Moves time on until nothing is left to happen, or until `latest`.
  void run(TimePoint latest);

  // 0 <= number < bound. The same on every machine, unlike the standard's distributions.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : random_() % bound; }
  bool chance(unsigned percent) { return below(100) < percent; }
  Duration between(Duration least, Duration most) {
    return least + Duration(static_cast<Duration::rep>(below(static_cast<std::uint64_t>((most - least).count()) + 1)));
  }

  static constexpr TimePoint begin = TimePoint(std::chrono::hours(1));

 private:
  struct Event {
    TimePoint at;
    std::uint64_t number;
    std::function<void()> action;
    bool operator>(const Event& other) const { return at != other.at ? at > other.at : number > other.number; }
  };
  std::mt19937_64 random_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t numbers_ = 0;

 public:
  net::Reactor reactor;  // its sockets are never waited for
};

// The gateway's clocks: the world's.
class WorldTime : public gateway::TimeSource {
 public:
  explicit WorldTime(const World& world) : world_(world) {}
  TimePoint now() const override { return world_.now(); }
  std::int64_t unix_us() const override {
    constexpr std::int64_t day_us = 1'790'000'000'000'000;  // in September 2026
    return day_us + std::chrono::duration_cast<std::chrono::microseconds>(world_.now() - World::begin).count();
  }

 private:
  const World& world_;
};

}  // namespace sluice::simulation
