#include "store/admin_keys.h"

#include "base/crypto.h"
#include "store/admin_acts.h"
#include "store/sight.h"
#include "store/subjects.h"

namespace sluice::store {
namespace {

constexpr std::string_view id_prefix = "adm_";
constexpr std::size_t id_random_characters = 12;
constexpr std::size_t random_characters = 48;  // 285 bits

#define SLUICE_ADMIN_KEY_COLUMNS "id, name, role, scope, scope_id, created_at_us, revoked_at_us, expires_at_us"

// A row that says what no key can have is nobody's.
std::optional<AdminKey> read_admin_key(const Statement& row) {
  AdminKey key;
  key.id = row.text(0);
  key.name = row.text(1);
  const auto role = role_from_name(row.text(2));
  const auto scope = scope_kind_from_name(row.text(3));
  if (!role || !scope) return std::nullopt;
  key.grant = {.role = *role, .scope = {.kind = *scope, .id = row.text(4)}};
  if (key.grant.scope.everything() != key.grant.scope.id.empty()) return std::nullopt;
  key.created_at_us = row.integer(5);
  key.revoked_at_us = row.optional_integer(6);
  key.expires_at_us = row.optional_integer(7);
  return key;
}

Result<void> record(Database& database, std::string_view what, const AdminKey& key, std::int64_t now_us) {
  return record_act(database, what, now_us, [&](json::Writer& to) {
    to.member("admin_key_id", key.id).member("admin_key_name", key.name).member("role", name(key.grant.role));
    to.member("scope", name(key.grant.scope.kind)).member("scope_id", key.grant.scope.id);
    if (key.expires_at_us) to.member("expires_at_us", *key.expires_at_us);
  });
}

Result<std::optional<AdminKey>> find_by(const Database& database, const char* sql, std::string_view text) {
  TRY(Statement find, database.prepare(sql));
  TRY(const bool found, find.bind(text).step());
  if (!found) return std::nullopt;
  return read_admin_key(find);
}

Result<std::optional<AdminKey>> find_live(const Database& database, std::string_view wanted) {
  return find_by(
      database, "SELECT " SLUICE_ADMIN_KEY_COLUMNS " FROM admin_keys WHERE name = ? AND revoked_at_us IS NULL", wanted);
}

}  // namespace

Result<CreatedAdminKey> create_admin_key(Database& database, const NewAdminKey& wanted, std::int64_t now_us) {
  CHECK_OK(check_name(wanted.name, "an administration key", "name"));
  if (wanted.name.starts_with(id_prefix))
    return fail(ErrorKind::invalid_request, "an administration key's name must not start with \"adm_\": ids do",
                "choose another name");
  if (wanted.expires_at_us && *wanted.expires_at_us <= now_us)
    return fail(ErrorKind::invalid_request, "the key would have expired already", "give a time in the future");
  CreatedAdminKey created;
  created.secret = Secret(std::string(admin_key_prefix) + crypto::random_alphanumeric(random_characters));
  AdminKey& key = created.key;
  key.id = std::string(id_prefix) + crypto::random_alphanumeric(id_random_characters);
  key.name = wanted.name.empty() ? key.id : wanted.name;
  key.grant = wanted.grant;
  key.created_at_us = now_us;
  key.expires_at_us = wanted.expires_at_us;

  TRY(Transaction transaction, Transaction::begin(database));
  TRY(const auto namesake, find_live(database, key.name));
  if (namesake)
    return fail(ErrorKind::invalid_request,
                "there is an administration key named \"" + key.name + "\" already (" + namesake->id + ")",
                "choose another name, or revoke that key first");
  TRY(const std::int64_t count, database.integer("SELECT count(*) FROM admin_keys WHERE revoked_at_us IS NULL"));
  if (count >= most_admin_keys)
    return fail(ErrorKind::invalid_request,
                "there are " + std::to_string(most_admin_keys) + " administration keys, which is the most",
                "revoke those that nobody uses: `sluice admin-keys list`");
  if (!key.grant.scope.everything()) {
    const SubjectKind kind = key.grant.scope.kind == ScopeKind::org ? SubjectKind::org : SubjectKind::team;
    TRY(const Subject subject, find_subject(database, kind, key.grant.scope.id));
    key.grant.scope.id = subject.id;
  }
  const crypto::Sha256 digest = crypto::sha256(created.secret.reveal());
  TRY(Statement insert,
      database.prepare("INSERT INTO admin_keys (id, name, role, scope, scope_id, created_at_us, expires_at_us, digest) "
                       "VALUES (?,?,?,?,?,?,?,?)"));
  insert.bind(key.id).bind(key.name).bind(name(key.grant.role)).bind(name(key.grant.scope.kind));
  insert.bind(key.grant.scope.id).bind(key.created_at_us).bind(key.expires_at_us).bind_blob(digest);
  CHECK_OK(insert.run());
  CHECK_OK(record(database, "admin_key_created", key, now_us));
  CHECK_OK(transaction.commit());
  return created;
}

Result<AdminKey> revoke_admin_key(Database& database, std::string_view id_or_name, std::int64_t now_us) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(auto key, find_by(database, "SELECT " SLUICE_ADMIN_KEY_COLUMNS " FROM admin_keys WHERE id = ?", id_or_name));
  if (!key) {
    TRY(key, find_live(database, id_or_name));
  }
  if (!key)
    return fail(ErrorKind::not_found, "there is no administration key \"" + std::string(id_or_name) + "\"",
                "`sluice admin-keys list` shows ids and names");
  if (key->revoked_at_us)
    return fail(ErrorKind::invalid_request, "the administration key " + key->id + " has been revoked already",
                "there is nothing left to do: nobody comes in with it");
  key->revoked_at_us = now_us;
  TRY(Statement update, database.prepare("UPDATE admin_keys SET revoked_at_us = ? WHERE id = ?"));
  CHECK_OK(update.bind(now_us).bind(key->id).run());
  CHECK_OK(record(database, "admin_key_revoked", *key, now_us));
  CHECK_OK(transaction.commit());
  return *std::move(key);
}

