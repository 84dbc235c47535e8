#include "store/postgres.h"

#include <poll.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <span>
#include <utility>

#include "base/secret.h"
#include "json/json.h"
#include "store/libpq.h"

namespace sluice::store {
namespace {

using Clock = std::chrono::steady_clock;

// Types of parameters (pg_type.dat): said with each, so that the server need not guess.
constexpr Oid type_int8 = 20;
constexpr Oid type_text = 25;
constexpr Oid type_bytea = 17;

// Rows that are on their way before their answers are read: those answers must fit into the socket's buffers, or both
// sides would wait for each other. An answer is about 50 bytes.
constexpr int most_queued = 256;

constexpr int oldest_server = 130'000;

// A ledger of a hundred million rows is copied in that time; a start that hangs is worse than one that gives up.
constexpr std::chrono::hours longest_migration{1};

// Said in each transaction, as nothing may last longer. lock_timeout: another process holds the lock and hangs;
// idle_in_transaction: this one hangs with it. Both shorter than longest_answer, so that the server's words are heard.
constexpr const char* prelude =
    "SELECT set_config('search_path', $1, true), set_config('lock_timeout', '10s', true), "
    "set_config('statement_timeout', '14s', true), set_config('idle_in_transaction_session_timeout', '20s', true), "
    "set_config('bytea_output', 'hex', true)";

// Link::make has loaded it before anything else here can be.
const Libpq& pq() { return *Libpq::get(); }

struct Clear {
  void operator()(PGresult* result) const { pq().clear(result); }
};
using Answer = std::unique_ptr<PGresult, Clear>;

struct FreeText {
  void operator()(char* text) const { pq().free_memory(text); }
};

struct Value {
  Oid type = type_text;
  std::optional<std::string> text;
};

std::string first_line(const char* text) {
  std::string_view line = text ? text : "";
  line = line.substr(0, line.find('\n'));
  if (line.starts_with("ERROR:  ")) line.remove_prefix(8);
  if (line.starts_with("FATAL:  ")) line.remove_prefix(8);
  return std::string(line);
}

std::string_view hint_for(std::string_view sqlstate) {
  if (sqlstate.starts_with("28")) return "look at the user and the password in store.url, and at pg_hba.conf";
  if (sqlstate.starts_with("3D")) return "make the database first: createdb";
  if (sqlstate == "42501") return "give the user of store.url the right: GRANT CREATE ON DATABASE ... or its schema's";
  if (sqlstate.starts_with("53")) return "raise max_connections of PostgreSQL, or free its disk; sluice has 4 each";
  if (sqlstate == "55P03") return "another process holds the lock; end it or try again";
  if (sqlstate == "42P01" || sqlstate == "3F000")
    return "its tables are gone: restore them from a backup, or start sluice again to make empty ones";
  if (sqlstate == "25006") return "this server is a replica: let store.url name the primary";
  return "look at PostgreSQL's log";
}

// `?` as SQLite has it becomes `$1`; nothing else of the text changes. Quoted texts keep theirs.
std::string numbered(std::string_view sql) {
  std::string text;
  text.reserve(sql.size() + 32);
  int next = 1;
  bool quoted = false;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    if (sql[i] == '\'') quoted = !quoted;
    if (sql[i] != '?' || quoted) {
      text += sql[i];
      continue;
    }
    text += '$';
    const bool has_number = i + 1 < sql.size() && sql[i + 1] >= '0' && sql[i + 1] <= '9';
    if (!has_number) text += std::to_string(next++);
  }
  return text;
}

// PostgreSQL takes neither a NUL nor what is not UTF-8; what clients and providers send may have both, and one such row
// must not keep all later ones out.
std::string storable(std::string_view text) {
  std::string utf8 = json::as_utf8(text);
  if (utf8.find('\0') == std::string::npos) return utf8;
  std::string without;
  for (const char c : utf8) c == '\0' ? without.append("\xEF\xBF\xBD") : without.append(1, c);
  return without;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text = "\\x";
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::string unhex(std::string_view text) {
  std::string bytes;
  if (!text.starts_with("\\x")) return bytes;
  for (std::size_t i = 2; i + 1 < text.size(); i += 2) {
    int value = 0;
    std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    bytes += static_cast<char>(value);
  }
  return bytes;
}

}  // namespace

// The connection. What it borrows of statements is copied when it is sent.
class PostgresDatabase::Link {
 public:
  static Result<std::unique_ptr<Link>> make(const PostgresPlace& place);
  ~Link() { pq().finish(connection_); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  const std::string& name() const { return name_; }
  const std::string& schema() const { return schema_; }

  // One statement, in the transaction that is under way or in one of its own.
  Result<Answer> run(const std::string& sql, std::span<const Value> values);
  // One of several rows for the same statement; `owner` tells one statement from another.
  Result<void> queue(const void* owner, const std::string& sql, std::span<const Value> values);
  Result<void> run_texts(const char* sql);

  Result<void> begin(const char* begin, const std::string& lock);
  Result<void> commit();
  void roll_back();
  void forget(const void* owner) {
    if (prepared_ == owner) prepared_ = nullptr;
  }
  int listen();
  PGconn* connection() { return connection_; }
  std::string quoted_schema() const;

 private:
  Link(const PostgresPlace& place, std::string name)
      : url_(place.url), schema_(place.schema), name_(std::move(name)), channel_("sluice_" + place.schema) {}

  struct Sent {
    std::string sql;
    std::vector<Value> values;
  };
  Result<void> connect();
  Result<void> ensure();  // outside of a transaction: connects anew when the connection was lost
  Result<void> send(const std::string& sql, std::span<const Value> values);
  // Several statements in one round trip and, outside of BEGIN, in one transaction. The last one's answer.
  Result<Answer> pipeline(std::span<const Sent> statements);
  Result<Answer> read_until_sync(bool keep_last);
  Result<PGresult*> next_result(Clock::time_point until);
  Result<void> drain();
  std::unexpected<Error> lost(std::string_view why);
  std::unexpected<Error> error_of(const PGresult* result);
  Sent said_first() const { return {prelude, {{type_text, quoted_schema()}}}; }

  Secret url_;
  std::string schema_;
  std::string name_;
  std::string channel_;
  PGconn* connection_ = nullptr;
  bool in_transaction_ = false;
  bool broken_ = false;  // an answer did not come in time: what comes next would be out of step
  bool listens_ = false;
  int queued_ = 0;
  bool piped_ = false;
  const void* prepared_ = nullptr;  // whose text the unnamed prepared statement is
};

Result<std::unique_ptr<PostgresDatabase::Link>> PostgresDatabase::Link::make(const PostgresPlace& place) {
  if (!Libpq::get())
    return fail(ErrorKind::unavailable,
                "store.backend: postgres needs libpq 14 or later (" SLUICE_LIBPQ_SONAME "), and this machine has none",
                "install PostgreSQL's client library: apt install libpq5");
  char* problem = nullptr;
  PQconninfoOption* options = pq().conninfo_parse(place.url.reveal().c_str(), &problem);
  const std::unique_ptr<char, FreeText> message(problem);
  if (!options)  // libpq's words may quote the text, and with it a password
    return fail(ErrorKind::invalid_request, "store.url is no connection string of PostgreSQL",
                "write postgresql://USER:PASSWORD@HOST:5432/DATABASE, with special characters as %XX");
  const auto of = [&](std::string_view keyword) {
    for (const PQconninfoOption* option = options; option->keyword; ++option)
      if (keyword == option->keyword && option->val) return std::string(option->val);
    return std::string();
  };
  const std::string port = of("port");
  std::string name = "postgresql://" + of("host") + (port.empty() ? "" : ":" + port) + "/" + of("dbname");
  pq().conninfo_free(options);
  std::unique_ptr<Link> link(new Link(place, std::move(name)));
  CHECK_OK(link->connect());
  return link;
}

Result<void> PostgresDatabase::Link::connect() {
  pq().finish(std::exchange(connection_, nullptr));
  broken_ = listens_ = in_transaction_ = piped_ = false;
  queued_ = 0;
  prepared_ = nullptr;
  // Ours first: what the connection string says of them counts.
  const char* keys[] = {"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                        "keepalives_count", "tcp_user_timeout", "application_name",
                        "dbname",           "client_encoding",  nullptr};
  const char* values[] = {"5", "30", "5", "3", "15000", "sluice", url_.reveal().c_str(), "UTF8", nullptr};
  connection_ = pq().connect_params(keys, values, 1);
  if (!connection_ || pq().status(connection_) != CONNECTION_OK) {
    const std::string why = connection_ ? first_line(pq().error_message(connection_)) : "out of memory";
    pq().finish(std::exchange(connection_, nullptr));
    return fail(ErrorKind::unavailable, "cannot reach the database " + name_ + ": " + why,
                "see that PostgreSQL runs and that store.url names it");
  }
  if (pq().server_version(connection_) < oldest_server) {
    const std::string version = std::to_string(pq().server_version(connection_) / 10'000);
    pq().finish(std::exchange(connection_, nullptr));
    return fail(ErrorKind::unavailable, "the database " + name_ + " is PostgreSQL " + version,
                "use PostgreSQL 13 or later; 15 is what sluice is tested with");
  }
  pq().set_nonblocking(connection_, 1);
  pq().set_notice_processor(connection_, [](void*, const char*) {}, nullptr);  // else libpq writes them to stderr
  return {};
}

Result<void> PostgresDatabase::Link::ensure() {
  if (connection_ && !broken_ && pq().status(connection_) == CONNECTION_OK) {
    // A server that has stopped meanwhile has said so, or closed.
    pollfd look{pq().socket(connection_), POLLIN, 0};
    if (::poll(&look, 1, 0) <= 0) return {};
    if (pq().consume_input(connection_) == 1 && pq().status(connection_) == CONNECTION_OK) return {};
  }
  return connect();
}

std::unexpected<Error> PostgresDatabase::Link::lost(std::string_view why) {
  broken_ = true;
  std::string text(why);
  if (text.empty() && connection_) text = first_line(pq().error_message(connection_));
  return fail(ErrorKind::unavailable, "lost the database " + name_ + ": " + text,
              "see that PostgreSQL runs; it is tried again");
}

std::unexpected<Error> PostgresDatabase::Link::error_of(const PGresult* result) {
  const char* state = pq().result_error_field(result, PG_DIAG_SQLSTATE);
  const std::string_view sqlstate = state ? state : "";
  // 57P01 and on: the server ends; 08: the connection is gone.
  if (sqlstate.empty() || sqlstate.starts_with("57P") || sqlstate.starts_with("08"))
    return lost(first_line(pq().result_error_message(result)));
  return fail(ErrorKind::unavailable,
              "cannot use the database " + name_ + ": " + first_line(pq().result_error_message(result)),
              std::string(hint_for(sqlstate)));
}

Result<PGresult*> PostgresDatabase::Link::next_result(Clock::time_point until) {
  while (true) {
    const int unsent = pq().flush(connection_);
    if (unsent < 0) return lost("");
    if (unsent == 0 && pq().is_busy(connection_) == 0) return pq().get_result(connection_);
    pollfd wait{pq().socket(connection_), static_cast<short>(POLLIN | (unsent ? POLLOUT : 0)), 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return lost("no answer within " + std::to_string(longest_answer.count()) + " s");
    if (::poll(&wait, 1, static_cast<int>(left)) < 0 && errno != EINTR) return lost("poll failed");
    if (wait.revents != 0 && (wait.revents & ~POLLOUT) != 0 && pq().consume_input(connection_) == 0) return lost("");
  }
}

Result<void> PostgresDatabase::Link::send(const std::string& sql, std::span<const Value> values) {
  std::vector<Oid> types;
  std::vector<const char*> texts;
  for (const Value& value : values) {
    types.push_back(value.type);
    texts.push_back(value.text ? value.text->c_str() : nullptr);
  }
  prepared_ = nullptr;
  if (pq().send_query_params(connection_, sql.c_str(), static_cast<int>(values.size()), types.data(), texts.data(),
                             nullptr, nullptr, 0) != 1)
    return lost("");
  return {};
}

// Reads the answers of all that is in the pipeline. The first error counts: what came behind it was not done.
Result<Answer> PostgresDatabase::Link::read_until_sync(bool keep_last) {
  const auto until = Clock::now() + longest_answer;
  Answer last;
  std::optional<Error> error;
  int nothing = 0;  // in a row
  while (true) {
    TRY(PGresult * raw, next_result(until));
    if (!raw) {
      if (++nothing > 1) return lost("its answers are out of step");
      continue;
    }
    nothing = 0;
    Answer answer(raw);
    const ExecStatusType status = pq().result_status(answer.get());
    if (status == PGRES_PIPELINE_SYNC) break;
    if (status == PGRES_FATAL_ERROR && !error) {
      error = error_of(answer.get()).error();
      if (broken_) return std::unexpected(*std::move(error));
    }
    if (status != PGRES_FATAL_ERROR && status != PGRES_PIPELINE_ABORTED && keep_last) last = std::move(answer);
  }
  piped_ = false;
  if (pq().exit_pipeline_mode(connection_) != 1) return lost("");
  if (error) return std::unexpected(*std::move(error));
  return last;
}

Result<Answer> PostgresDatabase::Link::pipeline(std::span<const Sent> statements) {
  CHECK_OK(drain());
  if (pq().enter_pipeline_mode(connection_) != 1) return lost("");
  piped_ = true;
  for (const Sent& one : statements) CHECK_OK(send(one.sql, one.values));
  if (pq().pipeline_sync(connection_) != 1) return lost("");
  return read_until_sync(true);
}

Result<void> PostgresDatabase::Link::drain() {
  if (queued_ == 0) return {};
  queued_ = 0;
  if (pq().pipeline_sync(connection_) != 1) return lost("");
  TRY(const Answer ignored, read_until_sync(false));
  return {};
}

Result<Answer> PostgresDatabase::Link::run(const std::string& sql, std::span<const Value> values) {
  if (in_transaction_) {
    if (broken_) return lost("the transaction has ended with it");
    const Sent only{sql, {values.begin(), values.end()}};
    return pipeline({&only, 1});
  }
  CHECK_OK(ensure());
  const Sent both[] = {said_first(), {sql, {values.begin(), values.end()}}};
  return pipeline(both);
}

Result<void> PostgresDatabase::Link::queue(const void* owner, const std::string& sql, std::span<const Value> values) {
  if (!in_transaction_ || broken_) {
    TRY(const Answer answer, run(sql, values));
    return {};
  }
  if (!piped_) {
    if (pq().enter_pipeline_mode(connection_) != 1) return lost("");
    piped_ = true;
  }
  std::vector<Oid> types;
  std::vector<const char*> texts;
  for (const Value& value : values) {
    types.push_back(value.type);
    texts.push_back(value.text ? value.text->c_str() : nullptr);
  }
  const int count = static_cast<int>(values.size());
  if (prepared_ != owner && pq().send_prepare(connection_, "", sql.c_str(), count, types.data()) != 1) return lost("");
  prepared_ = owner;
  if (pq().send_query_prepared(connection_, "", count, texts.data(), nullptr, nullptr, 0) != 1) return lost("");
  if (pq().flush(connection_) < 0) return lost("");
  if (++queued_ < most_queued) return {};
  return drain();
}

// The simple protocol takes several statements at once. Within a transaction they are a migration's, which may copy a
// whole ledger.
Result<void> PostgresDatabase::Link::run_texts(const char* sql) {
  if (!in_transaction_) {
    TRY(const Answer answer, run(sql, {}));
    return {};
  }
  CHECK_OK(drain());
  prepared_ = nullptr;
  if (pq().send_query(connection_, sql) != 1) return lost("");
  const auto until = Clock::now() + longest_migration;
  std::optional<Error> error;
  while (true) {
    TRY(PGresult * raw, next_result(until));
    if (!raw) break;
    const Answer answer(raw);
    if (pq().result_status(raw) == PGRES_FATAL_ERROR && !error) error = error_of(raw).error();
  }
  if (error) return std::unexpected(*std::move(error));
  return {};
}

Result<void> PostgresDatabase::Link::begin(const char* begin, const std::string& lock) {
  CHECK_OK(ensure());
  in_transaction_ = true;
  std::vector<Sent> statements = {{begin, {}}, said_first()};
  if (!lock.empty())
    statements.push_back({"SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", {{type_text, lock}}});
  const Result<Answer> begun = pipeline(statements);
  if (begun) return {};
  roll_back();
  return std::unexpected(begun.error());
}

Result<void> PostgresDatabase::Link::commit() {
  TRY(const Answer answer, run("COMMIT", {}));
  in_transaction_ = false;
  // A transaction in which something failed is rolled back, and that is no error to the server.
  if (answer && std::string_view(pq().cmd_status(answer.get())) == "COMMIT") return {};
  return fail(ErrorKind::unavailable, "the database " + name_ + " did not keep what was written", "try again");
}

void PostgresDatabase::Link::roll_back() {
  if (!in_transaction_) return;
  if (connection_ && !broken_) {
    const Sent only{"ROLLBACK", {}};
    (void)drain();  // what was queued goes with it
    if (!broken_) broken_ = !pipeline({&only, 1}).has_value();
  }
  in_transaction_ = false;
}

// Names cannot be bound: here alone one becomes text, quoted.
std::string PostgresDatabase::Link::quoted_schema() const {
  std::string text = "\"";
  for (const char c : schema_) text.append(c == '"' ? 2 : 1, c);
  return text + "\"";
}

// -1 when it cannot be: whoever waits looks by the clock.
int PostgresDatabase::Link::listen() {
  if (!connection_ || broken_ || pq().status(connection_) != CONNECTION_OK) return -1;
  if (!listens_) {
    const std::unique_ptr<char, FreeText> channel(
        pq().escape_identifier(connection_, channel_.data(), channel_.size()));
    if (!channel) return -1;
    const Result<Answer> listening = run("LISTEN " + std::string(channel.get()), {});
    if (!listening) return -1;
    listens_ = true;
  }
  return pq().socket(connection_);
}

// One statement with its values, and the rows of its answer.
class PostgresDatabase::Rows : public Statement::Cursor {
 public:
  Rows(std::string sql, Link& link) : sql_(std::move(sql)), link_(link) {}
  ~Rows() override { link_.forget(this); }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  void bind(int place, std::optional<std::int64_t> value) override {
    put(place, {type_int8, value ? std::optional(std::to_string(*value)) : std::nullopt});
  }
  void bind(int place, std::string_view text) override { put(place, {type_text, storable(text)}); }
  void bind(int place, std::span<const std::uint8_t> bytes) override { put(place, {type_bytea, hex(bytes)}); }

  Result<bool> step() override {
    if (!answer_) {
      TRY(answer_, link_.run(sql_, values_));
      row_ = -1;
    }
    ++row_;
    return answer_ && row_ < pq().tuples(answer_.get());
  }
  Result<void> queue() override { return link_.queue(this, sql_, values_); }
  void reset() override { answer_.reset(); }

  std::optional<std::int64_t> integer(int column) const override {
    if (is_null(column)) return std::nullopt;
    const std::string_view text = cell(column);
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }
  std::string text(int column) const override { return is_null(column) ? std::string() : std::string(cell(column)); }
  std::string_view blob(int column) const override {
    blob_ = is_null(column) ? std::string() : unhex(cell(column));
    return blob_;
  }

 private:
  void put(int place, Value value) {
    const auto index = static_cast<std::size_t>(place) - 1;
    if (values_.size() <= index) values_.resize(index + 1);
    values_[index] = std::move(value);
  }
  bool is_null(int column) const { return !answer_ || pq().get_is_null(answer_.get(), row_, column) == 1; }
  std::string_view cell(int column) const {
    return {pq().get_value(answer_.get(), row_, column),
            static_cast<std::size_t>(pq().get_length(answer_.get(), row_, column))};
  }

  std::string sql_;
  Link& link_;
  std::vector<Value> values_;
  Answer answer_;
  int row_ = -1;
  mutable std::string blob_;
};

Result<std::unique_ptr<PostgresDatabase>> PostgresDatabase::open(const PostgresPlace& place) {
  TRY(auto link, Link::make(place));
  return std::unique_ptr<PostgresDatabase>(new PostgresDatabase(std::move(link)));
}

PostgresDatabase::PostgresDatabase(std::unique_ptr<Link> link) : link_(std::move(link)) {}
PostgresDatabase::~PostgresDatabase() = default;

Result<Statement> PostgresDatabase::prepare(std::string_view sql) const {
  return Statement(std::make_unique<Rows>(numbered(sql), *link_));
}

Result<void> PostgresDatabase::execute(const char* sql) { return link_->run_texts(sql); }
const std::string& PostgresDatabase::name() const { return link_->name(); }

std::string PostgresDatabase::how_to_mend(const std::string& log) const {
  return "stop every sluice, restore the database from a backup and start again; what came later is in " + log +
         " of each process and is brought in again";
}

int PostgresDatabase::notices() { return link_->listen(); }

void PostgresDatabase::take_notices() {
  PGconn* connection = link_->connection();
  if (!connection || pq().consume_input(connection) == 0) return;  // the next statement finds out why
  while (PGnotify* notice = pq().notifies(connection)) pq().free_memory(notice);
}

Result<void> PostgresDatabase::tell_others() {
  TRY(Statement notify, prepare("SELECT pg_notify(?, '')"));
  return notify.bind("sluice_" + link_->schema()).run();
}

Result<void> PostgresDatabase::make_schema() {
  TRY(Statement find, prepare("SELECT 1 FROM pg_namespace WHERE nspname = ?"));
  TRY(const bool found, find.bind(link_->schema()).step());
  if (found) return {};
  return execute(("CREATE SCHEMA " + link_->quoted_schema()).c_str());
}

Result<void> PostgresDatabase::keep_rows_out() {
  TRY(Statement lock, prepare("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))"));
  TRY(const bool locked, lock.bind(link_->schema() + ":ledger").step());
  return locked ? Result<void>() : fail(ErrorKind::unavailable, "the ledger cannot be locked", "try again");
}

Result<void> PostgresDatabase::begin(Writing writing) {
  const char* what = writing == Writing::ledger ? ":ledger" : writing == Writing::acts ? ":acts" : ":directory";
  return link_->begin("BEGIN ISOLATION LEVEL READ COMMITTED", link_->schema() + what);
}
Result<void> PostgresDatabase::begin_reading() {
  return link_->begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "");
}
Result<void> PostgresDatabase::commit() { return link_->commit(); }
void PostgresDatabase::roll_back() { link_->roll_back(); }

}  // namespace sluice::store
