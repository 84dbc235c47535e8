// The one door to libpq: one connection to a PostgreSQL database, which several processes share. It opens itself anew
// when it was lost, and waits for no answer longer than `longest_answer`.
//
// Nothing that it needs lasts longer than a transaction (no session settings, no prepared statement, no session lock),
// so that it works behind a pooler such as pgbouncer in transaction mode, too; there only notices() do not come.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/home.h"

namespace sluice::store {

class PostgresDatabase : public Database {
 public:
  // Longer than any transaction of ours; then the server hangs, or the network does.
  static constexpr std::chrono::seconds longest_answer{15};

  // Errors: unavailable; invalid_request for what is no connection string.
  static Result<std::unique_ptr<PostgresDatabase>> open(const PostgresPlace& place);
  ~PostgresDatabase() override;

  Result<Statement> prepare(std::string_view sql) const override;
  Result<void> execute(const char* sql) override;
  const std::string& name() const override;
  Result<std::int64_t> change_mark() override { return ++looks_; }
  Result<std::vector<std::string>> damages() override { return std::vector<std::string>(); }
  std::string how_to_mend(const std::string& log) const override;
  bool is_shared() const override { return true; }
  int notices() override;
  void take_notices() override;
  Result<void> tell_others() override;

  // For the migrations: makes the schema when it is missing, and keeps other processes from doing the same until the
  // transaction ends. A Transaction (postgres_schema.cpp) is under way.
  Result<void> make_schema();
  // Waits for whoever brings rows in, and keeps everybody from doing so until the transaction ends.
  Result<void> keep_rows_out();

 private:
  class Link;
  class Rows;
  explicit PostgresDatabase(std::unique_ptr<Link> link);
  Result<void> begin(Writing writing) override;
  Result<void> begin_reading() override;
  Result<void> commit() override;
  void roll_back() override;

  std::unique_ptr<Link> link_;
  std::int64_t looks_ = 0;
};

}  // namespace sluice::store
