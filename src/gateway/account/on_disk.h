// Strict durability: a request waits until the ledger has on disk what it cost. The requests that wait at the same
// moment share one write and one synchronisation.
#pragma once

#include <chrono>

#include "async/task.h"
#include "net/reactor.h"
#include "store/request_store.h"

namespace sluice::gateway {

// A disk that takes longer is broken or hangs; a client has waited long enough for an answer that exists.
constexpr std::chrono::seconds longest_ledger_wait{10};

// Until all that this thread has appended is on disk. False: not within the deadline, or cancelled. Both outlive it.
async::Task<bool> on_disk(store::RecordLog& ledger, net::Reactor& reactor, async::Deadline deadline);

}  // namespace sluice::gateway
