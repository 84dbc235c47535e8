// The tables in PostgreSQL: the same as in sluice.db (schema.cpp), which a test compares, and what only several
// processes need. `schema_version` in `state` is the number of migrations that have run.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "store/postgres.h"

namespace sluice::store {

// Makes the schema and runs the migrations that are missing, all in one transaction; several processes may do it at
// once. Errors: unavailable, also when the database is newer than this program.
Result<void> prepare_database(PostgresDatabase& database);

// The first `count` migrations alone, in a new schema: what an earlier program made, for tests.
Result<void> prepare_old_database(PostgresDatabase& database, std::size_t count);

}  // namespace sluice::store
