// Responses that their provider goes on with when the call has ended (`background: true`). What they cost is known when
// a client is told that one has come to its end; until then their row in the ledger has no price.
#pragma once

#include <optional>
#include <string>

#include "chat/usage.h"
#include "gateway/shared/gateway.h"
#include "store/ledger_entry.h"

namespace sluice::gateway {

// Keeps the response's row, which the ledger must have on disk, until settle_background(). Once this has run, that is
// certain, also after a crash. What cannot be noted stays without a price; the desk tells why.
async::Task<> note_background(Gateway& gateway, std::string owner, std::string response, const store::LedgerEntry& row,
                              async::Deadline deadline);

// What a response object says that the response has used, once it has come to its end; empty before, and where it does
// not say.
std::optional<chat::Usage> usage_at_end(const dialects::Dialects& dialects, json::Value response);

// Adds what the response has cost to the ledger, by the prices of when it began, for the key that began it: once,
// however often it is called. Nothing happens for a response that is not waited for, or has no price yet.
async::Task<> settle_background(Gateway& gateway, std::shared_ptr<const config::Snapshot> snapshot, std::string owner,
                                std::string response, chat::Usage usage, async::Deadline deadline);

}  // namespace sluice::gateway
