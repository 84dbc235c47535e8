#include "store/keys.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "store/admin_acts.h"
#include "store/sight.h"
#include "store/subjects.h"
#include "store/tags.h"

namespace sluice::store {
namespace {

constexpr std::string_view id_prefix = "key_";
constexpr std::size_t key_id_random_characters = 12;
// How long a temporary key is still known after its end, so that its last requests are told by its name, and how many.
constexpr std::int64_t ended_known_us = 3'600'000'000;
constexpr std::int64_t most_ended = 100;

#define SLUICE_KEY_COLUMNS                                                                                     \
  "id, name, digest, created_at_us, revoked_at_us, expires_at_us, budget_pico, rpm, tpm, data_class, tenant, " \
  "team_id, user_id, tags, blocked_at_us"

#define SLUICE_REPORT_COLUMNS \
  SLUICE_KEY_COLUMNS ", usd, pico, requests, last_used_us FROM keys k LEFT JOIN key_spend ON key_id = k.id "

struct StoredKey {
  VirtualKey key;
  bool damaged = false;  // the row holds what no key can have; then nobody comes in with it
};

bool is_rate(const std::optional<std::int64_t>& rate) { return !rate || (*rate >= 1 && *rate <= max_rate_per_minute); }

// A damaged row keeps its names, so that it can be shown and revoked.
StoredKey read_key(const Statement& row) {
  StoredKey stored;
  VirtualKey& key = stored.key;
  key.id = KeyId(row.text(0));
  key.name = row.text(1);
  const std::string_view digest = row.blob(2);
  key.created_at_us = row.integer(3);
  key.revoked_at_us = row.optional_integer(4);
  key.expires_at_us = row.optional_integer(5);
  if (const auto budget = row.optional_integer(6)) key.budget = Money::pico(*budget);
  key.rpm = row.optional_integer(7);
  key.tpm = row.optional_integer(8);
  const auto data_class = data_class_from_name(row.text(9));
  key.tenant = TenantId(row.text(10));
  key.team = row.text(11);
  key.user = row.text(12);
  key.tags = row.text(13);
  key.blocked_at_us = row.optional_integer(14);
  key.data_class = data_class.value_or(DataClass::restricted);
  stored.damaged = key.id.empty() || digest.size() != key.digest.size() || !data_class || !is_rate(key.rpm) ||
                   !is_rate(key.tpm) || (key.budget && *key.budget < Money());
  if (!stored.damaged) std::memcpy(key.digest.data(), digest.data(), digest.size());
  return stored;
}

// Of SLUICE_REPORT_COLUMNS.
KeyReport read_report(const Statement& row) {
  KeyReport report;
  StoredKey stored = read_key(row);
  report.key = std::move(stored.key);
  report.damaged = stored.damaged;
  report.spent = cost_of(row.integer(15), Money::pico_per_usd) + Money::pico(row.integer(16));
  report.requests = row.integer(17);
  report.last_used_us = row.optional_integer(18);
  return report;
}

std::optional<std::int64_t> pico(const std::optional<Money>& money) {
  return money ? std::optional(money->pico()) : std::nullopt;
}

Result<void> check_rate(const std::optional<std::int64_t>& rate, const char* what) {
  if (is_rate(rate)) return {};
  return fail(ErrorKind::invalid_request,
              std::string(what) + " must be between 1 and " + std::to_string(max_rate_per_minute),
              "leave it out for no limit");
}

Result<void> check(const NewKey& key, std::int64_t now_us) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (key.name.size() > max_key_name_bytes || std::ranges::any_of(key.name, is_control))
    return fail(ErrorKind::invalid_request, "a key's name has at most 64 bytes and no control characters",
                "choose a shorter --name of letters and digits");
  if (key.name.starts_with(id_prefix))
    return fail(ErrorKind::invalid_request, "a key's name must not start with \"key_\": key ids do",
                "choose another name");
  if (key.tenant.str().size() > max_key_name_bytes || std::ranges::any_of(key.tenant.str(), is_control))
    return fail(ErrorKind::invalid_request, "a tenant's name has at most 64 bytes and no control characters",
                "choose a shorter --tenant of letters and digits");
  if (key.budget && *key.budget < Money())
    return fail(ErrorKind::invalid_request, "a budget cannot be negative", "leave it out for no limit");
  if (key.expires_at_us && *key.expires_at_us <= now_us)
    return fail(ErrorKind::invalid_request, "the key would have expired already", "give a time in the future");
  CHECK_OK(check_rate(key.rpm, "requests per minute"));
  return check_rate(key.tpm, "tokens per minute");
}

Result<void> insert(Database& database, const VirtualKey& key) {
  TRY(Statement statement,
      database.prepare("INSERT INTO keys (" SLUICE_KEY_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"));
  statement.bind(key.id.str()).bind(key.name).bind_blob(key.digest).bind(key.created_at_us).bind(key.revoked_at_us);
  statement.bind(key.expires_at_us).bind(pico(key.budget)).bind(key.rpm).bind(key.tpm);
  statement.bind(name(key.data_class)).bind(key.tenant.str()).bind(key.team).bind(key.user);
  return statement.bind(key.tags).bind(key.blocked_at_us).run();
}

Result<void> record(Database& database, std::string_view what, const VirtualKey& key, std::int64_t now_us) {
  return record_act(database, what, now_us, [&](json::Writer& to) {
    to.member("key_id", key.id.str()).member("key_name", key.name);
    to.member("data_class", name(key.data_class)).member("tenant", key.tenant.str());
    if (!key.team.empty()) to.member("team_id", key.team);
    if (!key.user.empty()) to.member("user_id", key.user);
    if (!key.tags.empty()) to.member("tags", key.tags);
    if (key.budget) to.member("budget_pico", key.budget->pico());
    if (key.rpm) to.member("rpm", *key.rpm);
    if (key.tpm) to.member("tpm", *key.tpm);
    if (key.expires_at_us) to.member("expires_at_us", *key.expires_at_us);
  });
}

// Sets the ids of whom the key is for. A key whose team and user are of two organisations would be nobody's to limit.
Result<void> find_owners(Database& database, const NewKey& wanted, VirtualKey& key) {
  std::string org;
  if (!wanted.team.empty()) {
    TRY(const Subject team, find_subject(database, SubjectKind::team, wanted.team));
    key.team = team.id;
    org = team.org;
  }
  if (wanted.user.empty()) return {};
  TRY(const Subject user, find_subject(database, SubjectKind::user, wanted.user));
  key.user = user.id;
  if (org.empty() || user.org.empty() || org == user.org) return {};
  return fail(ErrorKind::invalid_request,
              "the team \"" + wanted.team + "\" and the user \"" + wanted.user + "\" belong to two organisations",
              "choose a team and a user of one; `sluice teams list` and `sluice users list` show whose they are");
}

// The temporary keys that have ended: all but the newest. What they have spent stays in the ledger's rows.
Result<void> forget_ended_keys(Database& database, std::int64_t now_us) {
#define SLUICE_ENDED_KEYS                                                                                          \
  "WITH ended AS (SELECT id, CASE WHEN revoked_at_us < expires_at_us OR expires_at_us IS NULL THEN revoked_at_us " \
  "ELSE expires_at_us END AS at_us FROM keys WHERE substr(id, 1, length(?4)) = ?4), placed AS (SELECT id, "        \
  "row_number() OVER (ORDER BY at_us DESC) AS place FROM ended WHERE at_us <= ?2), old AS (SELECT id FROM ended "  \
  "WHERE at_us < ?1 UNION SELECT id FROM placed WHERE place > ?3) "
  for (const char* forget : {SLUICE_ENDED_KEYS "DELETE FROM key_spend WHERE key_id IN (SELECT id FROM old)",
                             SLUICE_ENDED_KEYS "DELETE FROM instance_key_spend WHERE key_id IN (SELECT id FROM old)",
                             SLUICE_ENDED_KEYS "DELETE FROM keys WHERE id IN (SELECT id FROM old)"}) {
    TRY(Statement statement, database.prepare(forget));
    CHECK_OK(statement.bind(now_us - ended_known_us).bind(now_us).bind(most_ended).bind(temporary_id_prefix).run());
  }
  return {};
#undef SLUICE_ENDED_KEYS
}

Result<std::optional<VirtualKey>> find_live_name(const Database& database, std::string_view key_name) {
  TRY(Statement find,
      database.prepare("SELECT " SLUICE_KEY_COLUMNS " FROM keys WHERE name = ? AND revoked_at_us IS NULL"));
  TRY(const bool found, find.bind(key_name).step());
  if (!found) return std::nullopt;
  return read_key(find).key;
}

Result<std::optional<VirtualKey>> find_id(const Database& database, std::string_view id) {
  TRY(Statement find, database.prepare("SELECT " SLUICE_KEY_COLUMNS " FROM keys WHERE id = ?"));
  TRY(const bool found, find.bind(id).step());
  if (!found) return std::nullopt;
  return read_key(find).key;
}

}  // namespace

Result<CreatedKey> create_key(Database& database, const NewKey& wanted, std::int64_t now_us) {
  CHECK_OK(check(wanted, now_us));
  CreatedKey created;
  created.secret = Secret(std::string(key_prefix) + crypto::random_alphanumeric(key_random_characters));
  VirtualKey& key = created.key;
  key.id = KeyId(std::string(wanted.temporary ? temporary_id_prefix : id_prefix) +
                 crypto::random_alphanumeric(key_id_random_characters));
  key.name = wanted.name.empty() ? key.id.str() : wanted.name;
  key.created_at_us = now_us;
  key.expires_at_us = wanted.expires_at_us;
  key.budget = wanted.budget;
  key.rpm = wanted.rpm;
  key.tpm = wanted.tpm;
  key.data_class = wanted.data_class;
  key.tenant = wanted.tenant;
  TRY(key.tags, read_tags(wanted.tags));
  key.digest = crypto::sha256(created.secret.reveal());

  TRY(Transaction transaction, Transaction::begin(database));
  TRY(const auto namesake, find_live_name(database, key.name));
  if (namesake)
    return fail(ErrorKind::invalid_request,
                "there is a key named \"" + key.name + "\" already (" + namesake->id.str() + ")",
                "choose another name, or revoke that key first");
  CHECK_OK(find_owners(database, wanted, key));
  CHECK_OK(insert(database, key));
  if (wanted.temporary) CHECK_OK(forget_ended_keys(database, now_us));
  CHECK_OK(record(database, "key_created", key, now_us));
  CHECK_OK(transaction.commit());
  return created;
}

Result<VirtualKey> revoke_key(Database& database, std::string_view id_or_name, std::int64_t now_us) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(auto key, find_id(database, id_or_name));
  if (!key) {
    TRY(key, find_live_name(database, id_or_name));
  }
  if (!key)
    return fail(ErrorKind::not_found, "there is no key \"" + std::string(id_or_name) + "\" that could be revoked",
                "`sluice keys list` shows ids and names");
  if (key->revoked_at_us)
    return fail(ErrorKind::invalid_request, "the key " + key->id.str() + " has been revoked already",
                "there is nothing left to do: nobody comes in with it");
  key->revoked_at_us = now_us;
  TRY(Statement update, database.prepare("UPDATE keys SET revoked_at_us = ? WHERE id = ?"));
  CHECK_OK(update.bind(now_us).bind(key->id.str()).run());
  CHECK_OK(record(database, "key_revoked", *key, now_us));
  CHECK_OK(transaction.commit());
  return *std::move(key);
}

Result<CreatedKey> rotate_key(Database& database, std::string_view id_or_name, std::int64_t now_us) {
  CreatedKey rotated;
  rotated.secret = Secret(std::string(key_prefix) + crypto::random_alphanumeric(key_random_characters));
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(rotated.key, find_live_key(database, id_or_name));
  rotated.key.digest = crypto::sha256(rotated.secret.reveal());
  TRY(Statement update, database.prepare("UPDATE keys SET digest = ? WHERE id = ?"));
  CHECK_OK(update.bind_blob(rotated.key.digest).bind(rotated.key.id.str()).run());
  CHECK_OK(record(database, "key_rotated", rotated.key, now_us));
  CHECK_OK(transaction.commit());
  return rotated;
}

Result<VirtualKey> change_key(Database& database, std::string_view id_or_name, const KeyChange& change,
                              std::int64_t now_us) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(VirtualKey key, find_live_key(database, id_or_name));
  if (change.if_still) CHECK_OK(change.if_still(key));
  // What a key has spent before it had a budget is counted by a limit alone (LiveStore::State::lines_of).
  if (change.budget && !key.budget)
    return fail(ErrorKind::invalid_request, "the key has no budget and gets none later",
                "set a limit for it: `sluice budgets set --key " + key.id.str() + " --usd ...`");
  NewKey wanted{.name = change.name.value_or(key.name),
                .expires_at_us = change.expires_at_us,
                .budget = change.budget ? change.budget : key.budget,
                .rpm = change.rpm ? change.rpm : key.rpm,
                .tpm = change.tpm ? change.tpm : key.tpm};
  if (change.no_budget) wanted.budget.reset();
  if (change.no_rpm) wanted.rpm.reset();
  if (change.no_tpm) wanted.tpm.reset();
  if (wanted.name == key.id.str()) wanted.name.clear();  // one that was made up from it
  CHECK_OK(check(wanted, now_us));
  if (change.name && *change.name != key.name) {
    TRY(const auto namesake, find_live_name(database, *change.name));
    if (namesake || change.name->empty())
      return fail(ErrorKind::invalid_request, "a key cannot be named \"" + *change.name + "\"",
                  "choose another name: one that no other key has");
    key.name = *change.name;
  }
  if (change.expires_at_us) key.expires_at_us = change.expires_at_us;
  if (change.no_expiry) key.expires_at_us.reset();
  key.budget = wanted.budget;
  key.rpm = wanted.rpm;
  key.tpm = wanted.tpm;
  TRY(Statement update, database.prepare("UPDATE keys SET name = ?, expires_at_us = ?, budget_pico = ?, rpm = ?, tpm = "
                                         "? WHERE id = ?"));
  update.bind(key.name).bind(key.expires_at_us).bind(pico(key.budget)).bind(key.rpm).bind(key.tpm);
  CHECK_OK(update.bind(key.id.str()).run());
  CHECK_OK(record(database, "key_changed", key, now_us));
  CHECK_OK(transaction.commit());
  return key;
}

