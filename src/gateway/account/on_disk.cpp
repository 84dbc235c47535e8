#include "gateway/account/on_disk.h"

#include <cstdint>
#include <memory>

#include "async/signal.h"

namespace sluice::gateway {
namespace {

// Nobody is told any more when the request has gone.
struct Ticket {
  store::RecordLog& ledger;
  std::uint64_t number = 0;
  explicit Ticket(store::RecordLog& log) : ledger(log) {}
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() {
    if (number != 0) ledger.forget(number);
  }
};

}  // namespace

async::Task<bool> on_disk(store::RecordLog& ledger, net::Reactor& reactor, async::Deadline deadline) {
  // Shared with what is posted: that may come when the request has gone.
  const auto signal = std::make_shared<async::Signal>(reactor.scheduler());
  Ticket ticket(ledger);
  ticket.number = ledger.when_durable(ledger.accepted_records(),
                                      [&reactor, signal] { reactor.post([signal] { signal->notify(); }); });
  if (ticket.number == 0) co_return true;
  co_return co_await signal->wait(deadline);
}

}  // namespace sluice::gateway