Result<std::vector<AdminKey>> list_admin_keys(const Database& database, bool with_revoked) {
  TRY(Statement select,
      database.prepare("SELECT " SLUICE_ADMIN_KEY_COLUMNS
                       " FROM admin_keys WHERE ? <> 0 OR revoked_at_us IS NULL ORDER BY created_at_us, "
                       "id"));
  select.bind(static_cast<std::int64_t>(with_revoked));
  std::vector<AdminKey> keys;
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return keys;
    if (auto key = read_admin_key(select)) keys.push_back(*std::move(key));
  }
}

Result<Page<AdminKey>> page_of_admin_keys(const Database& database, const AdminKeyFilter& filter,
                                          const PageRange& range) {
  Condition condition;
  add_admin_keys_seen(condition, filter.scope);
  if (!filter.id.empty()) condition.add("a.id = ?", {filter.id});
  if (!filter.with_revoked) condition.add("a.revoked_at_us IS NULL");
  if (range.after) condition.add("(a.created_at_us, a.id) > (?, ?)", {range.after->created_at_us, range.after->id});
  TRY(Statement select,
      database.prepare("SELECT " SLUICE_ADMIN_KEY_COLUMNS " FROM admin_keys a WHERE " + condition.text() +
                       " ORDER BY a.created_at_us, a.id LIMIT ?" + std::to_string(condition.next()) + " OFFSET ?" +
                       std::to_string(condition.next() + 1)));
  condition.bind(select);
  select.bind(rows_to_read(range)).bind(range.skip);
  std::vector<std::pair<Place, std::optional<AdminKey>>> read;
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return page_of(std::move(read), range);
    // The place also of a row that is nobody's.
    read.emplace_back(Place{select.integer(5), select.text(0)}, read_admin_key(select));
  }
}

Result<std::optional<AdminKey>> find_admin_key(const Database& database, std::string_view characters) {
  if (!characters.starts_with(admin_key_prefix) || characters.size() > max_admin_key_bytes) return std::nullopt;
  const crypto::Sha256 digest = crypto::sha256(characters);
  TRY(Statement find, database.prepare("SELECT " SLUICE_ADMIN_KEY_COLUMNS " FROM admin_keys WHERE digest = ?"));
  TRY(const bool found, find.bind_blob(digest).step());
  if (!found) return std::nullopt;
  return read_admin_key(find);
}

}  // namespace sluice::store
