#include "world.h"

namespace sluice::simulation {

void World::after(Duration delay, std::function<void()> action) {
  events_.push({.at = now() + std::max(delay, Duration::zero()), .number = numbers_++, .action = std::move(action)});
}

void World::run(TimePoint latest) {
  async::Scheduler& scheduler = reactor.scheduler();
  for (;;) {
    while (scheduler.run_ready()) {
    }
    const TimePoint event = events_.empty() ? TimePoint::max() : events_.top().at;
    const TimePoint next = std::min(event, scheduler.next_expiry());
    if (next == TimePoint::max() || next > latest) return;
    scheduler.advance(std::max(next, now()));
    if (events_.empty() || events_.top().at > now()) continue;
    const std::function<void()> action = std::move(const_cast<Event&>(events_.top()).action);
    events_.pop();
    action();
  }
}

}  // namespace sluice::simulation
