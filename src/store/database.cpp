#include "store/database.h"

namespace sluice::store {

Statement::Statement(std::unique_ptr<Cursor> cursor) : cursor_(std::move(cursor)) {}
Statement::Statement(Statement&&) noexcept = default;
Statement& Statement::operator=(Statement&&) noexcept = default;
Statement::~Statement() = default;

Statement& Statement::bind(std::int64_t value) { return bind(std::optional(value)); }

Statement& Statement::bind(std::string_view text) {
  cursor_->bind(next_++, text);
  return *this;
}

Statement& Statement::bind(std::optional<std::int64_t> value) {
  cursor_->bind(next_++, value);
  return *this;
}

Statement& Statement::bind_blob(std::span<const std::uint8_t> bytes) {
  cursor_->bind(next_++, bytes);
  return *this;
}

Result<bool> Statement::step() { return cursor_->step(); }

Result<void> Statement::run() {
  while (true) {
    TRY(const bool row, step());
    if (!row) break;
  }
  reset();
  return {};
}

Result<void> Statement::queue() {
  CHECK_OK(cursor_->queue());
  next_ = 1;
  return {};
}

void Statement::reset() {
  cursor_->reset();
  next_ = 1;
}

std::int64_t Statement::integer(int column) const { return cursor_->integer(column).value_or(0); }
std::optional<std::int64_t> Statement::optional_integer(int column) const { return cursor_->integer(column); }
std::string Statement::text(int column) const { return cursor_->text(column); }
std::string_view Statement::blob(int column) const { return cursor_->blob(column); }

Result<std::int64_t> Database::integer(std::string_view sql) const {
  TRY(Statement statement, prepare(sql));
  TRY(const bool row, statement.step());
  return row ? statement.integer(0) : 0;
}

Result<Transaction> Transaction::begin(Database& database, Writing writing) {
  CHECK_OK(database.begin(writing));
  return Transaction(database);
}

Result<Transaction> Transaction::begin_reading(Database& database) {
  CHECK_OK(database.begin_reading());
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_) database_->roll_back();
}

Result<void> Transaction::commit() {
  CHECK_OK(database_->commit());
  database_ = nullptr;
  return {};
}

}  // namespace sluice::store
