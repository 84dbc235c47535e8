// What did it cost? Prices the usage, settles the Hold and appends the ledger's row. Runs for every attempt that
// reached a provider, however the request ended. It does not decide anything. Usage that a provider did not report is
// estimated before (estimate.h).
#pragma once

#include <chrono>
#include <functional>

#include "catalog/price.h"
#include "gateway/admit/admit.h"
#include "store/ledger_entry.h"
#include "store/request_store.h"

namespace sluice::gateway {

// Where the accounts go. Borrows: the composition root keeps both alive longer than any request.
struct Books {
  store::RecordLog* ledger = nullptr;
  // Called with each row and what became of it, for metrics and the log line. May be empty. Must not block.
  std::function<void(const store::LedgerEntry&, store::Appended)> on_entry;
};

// `entry` is complete but for cost and price_source, which are set here from entry.usage and the quote of the attempt.
// `now`: the monotonic clock. With entry.final the hold is settled, else it is charged and stays. A row that the
// ledger's queue could not take is still settled, reported to on_entry, and counted by the log. `appended`, where there
// is one: what became of it.
void account(const Books& books, Hold& hold, store::LedgerEntry& entry, const catalog::Quote& quote,
             std::chrono::steady_clock::time_point now, store::Appended* appended = nullptr);

}  // namespace sluice::gateway
