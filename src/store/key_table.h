// The keys as the request path sees them: an immutable table in memory, looked up by sha256, exchanged as a whole when
// the database has changed. What changes per request (money, rates) is in KeyState, which lives on from table to table.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/crypto.h"
#include "store/key.h"

namespace sluice::store {

// The moving parts of a key, shared by all threads. gateway/admit owns the rules; this is only the place.
struct KeyState {
  std::atomic<std::int64_t> committed_pico{0};   // spent + held: what the budget is compared with
  std::atomic<std::int64_t> spent_pico{0};       // settled, since the key was made
  std::atomic<std::int64_t> requests_tat_ns{0};  // GCRA's theoretical arrival time, monotonic clock
  std::atomic<std::int64_t> tokens_tat_ns{0};
  std::atomic<std::int32_t> in_flight{0};  // requests that hold something now

  Money spent() const { return Money::pico(spent_pico.load(std::memory_order_relaxed)); }
  Money held() const { return Money::pico(committed_pico.load(std::memory_order_relaxed)) - spent(); }
};

// Who asks, with what rights. Cheap to copy; valid on its own, whatever happens to the table that it came from.
class Principal {
 public:
  Principal(std::shared_ptr<const VirtualKey> key, std::shared_ptr<KeyState> state)
      : key_(std::move(key)), state_(std::move(state)) {}

  const VirtualKey& key() const { return *key_; }
  const KeyId& id() const { return key_->id; }
  const std::string& name() const { return key_->name; }
  DataClass data_class() const { return key_->data_class; }
  bool has_budget() const { return key_->budget.has_value(); }
  KeyState& state() const { return *state_; }

 private:
  std::shared_ptr<const VirtualKey> key_;
  std::shared_ptr<KeyState> state_;
};

class KeyTable {
 public:
  KeyTable() = default;
  explicit KeyTable(std::vector<Principal> principals);

  // Null when no key has this digest. Revoked and expired keys are found: the caller tells them apart.
  const Principal* find(const crypto::Sha256& digest) const;
  std::size_t size() const { return by_digest_.size(); }

 private:
  struct Hash {
    std::size_t operator()(const crypto::Sha256& digest) const noexcept;
  };
  std::unordered_map<crypto::Sha256, Principal, Hash> by_digest_;
};

// The place where the current table is exchanged. The lock is held for the copy of one pointer.
class KeyTableCell {
 public:
  std::shared_ptr<const KeyTable> load() const {
    std::lock_guard lock(mutex_);
    return table_;
  }
  void store(std::shared_ptr<const KeyTable> table) {
    std::lock_guard lock(mutex_);
    table_.swap(table);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const KeyTable> table_ = std::make_shared<const KeyTable>();
};

}  // namespace sluice::store
