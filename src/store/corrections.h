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

bool has_corrections(const std::string& directory);

// Held by who looks for what must be corrected and writes it (Store::correct): two at once would both correct the same
// row. Another one is waited for up to 10 s. Errors: unavailable.
Result<Fd> lock_corrections(const std::string& directory);

// On disk when this returns. One writer at a time. `floor`: up to where the log
// has been folded, which a power cut may have made longer than the log.
// Errors: unavailable.
Result<std::uint64_t> write_corrections(const std::string& directory, const std::vector<LedgerEntry>& corrections,
                                        LogPosition floor);

}  // namespace sluice::store
