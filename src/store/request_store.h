// What the request path needs of the store: who has which key, and logs that never make their caller wait. LiveStore is
// the one with a disk; the simulation (tests/simulation) brings one whose disk fails when it is told to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <string_view>

#include "store/key_table.h"

namespace sluice::store {

enum class Appended : std::uint8_t {
  queued,  // it will be on disk within about 10 ms
  full,    // the queue has no room: the disk does not take what comes in. The record is lost and counted.
  failed,  // the log is closed, or the record is larger than max_record_bytes. The record is lost and counted.
};

class RecordLog {
 public:
  virtual ~RecordLog() = default;
  // Any thread; copies the record and does not wait for a disk.
  virtual Appended append(std::string_view record) = 0;

  // For whoever must not go on before a record is on disk. Taken after append(): how many records the log has accepted,
  // that one among them.
  virtual std::uint64_t accepted_records() const { return 0; }
  // Calls `then` once so many are on disk: at once when they are, else from the log's thread, under a lock, so it must
  // be quick and not come back here. A log that somebody waits for does not wait for more to come. Answers a ticket for
  // forget(), 0 when `then` has been called.
  virtual std::uint64_t when_durable(std::uint64_t records, std::function<void()> then) {
    (void)records;
    then();
    return 0;
  }
  // From here on its `then` is not called.
  virtual void forget(std::uint64_t ticket) { (void)ticket; }
};

constexpr std::string_view keys_unknown =
    "which keys are good has not been known for too long: the database cannot be reached";

// All from any thread; nothing waits.
class RequestStore {
 public:
  virtual ~RequestStore() = default;
  virtual std::shared_ptr<const KeyTable> keys() const = 0;
  // Rises with each exchange of the table.
  virtual std::uint64_t keys_generation() const { return 0; }
  // Held while a row is charged to the lines of its request and appended to the ledger: no table with new lines comes
  // between the two, so that a new line's sum has each row once.
  virtual std::shared_lock<std::shared_mutex> settling() { return {}; }
  virtual RecordLog& ledger() = 0;
  virtual RecordLog& audit() = 0;
  // A log may take no new work: what is left of its queue is for requests that have been let in already.
  virtual bool refuses_new_work() const = 0;
  // look_for_keys() asks for a look at keys that another process has made, without waiting for the next round. Any
  // number of callers share one look. looked_for_keys() tells whether the look that a caller got the number of is over,
  // successful or not.
  virtual std::uint64_t look_for_keys() = 0;
  virtual bool looked_for_keys(std::uint64_t number) const = 0;
  // Nobody may come in: which keys are good has not been known for longer than the operator allows.
  virtual bool keys_are_stale() const { return false; }
};

}  // namespace sluice::store
