#include "store/postgres_schema.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace sluice::store {
namespace {

// One text per version, in order. A published one is never changed; what is new is a new one at the end, beside the one
// for sluice.db (schema.cpp says what each table is for).
//
// state    also the log position of each process, by its instance: "folded_position:INSTANCE"; and up to where its own
//          spend has been added up: "own_folded_position:INSTANCE"
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
    // As in schema.cpp. The widest columns come first: PostgreSQL fills up to a number's width in front of it.
    R"sql(
    SET LOCAL statement_timeout = 0;
CREATE TABLE ledger_words (
      id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      word TEXT NOT NULL UNIQUE,
      last_row BIGINT NOT NULL
    );
    INSERT INTO ledger_words (word, last_row) SELECT word, max(last_row) FROM (
      SELECT key_id AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT dialect AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT requested_model AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT provider AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT model AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT ground AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT outcome AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT price_source AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT encode(config_hash, 'hex') AS word, max(row) AS last_row FROM ledger GROUP BY 1) AS used GROUP BY word;

    CREATE TABLE ledger_rows (
      row BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      start_us BIGINT NOT NULL,
      end_us BIGINT NOT NULL,
      input BIGINT NOT NULL,
      output BIGINT NOT NULL,
      cost_pico BIGINT,
      total_us BIGINT NOT NULL,
      ttft_us BIGINT,
      cache_read BIGINT,
      cache_write_5m BIGINT,
      cache_write_1h BIGINT,
      reasoning BIGINT,
      input_audio BIGINT,
      input_image BIGINT,
      input_video BIGINT,
      cache_read_audio BIGINT,
      output_audio BIGINT,
      output_image BIGINT,
      searches BIGINT,
      key_word INTEGER NOT NULL,
      dialect_word INTEGER NOT NULL,
      requested_word INTEGER NOT NULL,
      provider_word INTEGER NOT NULL,
      model_word INTEGER NOT NULL,
      ground_word INTEGER NOT NULL,
      outcome_word INTEGER NOT NULL,
      source_word INTEGER NOT NULL,
      config_word INTEGER NOT NULL,
      status INTEGER NOT NULL,
      stream SMALLINT NOT NULL,
      attempt SMALLINT NOT NULL,
      final SMALLINT NOT NULL,
      reported SMALLINT NOT NULL,
      correction SMALLINT NOT NULL,
      service_tier SMALLINT,
      doubts SMALLINT,
      request_id TEXT NOT NULL,
      tags TEXT,
      raw_usage TEXT
    );
    INSERT INTO ledger_rows (
        row, start_us, end_us, input, output, cost_pico, total_us, ttft_us, cache_read, cache_write_5m,
        cache_write_1h, reasoning, input_audio, input_image, input_video, cache_read_audio, output_audio,
        output_image, searches, key_word, dialect_word, requested_word, provider_word, model_word, ground_word,
        outcome_word, source_word, config_word, status, stream, attempt, final, reported, correction,
        service_tier, doubts, request_id, tags, raw_usage) OVERRIDING SYSTEM VALUE
      SELECT
        row, start_us, end_us, input, output, cost_pico, total_us, nullif(ttft_us, -1), nullif(cache_read, 0),
        nullif(cache_write_5m, 0), nullif(cache_write_1h, 0), nullif(reasoning, 0), nullif(input_audio, 0),
        nullif(input_image, 0), nullif(input_video, 0), nullif(cache_read_audio, 0), nullif(output_audio, 0),
        nullif(output_image, 0), nullif(searches, 0), (SELECT id FROM ledger_words WHERE word = key_id),
        (SELECT id FROM ledger_words WHERE word = dialect),
        (SELECT id FROM ledger_words WHERE word = requested_model),
        (SELECT id FROM ledger_words WHERE word = provider), (SELECT id FROM ledger_words WHERE word = model),
        (SELECT id FROM ledger_words WHERE word = ground), (SELECT id FROM ledger_words WHERE word = outcome),
        (SELECT id FROM ledger_words WHERE word = price_source),
        (SELECT id FROM ledger_words WHERE word = encode(config_hash, 'hex')), status, stream, attempt, final,
        reported, correction, nullif(service_tier, 0), nullif(doubts, 0), request_id, nullif(tags, ''),
        nullif(raw_usage, '')
      FROM ledger;
    SELECT setval(pg_get_serial_sequence('ledger_rows', 'row'), coalesce(max(row), 0) + 1, false) FROM ledger_rows;
    DROP TABLE ledger;
    CREATE INDEX ledger_end ON ledger_rows(end_us);
    CREATE INDEX ledger_corrections ON ledger_rows(request_id) WHERE correction > 0;
    CREATE INDEX ledger_corrected ON ledger_rows(start_us) WHERE correction > 0;

