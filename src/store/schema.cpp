#include "store/schema.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

namespace sluice::store {
namespace {

// "SLUI": tells our file from any other SQLite database.
constexpr std::int64_t application_id = 0x534c5549;

// One text per version, in order. A published one is never changed; what is new is a new one at the end.
//
// state       single numbers: keys_version rises with each change of a key, folded_position is the log position up to
//             which the ledger has been folded, damaged_bytes what was passed over
// keys        virtual keys; the unique index makes names unique among those not revoked
// ledger      one row per log record, in the log's order
// key_spend   what each key has used up: whole dollars and the picodollars beyond them, so that no sum overflows
// admin_acts  what was done to keys, limits and the like: the newest of it, and what no audit log has yet
//
// usage_hourly  sums of the ledger by the hour in which rows ended; whole dollars and the picodollars beyond them
// usage_daily   the same by the day (UTC)
// subjects      organisations, teams and users
// limits        what they, keys, tags and everybody together may use at most; one for each scope, subject, model, unit
//               and window
//
// ledger_rows     the ledger; `ledger` is a view of it, with the words and the zeros
// ledger_words    what its rows say again and again, and the last row that may say it: retention forgets it behind that
// ledger_kinds    what else many rows have in common, by such words, under one number; forgotten in the same way
// ledger_hours, ledger_end_hours  from which row to which those are that began, or ended, in an hour
//
// correction_batches  which rows may be corrections, and whose log had them: a running server counts them from here
//
// instance_spend_hourly  what each process has spent itself, where several share the database, as usage_hourly has it
// instance_key_spend     the same of each key, as key_spend has it
//
// alert_claims  alerts that somebody tells, or has told; see alert_claims.h
//
// price_imports  what imports of prices took, for all who share the database
//
// config_generations  configurations for all who take theirs from here; the newest counts
//
// admin_keys      who may use the administration's API
// admin_requests  what was answered to requests that carry an Idempotency-Key
// admin_sessions  who is signed in
constexpr std::array migrations = {
    R"sql(
    CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO state VALUES ('keys_version', 0), ('folded_position', 0), ('damaged_bytes', 0);

    CREATE TABLE keys (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      digest BLOB NOT NULL UNIQUE,
      created_at_us INTEGER NOT NULL,
      revoked_at_us INTEGER,
      expires_at_us INTEGER,
      budget_pico INTEGER,
      rpm INTEGER,
      tpm INTEGER,
      data_class TEXT NOT NULL,
      tenant TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX keys_live_name ON keys(name) WHERE revoked_at_us IS NULL;

    CREATE TABLE ledger (
      row INTEGER PRIMARY KEY,
      request_id TEXT NOT NULL,
      start_us INTEGER NOT NULL,
      end_us INTEGER NOT NULL,
      key_id TEXT NOT NULL,
      dialect TEXT NOT NULL,
      requested_model TEXT NOT NULL,
      provider TEXT NOT NULL,
      model TEXT NOT NULL,
      ground TEXT NOT NULL,
      stream INTEGER NOT NULL,
      status INTEGER NOT NULL,
      outcome TEXT NOT NULL,
      attempt INTEGER NOT NULL,
      final INTEGER NOT NULL,
      input INTEGER NOT NULL,
      cache_read INTEGER NOT NULL,
      cache_write_5m INTEGER NOT NULL,
      cache_write_1h INTEGER NOT NULL,
      output INTEGER NOT NULL,
      reasoning INTEGER NOT NULL,
      reported INTEGER NOT NULL,
      cost_pico INTEGER,
      price_source TEXT NOT NULL,
      ttft_us INTEGER NOT NULL,
      total_us INTEGER NOT NULL,
      config_hash BLOB NOT NULL
    ) STRICT;
    CREATE INDEX ledger_start ON ledger(start_us);

    CREATE TABLE key_spend (
      key_id TEXT PRIMARY KEY,
      usd INTEGER NOT NULL,
      pico INTEGER NOT NULL,
      requests INTEGER NOT NULL,
      last_used_us INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE admin_acts (id INTEGER PRIMARY KEY AUTOINCREMENT, act TEXT NOT NULL) STRICT;
    )sql",
    // What is no text, the service tier, counts in doubt (with the provider's own words), and rows that correct others.
    R"sql(
    ALTER TABLE ledger ADD COLUMN input_audio INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN input_image INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN input_video INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN cache_read_audio INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN output_audio INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN output_image INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN searches INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN service_tier INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN doubts INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN raw_usage TEXT NOT NULL DEFAULT '';
    ALTER TABLE ledger ADD COLUMN correction INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX ledger_corrections ON ledger(request_id) WHERE correction > 0;
    INSERT INTO state VALUES ('corrections_position', 0);
    )sql",
    // Owners of keys, limits, tags, and the ledger's sums by the hour.
    R"sql(
    CREATE TABLE subjects (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      name TEXT NOT NULL,
      org_id TEXT NOT NULL,
      created_at_us INTEGER NOT NULL,
      removed_at_us INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX subjects_live_name ON subjects(kind, name) WHERE removed_at_us IS NULL;

    CREATE TABLE limits (
      id TEXT PRIMARY KEY,
      scope TEXT NOT NULL,
      subject TEXT NOT NULL,
      model TEXT NOT NULL,
      unit TEXT NOT NULL,
      amount INTEGER NOT NULL,
      time_window TEXT NOT NULL,
      zone TEXT NOT NULL,
      downgrade_to TEXT NOT NULL,
      downgrade_percent INTEGER NOT NULL,
      created_at_us INTEGER NOT NULL,
      UNIQUE (scope, subject, model, unit, time_window, zone)
    ) STRICT;

    ALTER TABLE keys ADD COLUMN team_id TEXT NOT NULL DEFAULT '';
    ALTER TABLE keys ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
    ALTER TABLE keys ADD COLUMN tags TEXT NOT NULL DEFAULT '';
    ALTER TABLE ledger ADD COLUMN tags TEXT NOT NULL DEFAULT '';
    DROP INDEX ledger_start;
    CREATE INDEX ledger_end ON ledger(end_us);
    CREATE INDEX ledger_corrected ON ledger(start_us) WHERE correction > 0;

    CREATE TABLE usage_hourly (
      hour INTEGER NOT NULL,
      key_id TEXT NOT NULL,
      provider TEXT NOT NULL,
      model TEXT NOT NULL,
      ground TEXT NOT NULL,
      tags TEXT NOT NULL,
      requests INTEGER NOT NULL,
      failed INTEGER NOT NULL,
      extra_attempts INTEGER NOT NULL,
      input INTEGER NOT NULL,
      cache_read INTEGER NOT NULL,
      cache_write INTEGER NOT NULL,
      output INTEGER NOT NULL,
      estimated INTEGER NOT NULL,
      unpriced INTEGER NOT NULL,
      usd INTEGER NOT NULL,
      pico INTEGER NOT NULL,
      corrections INTEGER NOT NULL,
      corrected_usd INTEGER NOT NULL,
      corrected_pico INTEGER NOT NULL,
      PRIMARY KEY (hour, key_id, provider, model, ground, tags)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO usage_hourly
      WITH dated AS (SELECT CASE WHEN correction > 0 THEN start_us ELSE end_us END AS at_us,
          input + cache_read + cache_write_5m + cache_write_1h + output + reasoning + input_audio + input_image +
            input_video + cache_read_audio + output_audio + output_image > 0 AS used, * FROM ledger),
      sums AS (
        SELECT at_us / 3600000000 - (at_us % 3600000000 < 0) AS hour, key_id, provider, model, ground,
          sum(final) AS requests, sum(final AND outcome <> 'ok') AS failed,
          sum(NOT final AND correction = 0) AS extra_attempts,
          sum(input + input_audio + input_image + input_video) AS input,
          sum(cache_read + cache_read_audio) AS cache_read, sum(cache_write_5m + cache_write_1h) AS cache_write,
          sum(output + output_audio + output_image + reasoning) AS output, sum(NOT reported AND used) AS estimated,
          sum(cost_pico IS NULL AND (outcome = 'ok' OR used)) - sum(correction = 2) AS unpriced,
          coalesce(sum(cost_pico / 1000000000), 0) + coalesce(sum(cost_pico % 1000000000), 0) / 1000000000 AS nano,
          coalesce(sum(cost_pico % 1000000000), 0) % 1000000000 AS rest, sum(correction > 0) AS corrections,
          coalesce(sum(CASE WHEN correction > 0 THEN cost_pico / 1000000000000 END), 0) AS corrected_usd,
          coalesce(sum(CASE WHEN correction > 0 THEN cost_pico % 1000000000000 END), 0) AS corrected_pico
        FROM dated GROUP BY 1, 2, 3, 4, 5)
      SELECT hour, key_id, provider, model, ground, '', requests, failed, extra_attempts, input, cache_read, cache_write,
        output, estimated, unpriced, nano / 1000, nano % 1000 * 1000000000 + rest, corrections, corrected_usd,
        corrected_pico FROM sums;

    CREATE TABLE usage_daily (
      day INTEGER NOT NULL,
      key_id TEXT NOT NULL,
      provider TEXT NOT NULL,
      model TEXT NOT NULL,
      ground TEXT NOT NULL,
      tags TEXT NOT NULL,
      requests INTEGER NOT NULL,
      failed INTEGER NOT NULL,
      extra_attempts INTEGER NOT NULL,
      input INTEGER NOT NULL,
      cache_read INTEGER NOT NULL,
      cache_write INTEGER NOT NULL,
      output INTEGER NOT NULL,
      estimated INTEGER NOT NULL,
      unpriced INTEGER NOT NULL,
      usd INTEGER NOT NULL,
      pico INTEGER NOT NULL,
      corrections INTEGER NOT NULL,
      corrected_usd INTEGER NOT NULL,
      corrected_pico INTEGER NOT NULL,
      PRIMARY KEY (day, key_id, provider, model, ground, tags)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO usage_daily
      SELECT hour / 24 - (hour % 24 < 0) AS day, key_id, provider, model, ground, tags, sum(requests), sum(failed),
        sum(extra_attempts), sum(input), sum(cache_read), sum(cache_write), sum(output), sum(estimated), sum(unpriced),
        sum(usd) + sum(pico) / 1000000000000, sum(pico) % 1000000000000, sum(corrections),
        sum(corrected_usd) + sum(corrected_pico) / 1000000000000, sum(corrected_pico) % 1000000000000
      FROM usage_hourly GROUP BY 1, 2, 3, 4, 5, 6;
    )sql",
    // Administrators, what they have asked for under an idempotency key, and their acts, which stay to be looked at.
    R"sql(
    CREATE TABLE admin_keys (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      digest BLOB NOT NULL UNIQUE,
      role TEXT NOT NULL,
      scope TEXT NOT NULL,
      scope_id TEXT NOT NULL,
      created_at_us INTEGER NOT NULL,
      revoked_at_us INTEGER,
      expires_at_us INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX admin_keys_live_name ON admin_keys(name) WHERE revoked_at_us IS NULL;

    CREATE TABLE admin_requests (
      doer TEXT NOT NULL,
      idempotency_key TEXT NOT NULL,
      request BLOB NOT NULL,
      at_us INTEGER NOT NULL,
      status INTEGER NOT NULL,
      body TEXT NOT NULL,
      PRIMARY KEY (doer, idempotency_key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX admin_requests_time ON admin_requests(at_us);

    ALTER TABLE admin_acts ADD COLUMN in_audit_log INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX admin_acts_waiting ON admin_acts(id) WHERE in_audit_log = 0;

    ALTER TABLE keys ADD COLUMN blocked_at_us INTEGER;
    )sql",
    // Who is signed in to the administration.
    R"sql(
    CREATE TABLE admin_sessions (
      number INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      digest BLOB NOT NULL UNIQUE,
      issuer TEXT NOT NULL,
      subject TEXT NOT NULL,
      email TEXT NOT NULL,
      claims TEXT NOT NULL,
      created_at_us INTEGER NOT NULL,
      expires_at_us INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX admin_sessions_subject ON admin_sessions(issuer, subject);
    )sql",
    // What a limit does while the store that several processes share cannot be asked; empty: as the configuration says.
    R"sql(
    ALTER TABLE limits ADD COLUMN store_down TEXT NOT NULL DEFAULT '';
    )sql",
    // Where in the ledger the rows are that began in an hour; an index of every row would cost 20 bytes each.
    R"sql(
    CREATE TABLE ledger_hours (
      hour INTEGER PRIMARY KEY,  -- since 1970 UTC
      first_row INTEGER NOT NULL,
      last_row INTEGER NOT NULL
    ) STRICT;
    INSERT INTO ledger_hours SELECT start_us / 3600000000 AS hour, min(row), max(row) FROM ledger GROUP BY hour;
    )sql",
    // The ledger in half the room: its rows say what repeats (a key, a model, a price's source) by a number, and
    // nothing where there is nothing. Whoever asks, asks the view.
    R"sql(
    CREATE TABLE ledger_words (
      id INTEGER PRIMARY KEY,
      word TEXT NOT NULL UNIQUE,
      last_row INTEGER NOT NULL
    ) STRICT;
    INSERT INTO ledger_words (word, last_row) SELECT word, max(last_row) FROM (
      SELECT key_id AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT dialect AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT requested_model AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT provider AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT model AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT ground AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT outcome AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT price_source AS word, max(row) AS last_row FROM ledger GROUP BY 1 UNION ALL
      SELECT lower(hex(config_hash)) AS word, max(row) AS last_row FROM ledger GROUP BY 1) AS used GROUP BY word;

    CREATE TABLE ledger_rows (
      row INTEGER PRIMARY KEY,
      start_us INTEGER NOT NULL,
      end_us INTEGER NOT NULL,
      input INTEGER NOT NULL,
      output INTEGER NOT NULL,
      cost_pico INTEGER,
      total_us INTEGER NOT NULL,
      ttft_us INTEGER,
      cache_read INTEGER,
      cache_write_5m INTEGER,
      cache_write_1h INTEGER,
      reasoning INTEGER,
      input_audio INTEGER,
      input_image INTEGER,
      input_video INTEGER,
      cache_read_audio INTEGER,
      output_audio INTEGER,
      output_image INTEGER,
      searches INTEGER,
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
      stream INTEGER NOT NULL,
      attempt INTEGER NOT NULL,
      final INTEGER NOT NULL,
      reported INTEGER NOT NULL,
      correction INTEGER NOT NULL,
      service_tier INTEGER,
      doubts INTEGER,
      request_id TEXT NOT NULL,
      tags TEXT,
      raw_usage TEXT
    ) STRICT;
    INSERT INTO ledger_rows (
        row, start_us, end_us, input, output, cost_pico, total_us, ttft_us, cache_read, cache_write_5m,
        cache_write_1h, reasoning, input_audio, input_image, input_video, cache_read_audio, output_audio,
        output_image, searches, key_word, dialect_word, requested_word, provider_word, model_word, ground_word,
        outcome_word, source_word, config_word, status, stream, attempt, final, reported, correction,
        service_tier, doubts, request_id, tags, raw_usage)
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
        (SELECT id FROM ledger_words WHERE word = lower(hex(config_hash))), status, stream, attempt, final,
        reported, correction, nullif(service_tier, 0), nullif(doubts, 0), request_id, nullif(tags, ''),
        nullif(raw_usage, '')
      FROM ledger;
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
    // Corrections that have come in, for servers that are running.
    R"sql(
    CREATE TABLE correction_batches (
      last_row INTEGER PRIMARY KEY,
      first_row INTEGER NOT NULL,
      instance TEXT NOT NULL
    ) STRICT;
    )sql",
    // Configurations that were pushed, for all processes that take theirs from the store. Only added to.
    R"sql(
    CREATE TABLE config_generations (
      number INTEGER PRIMARY KEY,
      text TEXT NOT NULL,
      sha256 TEXT NOT NULL,
      made_at_us INTEGER NOT NULL,
      made_by TEXT NOT NULL,
      said TEXT NOT NULL
    ) STRICT;
    )sql",
    // What each of several processes has spent itself. One process alone writes nothing here.
    R"sql(
    CREATE TABLE instance_spend_hourly (
      instance TEXT NOT NULL,
      hour INTEGER NOT NULL,
      key_id TEXT NOT NULL,
      provider TEXT NOT NULL,
      model TEXT NOT NULL,
      tags TEXT NOT NULL,
      usd INTEGER NOT NULL,
      pico INTEGER NOT NULL,
      PRIMARY KEY (instance, hour, key_id, provider, model, tags)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE instance_key_spend (
      instance TEXT NOT NULL,
      key_id TEXT NOT NULL,
      usd INTEGER NOT NULL,
      pico INTEGER NOT NULL,
      PRIMARY KEY (instance, key_id)
    ) STRICT, WITHOUT ROWID;
    )sql",
    // Which alerts are told, and by when whoever tells them must have done it.
    R"sql(
    CREATE TABLE alert_claims (
      name TEXT PRIMARY KEY,
      body TEXT NOT NULL,
      claimed_until_us INTEGER NOT NULL,
      told INTEGER NOT NULL,
      forget_at_us INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX alert_claims_waiting ON alert_claims(claimed_until_us) WHERE told = 0;
    )sql",
    // Imported prices, where several processes share them; one process alone has files.
    R"sql(
    CREATE TABLE price_imports (
      number INTEGER PRIMARY KEY,
      name TEXT NOT NULL,
      sha256 TEXT NOT NULL,
      made_at_us INTEGER NOT NULL,
      made_by TEXT NOT NULL,
      withdrawn INTEGER NOT NULL,
      text TEXT NOT NULL
    ) STRICT;
    )sql",
    // A page of a list, and the keys of a team, a user or an organisation, without reading all that there are.
    R"sql(
    CREATE INDEX keys_made ON keys(created_at_us, id);
    CREATE INDEX keys_team ON keys(team_id, created_at_us, id);
    CREATE INDEX keys_user ON keys(user_id, created_at_us, id);
    CREATE INDEX keys_name ON keys(name);
    CREATE INDEX subjects_made ON subjects(kind, created_at_us, id);
    CREATE INDEX subjects_org ON subjects(org_id);
    )sql",
    // Which workload has placed a row; nothing: none, or a program that did not say.
    // The key's columns stand before the others: SQLite's integrity check looks for NULL by the order in which it
    // stores.
    R"sql(
    ALTER TABLE ledger_rows ADD COLUMN workload_word INTEGER;
    DROP VIEW ledger;
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

