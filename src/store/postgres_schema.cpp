#include "store/postgres_schema.h"

#include <array>
#include <cstdint>
#include <string>

namespace sluice::store {
namespace {

// One text per version, in order. A published one is never changed; what is new is a new one at the end, beside the one
// for sluice.db (schema.cpp says what each table is for).
//
// state    also the log position of each process, by its instance: "folded_position:INSTANCE"
constexpr std::array migrations = {
    R"sql(
    CREATE TABLE state (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
    INSERT INTO state VALUES ('keys_version', 0), ('schema_version', 0);

    CREATE TABLE keys (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      digest BYTEA NOT NULL UNIQUE,
      created_at_us BIGINT NOT NULL,
      revoked_at_us BIGINT,
      expires_at_us BIGINT,
      budget_pico BIGINT,
      rpm BIGINT,
      tpm BIGINT,
      data_class TEXT NOT NULL,
      tenant TEXT NOT NULL,
      team_id TEXT NOT NULL DEFAULT '',
      user_id TEXT NOT NULL DEFAULT '',
      tags TEXT NOT NULL DEFAULT '',
      blocked_at_us BIGINT
    );

    CREATE TABLE ledger (
      row BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      request_id TEXT NOT NULL,
      start_us BIGINT NOT NULL,
      end_us BIGINT NOT NULL,
      key_id TEXT NOT NULL,
      dialect TEXT NOT NULL,
      requested_model TEXT NOT NULL,
      provider TEXT NOT NULL,
      model TEXT NOT NULL,
      ground TEXT NOT NULL,
      stream BIGINT NOT NULL,
      status BIGINT NOT NULL,
      outcome TEXT NOT NULL,
      attempt BIGINT NOT NULL,
      final BIGINT NOT NULL,
      input BIGINT NOT NULL,
      cache_read BIGINT NOT NULL,
      cache_write_5m BIGINT NOT NULL,
      cache_write_1h BIGINT NOT NULL,
      output BIGINT NOT NULL,
      reasoning BIGINT NOT NULL,
      reported BIGINT NOT NULL,
      cost_pico BIGINT,
      price_source TEXT NOT NULL,
      ttft_us BIGINT NOT NULL,
      total_us BIGINT NOT NULL,
      config_hash BYTEA NOT NULL,
      input_audio BIGINT NOT NULL DEFAULT 0,
      input_image BIGINT NOT NULL DEFAULT 0,
      input_video BIGINT NOT NULL DEFAULT 0,
      cache_read_audio BIGINT NOT NULL DEFAULT 0,
      output_audio BIGINT NOT NULL DEFAULT 0,
      output_image BIGINT NOT NULL DEFAULT 0,
      searches BIGINT NOT NULL DEFAULT 0,
      service_tier BIGINT NOT NULL DEFAULT 0,
      doubts BIGINT NOT NULL DEFAULT 0,
      raw_usage TEXT NOT NULL DEFAULT '',
      correction BIGINT NOT NULL DEFAULT 0,
      tags TEXT NOT NULL DEFAULT ''
    );

    CREATE TABLE key_spend (
      key_id TEXT PRIMARY KEY,
      usd BIGINT NOT NULL,
      pico BIGINT NOT NULL,
      requests BIGINT NOT NULL,
      last_used_us BIGINT NOT NULL
    );

    CREATE TABLE subjects (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      name TEXT NOT NULL,
      org_id TEXT NOT NULL,
      created_at_us BIGINT NOT NULL,
      removed_at_us BIGINT
    );

    CREATE TABLE limits (
      id TEXT PRIMARY KEY,
      scope TEXT NOT NULL,
      subject TEXT NOT NULL,
      model TEXT NOT NULL,
      unit TEXT NOT NULL,
      amount BIGINT NOT NULL,
      time_window TEXT NOT NULL,
      zone TEXT NOT NULL,
      downgrade_to TEXT NOT NULL,
      downgrade_percent BIGINT NOT NULL,
      created_at_us BIGINT NOT NULL,
      store_down TEXT NOT NULL DEFAULT '',
      UNIQUE (scope, subject, model, unit, time_window, zone)
    );

    CREATE TABLE usage_hourly (
      hour BIGINT NOT NULL,
      key_id TEXT NOT NULL,
      provider TEXT NOT NULL,
      model TEXT NOT NULL,
      ground TEXT NOT NULL,
      tags TEXT NOT NULL,
      requests BIGINT NOT NULL,
      failed BIGINT NOT NULL,
      extra_attempts BIGINT NOT NULL,
      input BIGINT NOT NULL,
      cache_read BIGINT NOT NULL,
      cache_write BIGINT NOT NULL,
      output BIGINT NOT NULL,
      estimated BIGINT NOT NULL,
      unpriced BIGINT NOT NULL,
      usd BIGINT NOT NULL,
      pico BIGINT NOT NULL,
      corrections BIGINT NOT NULL,
      corrected_usd BIGINT NOT NULL,
      corrected_pico BIGINT NOT NULL,
      PRIMARY KEY (hour, key_id, provider, model, ground, tags)
    );

    CREATE TABLE usage_daily (
      day BIGINT NOT NULL,
      key_id TEXT NOT NULL,
      provider TEXT NOT NULL,
      model TEXT NOT NULL,
      ground TEXT NOT NULL,
      tags TEXT NOT NULL,
      requests BIGINT NOT NULL,
      failed BIGINT NOT NULL,
      extra_attempts BIGINT NOT NULL,
      input BIGINT NOT NULL,
      cache_read BIGINT NOT NULL,
      cache_write BIGINT NOT NULL,
      output BIGINT NOT NULL,
      estimated BIGINT NOT NULL,
      unpriced BIGINT NOT NULL,
      usd BIGINT NOT NULL,
      pico BIGINT NOT NULL,
      corrections BIGINT NOT NULL,
      corrected_usd BIGINT NOT NULL,
      corrected_pico BIGINT NOT NULL,
      PRIMARY KEY (day, key_id, provider, model, ground, tags)
    );

    CREATE TABLE ledger_hours (
      hour BIGINT PRIMARY KEY,
      first_row BIGINT NOT NULL,
      last_row BIGINT NOT NULL
    );

    CREATE TABLE admin_acts (
      id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      act TEXT NOT NULL,
      in_audit_log BIGINT NOT NULL DEFAULT 0
    );
    CREATE INDEX admin_acts_waiting ON admin_acts(id) WHERE in_audit_log = 0;

    CREATE TABLE admin_keys (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      digest BYTEA NOT NULL UNIQUE,
      role TEXT NOT NULL,
      scope TEXT NOT NULL,
      scope_id TEXT NOT NULL,
      created_at_us BIGINT NOT NULL,
      revoked_at_us BIGINT,
      expires_at_us BIGINT
    );
    CREATE UNIQUE INDEX admin_keys_live_name ON admin_keys(name) WHERE revoked_at_us IS NULL;

    CREATE TABLE admin_requests (
      doer TEXT NOT NULL,
      idempotency_key TEXT NOT NULL,
      request BYTEA NOT NULL,
      at_us BIGINT NOT NULL,
      status BIGINT NOT NULL,
      body TEXT NOT NULL,
      PRIMARY KEY (doer, idempotency_key)
    );
    CREATE INDEX admin_requests_time ON admin_requests(at_us);

    CREATE TABLE admin_sessions (
      number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      digest BYTEA NOT NULL UNIQUE,
      issuer TEXT NOT NULL,
      subject TEXT NOT NULL,
      email TEXT NOT NULL,
      claims TEXT NOT NULL,
      created_at_us BIGINT NOT NULL,
      expires_at_us BIGINT NOT NULL
    );
    CREATE INDEX admin_sessions_subject ON admin_sessions(issuer, subject);

    CREATE UNIQUE INDEX keys_live_name ON keys(name) WHERE revoked_at_us IS NULL;
    CREATE UNIQUE INDEX subjects_live_name ON subjects(kind, name) WHERE removed_at_us IS NULL;
    CREATE INDEX ledger_end ON ledger(end_us);
    CREATE INDEX ledger_corrections ON ledger(request_id) WHERE correction > 0;
    CREATE INDEX ledger_corrected ON ledger(start_us) WHERE correction > 0;
    )sql",
};
constexpr auto known = static_cast<std::int64_t>(migrations.size());

// 0: there are no tables yet.
Result<std::int64_t> read_version(PostgresDatabase& database) {
  TRY(const std::int64_t tables,
      database.integer("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'state'"));
  if (tables == 0) return 0;
  TRY(const std::int64_t version,
      database.integer("SELECT coalesce(max(value), -1) FROM state WHERE name = 'schema_version'"));
  if (version < 0)
    return fail(ErrorKind::unavailable, "the schema in " + database.name() + " is another program's",
                "choose another one with store.schema");
  if (version > known)
    return fail(ErrorKind::unavailable,
                "the database " + database.name() + " was written by a newer sluice (version " +
                    std::to_string(version) + ", this program knows " + std::to_string(known) + ")",
                "update sluice, or choose another schema with store.schema");
  return version;
}

}  // namespace

Result<void> prepare_database(PostgresDatabase& database) {
  TRY(const std::int64_t version, read_version(database));
  if (version == known) return {};
  TRY(Transaction transaction, Transaction::begin(database));
  CHECK_OK(database.make_schema());
  TRY(const std::int64_t from, read_version(database));  // again: another process may have been faster
  for (auto next = static_cast<std::size_t>(from); next < migrations.size(); ++next)
    CHECK_OK(database.execute(migrations[next]));
  TRY(Statement stamp, database.prepare("UPDATE state SET value = ? WHERE name = 'schema_version'"));
  CHECK_OK(stamp.bind(known).run());
  return transaction.commit();
}

}  // namespace sluice::store
