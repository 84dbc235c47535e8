// The one door to SQLite: a file of the data directory as a Database.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/database.h"

struct sqlite3;

namespace sluice::store {

class SqliteDatabase : public Database {
 public:
  // Opens or creates the file. Errors: unavailable.
  static Result<std::unique_ptr<SqliteDatabase>> open(const std::string& path);

  Result<Statement> prepare(std::string_view sql) const override;
  Result<void> execute(const char* sql) override;
  const std::string& name() const override { return path_; }
  Result<std::int64_t> change_mark() override;
  Result<std::vector<std::string>> damages() override;
  std::string how_to_mend(const std::string& log) const override;
  bool is_shared() const override { return false; }

  // The last call failed because another process had the database.
  bool busy() const;
  const std::string& path() const { return path_; }
  std::unexpected<Error> error(std::string_view doing) const;

 private:
  class Rows;
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  explicit SqliteDatabase(std::string path) : path_(std::move(path)) {}
  Result<void> begin(Writing writing) override;
  Result<void> begin_reading() override;
  Result<void> commit() override;
  void roll_back() override;

  std::string path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace sluice::store
