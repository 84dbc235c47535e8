// Where a Store keeps what it knows: the data directory alone, or the directory for the process's own logs and
// PostgreSQL for what all processes share.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/secret.h"

namespace sluice::store {

// Where a PostgreSQL database is. `url`: a connection string of libpq,
// "postgresql://user:password@host:5432/database?sslmode=require".
struct PostgresPlace {
  Secret url;
  std::string schema = "sluice";  // see is_schema_name()
};

struct Home {
  Home(std::string data_directory) : directory(std::move(data_directory)) {}  // NOLINT(google-explicit-constructor)
  Home(const char* data_directory) : directory(data_directory) {}             // NOLINT(google-explicit-constructor)
  Home(std::string data_directory, PostgresPlace place)
      : directory(std::move(data_directory)), postgres(std::move(place)) {}

  std::string directory;
  std::optional<PostgresPlace> postgres;  // empty: sluice.db in the directory
};

}  // namespace sluice::store
