#include "store/resource_store.h"

#include <algorithm>

#include "store/sqlite.h"

namespace sluice::store {
namespace {

constexpr std::int64_t version_now = 4;

constexpr const char* schema = R"sql(
  CREATE TABLE owned (
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    provider TEXT NOT NULL,
    until_us INTEGER,
    PRIMARY KEY (owner, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX owned_until ON owned(until_us) WHERE until_us IS NOT NULL;

  CREATE TABLE responses (
    row INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    previous_id TEXT NOT NULL,
    input TEXT NOT NULL,
    answer TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    data_class TEXT NOT NULL DEFAULT 'internal',
    UNIQUE (owner, id)
  ) STRICT;
  CREATE INDEX responses_until ON responses(until_us);
)sql";
constexpr const char* classes_of_responses =
    "ALTER TABLE responses ADD COLUMN data_class TEXT NOT NULL DEFAULT 'internal'";
constexpr const char* models_and_version = R"sql(
  CREATE TABLE models (
    model TEXT PRIMARY KEY,
    owner TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  PRAGMA application_id = 1397511506;
  PRAGMA user_version = 3;
)sql";
constexpr const char* unsettled_and_version = R"sql(
  CREATE TABLE unsettled (
    owner TEXT NOT NULL,
    response TEXT NOT NULL,
    row BLOB NOT NULL,
    until_us INTEGER NOT NULL,
    PRIMARY KEY (owner, response)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX owned_id ON owned(id);
  PRAGMA user_version = 4;
)sql";
constexpr std::int64_t application_id = 1397511506;  // "SLUR"

// NORMAL: what was written survives the process, though not always a power cut. Where money is in it, that is not
// enough.
constexpr const char* modes = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF";

Result<void> prepare(SqliteDatabase& database) {
  CHECK_OK(database.execute(modes));
  TRY(const std::int64_t version, database.integer("PRAGMA user_version"));
  TRY(const std::int64_t owner, database.integer("PRAGMA application_id"));
  if (version > version_now || (version > 0 && owner != application_id))
    return fail(ErrorKind::unavailable, database.path() + " was not written by this version of sluice",
                "update sluice, or move the file away: clients then lose what was kept for them");
  if (version == version_now) return {};
  TRY(Transaction transaction, Transaction::begin(database));
  if (version == 0) CHECK_OK(database.execute(schema));
  if (version == 1) CHECK_OK(database.execute(classes_of_responses));
  if (version < 3) CHECK_OK(database.execute(models_and_version));
  CHECK_OK(database.execute(unsettled_and_version));
  return transaction.commit();
}

StoredResponse read(const Statement& row) {
  return {.id = row.text(0),
          .previous_id = row.text(1),
          .input = row.text(2),
          .answer = row.text(3),
          .data_class = data_class_from_name(row.text(4)).value_or(DataClass::restricted)};
}

}  // namespace

Result<std::unique_ptr<ResourceStore>> ResourceStore::open(const std::string& directory) {
  TRY(std::unique_ptr<SqliteDatabase> database, SqliteDatabase::open(directory + "/resources.db"));
  CHECK_OK(prepare(*database));
  std::unique_ptr<ResourceStore> store(new ResourceStore(std::move(database)));
  TRY(store->response_bytes_, store->database_->integer("SELECT coalesce(sum(bytes), 0) FROM responses"));
  return store;
}

ResourceStore::ResourceStore(std::unique_ptr<SqliteDatabase> database) : database_(std::move(database)) {}
ResourceStore::~ResourceStore() = default;

Result<void> ResourceStore::add(std::string_view owner, std::string_view provider, std::span<const std::string> ids,
                                std::optional<std::int64_t> until_us) {
  TRY(Transaction transaction, Transaction::begin(*database_));
  TRY(Statement insert, database_->prepare("INSERT INTO owned SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM "
                                           "owned WHERE id = ?2 AND provider = ?3 AND owner <> ?1) ON CONFLICT DO "
                                           "UPDATE SET provider = excluded.provider, until_us = excluded.until_us"));
  for (const std::string& id : ids) {
    if (id.empty() || id.size() > longest_id) continue;
    CHECK_OK(insert.bind(owner).bind(id).bind(provider).bind(until_us).run());
    insert.reset();
  }
  return transaction.commit();
}

Result<std::optional<std::string>> ResourceStore::provider_of(std::string_view owner, std::string_view id,
                                                              std::int64_t now_us) {
  TRY(Statement select, database_->prepare("SELECT provider FROM owned WHERE owner = ? AND id = ? AND "
                                           "(until_us IS NULL OR until_us > ?)"));
  TRY(const bool found, select.bind(owner).bind(id).bind(now_us).step());
  return found ? std::optional(select.text(0)) : std::nullopt;
}

Result<void> ResourceStore::remove(std::string_view owner, std::string_view id) {
  TRY(Statement erase, database_->prepare("DELETE FROM owned WHERE owner = ? AND id = ?"));
  return erase.bind(owner).bind(id).run();
}

Result<void> ResourceStore::own_models(std::string_view owner, std::span<const std::string> models) {
  TRY(Transaction transaction, Transaction::begin(*database_));
  TRY(Statement insert, database_->prepare("INSERT INTO models VALUES (?, ?) ON CONFLICT DO NOTHING"));
  for (const std::string& model : models) {
    if (model.empty() || model.size() > longest_id) continue;
    CHECK_OK(insert.bind(model).bind(owner).run());
    insert.reset();
  }
  return transaction.commit();
}

Result<bool> ResourceStore::is_model_of_another(std::string_view owner, std::string_view model) {
  TRY(Statement select, database_->prepare("SELECT 1 FROM models WHERE model = ? AND owner <> ?"));
  return select.bind(model).bind(owner).step();
}

Result<void> ResourceStore::add_unsettled(std::string_view owner, std::string_view response, std::string_view row,
                                          std::int64_t until_us) {
  CHECK_OK(database_->execute("PRAGMA synchronous = FULL"));
  const auto insert = [&]() -> Result<void> {
    TRY(Statement one, database_->prepare("INSERT INTO unsettled VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"));
    one.bind(owner).bind(response);
    return one.bind_blob({reinterpret_cast<const std::uint8_t*>(row.data()), row.size()}).bind(until_us).run();
  };
  const Result<void> done = insert();
  CHECK_OK(database_->execute("PRAGMA synchronous = NORMAL"));
  return done;
}

Result<std::optional<std::string>> ResourceStore::find_unsettled(std::string_view owner, std::string_view response,
                                                                 std::int64_t now_us) {
  TRY(Statement select,
      database_->prepare("SELECT row FROM unsettled WHERE owner = ? AND response = ? AND until_us > ?"));
  TRY(const bool found, select.bind(owner).bind(response).bind(now_us).step());
  return found ? std::optional(std::string(select.blob(0))) : std::nullopt;
}

Result<void> ResourceStore::remove_unsettled(std::string_view owner, std::string_view response) {
  TRY(Statement erase, database_->prepare("DELETE FROM unsettled WHERE owner = ? AND response = ?"));
  return erase.bind(owner).bind(response).run();
}

Result<void> ResourceStore::keep(std::string_view owner, const StoredResponse& response, std::int64_t until_us,
                                 std::int64_t most_bytes) {
  const auto bytes = static_cast<std::int64_t>(response.input.size() + response.answer.size());
  if (bytes > most_bytes)
    return fail(ErrorKind::request_too_large, "the response is larger than all that may be kept",
                "raise responses.max_mb");
  CHECK_OK(make_room(most_bytes - bytes));
  TRY(Statement insert, database_->prepare("INSERT INTO responses (owner, id, previous_id, input, answer, bytes, "
                                           "until_us, data_class) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.bind(owner).bind(response.id).bind(response.previous_id).bind(response.input).bind(response.answer);
  CHECK_OK(insert.bind(bytes).bind(until_us).bind(name(response.data_class)).run());
  response_bytes_ += bytes;
  return {};
}

Result<void> ResourceStore::make_room(std::int64_t most_bytes) {
  while (response_bytes_ > most_bytes) {
    TRY(Statement oldest, database_->prepare("DELETE FROM responses WHERE row = (SELECT min(row) FROM responses) "
                                             "RETURNING bytes"));
    TRY(const bool deleted, oldest.step());
    if (!deleted) break;
    response_bytes_ -= oldest.integer(0);
    CHECK_OK(oldest.run());
  }
  return {};
}

Result<std::optional<StoredResponse>> ResourceStore::find(std::string_view owner, std::string_view id,
                                                          std::int64_t now_us) {
  TRY(Statement select, database_->prepare("SELECT id, previous_id, input, answer, data_class FROM responses WHERE "
                                           "owner = ? AND id = ? AND until_us > ?"));
  TRY(const bool found, select.bind(owner).bind(id).bind(now_us).step());
  return found ? std::optional(read(select)) : std::nullopt;
}

Result<std::vector<StoredResponse>> ResourceStore::conversation(std::string_view owner, std::string_view id,
                                                                std::int64_t now_us, std::size_t most_bytes) {
  std::vector<StoredResponse> all;
  std::size_t bytes = 0;
  for (std::string next(id); !next.empty();) {
    TRY(std::optional<StoredResponse> one, find(owner, next, now_us));
    if (!one) return std::vector<StoredResponse>();
    bytes += one->input.size() + one->answer.size();
    if (bytes > most_bytes || all.size() == longest_conversation)
      return fail(ErrorKind::request_too_large, "the conversation behind previous_response_id is too long",
                  "send a summary of it as input and begin a new one");
    next = one->previous_id;
    all.push_back(*std::move(one));
  }
  std::ranges::reverse(all);
  return all;
}

Result<bool> ResourceStore::remove_response(std::string_view owner, std::string_view id) {
  TRY(Statement erase, database_->prepare("DELETE FROM responses WHERE owner = ? AND id = ? RETURNING bytes"));
  TRY(const bool found, erase.bind(owner).bind(id).step());
  if (!found) return false;
  response_bytes_ -= erase.integer(0);
  CHECK_OK(erase.run());
  return true;
}

Result<void> ResourceStore::expire(std::int64_t now_us) {
  TRY(Statement owned, database_->prepare("DELETE FROM owned WHERE until_us <= ?"));
  CHECK_OK(owned.bind(now_us).run());
  TRY(Statement unsettled, database_->prepare("DELETE FROM unsettled WHERE until_us <= ?"));
  CHECK_OK(unsettled.bind(now_us).run());
  TRY(Statement responses, database_->prepare("DELETE FROM responses WHERE until_us <= ?"));
  CHECK_OK(responses.bind(now_us).run());
  TRY(response_bytes_, database_->integer("SELECT coalesce(sum(bytes), 0) FROM responses"));
  return {};
}

}  // namespace sluice::store
