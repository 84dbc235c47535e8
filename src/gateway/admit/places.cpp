#include "gateway/admit/places.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice::gateway {

using std::chrono::milliseconds;

Place::Place(Place&& other) noexcept : places_(std::exchange(other.places_, nullptr)), name_(std::move(other.name_)) {}

Place& Place::operator=(Place&& other) noexcept {
  if (this != &other) {
    leave();
    places_ = std::exchange(other.places_, nullptr);
    name_ = std::move(other.name_);
  }
  return *this;
}

void Place::leave() {
  if (Places* places = std::exchange(places_, nullptr)) places->leave(name_);
}

namespace {

std::unexpected<Error> full(const std::string& name, std::int64_t places) {
  constexpr milliseconds soon{1'000};
  return std::unexpected(
      Error{.kind = ErrorKind::overloaded,
            .message = "all " + std::to_string(places) + " places at " + name + " are taken, and others wait for them",
            .hint = "try again when retry-after has passed",
            .retry = Retry::elsewhere,
            .retry_after = soon});
}

}  // namespace

// Whoever waits is removed from the queue when it stops waiting, however that happens.
async::Task<Result<Place>> Places::enter(net::Reactor& reactor, std::string name, Limit limit, std::string key,
                                         async::Deadline deadline) {
  std::shared_ptr<Waiter> waiter;
  {
    const std::lock_guard lock(mutex_);
    Room& room = rooms_[name];
    room.limit = limit.places;
    if (room.taken < room.limit && room.waiting == 0) {
      ++room.taken;
      co_return Place(*this, std::move(name));
    }
    if (limit.longest_wait <= milliseconds(0) || !make_room(room, key, limit.queue)) {
      ++room.shed;
      co_return full(name, limit.places);
    }
    waiter = std::make_shared<Waiter>(reactor);
    Waiters& own = room.waiters[key];
    if (own.empty()) room.turns.push_back(key);
    own.push_back(waiter);
    ++room.waiting;
    hand_on(room);  // the limit may have been raised
  }
  struct Leaving {
    Places& places;
    const std::string& name;
    const std::string& key;
    std::shared_ptr<Waiter> waiter;
    bool took_it = false;
    ~Leaving() {
      if (took_it) return;
      const std::lock_guard lock(places.mutex_);
      Room& room = places.rooms_[name];
      if (waiter->state == Waiter::State::granted) {
        --room.taken;
        hand_on(room);
      } else {
        remove(room, key, *waiter);
      }
    }
  } leaving{*this, name, key, waiter};

  const async::Deadline until = deadline.earlier(reactor.now() + limit.longest_wait);
  const auto state = [&] {
    const std::lock_guard lock(mutex_);
    return waiter->state;
  };
  while (state() == Waiter::State::waiting && reactor.now() < until.at) {
    co_await reactor.scheduler().sleep({std::min(until.at, reactor.now() + look_again), &waiter->wake});
    if (deadline.cancel && deadline.cancel->fired())
      co_return std::unexpected(Error{.kind = ErrorKind::client_gone, .message = "the client closed the connection"});
  }
  switch (state()) {
    case Waiter::State::granted: break;
    case Waiter::State::waiting: count_shed(name); co_return full(name, limit.places);
    case Waiter::State::shed: co_return full(name, limit.places);
  }
  leaving.took_it = true;
  co_return Place(*this, std::move(name));
}

// True when there is room for one more of that key, perhaps because the newest of another one had to go.
bool Places::make_room(Room& room, const std::string& key, std::int64_t queue) {
  if (room.waiting < queue) return true;
  const auto most = std::ranges::max_element(room.waiters, {}, [](const auto& of_key) { return of_key.second.size(); });
  const auto own = room.waiters.find(key);
  const std::size_t own_size = own == room.waiters.end() ? 0 : own->second.size();
  if (most == room.waiters.end() || most->second.size() <= own_size + 1) return false;
  const std::shared_ptr<Waiter> last = most->second.back();
  end(last, Waiter::State::shed);
  ++room.shed;
  return remove(room, std::string(most->first), *last);
}

bool Places::remove(Room& room, const std::string& key, const Waiter& waiter) {
  const auto own = room.waiters.find(key);
  if (own == room.waiters.end()) return false;
  const auto at = std::ranges::find(own->second, &waiter, [](const auto& one) { return one.get(); });
  if (at == own->second.end()) return false;
  own->second.erase(at);
  --room.waiting;
  if (own->second.empty()) {
    room.waiters.erase(own);
    std::erase(room.turns, key);
  }
  return true;
}

void Places::end(const std::shared_ptr<Waiter>& waiter, Waiter::State state) {
  waiter->state = state;
  // It may have gone by then: nobody waits for the Cancel any more, and firing it does nothing.
  waiter->reactor.post([waiter] { waiter->wake.fire(); });
}

// Gives free places to those who wait, one key after the other.
void Places::hand_on(Room& room) {
  while (room.taken < room.limit && !room.turns.empty()) {
    const std::string key = std::move(room.turns.front());
    room.turns.pop_front();
    const auto own = room.waiters.find(key);
    const std::shared_ptr<Waiter> first = own->second.front();
    own->second.pop_front();
    --room.waiting;
    ++room.taken;
    if (own->second.empty())
      room.waiters.erase(own);
    else
      room.turns.push_back(key);
    end(first, Waiter::State::granted);
  }
}

void Places::count_shed(const std::string& name) {
  const std::lock_guard lock(mutex_);
  ++rooms_[name].shed;
}

void Places::leave(const std::string& name) {
  const std::lock_guard lock(mutex_);
  Room& room = rooms_[name];
  --room.taken;
  hand_on(room);
}

std::vector<Places::Report> Places::report() const {
  std::vector<Report> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, room] : rooms_) all.push_back({name, room.taken, room.waiting, room.shed});
  return all;
}

}  // namespace sluice::gateway
