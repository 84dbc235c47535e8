// What did it cost? Prices the usage, settles the Hold and appends the ledger's row. Runs for every attempt that reached
// a provider, however the request ended. It does not decide anything.
#pragma once

#include <cstddef>
#include <functional>

#include "base/money.h"
#include "catalog/price.h"
#include "chat/usage.h"
#include "gateway/admit/admit.h"
#include "store/append_log.h"
#include "store/ledger_entry.h"

namespace sluice::gateway {

// Where the accounts go. Borrows: the composition root keeps both alive longer than any request.
struct Books {
  store::AppendLog* ledger = nullptr;
  // Called with each row and what became of it, for metrics and the log line. May be empty. Must not block.
  std::function<void(const store::LedgerEntry&, store::Appended)> on_entry;
};

// `entry` is complete but for cost and price_source, which are set here from entry.usage and the quote of the attempt.
// With entry.final the hold is settled, else it is charged and stays. The entry comes back as it was recorded.
// A row that the ledger's queue could not take is still settled, reported to on_entry, and counted by the log.
store::LedgerEntry account(const Books& books, Hold& hold, store::LedgerEntry entry, const catalog::Quote& quote);

// --- when the provider reported no usage
// English prose has 4.0 to 4.5 bytes per token in current vocabularies, code 3 to 3.5, Chinese about 2.5 to 4.
constexpr std::size_t bytes_per_token = 4;
// Hardly any text has more tokens than one per two bytes: the ceiling for reserving.
constexpr std::size_t bytes_per_token_at_least = 2;

// An estimate from the texts' bytes, rounded up, marked as not reported.
chat::Usage estimate_usage(std::size_t input_bytes, std::size_t output_bytes);
// For Need::tokens: what a prompt of that many bytes will probably have.
Tokens estimate_tokens(std::size_t bytes);
// For Need::worst_cost: what a prompt of that many bytes has at most.
Tokens most_tokens(std::size_t bytes);

}  // namespace sluice::gateway
