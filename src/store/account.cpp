#include "store/account.h"

#include <algorithm>

namespace sluice::store {

void Account::add(std::int64_t at_us, Money amount) {
  std::int64_t begin = clock_.bucket(at_us);
  const bool full = buckets_.size() >= clock_.most_buckets();
  // Where the clock was set back so far that its buckets are gone, the oldest takes it: it counts all the same.
  if (full && begin < buckets_.front().begin) begin = buckets_.front().begin;
  const auto at = std::ranges::lower_bound(buckets_, begin, {}, &Bucket::begin);
  if (at != buckets_.end() && at->begin == begin) {
    at->spent += amount;
    return;
  }
  buckets_.insert(at, Bucket{begin, amount});
  if (full) buckets_.erase(buckets_.begin());
}

Money Account::spent(std::int64_t first) const {
  Money sum;
  for (auto bucket = buckets_.rbegin(); bucket != buckets_.rend() && bucket->begin >= first; ++bucket)
    sum += bucket->spent;
  return sum;
}

int Account::level(Money limit, std::int64_t first) const {
  const Money sum = spent(first);
  int level = 0;
  for (const int percent : alert_percents)
    if (sum > Money() && static_cast<MoneySum>(sum.pico()) * 100 >= static_cast<MoneySum>(limit.pico()) * percent)
      level = percent;
  return level;
}

Account::Standing Account::standing(std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  const std::int64_t first = clock_.first(now_us);
  Standing standing{.spent = spent(first), .held = held_};
  const auto oldest = std::ranges::find_if(
      buckets_, [&](const Bucket& bucket) { return bucket.begin >= first && bucket.spent > Money(); });
  if (oldest != buckets_.end()) standing.resets_at_us = clock_.leaves_at(oldest->begin);
  return standing;
}

bool Account::reserve(Money amount, Money limit, std::int64_t now_us) {
  if (amount <= Money()) return true;
  const std::lock_guard lock(mutex_);
  const Money committed = spent(clock_.first(now_us)) + held_;
  if (committed > limit || amount > limit - committed) return false;
  held_ += amount;
  return true;
}

void Account::give_back(Money amount) {
  const std::lock_guard lock(mutex_);
  held_ = held_ - amount;
}

int Account::charge(Money cost, Money from_held, Money limit, std::int64_t end_us, std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  held_ = held_ - from_held;
  if (cost <= Money()) return 0;
  const std::int64_t first = clock_.first(now_us);
  told_ = std::min(told_, level(limit, first));  // a new window, or a higher limit: it is told anew
  add(end_us, cost);
  const int reached = level(limit, first);
  if (reached <= told_) return 0;
  told_ = reached;
  return reached;
}

void Account::load(std::int64_t at_us, Money amount) {
  const std::lock_guard lock(mutex_);
  add(at_us, amount);
}

std::int64_t Account::first(std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  return clock_.first(now_us);
}

bool Account::same_bucket(std::int64_t one_us, std::int64_t other_us) {
  const std::lock_guard lock(mutex_);
  return clock_.bucket(one_us) == clock_.bucket(other_us);
}

void Account::forget_alerts(Money limit, std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  told_ = level(limit, clock_.first(now_us));
}

}  // namespace sluice::store
