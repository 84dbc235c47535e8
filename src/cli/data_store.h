// Opening the data directory for a verb.
#pragma once

#include "base/result.h"
#include "cli/verb.h"
#include "store/store.h"

namespace sluice::cli {

enum class IfMissing { create, refuse };

// IfMissing::refuse keeps a mistyped --data from making a new directory: the error says where the data was looked for.
Result<store::Store> open_store(const Invocation& invocation, IfMissing if_missing);

// The same with the newest records of the ledger folded in.
Result<store::Store> open_ledger(const Invocation& invocation);

// A key by its id or its name; of several keys with that name the one that is not revoked, else the youngest.
// Errors: not_found with the nearest name.
Result<store::KeyReport> find_key(store::Store& store, std::string_view id_or_name);

}  // namespace sluice::cli
