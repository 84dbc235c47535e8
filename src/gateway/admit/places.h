// How many calls may be under way at a provider or on a ground, for those that have a limit; shared by all reactors.
// Who finds every place taken waits in a bounded queue in which the keys take turns, so that one key's burst does not
// shut the others out. Only what has a limit comes here.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/result.h"
#include "net/reactor.h"

namespace sluice::gateway {

class Places;

// One place, given back when this dies. Move-only; outlived by its Places.
class [[nodiscard]] Place {
 public:
  Place() = default;
  Place(Place&& other) noexcept;
  Place& operator=(Place&& other) noexcept;
  ~Place() { leave(); }
  bool taken() const { return places_ != nullptr; }

 private:
  friend class Places;
  Place(Places& places, std::string name) : places_(&places), name_(std::move(name)) {}
  void leave();
  Places* places_ = nullptr;
  std::string name_;
};

class Places {
 public:
  struct Limit {
    std::int64_t places = 0;
    std::int64_t queue = 0;  // who may wait for them
    std::chrono::milliseconds longest_wait{0};
  };
  Places() = default;
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  // A place at `name` for a request of `key`, at once or when it is its turn. When the queue is full, the newest of the
  // key that has most in it gives way, unless that is this key itself. Errors: overloaded, with retry_after, when the
  // queue is full, the wait too long or the deadline passed; client_gone.
  async::Task<Result<Place>> enter(net::Reactor& reactor, std::string name, Limit limit, std::string key,
                                   async::Deadline deadline);

  struct Report {
    std::string name;
    std::int64_t taken = 0;
    std::int64_t waiting = 0;
    std::uint64_t shed = 0;  // ever
  };
  std::vector<Report> report() const;

 private:
  friend class Place;
  struct Waiter {
    explicit Waiter(net::Reactor& r) : reactor(r) {}
    net::Reactor& reactor;
    enum class State : std::uint8_t { waiting, granted, shed } state = State::waiting;  // with the lock
    async::Cancel wake;                                                                 // fired on the reactor's thread
  };
  using Waiters = std::deque<std::shared_ptr<Waiter>>;
  struct Room {
    std::int64_t limit = 0;  // as of the last request
    std::int64_t taken = 0;
    std::int64_t waiting = 0;
    std::uint64_t shed = 0;
    std::map<std::string, Waiters> waiters;  // by key; none is empty
    std::deque<std::string> turns;           // the keys that wait, in their order
  };
  // A wait is looked at again so often, for a client that has left.
  static constexpr std::chrono::milliseconds look_again{50};

  bool make_room(Room& room, const std::string& key, std::int64_t queue);
  static bool remove(Room& room, const std::string& key, const Waiter& waiter);
  static void end(const std::shared_ptr<Waiter>& waiter, Waiter::State state);
  static void hand_on(Room& room);
  void count_shed(const std::string& name);
  void leave(const std::string& name);

  mutable std::mutex mutex_;
  std::map<std::string, Room> rooms_;  // of configured providers and grounds
};

}  // namespace sluice::gateway
