// A durable log that never makes its caller wait: append() puts a record into a bounded queue, one writer thread brings
// the queue to disk with one write and one fdatasync per group. It knows nothing about what a record means.
//
// When the disk is full or fails, the writer cuts off what it wrote in part, keeps the queue, says why in health() and
// tries again; nobody loses what is queued unless the process ends or the queue fills up.
// The files are described in log_format.h; reading them is LogReader's (log_reader.h).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/result.h"
#include "store/log_segment.h"
#include "store/request_store.h"

namespace sluice::store {

struct LogHealth {
  bool degraded = false;  // the last write failed and has not succeeded since
  std::string reason;     // "cannot write /data/ledger/...: No space left on device"; empty when not degraded
  std::uint64_t queued_bytes = 0;
  std::uint64_t durable_records = 0;  // since this log was opened
  std::uint64_t lost_records = 0;     // answered with full or failed
};

class AppendLog : public RecordLog {
 public:
  struct Options {
    std::uint64_t segment_bytes = 64ull << 20;  // a new file from here on: small enough to delete and copy in pieces
    std::size_t queue_bytes = 8u << 20;         // 40,000 ledger rows: several seconds of a busy gateway
    std::size_t group_bytes = 64u << 10;        // a group of this size does not wait for the clock
    std::chrono::milliseconds group_ms{10};     // the longest that a record waits for others
    std::chrono::milliseconds retry_ms{200};    // between two attempts on a disk that failed
  };

  // Opens the log in an existing directory for writing and starts the writer. A torn record at the end, left by a
  // crash, is cut off. New records get positions of at least `floor`. The caller holds the directory's server lock.
  static Result<std::unique_ptr<AppendLog>> open(std::string directory, Options options, LogPosition floor = 0);
  ~AppendLog() override;  // close()
  AppendLog(const AppendLog&) = delete;
  AppendLog& operator=(const AppendLog&) = delete;

  // Any thread. Copies the record under a lock that is never held during I/O.
  Appended append(std::string_view record) override;

  // Waits until all that was appended before is on disk. False when that has not happened within the time.
  bool flush(std::chrono::milliseconds timeout);

  // Writes what is queued, if the disk takes it at once, and ends the writer. From here on append() answers `failed`.
  // Only the owner calls it.
  void close();

  // Another process is to write this log. Brings what is queued to disk, ends the writer, and gives each later record
  // to `heir` instead, which says whether it has taken it. Errors: unavailable, when the disk does not take it all
  // within `limit`; then nothing has changed. Only the owner calls it; no append() may be under way.
  using Heir = std::function<bool(std::string_view)>;
  Result<void> hand_over(Heir heir, std::chrono::milliseconds limit);
  // The other process has not come to write: goes on as before.
  Result<void> take_back();

  LogHealth health() const;
  // For the request path: more than half of the queue is used, because the disk fails, or hangs, or is too slow. New
  // requests must then be refused: what is left of the queue is for those that have been let in already.
  bool refuses_new_work() const { return refusing_.load(std::memory_order_relaxed); }
  // Everything before this position is on disk.
  LogPosition durable_position() const { return durable_position_.load(std::memory_order_acquire); }
  // That a record was accepted is known before it is on disk: these two tell which record is where.
  struct Durable {
    LogPosition position = 0;
    std::uint64_t records = 0;
  };
  Durable durable() const;
  std::uint64_t accepted_records() const override;
  std::uint64_t durable_records() const { return durable_records_.load(std::memory_order_acquire); }
  std::uint64_t when_durable(std::uint64_t records, std::function<void()> then) override;
  void forget(std::uint64_t ticket) override;

 private:
  AppendLog(std::string directory, Options options, LogSegment segment);
  void run();
  bool wait_for_group(std::unique_lock<std::mutex>& lock);
  Result<void> write_group(std::string& group);
  void update_refusing();
  void tell_waiters(std::uint64_t durable);

  const std::string directory_;
  const Options options_;
  LogSegment segment_;  // the writer thread's

  mutable std::mutex mutex_;
  std::condition_variable wake_;      // the writer's: something to do
  std::condition_variable written_;   // flush()'s: something was done
  std::string queue_;                 // framed records without their checksums
  std::uint64_t queued_records_ = 0;  // all that were accepted
  std::uint64_t lost_records_ = 0;
  std::size_t in_flight_bytes_ = 0;  // of the group that the writer is at
  bool flush_wanted_ = false;
  bool closing_ = false;
  Heir heir_;  // set: the log is another process's
  bool degraded_ = false;
  std::string reason_;

  // Who waits for a record, by its number and a ticket: at most one for each request under way. A lock of its own, so
  // that nobody who appends waits for those who are told.
  std::mutex waiters_mutex_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::function<void()>> waiters_;
  std::map<std::uint64_t, std::uint64_t> tickets_;  // the record's number by the ticket
  std::uint64_t last_ticket_ = 0;

  std::atomic<bool> refusing_{false};
  std::atomic<LogPosition> durable_position_{0};
  std::atomic<std::uint64_t> durable_records_{0};
  std::thread writer_;
};

}  // namespace sluice::store
