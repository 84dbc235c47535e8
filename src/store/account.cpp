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
  const Money sum = spent(first) + (shared_ ? shared_->elsewhere : Money());
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
  if (shared_) {
    shared_->looked = true;
    standing.spent += shared_->elsewhere;
    standing.held += shared_->elsewhere_leased;
  }
  if (oldest != buckets_.end()) standing.resets_at_us = clock_.leaves_at(oldest->begin);
  return standing;
}

bool Account::reserve(Money amount, Money limit, std::int64_t now_us) {
  if (amount <= Money()) return true;
  const std::lock_guard lock(mutex_);
  if (shared_) {
    shared_->used = true;
    if (shared_->unreported + held_ + amount > shared_->lease) return false;
    held_ += amount;
    return true;
  }
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
  if (shared_) shared_->unreported += cost;
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

Account::Report Account::report(std::int64_t now_us, bool everything, Keep keep) {
  const std::lock_guard lock(mutex_);
  Report report{.first = clock_.first(now_us), .bucket = clock_.bucket(now_us)};
  for (const Bucket& bucket : buckets_) {
    const auto told = std::ranges::find(shared_->told, bucket.begin, &Bucket::begin);
    if (everything || told == shared_->told.end() || told->spent != bucket.spent) report.buckets.push_back(bucket);
  }
  // Nothing is said as well: what an earlier program has told for this process would stay for ever.
  if (everything && buckets_.empty() && clock_.most_buckets() == 1) report.buckets.push_back({.begin = report.bucket});
  shared_->told = buckets_;
  report.spent = spent(report.first);
  // What was spent leaves the lease with the same words that report it. Should an answer have cost more than was
  // reserved for it, the lease is short; what others have reserved is kept all the same.
  shared_->lease = std::max(shared_->lease - shared_->unreported, held_);
  shared_->unreported = Money();
  if (keep == Keep::reserved || !shared_->used) shared_->lease = held_;
  shared_->used = shared_->looked = false;
  report.keep = shared_->lease;
  return report;
}

bool Account::has_news() {
  const std::lock_guard lock(mutex_);
  return shared_->looked || shared_->unreported > Money() || shared_->lease != held_ ||
         !std::ranges::equal(shared_->told, buckets_, [](const Bucket& one, const Bucket& other) {
           return one.begin == other.begin && one.spent == other.spent;
         });
}

int Account::granted(const Report& report, Money leased, Money reserved, Money all_spent, Money all_leased,
                     Money limit) {
  const std::lock_guard lock(mutex_);
  shared_->lease += leased - report.keep;
  held_ += reserved;
  if (reserved > Money()) shared_->used = true;
  shared_->elsewhere = all_spent - report.spent;
  shared_->elsewhere_leased = all_leased - leased;
  const int reached = level(limit, report.first);
  const bool news = reached > told_;
  told_ = reached;  // also below what was told: a new window, or a higher limit
  return news ? reached : 0;
}

void Account::reserve_anyway(Money amount) {
  const std::lock_guard lock(mutex_);
  held_ += amount;
}

}  // namespace sluice::store
