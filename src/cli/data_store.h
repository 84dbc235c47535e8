// Opening the data directory for a verb.
#pragma once

#include "base/result.h"
#include "cli/verb.h"
#include "store/store.h"

namespace sluice::cli {

enum class IfMissing { create, refuse };

// Where the data directory's server keeps keys and ledger: by SLUICE_CONFIG, the configuration of the server that runs,
// or the one that the last server had. Errors: those of reading a configuration that is known to say so.
Result<store::Home> home_of(const Invocation& invocation);

// Whether a store has been made there: a file, or PostgreSQL, which is asked later.
bool has_store(const store::Home& home);

// IfMissing::refuse keeps a mistyped --data from making a new directory: the error says where the data was looked for.
Result<store::Store> open_store(const Invocation& invocation, IfMissing if_missing);

// The same with the newest records of the ledger folded in.
Result<store::Store> open_ledger(const Invocation& invocation);

// A key by its id or its name; of several keys with that name the one that is not revoked, else the youngest.
// Errors: not_found with the nearest name.
Result<store::KeyReport> find_key(store::Store& store, std::string_view id_or_name);

}  // namespace sluice::cli
