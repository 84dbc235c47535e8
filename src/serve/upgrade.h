// The zero-downtime upgrade: a running server starts the program that lies in its own program's place, and that one
// takes over the listening sockets, the data directory and the budgets, while the old one finishes what it has begun.
//
//   old                                   new
//   starts it, with the sockets     ->    reads its configuration, starts its engines
//                                   <-    prepared
//   all reactors stand still, the books are closed and the directory given up
//   reservations, rates, breakers,
//   cut                             ->    opens the directory, takes them over, accepts connections
//                                   <-    serves
//   goes on without new connections; what it reserves, spends and records goes to the new one, to the end
//
// Both ends speak in whole messages over a pair of sockets of their own; a kind's letter comes first. When the new one
// fails before it serves, the old one goes on as if nothing had been.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "gateway/admit/admit.h"
#include "gateway/health/health.h"
#include "gateway/shared/successor.h"
#include "store/live_store.h"
#include "telemetry/log.h"

namespace sluice::serve {

// What is said, in one direction or the other.
enum class Saying : char {
  prepared = 'P',
  failed = 'E',  // message, line feed, hint
  holds = 'H',   // a request that ran at the cut has reserved
  rates = 'M',   // what was used of limits per minute
  target = 'T',  // what is known of one that has failed
  cut = 'C',     // the directory is free
  serves = 'S',
  reserve = 'R',  // is answered
  raise = 'W',    // is answered
  yes = 'Y',
  no = 'N',  // as failed
  release = 'F',
  ledger = 'L',
  audit = 'A',
};

// One end of the pair.
class Channel {
 public:
  explicit Channel(Fd fd) : fd_(std::move(fd)) {}
  static Result<std::pair<Channel, Channel>> pair();

  int fd() const { return fd_.get(); }
  struct Message {
    Saying kind = Saying::failed;
    std::string text;
  };
  // False: the other end has gone, or takes nothing for write_limit.
  bool say(Saying kind, std::string_view text = {}) const;
  bool say_error(Saying kind, const Error& error) const { return say(kind, error.message + "\n" + error.hint); }
  // Empty: nothing within the time, or the other end has gone. A second descriptor (or -1) that becomes readable ends
  // the wait as well.
  std::optional<Message> hear(std::chrono::milliseconds limit, int or_fd = -1) const;

 private:
  static constexpr std::chrono::seconds write_limit{5};
  static constexpr std::size_t most_bytes = 80u << 10;  // a record of the audit log is at most 64 KB
  Fd fd_;
};

// --- the old process

// What the new program needs beside its configuration.
struct Bequest {
  Channel channel;
  std::vector<Fd> listening;
  int generation = 0;  // of the new one; where its engines lie depends on it

  // What this process was started with by an upgrade; empty when it was not. Once.
  static std::optional<Bequest> take_from_environment();
};

// The program that runs, as it was called: what lies in its place is what an upgrade starts.
class Program {
 public:
  Program();  // at the start: later the file may be another
  // Starts it anew with the same arguments. Errors: unavailable.
  Result<pid_t> start(const Channel& channel, const std::vector<int>& listening, int generation) const;

 private:
  std::string path_;
  std::vector<std::string> arguments_;
};

// The new process, as the requests of the old one see it.
class Heir final : public gateway::Successor {
 public:
  explicit Heir(Channel channel) : channel_(std::move(channel)) {}
  const Channel& channel() const { return channel_; }

  Result<void> reserve(const gateway::Reservation& reservation) override;
  bool raise(std::string_view request, Money worst) override;
  void release(std::string_view request) override;
  bool record(Saying log, std::string_view record);
  // Before it serves: what a running request has reserved, what was used of the limits per minute, and who has failed.
  void inherit(const gateway::Reservation& reservation);
  void inherit(const store::KeyTable& keys);
  void inherit(const gateway::Health& health);

 private:
  Result<void> ask(Saying kind, std::string_view text);
  static constexpr std::chrono::seconds answer_limit{2};
  std::mutex mutex_;  // a question and its answer belong together
  const Channel channel_;
};

// --- the new process

// Does here what the old process's last requests need: holds for them, and their records.
class Inheritance {
 public:
  // All outlive it.
  Inheritance(const Channel& channel, store::LiveStore& store, gateway::Admission& admission, gateway::Health& health,
              telemetry::Log& log)
      : channel_(channel), store_(store), admission_(admission), health_(health), log_(log) {}
  ~Inheritance();

  // What was said before the cut, in its order.
  void inherit(const Channel::Message& message);
  // Begins to listen to the old process, on a thread of its own, until that has ended.
  void start();
  bool over() const { return over_.load(); }  // the old process has ended

 private:
  void run();
  void obey(const Channel::Message& message);
  Result<void> reserve(std::string_view text, bool inherited);
  void take_rates(std::string_view text);
  void take_target(std::string_view text);
  void book(std::string_view record);  // a row of the ledger: what it says is charged, too
  const Channel& channel_;
  store::LiveStore& store_;
  gateway::Admission& admission_;
  gateway::Health& health_;
  telemetry::Log& log_;
  std::map<std::string, gateway::Hold, std::less<>> holds_;
  std::atomic<bool> over_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace sluice::serve