Result<VirtualKey> block_key(Database& database, std::string_view id_or_name, bool blocked, std::int64_t now_us) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(VirtualKey key, find_live_key(database, id_or_name));
  if (key.blocked_at_us.has_value() == blocked) return key;
  key.blocked_at_us = blocked ? std::optional(now_us) : std::nullopt;
  TRY(Statement update, database.prepare("UPDATE keys SET blocked_at_us = ? WHERE id = ?"));
  CHECK_OK(update.bind(key.blocked_at_us).bind(key.id.str()).run());
  CHECK_OK(record(database, blocked ? "key_blocked" : "key_unblocked", key, now_us));
  CHECK_OK(transaction.commit());
  return key;
}

Result<std::vector<KeyReport>> list_keys(const Database& database, bool with_revoked) {
  TRY(Statement select, database.prepare("SELECT " SLUICE_REPORT_COLUMNS
                                         "WHERE ? <> 0 OR revoked_at_us IS NULL ORDER BY created_at_us, id"));
  select.bind(static_cast<std::int64_t>(with_revoked));
  std::vector<KeyReport> reports;
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return reports;
    reports.push_back(read_report(select));
  }
}

Result<Page<KeyReport>> page_of_keys(const Database& database, const KeyFilter& filter, const PageRange& range) {
  Condition condition;
  add(condition, filter);
  if (range.after) condition.add("(k.created_at_us, k.id) > (?, ?)", {range.after->created_at_us, range.after->id});
  TRY(Statement select, database.prepare("SELECT " SLUICE_REPORT_COLUMNS "WHERE " + condition.text() +
                                         " ORDER BY k.created_at_us, k.id LIMIT ?" + std::to_string(condition.next()) +
                                         " OFFSET ?" + std::to_string(condition.next() + 1)));
  condition.bind(select);
  select.bind(rows_to_read(range)).bind(range.skip);
  std::vector<std::pair<Place, std::optional<KeyReport>>> read;
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return page_of(std::move(read), range);
    KeyReport report = read_report(select);
    Place place{report.key.created_at_us, report.key.id.str()};
    read.emplace_back(std::move(place), std::move(report));
  }
}

