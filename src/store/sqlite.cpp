#include "store/sqlite.h"

#include <sqlite3.h>

#include <cerrno>
#include <optional>
#include <span>
#include <utility>

namespace sluice::store {
namespace {

// Longer than any transaction of ours, fold's included; then another process holds the database and hangs.
constexpr int busy_timeout_ms = 10'000;

std::string_view hint_for(int code, int system_error) {
  if (system_error == EMFILE || system_error == ENFILE) return "raise the open-file limit (ulimit -n)";
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

// SQLite takes 20 pages for each connection before it has read one; of connections there are eight, and most ask
// rarely. Without them a page is taken when it is read. And it counts what it has taken, under a lock at each piece of
// memory, sixteen times for a row of the ledger: nobody asks for that. Must come before the first connection of the
// process.
void take_memory_as_needed() {
  static const int code =
      sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 0) | sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)code;  // refused when another part of the program has opened one before: then it takes more memory, and time
}

}  // namespace

void SqliteDatabase::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

class SqliteDatabase::Rows : public Statement::Cursor {
 public:
  Rows(sqlite3_stmt* statement, const SqliteDatabase& database) : statement_(statement), database_(database) {}
  ~Rows() override { sqlite3_finalize(statement_); }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  // A failed bind leaves NULL, which the tables' NOT NULL and the look-ups refuse; it happens only without memory.
  void bind(int place, std::optional<std::int64_t> value) override {
    if (value)
      sqlite3_bind_int64(statement_, place, *value);
    else
      sqlite3_bind_null(statement_, place);
  }
  void bind(int place, std::string_view text) override {
    sqlite3_bind_text64(statement_, place, text.data() ? text.data() : "", text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  void bind(int place, std::span<const std::uint8_t> bytes) override {
    sqlite3_bind_blob64(statement_, place, bytes.data(), bytes.size(), SQLITE_STATIC);
  }

  Result<bool> step() override {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return database_.error("use");
  }
  Result<void> queue() override {
    TRY(const bool row, step());
    (void)row;
    reset();
    return {};
  }
  void reset() override { sqlite3_reset(statement_); }

  std::optional<std::int64_t> integer(int column) const override {
    if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
    return sqlite3_column_int64(statement_, column);
  }
  std::string text(int column) const override {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (text == nullptr) return {};
    return std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
  }
  std::string_view blob(int column) const override {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    if (bytes == nullptr) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3_stmt* statement_;
  const SqliteDatabase& database_;  // whose error text belongs to the statement; outlives it
};

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const std::string& path) {
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(path));
  take_memory_as_needed();
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  database->handle_.reset(handle);  // to be closed in any case, as SQLite wants it
  if (code != SQLITE_OK) return database->error("open");
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, busy_timeout_ms);
  return database;
}

Result<Statement> SqliteDatabase::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr) != SQLITE_OK)
    return error("use");
  return Statement(std::make_unique<Rows>(statement, *this));
}

Result<void> SqliteDatabase::execute(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error("use");
  return {};
}

// Changes with every commit of another connection.
Result<std::int64_t> SqliteDatabase::change_mark() { return integer("PRAGMA data_version"); }

Result<std::vector<std::string>> SqliteDatabase::damages() {
  std::vector<std::string> found;
  TRY(Statement check, prepare("PRAGMA quick_check(10)"));
  while (true) {
    TRY(const bool row, check.step());
    if (!row) return found;
    if (std::string said = check.text(0); said != "ok") found.push_back(std::move(said));
  }
}

std::string SqliteDatabase::how_to_mend(const std::string& log) const {
  return "stop sluice, move the file away and start again; the ledger is folded anew from " + log +
         ", keys and limits must be made anew";
}

bool SqliteDatabase::busy() const { return (sqlite3_errcode(handle_.get()) & 0xff) == SQLITE_BUSY; }

std::unexpected<Error> SqliteDatabase::error(std::string_view doing) const {
  const int code = handle_ ? sqlite3_extended_errcode(handle_.get()) : SQLITE_NOMEM;
  const std::string why = handle_ ? sqlite3_errmsg(handle_.get()) : "out of memory";
  return fail(ErrorKind::unavailable, "cannot " + std::string(doing) + " the database " + path_ + ": " + why,
              std::string(hint_for(code, handle_ ? sqlite3_system_errno(handle_.get()) : 0)));
}

// One writer at a time for the whole file, whatever it writes.
Result<void> SqliteDatabase::begin(Writing) { return execute("BEGIN IMMEDIATE"); }
Result<void> SqliteDatabase::begin_reading() { return execute("BEGIN"); }
Result<void> SqliteDatabase::commit() { return execute("COMMIT"); }
// Should the rollback fail, the connection's next statement says so: there is nobody to tell here.
void SqliteDatabase::roll_back() { (void)execute("ROLLBACK"); }

}  // namespace sluice::store
