// Limits that several processes share. The numbers stand in Redis or Valkey (redis/limits_script.h); this process
// leases slices of them and decides on its own as long as they last. Only who finds its slice used up waits, for one
// round trip of a thread that asks for all who wait at that moment together; no reactor waits for the network here.
//
// The ledger is the truth: what is said to the store of money is what this process's ledger has in each bucket, so it
// can be said again after any loss. What a process has leased and does not report any more counts as spent until it is
// back. Near the end of a limit (the last 5 %) nothing is leased ahead of need.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "async/scheduler.h"
#include "async/task.h"
#include "base/result.h"
#include "net/reactor.h"
#include "redis/connection.h"
#include "store/limit_line.h"

namespace sluice::gateway {

struct LeaseRefused {
  enum class Why : std::uint8_t { full, store_down, not_yet, client_gone } why = Why::full;
  std::size_t part = 0;      // which refuses, when it is full
  std::int64_t wait_us = 0;  // of a rate
};

class Leases {
 public:
  using milliseconds = std::chrono::milliseconds;
  struct Options {
    redis::Connection::Options redis;
    std::string prefix;   // of all keys; with {braces}, they stay together in a cluster
    std::string process;  // who this is, the same after a restart on the same data directory
    store::StoreDown money_down = store::StoreDown::fail_closed;
    // A minute's rate that is passed by some requests costs nobody money, an outage of all traffic does.
    store::StoreDown rates_down = store::StoreDown::local_slice_only;
    std::int64_t slice_permille = 10;  // of a limit, leased ahead of need by one process
    milliseconds renew_ms{1'000};      // a report at least so often; what was not used goes back
    milliseconds life_ms{10'000};      // without a report for so long, a process is lost
    milliseconds grace_ms{3'000};      // a store that has started anew gives nothing, until all have reported
    milliseconds patience_ms{5'000};   // a request waits so long for a lease
  };
  // Every line of the tables that keys come from, and the number of that table.
  struct Source {
    std::function<store::Lines()> lines;
    std::function<std::uint64_t()> generation;
    std::function<void(double)> on_round_trip;             // seconds; may be empty
    std::function<void(std::string_view)> on_answer = {};  // "granted", "refused", "outage"; may be empty
    // A share of a budget is used up, by all together; may be empty, must not block.
    std::function<void(const store::Line&, int percent)> on_alert = {};
  };
  struct Health {
    std::string problem;  // empty: the store answers
    std::uint64_t calls = 0;
  };

  Leases(Options options, Source source);
  ~Leases();  // stop()
  Leases(const Leases&) = delete;
  Leases& operator=(const Leases&) = delete;

  // Returns when the store has been asked once, whether it has answered or not: within the time limits of `redis`.
  void start();
  // Gives up all that is not used, and reports the last of what was spent. Nobody may wait any more.
  void stop();
  // Another process goes on in this one's name (an upgrade): it decides from now on, and everything passes here.
  void hand_over();
  // That process has not come to serve, though it may have spoken to the store.
  void take_back();

  struct Part {
    std::shared_ptr<const store::Line> line;
    std::int64_t need = 0;  // picodollars, requests, tokens or places
  };
  using Refused = LeaseRefused;
  // Takes all parts from the store, or none: what was taken is reserved on their lines. Empty: it was.
  async::Task<std::optional<Refused>> take(net::Reactor& reactor, std::vector<Part> parts, async::Deadline deadline);
  // The same, on a thread that may wait.
  std::optional<Refused> take_and_wait(std::vector<Part> parts);

  // The store cannot be asked at present. Any thread, cheap.
  bool down() const { return state_.load(std::memory_order_relaxed) == State::down; }
  bool handed_over() const { return state_.load(std::memory_order_relaxed) == State::handed_over; }
  store::StoreDown rule_of(const store::LimitLine& rule) const;
  // The line has something that others may need.
  void hurry(const std::shared_ptr<const store::Line>& line);
  Health health() const;

 private:
  enum class State : std::uint8_t { well, down, handed_over };
  struct Ask {
    std::vector<Part> parts;
    net::Reactor* reactor = nullptr;
    enum class Answer : std::uint8_t { waits, granted, refused } answer = Answer::waits;
    Refused refused;
    bool abandoned = false;  // nobody waits any more
    async::Cancel wake;      // fired on the reactor's thread
  };
  struct Waiting;
  struct Told {
    std::shared_ptr<const store::Line> line;
    store::Account::Report report;  // of money
    std::int64_t keep = 0;          // of places
    std::int64_t back = 0;          // of a rate
    std::int64_t owed = 0;
    std::int64_t slice = 0;
  };
  struct Batch {
    std::int64_t seq = 0;
    std::vector<Told> lines;
    std::vector<std::shared_ptr<Ask>> asks;
  };

  std::shared_ptr<Ask> put(std::vector<Part> parts, net::Reactor* reactor);
  void run();
  Result<void> connect();
  Result<void> introduce();
  Result<void> exchange_all(bool tick);
  Batch gather(std::vector<std::shared_ptr<Ask>> asks, bool tick);
  Told tell(const std::shared_ptr<const store::Line>& line, bool asked, bool tick);
  Result<void> exchange(Batch& batch);
  Result<redis::Reply> send(const Batch& batch);
  void take_in(const Batch& batch, const redis::Reply& reply);
  void take_in_line(const Told& told, const redis::Reply& answer, std::int64_t reserved);
  static void end(Ask& ask, Ask::Answer answer, const Refused& refused);
  void lose(const Error& error);
  void forget_what_was_told();
  std::int64_t server_time_us() const;

  const Options options_;
  const Source source_;
  std::atomic<State> state_{State::down};
  std::atomic<bool> anew_{false};  // to be introduced once more

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  std::condition_variable answered_;
  std::deque<std::shared_ptr<Ask>> asks_;
  std::vector<std::shared_ptr<const store::Line>> hurried_;
  bool stopping_ = false;
  bool first_attempt_ = false;  // was made
  Health health_;

  // The thread's own.
  std::optional<redis::Connection> connection_;
  std::string run_;  // the server's, which changes when it starts anew
  std::int64_t epoch_ = 0;
  std::int64_t seq_ = 0;
  bool last_ = false;             // everything goes back
  std::int64_t opens_in_us_ = 0;  // nothing is leased before
  std::int64_t ahead_us_ = 0;     // the server's clock is, of this machine's
  std::optional<Batch> unanswered_;
  std::uint64_t generation_ = ~std::uint64_t{0};
  store::Lines lines_;
  std::unordered_set<const store::LineState*> told_;  // everything that there is of them
  std::unordered_set<const store::LineState*> near_;  // little is left of them
  std::thread thread_;
};

}  // namespace sluice::gateway