Result<std::int64_t> count_keys(const Database& database, const KeyFilter& filter) {
  Condition condition;
  add(condition, filter);
  TRY(Statement select, database.prepare("SELECT count(*) FROM keys k WHERE " + condition.text()));
  condition.bind(select);
  TRY(const bool row, select.step());
  return row ? select.integer(0) : 0;
}

Result<std::optional<KeyReport>> see_key(const Database& database, const Scope& scope, std::string_view id_or_name) {
  const std::string wanted(id_or_name);
  if (wanted.empty()) return std::nullopt;
  const KeyFilter by_id{.scope = scope, .id = wanted};
  const KeyFilter in_use{.scope = scope, .name = wanted, .with_revoked = false};
  const KeyFilter by_name{.scope = scope, .name = wanted};
  for (const KeyFilter* filter : {&by_id, &in_use, &by_name}) {
    TRY(Page<KeyReport> found, page_of_keys(database, *filter, {.after = {}, .count = 1}));
    if (!found.items.empty()) return std::move(found.items.front());
  }
  return std::nullopt;
}

Result<VirtualKey> find_live_key(const Database& database, std::string_view id_or_name) {
  TRY(auto key, find_id(database, id_or_name));
  if (!key) {
    TRY(key, find_live_name(database, id_or_name));
  }
  if (key && !key->revoked_at_us) return *std::move(key);
  return fail(ErrorKind::not_found, "there is no key \"" + std::string(id_or_name) + "\" that is in use",
              "`sluice keys list` shows ids and names");
}

}  // namespace sluice::store
