// The tables of sluice.db and how older databases become current. `user_version` is the number of migrations that have
// run.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "store/sqlite.h"

namespace sluice::store {

// Sets the connection up and runs the migrations that are missing, each in one transaction; several processes may do it
// at once. Errors: unavailable, also when the database is newer than this program or is not one of Sluice's.
Result<void> prepare_database(SqliteDatabase& database);

// The first `count` migrations alone, on a new file: what an earlier program made, for tests.
Result<void> prepare_old_database(SqliteDatabase& database, std::size_t count);

}  // namespace sluice::store
