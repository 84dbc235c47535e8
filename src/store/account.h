// The money of one limit: what is reserved by requests under way, and what was spent in its window. One small lock,
// held for some additions. gateway/admit owns the rules; the ledger is the truth, from which a start counts the sums
// anew.
//
// Several processes may share a limit (gateway/admit/leases.h). Then money is reserved out of what this process has
// leased, whatever the limit is, and the account says what it has used of that.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/money.h"
#include "store/window.h"

namespace sluice::store {

class Account {
 public:
  // `shared`: with other processes.
  explicit Account(const Window& window, bool shared = false)
      : clock_(window), shared_(shared ? std::make_unique<Shared>() : nullptr) {}

  struct Bucket {
    std::int64_t begin = 0;
    Money spent;
  };

  struct Standing {
    Money spent;                    // in the window; by all who share it
    Money held;                     // by requests under way; a window's end does not free it; with others' leases
    std::int64_t resets_at_us = 0;  // when some of what is spent no longer counts; 0 = never
  };
  Standing standing(std::int64_t now_us);

  // Compares and raises in one step. What is free asks for no money, also when all of it is spent.
  bool reserve(Money amount, Money limit, std::int64_t now_us);
  void give_back(Money amount);
  // Books `cost` at the moment of its ledger row, `from_held` of it out of what is reserved. Returns the share of
  // `limit` that is newly used up, in per cent and one of alert_percents; 0 = none is. Each is told once, until the
  // spend has fallen below it (a new window, or a higher limit).
  int charge(Money cost, Money from_held, Money limit, std::int64_t end_us, std::int64_t now_us);

  // From the ledger: what was spent at `at_us`; an amount below zero takes back. Tells no alert.
  void load(std::int64_t at_us, Money amount);
  // The first bucket that still counts.
  std::int64_t first(std::int64_t now_us);
  // The moments that fall into one bucket, for sums that are already made: true when both do.
  bool same_bucket(std::int64_t one_us, std::int64_t other_us);
  // After load(): what the ledger shows to be used up has been told already.
  void forget_alerts(Money limit, std::int64_t now_us);

  // --- of a shared one; one thread at a time

  // What this process says of itself. All of it is absolute: it may be said twice.
  struct Report {
    std::vector<Bucket> buckets;  // that have changed since the last report
    Money spent;                  // by this process, in the window
    Money keep;                   // of the lease
    std::int64_t first = 0;       // bucket that counts
    std::int64_t bucket = 0;      // of this moment
  };
  enum class Keep : std::uint8_t {
    if_used,  // what is not reserved is given up, unless something was taken of it since the last report
    reserved  // what is not reserved is given up
  };
  // `everything`: all buckets, for a store that has forgotten them.
  Report report(std::int64_t now_us, bool everything, Keep keep);
  // There is something to report, or to give up.
  bool has_news();
  // The answer: of `leased` (>= what the report kept), `reserved` belongs to requests that have waited for it. Returns
  // what charge() does: whoever spends may not know yet what the others have spent, so the last to hear of it tells.
  int granted(const Report& report, Money leased, Money reserved, Money all_spent, Money all_leased, Money limit);
  // Reserves what was not leased: for a request that another process has let in, or while nobody can be asked.
  void reserve_anyway(Money amount);

 private:
  struct Shared {
    Money lease;               // may be reserved or spent by this process
    Money unreported;          // spent since the last report, out of the lease
    std::vector<Bucket> told;  // as reported
    Money elsewhere;           // spent by the others, in the window, as of the last answer
    Money elsewhere_leased;    // by the others
    bool used = false;         // since the last report
    bool looked = false;       // somebody wants to know what others have
  };
  void add(std::int64_t at_us, Money amount);
  Money spent(std::int64_t first) const;
  int level(Money limit, std::int64_t first) const;

  std::mutex mutex_;
  WindowClock clock_;
  std::vector<Bucket> buckets_;  // by their begin, at most clock_.most_buckets()
  Money held_;
  int told_ = 0;  // the highest alert that was told of what is spent now
  const std::unique_ptr<Shared> shared_;
};

constexpr int alert_percents[] = {50, 80, 100};

}  // namespace sluice::store
