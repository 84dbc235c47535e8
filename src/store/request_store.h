// What the request path needs of the store: who has which key, and logs that never make their caller wait. LiveStore is
// the one with a disk; the simulation (tests/simulation) brings one whose disk fails when it is told to.
#pragma once

#include <cstdint>
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
};

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
};

}  // namespace sluice::store
