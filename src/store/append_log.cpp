#include "store/append_log.h"

#include <utility>

namespace sluice::store {

Result<std::unique_ptr<AppendLog>> AppendLog::open(std::string directory, Options options, LogPosition floor) {
  TRY(LogSegment segment, LogSegment::open_last(directory, floor));
  return std::unique_ptr<AppendLog>(new AppendLog(std::move(directory), options, std::move(segment)));
}

AppendLog::AppendLog(std::string directory, Options options, LogSegment segment)
    : directory_(std::move(directory)), options_(options), segment_(std::move(segment)) {
  // Both buffers at their full size from the start: append() never reallocates, and untouched pages cost nothing.
  queue_.reserve(options_.queue_bytes);
  durable_position_ = segment_.end();
  writer_ = std::thread([this] { run(); });
}

AppendLog::~AppendLog() { close(); }

void AppendLog::close() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  if (writer_.joinable()) writer_.join();
}

Result<void> AppendLog::hand_over(Heir heir, std::chrono::milliseconds limit) {
  if (!flush(limit))
    return fail(ErrorKind::unavailable, "the disk does not take what is queued for " + directory_,
                "look at the disk of the data directory");
  close();
  const std::lock_guard lock(mutex_);
  heir_ = std::move(heir);
  return {};
}

Result<void> AppendLog::take_back() {
  TRY(LogSegment segment, LogSegment::open_last(directory_, durable_position()));
  const std::lock_guard lock(mutex_);
  segment_ = std::move(segment);
  heir_ = nullptr;
  closing_ = false;
  writer_ = std::thread([this] { run(); });
  return {};
}

Appended AppendLog::append(std::string_view record) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (heir_ && !record.empty() && record.size() <= max_record_bytes && heir_(record)) return Appended::queued;
    if (closing_ || record.empty() || record.size() > max_record_bytes) {
      ++lost_records_;
      return Appended::failed;
    }
    const std::size_t before = queue_.size();
    if (before + in_flight_bytes_ + frame_header_bytes + record.size() > options_.queue_bytes) {
      ++lost_records_;
      return Appended::full;
    }
    append_frame(queue_, record);
    ++queued_records_;
    wake = before == 0 || (before < options_.group_bytes && queue_.size() >= options_.group_bytes);
    update_refusing();
  }
  if (wake) wake_.notify_one();
  return Appended::queued;
}

bool AppendLog::flush(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  const std::uint64_t target = queued_records_;
  flush_wanted_ = true;
  wake_.notify_one();
  return written_.wait_for(lock, timeout, [&] { return durable_records_.load(std::memory_order_relaxed) >= target; });
}

std::uint64_t AppendLog::when_durable(std::uint64_t records, std::function<void()> then) {
  std::uint64_t ticket = 0;
  {
    const std::lock_guard lock(waiters_mutex_);
    // Looked at under the lock: the writer counts before it takes it to tell.
    if (durable_records() < records) {
      ticket = ++last_ticket_;
      waiters_.emplace(std::pair(records, ticket), std::move(then));
      tickets_.emplace(ticket, records);
    }
  }
  if (ticket == 0) {
    then();
    return 0;
  }
  {
    const std::lock_guard lock(mutex_);
    flush_wanted_ = true;
  }
  wake_.notify_one();
  return ticket;
}

void AppendLog::forget(std::uint64_t ticket) {
  const std::lock_guard lock(waiters_mutex_);
  const auto known = tickets_.find(ticket);
  if (known == tickets_.end()) return;
  waiters_.erase({known->second, ticket});
  tickets_.erase(known);
}

void AppendLog::tell_waiters(std::uint64_t durable) {
  const std::lock_guard lock(waiters_mutex_);
  while (!waiters_.empty() && waiters_.begin()->first.first <= durable) {
    const auto first = waiters_.begin();
    first->second();
    tickets_.erase(first->first.second);
    waiters_.erase(first);
  }
}

LogHealth AppendLog::health() const {
  std::lock_guard lock(mutex_);
  return {.degraded = degraded_,
          .reason = reason_,
          .queued_bytes = queue_.size() + in_flight_bytes_,
          .durable_records = durable_records_.load(std::memory_order_relaxed),
          .lost_records = lost_records_};
}

AppendLog::Durable AppendLog::durable() const {
  std::lock_guard lock(mutex_);
  return {.position = durable_position_.load(std::memory_order_relaxed),
          .records = durable_records_.load(std::memory_order_relaxed)};
}

std::uint64_t AppendLog::accepted_records() const {
  std::lock_guard lock(mutex_);
  return queued_records_;
}

void AppendLog::update_refusing() {
  refusing_.store(queue_.size() + in_flight_bytes_ > options_.queue_bytes / 2, std::memory_order_relaxed);
}

// False when the log closes and nothing is left to write.
bool AppendLog::wait_for_group(std::unique_lock<std::mutex>& lock) {
  wake_.wait(lock, [&] { return !queue_.empty() || closing_; });
  if (queue_.empty()) return false;
  wake_.wait_for(lock, options_.group_ms,
                 [&] { return queue_.size() >= options_.group_bytes || flush_wanted_ || closing_; });
  flush_wanted_ = false;
  return true;
}

void AppendLog::run() {
  std::string group;
  group.reserve(options_.queue_bytes);
  std::unique_lock lock(mutex_);
  while (wait_for_group(lock)) {
    group.swap(queue_);
    in_flight_bytes_ = group.size();
    const std::uint64_t records = queued_records_;  // that will be durable after this group
    while (true) {
      lock.unlock();
      const Result<void> written = write_group(group);
      lock.lock();
      degraded_ = !written;
      reason_ = written ? "" : written.error().message;
      if (written) {
        in_flight_bytes_ = 0;
        durable_position_.store(segment_.end(), std::memory_order_release);
        durable_records_.store(records, std::memory_order_release);
      }
      update_refusing();
      if (written) break;
      if (closing_) return;
      wake_.wait_for(lock, options_.retry_ms, [&] { return closing_; });
    }
    group.clear();
    written_.notify_all();
    lock.unlock();
    tell_waiters(records);
    lock.lock();
  }
}

// The file is either as it was before or holds the whole group, durably. The writer thread's, without the lock.
Result<void> AppendLog::write_group(std::string& group) {
  if (segment_.bytes() > segment_header_bytes && segment_.bytes() + group.size() > options_.segment_bytes) {
    TRY(LogSegment next, LogSegment::create(directory_, segment_.end()));
    segment_ = std::move(next);
  }
  seal(group, segment_.salt());
  return segment_.append(group);
}

}  // namespace sluice::store