    ALTER TABLE usage_hourly RENAME TO usage_hourly_before;
    CREATE TABLE usage_hourly (
      hour INTEGER NOT NULL,
      key_id TEXT NOT NULL,
      provider TEXT NOT NULL,
      model TEXT NOT NULL,
      ground TEXT NOT NULL,
      tags TEXT NOT NULL,
      workload TEXT NOT NULL,
      requests INTEGER NOT NULL,
      failed INTEGER NOT NULL,
      extra_attempts INTEGER NOT NULL,
      input INTEGER NOT NULL,
      cache_read INTEGER NOT NULL,
      cache_write INTEGER NOT NULL,
      output INTEGER NOT NULL,
      estimated INTEGER NOT NULL,
      unpriced INTEGER NOT NULL,
      usd INTEGER NOT NULL,
      pico INTEGER NOT NULL,
      corrections INTEGER NOT NULL,
      corrected_usd INTEGER NOT NULL,
      corrected_pico INTEGER NOT NULL,
      PRIMARY KEY (hour, key_id, provider, model, ground, tags, workload)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO usage_hourly (
        hour, key_id, provider, model, ground, tags, requests, failed, extra_attempts, input, cache_read,
        cache_write, output, estimated, unpriced, usd, pico, corrections, corrected_usd, corrected_pico, workload)
      SELECT
        hour, key_id, provider, model, ground, tags, requests, failed, extra_attempts, input, cache_read,
        cache_write, output, estimated, unpriced, usd, pico, corrections, corrected_usd, corrected_pico, ''
      FROM usage_hourly_before;
    DROP TABLE usage_hourly_before;

    ALTER TABLE usage_daily RENAME TO usage_daily_before;
    CREATE TABLE usage_daily (
      day INTEGER NOT NULL,
      key_id TEXT NOT NULL,
      provider TEXT NOT NULL,
      model TEXT NOT NULL,
      ground TEXT NOT NULL,
      tags TEXT NOT NULL,
      workload TEXT NOT NULL,
      requests INTEGER NOT NULL,
      failed INTEGER NOT NULL,
      extra_attempts INTEGER NOT NULL,
      input INTEGER NOT NULL,
      cache_read INTEGER NOT NULL,
      cache_write INTEGER NOT NULL,
      output INTEGER NOT NULL,
      estimated INTEGER NOT NULL,
      unpriced INTEGER NOT NULL,
      usd INTEGER NOT NULL,
      pico INTEGER NOT NULL,
      corrections INTEGER NOT NULL,
      corrected_usd INTEGER NOT NULL,
      corrected_pico INTEGER NOT NULL,
      PRIMARY KEY (day, key_id, provider, model, ground, tags, workload)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO usage_daily (
        day, key_id, provider, model, ground, tags, requests, failed, extra_attempts, input, cache_read,
        cache_write, output, estimated, unpriced, usd, pico, corrections, corrected_usd, corrected_pico, workload)
      SELECT
        day, key_id, provider, model, ground, tags, requests, failed, extra_attempts, input, cache_read,
        cache_write, output, estimated, unpriced, usd, pico, corrections, corrected_usd, corrected_pico, ''
      FROM usage_daily_before;
    DROP TABLE usage_daily_before;
    )sql",
    // What rows have in common by the kind of call that they are of has one number; and where in the ledger the rows
    // are that ended in an hour, in the place of an index of every row.
    R"sql(
    CREATE TABLE ledger_kinds (
      id INTEGER PRIMARY KEY,
      last_row INTEGER NOT NULL,
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
      stream INTEGER NOT NULL,
      attempt INTEGER NOT NULL,
      final INTEGER NOT NULL,
      reported INTEGER NOT NULL,
      service_tier INTEGER NOT NULL,
      doubts INTEGER NOT NULL,
      UNIQUE (
        dialect_word, requested_word, provider_word, model_word, ground_word, outcome_word, source_word,
        config_word, workload_word, status, stream, attempt, final, reported, service_tier, doubts)
    ) STRICT;
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
      row INTEGER PRIMARY KEY,
      start_us INTEGER NOT NULL,
      end_us INTEGER NOT NULL,
      input INTEGER NOT NULL,
      output INTEGER NOT NULL,
      cost_pico INTEGER,
      total_us INTEGER NOT NULL,
      ttft_us INTEGER,
      cache_read INTEGER,
      cache_write_5m INTEGER,
      cache_write_1h INTEGER,
      reasoning INTEGER,
      input_audio INTEGER,
      input_image INTEGER,
      input_video INTEGER,
      cache_read_audio INTEGER,
      output_audio INTEGER,
      output_image INTEGER,
      searches INTEGER,
      key_word INTEGER NOT NULL,
      kind INTEGER NOT NULL,
      correction INTEGER NOT NULL,
      request_id TEXT NOT NULL,
      tags TEXT,
      raw_usage TEXT
    ) STRICT;
    INSERT INTO ledger_rows (
        row, start_us, end_us, input, output, cost_pico, total_us, ttft_us, cache_read, cache_write_5m,
        cache_write_1h, reasoning, input_audio, input_image, input_video, cache_read_audio, output_audio,
        output_image, searches, key_word, kind, correction, request_id, tags, raw_usage)
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
    DROP TABLE ledger_rows_before;
    CREATE INDEX ledger_corrections ON ledger_rows(request_id) WHERE correction > 0;
    CREATE INDEX ledger_corrected ON ledger_rows(start_us) WHERE correction > 0;
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
      hour INTEGER PRIMARY KEY,  -- since 1970 UTC
      first_row INTEGER NOT NULL,
      last_row INTEGER NOT NULL
    ) STRICT;
    INSERT INTO ledger_end_hours SELECT end_us / 3600000000 AS hour, min(row), max(row) FROM ledger_rows
      WHERE correction = 0 GROUP BY 1;
    )sql",
};

