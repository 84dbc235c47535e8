// Corrections have a log of their own beside the ledger's, in the same format: the serving process alone appends to the
// ledger's, and prices are mended also beside it. Both are folded into one table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/ledger_entry.h"

namespace sluice::store {

bool has_corrections(const std::string& directory);

// On disk when this returns. One writer at a time; another one is waited for up to 10 s.
// Errors: unavailable.
Result<std::uint64_t> write_corrections(const std::string& directory, const std::vector<LedgerEntry>& corrections);

}  // namespace sluice::store
