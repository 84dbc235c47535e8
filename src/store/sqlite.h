// The one door to SQLite: a connection and a prepared statement that free themselves and answer with Result. Values are
// always bound, never put into the text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "store/grant.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::store {

class Database;

// Bind in order, step() until it says false, read columns in order; run() for what gives no rows. reset() to use again.
// Texts and blobs are borrowed: they must stay as they are until the last step() or run().
class Statement {
 public:
  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view text);
  Statement& bind(const char* text) { return bind(std::string_view(text)); }
  Statement& bind(std::optional<std::int64_t> value);
  Statement& bind_blob(std::span<const std::uint8_t> bytes);

  Result<bool> step();
  Result<void> run();
  void reset();

  std::int64_t integer(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;
  std::string text(int column) const;
  std::string_view blob(int column) const;  // until the next step()

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement, const Database& database) : statement_(statement), database_(&database) {}
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  const Database* database_;  // whose error text belongs to the statement; outlives it
  int next_ = 1;
};

// A connection; used by one thread at a time.
class Database {
 public:
  // Opens or creates the file. Errors: unavailable.
  static Result<std::unique_ptr<Database>> open(const std::string& path);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<Statement> prepare(std::string_view sql) const;
  // Fixed text without values; several statements are fine.
  Result<void> execute(const char* sql);
  // The first column of the first row.
  Result<std::int64_t> integer(std::string_view sql) const;
  // The last call failed because another process had the database.
  bool busy() const;
  std::int64_t changes() const;  // rows that the last statement changed

  // Who acts through this connection, for the record; the operating system's user until somebody else is named.
  const Doer& doer() const { return doer_; }
  void set_doer(Doer doer) { doer_ = std::move(doer); }

  const std::string& path() const { return path_; }
  std::unexpected<Error> error(std::string_view doing) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  explicit Database(std::string path) : path_(std::move(path)) {}
  std::string path_;
  Doer doer_;
  std::unique_ptr<sqlite3, Close> handle_;
};

// begin(): BEGIN IMMEDIATE: waits for other writers, then sees and changes a state that nobody else changes. Rolls back
// unless committed.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  // BEGIN: sees one state, while others go on writing. There is nothing to commit.
  static Result<Transaction> begin_reading(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace sluice::store