    CREATE VIEW ledger AS SELECT
      r.row, r.request_id, r.start_us, r.end_us, k.word AS key_id, d.word AS dialect, q.word AS requested_model,
      p.word AS provider, m.word AS model, g.word AS ground, r.stream, r.status, o.word AS outcome, r.attempt,
      r.final, r.input, coalesce(r.cache_read, 0) AS cache_read,
      coalesce(r.cache_write_5m, 0) AS cache_write_5m, coalesce(r.cache_write_1h, 0) AS cache_write_1h,
      r.output, coalesce(r.reasoning, 0) AS reasoning, r.reported, r.cost_pico, s.word AS price_source,
      coalesce(r.ttft_us, -1) AS ttft_us, r.total_us, c.word AS config_hash,
      coalesce(r.input_audio, 0) AS input_audio, coalesce(r.input_image, 0) AS input_image,
      coalesce(r.input_video, 0) AS input_video, coalesce(r.cache_read_audio, 0) AS cache_read_audio,
      coalesce(r.output_audio, 0) AS output_audio, coalesce(r.output_image, 0) AS output_image,
      coalesce(r.searches, 0) AS searches, coalesce(r.service_tier, 0) AS service_tier,
      coalesce(r.doubts, 0) AS doubts, coalesce(r.raw_usage, '') AS raw_usage, r.correction,
      coalesce(r.tags, '') AS tags
      FROM ledger_rows r
      LEFT JOIN ledger_words k ON k.id = r.key_word
      LEFT JOIN ledger_words d ON d.id = r.dialect_word
      LEFT JOIN ledger_words q ON q.id = r.requested_word
      LEFT JOIN ledger_words p ON p.id = r.provider_word
      LEFT JOIN ledger_words m ON m.id = r.model_word
      LEFT JOIN ledger_words g ON g.id = r.ground_word
      LEFT JOIN ledger_words o ON o.id = r.outcome_word
      LEFT JOIN ledger_words s ON s.id = r.source_word
      LEFT JOIN ledger_words c ON c.id = r.config_word;
    )sql",
    R"sql(
    CREATE TABLE correction_batches (
      last_row BIGINT PRIMARY KEY,
      first_row BIGINT NOT NULL,
      instance TEXT NOT NULL
    );
    )sql",
    R"sql(
    CREATE TABLE config_generations (
      number BIGINT PRIMARY KEY,
      text TEXT NOT NULL,
      sha256 TEXT NOT NULL,
      made_at_us BIGINT NOT NULL,
      made_by TEXT NOT NULL,
      said TEXT NOT NULL
    );
    )sql",
    R"sql(
    CREATE TABLE instance_spend_hourly (
      instance TEXT NOT NULL,
      hour BIGINT NOT NULL,
      key_id TEXT NOT NULL,
      provider TEXT NOT NULL,
      model TEXT NOT NULL,
      tags TEXT NOT NULL,
      usd BIGINT NOT NULL,
      pico BIGINT NOT NULL,
      PRIMARY KEY (instance, hour, key_id, provider, model, tags)
    );
    CREATE TABLE instance_key_spend (
      instance TEXT NOT NULL,
      key_id TEXT NOT NULL,
      usd BIGINT NOT NULL,
      pico BIGINT NOT NULL,
      PRIMARY KEY (instance, key_id)
    );
    )sql",
    R"sql(
    CREATE TABLE alert_claims (
      name TEXT PRIMARY KEY,
      body TEXT NOT NULL,
      claimed_until_us BIGINT NOT NULL,
      told BIGINT NOT NULL,
      forget_at_us BIGINT NOT NULL
    );
    CREATE INDEX alert_claims_waiting ON alert_claims(claimed_until_us) WHERE told = 0;
    )sql",
    R"sql(
    CREATE TABLE price_imports (
      number BIGINT PRIMARY KEY,
      name TEXT NOT NULL,
      sha256 TEXT NOT NULL,
      made_at_us BIGINT NOT NULL,
      made_by TEXT NOT NULL,
      withdrawn BIGINT NOT NULL,
      text TEXT NOT NULL
    );
    )sql",
    R"sql(
    CREATE INDEX keys_made ON keys(created_at_us, id);
    CREATE INDEX keys_team ON keys(team_id, created_at_us, id);
    CREATE INDEX keys_user ON keys(user_id, created_at_us, id);
    CREATE INDEX keys_name ON keys(name);
    CREATE INDEX subjects_made ON subjects(kind, created_at_us, id);
    CREATE INDEX subjects_org ON subjects(org_id);
    )sql",
    R"sql(
    SET LOCAL statement_timeout = 0;
    ALTER TABLE ledger_rows ADD COLUMN workload_word INTEGER;
    CREATE OR REPLACE VIEW ledger AS SELECT
      r.row, r.request_id, r.start_us, r.end_us, k.word AS key_id, d.word AS dialect, q.word AS requested_model,
      p.word AS provider, m.word AS model, g.word AS ground, r.stream, r.status, o.word AS outcome, r.attempt,
      r.final, r.input, coalesce(r.cache_read, 0) AS cache_read,
      coalesce(r.cache_write_5m, 0) AS cache_write_5m, coalesce(r.cache_write_1h, 0) AS cache_write_1h,
      r.output, coalesce(r.reasoning, 0) AS reasoning, r.reported, r.cost_pico, s.word AS price_source,
      coalesce(r.ttft_us, -1) AS ttft_us, r.total_us, c.word AS config_hash,
      coalesce(r.input_audio, 0) AS input_audio, coalesce(r.input_image, 0) AS input_image,
      coalesce(r.input_video, 0) AS input_video, coalesce(r.cache_read_audio, 0) AS cache_read_audio,
      coalesce(r.output_audio, 0) AS output_audio, coalesce(r.output_image, 0) AS output_image,
      coalesce(r.searches, 0) AS searches, coalesce(r.service_tier, 0) AS service_tier,
      coalesce(r.doubts, 0) AS doubts, coalesce(r.raw_usage, '') AS raw_usage, r.correction,
      coalesce(r.tags, '') AS tags, coalesce(w.word, '') AS workload
      FROM ledger_rows r
      LEFT JOIN ledger_words k ON k.id = r.key_word
      LEFT JOIN ledger_words d ON d.id = r.dialect_word
      LEFT JOIN ledger_words q ON q.id = r.requested_word
      LEFT JOIN ledger_words p ON p.id = r.provider_word
      LEFT JOIN ledger_words m ON m.id = r.model_word
      LEFT JOIN ledger_words g ON g.id = r.ground_word
      LEFT JOIN ledger_words o ON o.id = r.outcome_word
      LEFT JOIN ledger_words s ON s.id = r.source_word
      LEFT JOIN ledger_words c ON c.id = r.config_word
      LEFT JOIN ledger_words w ON w.id = r.workload_word;

    ALTER TABLE usage_hourly ADD COLUMN workload TEXT NOT NULL DEFAULT '';
    ALTER TABLE usage_hourly DROP CONSTRAINT usage_hourly_pkey;
    ALTER TABLE usage_hourly ADD PRIMARY KEY (hour, key_id, provider, model, ground, tags, workload);
    ALTER TABLE usage_daily ADD COLUMN workload TEXT NOT NULL DEFAULT '';
    ALTER TABLE usage_daily DROP CONSTRAINT usage_daily_pkey;
    ALTER TABLE usage_daily ADD PRIMARY KEY (day, key_id, provider, model, ground, tags, workload);
    )sql",
    R"sql(
    SET LOCAL statement_timeout = 0;
    CREATE TABLE ledger_kinds (
      last_row BIGINT NOT NULL,
      id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      dialect_word INTEGER NOT NULL,
      requested_word INTEGER NOT NULL,
      provider_word INTEGER NOT NULL,
      model_word INTEGER NOT NULL,
      ground_word INTEGER NOT NULL,
      outcome_word INTEGER NOT NULL,
      source_word INTEGER NOT NULL,
      config_word INTEGER NOT NULL,
      workload_word INTEGER NOT NULL,
      status INTEGER NOT NULL,
      stream SMALLINT NOT NULL,
      attempt SMALLINT NOT NULL,
      final SMALLINT NOT NULL,
      reported SMALLINT NOT NULL,
      service_tier SMALLINT NOT NULL,
      doubts SMALLINT NOT NULL,
      UNIQUE (
        dialect_word, requested_word, provider_word, model_word, ground_word, outcome_word, source_word,
        config_word, workload_word, status, stream, attempt, final, reported, service_tier, doubts)
    );
    INSERT INTO ledger_kinds (
        dialect_word, requested_word, provider_word, model_word, ground_word, outcome_word, source_word,
        config_word, workload_word, status, stream, attempt, final, reported, service_tier, doubts, last_row)
      SELECT
        dialect_word, requested_word, provider_word, model_word, ground_word, outcome_word, source_word,
        config_word, coalesce(workload_word, 0), status, stream, attempt, final, reported,
        coalesce(service_tier, 0), coalesce(doubts, 0), max(row)
      FROM ledger_rows GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16;

    DROP VIEW ledger;
    ALTER TABLE ledger_rows RENAME TO ledger_rows_before;
    CREATE TABLE ledger_rows (
      row BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      start_us BIGINT NOT NULL,
      end_us BIGINT NOT NULL,
      input BIGINT NOT NULL,
      output BIGINT NOT NULL,
      cost_pico BIGINT,
      total_us BIGINT NOT NULL,
      ttft_us BIGINT,
      cache_read BIGINT,
      cache_write_5m BIGINT,
      cache_write_1h BIGINT,
      reasoning BIGINT,
      input_audio BIGINT,
      input_image BIGINT,
      input_video BIGINT,
      cache_read_audio BIGINT,
      output_audio BIGINT,
      output_image BIGINT,
      searches BIGINT,
      key_word INTEGER NOT NULL,
      kind INTEGER NOT NULL,
      correction SMALLINT NOT NULL,
      request_id TEXT NOT NULL,
      tags TEXT,
      raw_usage TEXT
    );
    INSERT INTO ledger_rows (
        row, start_us, end_us, input, output, cost_pico, total_us, ttft_us, cache_read, cache_write_5m,
        cache_write_1h, reasoning, input_audio, input_image, input_video, cache_read_audio, output_audio,
        output_image, searches, key_word, kind, correction, request_id, tags, raw_usage) OVERRIDING SYSTEM VALUE
      SELECT
        r.row, r.start_us, r.end_us, r.input, r.output, r.cost_pico, r.total_us, r.ttft_us, r.cache_read,
        r.cache_write_5m, r.cache_write_1h, r.reasoning, r.input_audio, r.input_image, r.input_video,
        r.cache_read_audio, r.output_audio, r.output_image, r.searches, r.key_word, i.id, r.correction,
        r.request_id, r.tags, r.raw_usage
      FROM ledger_rows_before r JOIN ledger_kinds i ON
        i.dialect_word = r.dialect_word AND i.requested_word = r.requested_word AND
        i.provider_word = r.provider_word AND i.model_word = r.model_word AND i.ground_word = r.ground_word AND
        i.outcome_word = r.outcome_word AND i.source_word = r.source_word AND i.config_word = r.config_word AND
        i.workload_word = coalesce(r.workload_word, 0) AND i.status = r.status AND i.stream = r.stream AND
        i.attempt = r.attempt AND i.final = r.final AND i.reported = r.reported AND
        i.service_tier = coalesce(r.service_tier, 0) AND i.doubts = coalesce(r.doubts, 0)
      ORDER BY r.row;
    SELECT setval(pg_get_serial_sequence('ledger_rows', 'row'), coalesce(max(row), 0) + 1, false) FROM ledger_rows;
    DROP TABLE ledger_rows_before;
    CREATE INDEX ledger_corrections ON ledger_rows(request_id) WHERE correction > 0;
    CREATE INDEX ledger_corrected ON ledger_rows(start_us) WHERE correction > 0;
    CREATE INDEX ledger_end ON ledger_rows USING brin (end_us) WITH (pages_per_range = 32, autosummarize = on);
    CREATE VIEW ledger AS SELECT
      r.row, r.request_id, r.start_us, r.end_us, k.word AS key_id, d.word AS dialect, q.word AS requested_model,
      p.word AS provider, m.word AS model, g.word AS ground, i.stream, i.status, o.word AS outcome, i.attempt,
      i.final, r.input, coalesce(r.cache_read, 0) AS cache_read,
      coalesce(r.cache_write_5m, 0) AS cache_write_5m, coalesce(r.cache_write_1h, 0) AS cache_write_1h,
      r.output, coalesce(r.reasoning, 0) AS reasoning, i.reported, r.cost_pico, s.word AS price_source,
      coalesce(r.ttft_us, -1) AS ttft_us, r.total_us, c.word AS config_hash,
      coalesce(r.input_audio, 0) AS input_audio, coalesce(r.input_image, 0) AS input_image,
      coalesce(r.input_video, 0) AS input_video, coalesce(r.cache_read_audio, 0) AS cache_read_audio,
      coalesce(r.output_audio, 0) AS output_audio, coalesce(r.output_image, 0) AS output_image,
      coalesce(r.searches, 0) AS searches, i.service_tier, i.doubts, coalesce(r.raw_usage, '') AS raw_usage,
      r.correction, coalesce(r.tags, '') AS tags, coalesce(w.word, '') AS workload
      FROM ledger_rows r
      LEFT JOIN ledger_words k ON k.id = r.key_word
      LEFT JOIN ledger_kinds i ON i.id = r.kind
      LEFT JOIN ledger_words d ON d.id = i.dialect_word
      LEFT JOIN ledger_words q ON q.id = i.requested_word
      LEFT JOIN ledger_words p ON p.id = i.provider_word
      LEFT JOIN ledger_words m ON m.id = i.model_word
      LEFT JOIN ledger_words g ON g.id = i.ground_word
      LEFT JOIN ledger_words o ON o.id = i.outcome_word
      LEFT JOIN ledger_words s ON s.id = i.source_word
      LEFT JOIN ledger_words c ON c.id = i.config_word
      LEFT JOIN ledger_words w ON w.id = i.workload_word;

    CREATE TABLE ledger_end_hours (
      hour BIGINT PRIMARY KEY,
      first_row BIGINT NOT NULL,
      last_row BIGINT NOT NULL
    );
    INSERT INTO ledger_end_hours SELECT end_us / 3600000000 AS hour, min(row), max(row) FROM ledger_rows
      WHERE correction = 0 GROUP BY 1;
    ANALYZE ledger_rows, ledger_kinds, ledger_words;
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

Result<void> migrate(PostgresDatabase& database, std::int64_t count) {
  TRY(Transaction transaction, Transaction::begin(database));
  CHECK_OK(database.make_schema());
  CHECK_OK(database.keep_rows_out());  // a replica's row between a table's copy and its end would be lost
  TRY(const std::int64_t from, read_version(database));  // again: another process may have been faster
  for (std::int64_t next = from; next < count; ++next)
    CHECK_OK(database.execute(migrations[static_cast<std::size_t>(next)]));
  TRY(Statement stamp, database.prepare("UPDATE state SET value = ? WHERE name = 'schema_version'"));
  CHECK_OK(stamp.bind(count).run());
  return transaction.commit();
}

}  // namespace

Result<void> prepare_database(PostgresDatabase& database) {
  TRY(const std::int64_t version, read_version(database));
  return version == known ? Result<void>() : migrate(database, known);
}

Result<void> prepare_old_database(PostgresDatabase& database, std::size_t count) {
  return migrate(database, std::min(static_cast<std::int64_t>(count), known));
}

}  // namespace sluice::store
