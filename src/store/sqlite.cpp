#include "store/sqlite.h"

#include <sqlite3.h>

namespace sluice::store {
namespace {

// Longer than any transaction of ours, fold's included; then another process holds the database and hangs.
constexpr int busy_timeout_ms = 10'000;

std::string_view hint_for(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return "another process holds the database; end it or try again";
    case SQLITE_FULL: return "free some space on the disk";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM: return "make the data directory and its files writable for the user that runs sluice";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return "restore the file from a backup; the ledger's segments in ledger/ hold every entry";
    default: return "check the disk; `sluice doctor` says more";
  }
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

// A failed bind leaves NULL, which the tables' NOT NULL and the look-ups refuse; it happens only without memory.
Statement& Statement::bind(std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), next_++, value);
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  sqlite3_bind_text64(statement_.get(), next_++, text.data() ? text.data() : "", text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(std::optional<std::int64_t> value) {
  if (value) return bind(*value);
  sqlite3_bind_null(statement_.get(), next_++);
  return *this;
}

Statement& Statement::bind_blob(std::span<const std::uint8_t> bytes) {
  sqlite3_bind_blob64(statement_.get(), next_++, bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_->error("use");
}

Result<void> Statement::run() {
  while (true) {
    TRY(const bool row, step());
    if (!row) break;
  }
  reset();
  return {};
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  next_ = 1;
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::optional<std::int64_t> Statement::optional_integer(int column) const {
  if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) return std::nullopt;
  return integer(column);
}

std::string Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return {};
  return std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

std::string_view Statement::blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
  std::unique_ptr<Database> database(new Database(path));
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  database->handle_.reset(handle);  // to be closed in any case, as SQLite wants it
  if (code != SQLITE_OK) return database->error("open");
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, busy_timeout_ms);
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr) != SQLITE_OK)
    return error("use");
  return Statement(statement, *this);
}

Result<void> Database::execute(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error("use");
  return {};
}

Result<std::int64_t> Database::integer(std::string_view sql) const {
  TRY(Statement statement, prepare(sql));
  TRY(const bool row, statement.step());
  return row ? statement.integer(0) : 0;
}

bool Database::busy() const { return (sqlite3_errcode(handle_.get()) & 0xff) == SQLITE_BUSY; }

std::int64_t Database::changes() const { return sqlite3_changes64(handle_.get()); }

std::unexpected<Error> Database::error(std::string_view doing) const {
  const int code = handle_ ? sqlite3_extended_errcode(handle_.get()) : SQLITE_NOMEM;
  const std::string why = handle_ ? sqlite3_errmsg(handle_.get()) : "out of memory";
  return fail(ErrorKind::unavailable, "cannot " + std::string(doing) + " the database " + path_ + ": " + why,
              std::string(hint_for(code)));
}

Result<Transaction> Transaction::begin_reading(Database& database) {
  CHECK_OK(database.execute("BEGIN"));
  return Transaction(database);
}

Result<Transaction> Transaction::begin(Database& database) {
  CHECK_OK(database.execute("BEGIN IMMEDIATE"));
  return Transaction(database);
}

// Should the rollback fail, the connection's next statement says so: there is nobody to tell here.
Transaction::~Transaction() {
  if (database_) (void)database_->execute("ROLLBACK");
}

Result<void> Transaction::commit() {
  CHECK_OK(database_->execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace sluice::store