Result<std::int64_t> check_version(const SqliteDatabase& database) {
  TRY(const std::int64_t version, database.integer("PRAGMA user_version"));
  TRY(const std::int64_t owner, database.integer("PRAGMA application_id"));
  if (version > 0 && owner != application_id)
    return fail(ErrorKind::unavailable, database.path() + " is a database of another program",
                "choose another directory with --data");
  if (version > static_cast<std::int64_t>(migrations.size()))
    return fail(ErrorKind::unavailable,
                database.path() + " was written by a newer sluice (database version " + std::to_string(version) +
                    ", this program knows " + std::to_string(migrations.size()) + ")",
                "update sluice, or choose another directory with --data");
  return version;
}

Result<void> migrate(SqliteDatabase& database, std::size_t count) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(const std::int64_t from, check_version(database));  // again: another process may have been faster
  for (auto version = static_cast<std::size_t>(from); version < count; ++version)
    CHECK_OK(database.execute(migrations[version]));
  // PRAGMA takes no bound values; these are our own constants.
  const std::string stamp =
      "PRAGMA application_id = " + std::to_string(application_id) + "; PRAGMA user_version = " + std::to_string(count);
  CHECK_OK(database.execute(stamp.c_str()));
  return transaction.commit();
}

}  // namespace

Result<void> prepare_database(SqliteDatabase& database) {
  // A new database is switched to WAL once, under an exclusive lock for which SQLite does not wait by itself; whoever
  // comes at the same moment, to read the version or to switch, tries again.
  constexpr std::chrono::milliseconds pause{5};
  constexpr int most_attempts = 2'000;  // 10 s, as long as any other lock is waited for
  // WAL: readers and the one writer do not wait for each other. FULL: a revoked key stays revoked after a power cut.
  constexpr const char* modes = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF";
  Result<std::int64_t> read = check_version(database);
  Result<void> switched = read ? database.execute(modes) : Result<void>();
  for (int attempt = 1; attempt < most_attempts && (!read || !switched) && database.busy(); ++attempt) {
    std::this_thread::sleep_for(pause);
    read = check_version(database);
    if (read) switched = database.execute(modes);
  }
  CHECK_OK(switched);
  TRY(const std::int64_t version, std::move(read));
  if (version == static_cast<std::int64_t>(migrations.size())) return {};
  return migrate(database, migrations.size());
}

Result<void> prepare_old_database(SqliteDatabase& database, std::size_t count) {
  return migrate(database, std::min(count, migrations.size()));
}

}  // namespace sluice::store
