// Corrections have a log of their own beside the ledger's, in the same format: the serving process alone appends to the
// ledger's, and prices are mended also beside it. Both are folded into one table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "store/ledger_entry.h"
#include "store/log_format.h"

namespace sluice::store {

class Store;

// The row that mends the cost of `entry` by `cost`: of its time and no request. It has no tokens; where the entry lacks
// some, they are the caller's to add. `now_us`: when it is made.
LedgerEntry correction_of(const LedgerEntry& entry, Correction kind, Money cost, std::string price_source,
                          std::int64_t now_us);

bool has_corrections(const std::string& directory);

// Held by who looks for what must be corrected and writes it (Store::correct): two at once would both correct the same
// row. Another one is waited for up to 10 s. Errors: unavailable.
Result<Fd> lock_corrections(const std::string& directory);

// On disk when this returns. One writer at a time. `floor`: up to where the log
// has been folded, which a power cut may have made longer than the log.
// Errors: unavailable.
Result<std::uint64_t> write_corrections(const std::string& directory, const std::vector<LedgerEntry>& corrections,
                                        LogPosition floor);

// Adds one row's first price to the ledger of the store in that directory, unless the row has been corrected before, by
// whomever: however often it is tried, also after a crash in the middle, it counts once. False: it had been. Blocks;
// waits for others who correct, up to 10 s. Errors: unavailable.
Result<bool> price_once(Store& store, const std::string& directory, const LedgerEntry& first_price);

}  // namespace sluice::store
