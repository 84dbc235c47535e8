// The money of one limit: what is reserved by requests under way, and what was spent in its window. One small lock,
// held for some additions. gateway/admit owns the rules; the ledger is the truth, from which a start counts the sums
// anew.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "base/money.h"
#include "store/window.h"

namespace sluice::store {

class Account {
 public:
  explicit Account(const Window& window) : clock_(window) {}

  struct Standing {
    Money spent;                    // in the window
    Money held;                     // by requests under way; a window's end does not free it
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

 private:
  struct Bucket {
    std::int64_t begin = 0;
    Money spent;
  };
  void add(std::int64_t at_us, Money amount);
  Money spent(std::int64_t first) const;
  int level(Money limit, std::int64_t first) const;

  std::mutex mutex_;
  WindowClock clock_;
  std::vector<Bucket> buckets_;  // by their begin, at most clock_.most_buckets()
  Money held_;
  int told_ = 0;  // the highest alert that was told of what is spent now
};

constexpr int alert_percents[] = {50, 80, 100};

}  // namespace sluice::store
