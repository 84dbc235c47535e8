// What the serving process adds to the Store: the directory's lock, the ledger and audit logs open for writing, the key
// table in memory, and two background threads, one that watches for changed keys and one that folds the log.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "store/append_log.h"
#include "store/request_store.h"
#include "store/store.h"

namespace sluice::store {

class LiveStore : public RequestStore {
 public:
  struct Options {
    AppendLog::Options ledger = {};
    // Waits longer than the ledger: each group costs a wait for the disk, and no money is in what a crash takes of it.
    AppendLog::Options audit = {.group_bytes = 256u << 10, .group_ms = std::chrono::milliseconds(50)};
    std::chrono::milliseconds key_poll_ms{100};     // a revoked key is refused within this time and a reload
    std::chrono::milliseconds key_look_gap_ms{20};  // between two looks that were asked for: bad keys cost no more
    // Keys that have not been looked at for so long let nobody in. Empty: they do, however old they are.
    std::optional<std::chrono::seconds> stale_limit = {};
    std::chrono::milliseconds fold_ms{1000};
    bool shared_limits = false;  // what limits count is shared with other processes (gateway/admit/leases.h)
    std::chrono::milliseconds act_flush_ms{2000};  // what the folder waits for the audit log to have an act on disk
  };
  struct Health {
    LogHealth ledger;
    LogHealth audit;
    // Why the key table could not be reloaded (the last good one stays), or which keys are damaged and left out of it.
    // Empty = all is well.
    std::string keys_problem;
    std::string fold_problem;          // why folding failed; it is tried again. Empty = all is well.
    std::int64_t rows_since_us = 0;    // from when on the ledger's rows are kept; 0 = all
    std::chrono::seconds keys_age{0};  // since they were last looked at
    bool degraded() const { return !problem().empty(); }
    // The first thing that is wrong, as a sentence; empty when all is well.
    const std::string& problem() const;
  };

  // Opens the directory as Store::open does, takes its lock, folds what a previous run left, loads the keys and starts
  // the threads. Errors: unavailable when another server holds the lock ("data directory ... is in use by process
  // 123").
  static Result<std::unique_ptr<LiveStore>> start(const Home& home, Options options);
  ~LiveStore() override;  // stop(5 s)
  LiveStore(const LiveStore&) = delete;
  LiveStore& operator=(const LiveStore&) = delete;

  // Any thread.
  std::shared_ptr<const KeyTable> keys() const override;
  std::uint64_t keys_generation() const override;
  std::shared_lock<std::shared_mutex> settling() override;
  AppendLog& ledger() override;
  AppendLog& audit() override;
  Health health() const;
  // Neither log may take new work: see AppendLog::refuses_new_work().
  bool refuses_new_work() const override;

  // The blocking side, for the composition root (the first key). Not for a reactor; one caller at a time.
  Store& store();
  // Makes create_key() and revoke_key() of this process visible at once. Blocking.
  Result<void> reload_keys();

  // The newest configuration that was pushed into the store, as the watcher has seen it last; 0: none. Any thread.
  std::int64_t config_generation() const;
  // Rises whenever prices were imported into, or withdrawn from, the shared database. Any thread.
  std::int64_t prices_version() const;

  // How many days of rows and log segments are kept (retention.h); 0 = all. Any thread; the folder follows.
  void keep_days(std::int64_t days);

  // Looks keep key_look_gap_ms apart, however many ask.
  std::uint64_t look_for_keys() override;
  bool looked_for_keys(std::uint64_t number) const override;
  bool keys_are_stale() const override;

  // Another process is to serve from the directory: brings the logs to disk and into the database, gives the lock up,
  // and passes each later record to the heirs. Keys are watched on. Nobody may append meanwhile. Errors: unavailable;
  // then nothing has changed.
  Result<void> hand_over(AppendLog::Heir ledger, AppendLog::Heir audit, std::chrono::milliseconds limit);
  // The other process has not come to serve: goes on as before. Errors: unavailable, when somebody else serves.
  Result<void> take_back();

  // Brings the logs to disk and into the database, then ends the threads. Late records are answered with `failed`.
  // False when the disk did not take everything within the time.
  bool stop(std::chrono::milliseconds timeout);

 private:
  struct State;
  explicit LiveStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sluice::store
