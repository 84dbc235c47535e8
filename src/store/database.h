// What keys, limits, the ledger and their questions need of a database, whichever holds them: SQLite in the data
// directory (sqlite.h), or PostgreSQL for several processes (postgres.h). The statements are written once, in the SQL
// that both speak; values are always bound, never put into the text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/grant.h"

namespace sluice::store {

// Bind in order, step() until it says false, read columns in order; run() for what gives no rows. reset() to use again.
// Texts and blobs are borrowed: they must stay as they are until the last step(), run() or queue(). The database
// outlives it.
class Statement {
 public:
  class Cursor;  // one database's own
  explicit Statement(std::unique_ptr<Cursor> cursor);
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) noexcept;
  ~Statement();

  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view text);
  Statement& bind(const char* text) { return bind(std::string_view(text)); }
  Statement& bind(std::optional<std::int64_t> value);
  Statement& bind_blob(std::span<const std::uint8_t> bytes);

  Result<bool> step();
  Result<void> run();
  // As run(), but the database may do it later: at the latest before the transaction's next step() or its commit(),
  // which then tell what went wrong. Within a transaction only, for what gives no rows. Spares a round trip for each
  // row.
  Result<void> queue();
  void reset();

  std::int64_t integer(int column) const;  // 0 for NULL
  std::optional<std::int64_t> optional_integer(int column) const;
  std::string text(int column) const;
  std::string_view blob(int column) const;  // until the next step()

 private:
  std::unique_ptr<Cursor> cursor_;
  int next_ = 1;
};

class Statement::Cursor {
 public:
  virtual ~Cursor() = default;
  // `place` counts from 1.
  virtual void bind(int place, std::optional<std::int64_t> value) = 0;
  virtual void bind(int place, std::string_view text) = 0;
  virtual void bind(int place, std::span<const std::uint8_t> bytes) = 0;
  virtual Result<bool> step() = 0;
  virtual Result<void> queue() = 0;
  virtual void reset() = 0;
  virtual std::optional<std::int64_t> integer(int column) const = 0;
  virtual std::string text(int column) const = 0;
  virtual std::string_view blob(int column) const = 0;
};

// What a transaction that writes keeps others from: each name is held by one at a time.
enum class Writing : std::uint8_t {
  directory,  // keys, subjects, limits
  acts,       // which acts an audit log has
  ledger,     // rows and their sums; rows get their numbers in the order in which they can be seen
};

// A connection; used by one thread at a time.
class Database {
 public:
  virtual ~Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // `?` for values in order, or ?1, ?2 and on. Errors: unavailable, here or at the first step.
  virtual Result<Statement> prepare(std::string_view sql) const = 0;
  // Fixed text without values; several statements are fine.
  virtual Result<void> execute(const char* sql) = 0;
  // The first column of the first row.
  Result<std::int64_t> integer(std::string_view sql) const;

  // Who acts through this connection, for the record; the operating system's user until somebody else is named.
  const Doer& doer() const { return doer_; }
  void set_doer(Doer doer) { doer_ = std::move(doer); }

  // For messages: a path, or an address without its password.
  virtual const std::string& name() const = 0;
  // Rises, or stays only if nobody else has committed anything since the last call.
  virtual Result<std::int64_t> change_mark() = 0;
  // What the engine's own check of its files finds, each as a sentence. Empty = sound, or not ours to look after.
  virtual Result<std::vector<std::string>> damages() = 0;
  // What to do when the tables do not tell the same as the log.
  virtual std::string how_to_mend(const std::string& log) const = 0;
  // Several processes with logs of their own bring their rows here.
  virtual bool is_shared() const = 0;
  // A descriptor that becomes readable when another process has changed keys, subjects or limits; -1: there is none,
  // now. Whoever waits looks now and then all the same.
  virtual int notices() { return -1; }
  virtual void take_notices() {}
  // Within a transaction: other processes get a notice when it is committed.
  virtual Result<void> tell_others() { return {}; }

 protected:
  Database() = default;

 private:
  friend class Transaction;
  Doer doer_;
  virtual Result<void> begin(Writing writing) = 0;
  virtual Result<void> begin_reading() = 0;
  virtual Result<void> commit() = 0;
  virtual void roll_back() = 0;
};

// Rolls back unless committed.
class Transaction {
 public:
  // Waits for others that write the same, then sees and changes a state that none of them changes.
  static Result<Transaction> begin(Database& database, Writing writing = Writing::directory);
  // Sees one state, while others go on writing. There is nothing to commit.
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
