// What the ledger costs and how long its questions take, on a database of any size: `./dev bench --ledger`.
//   bench_ledger append DIR ROWS [URL]        appends rows of all kinds as a gateway does, and folds them, into the
//                                             empty PostgreSQL at URL if told; CPU and bytes a row, and the sums kept
//   bench_ledger strict DIR ROWS              appends and waits for the disk, as `durability: strict` does, by 1, 8 and
//                                             64 at a time
//   bench_ledger fill DIR ROWS                makes a database of so many rows, in bulk, with its sums; no log
//   bench_ledger ask DIR                      a usage page's questions, a day's export, and a start
// Prints one line of JSON each.
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "json/json.h"
#include "store/append_log.h"
#include "store/data_directory.h"
#include "store/live_store.h"
#include "store/postgres.h"
#include "store/sqlite.h"
#include "store/store.h"
#include "store/testing_rows.h"

namespace {

using namespace sluice;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t us_per_second = 1'000'000;
constexpr std::int64_t us_per_day = 86'400 * us_per_second;
constexpr std::int64_t first_us = 20'454 * us_per_day;  // 2026-01-01
constexpr std::int64_t days = 90;
constexpr int keys = 200;
constexpr int models = 12;
constexpr int teams = 20;

[[noreturn]] void die(const Error& error) {
  std::cerr << "bench_ledger: " << error.message << "\n  " << error.hint << "\n";
  std::exit(1);
}
template <class T>
T must(Result<T> result) {
  if (!result) die(result.error());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

std::int64_t bytes_of(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return 0;
  if (std::filesystem::is_regular_file(path, ignored))
    return static_cast<std::int64_t>(std::filesystem::file_size(path, ignored));
  std::int64_t sum = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path, ignored))
    if (entry.is_regular_file(ignored)) sum += static_cast<std::int64_t>(entry.file_size(ignored));
  return sum;
}

std::string key_id(std::int64_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "key_%012lld", static_cast<long long>(number % keys));
  return text;
}

double decimal_of(std::int64_t bytes, std::int64_t rows) {
  return static_cast<double>(bytes) / static_cast<double>(rows);
}

void say(const std::string& text) { std::cout << text << std::endl; }

// Of the ledger's rows with all that is only theirs, and of all that there is.
struct DatabaseSize {
  std::int64_t ledger = 0;
  std::int64_t all = 0;
};
DatabaseSize size_of(const store::Home& home) {
  if (!home.postgres) {
    const auto database = must(store::SqliteDatabase::open(home.directory + "/sluice.db"));
    const auto pages_of = [&](const std::string& names) {
      return must(
          database->integer("SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name IN (SELECT name FROM "
                            "sqlite_schema WHERE tbl_name LIKE '" +
                            names + "')"));
    };
    return {pages_of("ledger%"), bytes_of(home.directory + "/sluice.db")};
  }
  const auto database = must(store::PostgresDatabase::open(*home.postgres));
  const auto sizes = [&](const std::string& names) {
    return must(
        database->integer("SELECT CAST(sum(pg_total_relation_size(c.oid)) AS BIGINT) FROM pg_class c WHERE "
                          "relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'sluice') AND relkind = "
                          "'r' AND relname LIKE '" +
                          names + "'"));
  };
  return {sizes("ledger%"), sizes("%")};
}

// The log and the fold as the server has them, at full speed.
void append(const store::Home& home, std::int64_t rows) {
  const std::string& directory = home.directory;
  auto live = must(store::LiveStore::start(home, {}));
  const double cpu = cpu_seconds();
  const auto begin = Clock::now();
  MoneySum expected = 0;
  std::string bytes;
  for (std::int64_t i = 0; i < rows; ++i) {
    const store::LedgerEntry one = store::realistic_row(i, first_us + i * 100);
    expected += one.cost->pico();
    bytes.clear();
    encode(one, bytes);
    while (live->ledger().append(bytes) != store::Appended::queued)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    // Ten thousand a second, and no faster: what is measured is a steady load.
    if (i % 1'000 == 999) std::this_thread::sleep_until(begin + std::chrono::microseconds(i * 100));
  }
  const double appended = seconds_since(begin);
  const bool safe = live->stop(std::chrono::minutes(20));
  const double folded = seconds_since(begin);
  const double used = cpu_seconds() - cpu;
  live.reset();
  auto store = must(store::Store::open(home));
  must(store.fold());
  const store::UsageReport report = must(store.usage({}));
  const bool kept = report.total.cost_pico == expected;
  const DatabaseSize size = size_of(home);
  std::string text;
  json::Writer out(text);
  char number[64];
  const auto decimal = [&](double value) {
    std::snprintf(number, sizeof number, "%.3f", value);
    return std::string_view(number);
  };
  out.begin_object().member("what", home.postgres ? "append (PostgreSQL)" : "append");
  out.member("rows", rows).member("sums_kept", kept && safe);
  out.key("append_s").raw(decimal(appended)).key("append_and_fold_s").raw(decimal(folded));
  out.key("cpu_us_a_row").raw(decimal(used * 1e6 / static_cast<double>(rows)));
  out.key("cpu_of_two_cores_percent").raw(decimal(used / folded / 2 * 100));
  out.key("log_bytes_a_row").raw(decimal(decimal_of(bytes_of(store::ledger_path(directory)), rows)));
  out.key("ledger_bytes_a_row").raw(decimal(decimal_of(size.ledger, rows)));
  out.key("database_bytes_a_row").raw(decimal(decimal_of(size.all, rows)));
  out.end_object();
  say(text);
  if (!kept || !safe) std::exit(1);
}

// How long a request waits for its row, and what that costs.
void strict(const std::string& directory, std::int64_t rows) {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("what", "strict");
  for (const int clients : {1, 8, 64}) {
    const std::string place = directory + "/" + std::to_string(clients);
    std::filesystem::create_directories(place);
    auto log = must(store::AppendLog::open(place, {}));
    const std::int64_t each = std::max<std::int64_t>(rows / 64, 1);
    std::vector<std::vector<double>> waits(static_cast<std::size_t>(clients));
    const double cpu = cpu_seconds();
    const auto begin = Clock::now();
    std::vector<std::thread> threads;
    for (int client = 0; client < clients; ++client)
      threads.emplace_back([&, client] {
        std::string bytes;
        for (std::int64_t i = 0; i < each; ++i) {
          bytes.clear();
          encode(store::realistic_row(i, first_us), bytes);
          const auto asked = Clock::now();
          if (log->append(bytes) != store::Appended::queued) std::exit(1);
          std::promise<void> durable;
          log->when_durable(log->accepted_records(), [&] { durable.set_value(); });
          durable.get_future().wait();
          waits[static_cast<std::size_t>(client)].push_back(seconds_since(asked) * 1e3);
        }
      });
    for (std::thread& thread : threads) thread.join();
    const double took = seconds_since(begin);
    std::vector<double> all;
    for (const auto& some : waits) all.insert(all.end(), some.begin(), some.end());
    std::ranges::sort(all);
    char number[160];
    std::snprintf(number, sizeof number,
                  "{\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"rows_a_second\":%.0f,\"cpu_us_a_row\":%.1f}", all[all.size() / 2],
                  all[all.size() * 99 / 100], static_cast<double>(all.size()) / took,
                  (cpu_seconds() - cpu) * 1e6 / static_cast<double>(all.size()));
    out.key("clients_" + std::to_string(clients)).raw(number);
  }
  out.end_object();
  say(text);
}

#define SLUICE_SUMS                                                                                                   \
  "key_id, provider, model, ground, tags, requests, failed, extra_attempts, input, cache_read, cache_write, output, " \
  "estimated, unpriced, usd, pico, corrections, corrected_usd, corrected_pico, workload"

// Rows by recursion inside of SQLite: minutes for ten million instead of an hour. The sums are made of the rows, as the
// schema's migration does.
void fill(const std::string& directory, std::int64_t rows) {
  {
    auto store = must(store::Store::open(directory));
    for (int team = 0; team < teams; ++team)
      must(store.create_subject(store::SubjectKind::team, "team-" + std::to_string(team), "", 1));
  }
  const auto begin = Clock::now();
  auto database = must(store::SqliteDatabase::open(directory + "/sluice.db"));
  must(database->execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000"));
  auto transaction = must(store::Transaction::begin(*database));
  {
    auto made =
        must(database->prepare("INSERT INTO keys (id, name, created_at_us, data_class, tenant, digest, team_id) WITH "
                               "RECURSIVE n(i) AS (SELECT 0 "
                               "UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1) SELECT printf('key_%012d', i), 'app-' "
                               "|| i, 1, 'internal', '', "
                               "randomblob(32), (SELECT id FROM subjects WHERE name = 'team-' || (i % ?2)) FROM n"));
    must(made.bind(std::int64_t{keys}).bind(std::int64_t{teams}).run());
  }
  {
    must(database->execute(
        "INSERT INTO ledger_words (word, last_row) VALUES ('openai_chat', 0), ('fast', 0), ('openai', 0), "
        "('anthropic', 0), ('proprietary', 0), ('ok', 0), ('https://openai.com/api/pricing', 0), "
        "('0011223344556677', 0), ('letters', 0)"));
    auto words = must(
        database->prepare("INSERT INTO ledger_words (word, last_row) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT "
                          "i + 1 FROM n WHERE i + 1 < ?1) SELECT printf(?2, i), 0 FROM n"));
    must(words.bind(std::int64_t{keys}).bind("key_%012d").run());
    words.reset();
    must(words.bind(std::int64_t{models}).bind("model-2026-04-%d").run());
  }
  {
    // Words have their numbers in the order in which they came: the nine above, the keys, the models. Kinds by the
    // model, the provider (one of three rows is another one's) and whether they are streamed.
    auto kinds = must(database->prepare(
        "INSERT INTO ledger_kinds (id, last_row, dialect_word, requested_word, provider_word, model_word, ground_word, "
        "outcome_word, source_word, config_word, workload_word, status, stream, attempt, final, reported, "
        "service_tier, "
        "doubts) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 4 * ?2) "
        "SELECT 1 + i, 0, 1, 2, 3 + i / 2 % 2, 10 + ?1 + i / 4, 5, 6, 7, 8, 9, 200, i % 2, 1, 1, 1, 0, 0 FROM n"));
    must(kinds.bind(std::int64_t{keys}).bind(std::int64_t{models}).run());
    auto made = must(database->prepare(
        "INSERT INTO ledger_rows (request_id, start_us, end_us, key_word, kind, input, cache_read, output, cost_pico, "
        "ttft_us, total_us, correction) "
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1) "
        "SELECT printf('req_01HZXK2M3N4P5Q6R7S%08X', i), ?2 + i * ?3, ?2 + i * ?3 + 1500000, 10 + i * 7 % ?4, "
        "1 + i * 5 % ?5 * 4 + iif(i % 3, 0, 2) + i % 2, 900 + i % 700, nullif(i % 5 * 100, 0), 200 + i % 300, "
        "3000000000 + i % 1000000, 230000, 1500000, 0 FROM n"));
    made.bind(rows).bind(first_us).bind(days * us_per_day / rows);
    must(made.bind(std::int64_t{keys}).bind(std::int64_t{models}).run());
  }
  must(database->execute(
      "INSERT INTO usage_hourly (hour, " SLUICE_SUMS
      ") SELECT end_us / 3600000000 AS h, key_id, provider, model, ground, "
      "tags, count(*), 0, 0, sum(input), sum(cache_read), 0, sum(output), 0, 0, 0, sum(cost_pico), 0, 0, 0, workload "
      "FROM "
      "ledger GROUP BY 1, 2, 3, 4, 5, 6, 21;"
      "UPDATE usage_hourly SET usd = pico / 1000000000000, pico = pico % 1000000000000;"
      "INSERT INTO usage_daily (day, " SLUICE_SUMS
      ") SELECT hour / 24, key_id, provider, model, ground, tags, "
      "sum(requests), 0, 0, sum(input), sum(cache_read), 0, sum(output), 0, 0, sum(usd) + sum(pico) / 1000000000000, "
      "sum(pico) % 1000000000000, 0, 0, 0, workload FROM usage_hourly GROUP BY 1, 2, 3, 4, 5, 6, 21;"
      "INSERT INTO ledger_hours SELECT start_us / 3600000000 AS h, min(row), max(row) FROM ledger_rows GROUP BY h;"
      "INSERT INTO ledger_end_hours SELECT end_us / 3600000000 AS h, min(row), max(row) FROM ledger_rows GROUP BY h;"));
  must(transaction.commit());
  must(database->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  std::string text;
  json::Writer out(text);
  char number[64];
  std::snprintf(number, sizeof number, "%.1f", seconds_since(begin));
  out.begin_object().member("what", "fill").member("rows", rows).key("seconds").raw(number);
  std::snprintf(number, sizeof number, "%.1f",
                static_cast<double>(bytes_of(directory + "/sluice.db")) / static_cast<double>(rows));
  out.key("database_bytes_a_row").raw(number).end_object();
  say(text);
}

void ask(const std::string& directory) {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("what", "ask");
  const auto timed = [&](const char* name, auto&& question) {
    double best = 1e9;
    double first = 0;
    double cpu = 1e9;  // beside other programs the clock says little
    for (int i = 0; i < 3; ++i) {
      const double used = cpu_seconds();
      const auto begin = Clock::now();
      question();
      const double took = seconds_since(begin) * 1e3;
      if (i == 0) first = took;
      best = std::min(best, took);
      cpu = std::min(cpu, (cpu_seconds() - used) * 1e3);
    }
    char number[64];
    std::snprintf(number, sizeof number, "{\"first_ms\":%.1f,\"best_ms\":%.1f,\"cpu_ms\":%.1f}", first, best, cpu);
    out.key(name).raw(number);
  };
  {
    auto store = must(store::Store::open(directory));
    const std::int64_t until = first_us + days * us_per_day;
    using store::GroupBy;
    for (const auto& [name, by] : {std::pair{"by_day", GroupBy::day},
                                   {"by_model", GroupBy::model},
                                   {"by_team", GroupBy::team},
                                   {"by_key", GroupBy::key}})
      timed(name, [&] { must(store.usage({.by = by})); });
    timed("by_model_30_days_cut", [&] {
      must(store.usage({.by = GroupBy::model, .since_us = until - 30 * us_per_day + 1'234'567'890, .until_us = until}));
    });
    timed("by_day_of_one_key", [&] { must(store.usage({.by = GroupBy::day, .key = KeyId(key_id(7))})); });
    timed("last_100_rows", [&] { must(store.last_entries(100)); });
    timed("a_day_by_10000", [&] {
      store::EntryRange range{.since_us = until - 20 * us_per_day, .until_us = until - 19 * us_per_day};
      std::size_t rows = 0;
      while (true) {
        const auto entries = must(store.entries_in(range, 10'000));
        rows += entries.size();
        if (entries.size() < 10'000) break;
        range.after_row = entries.back().row;
      }
      if (rows == 0) std::exit(1);
    });
  }
  const auto begin = Clock::now();
  auto live = must(store::LiveStore::start(directory, {}));
  char number[64];
  std::snprintf(number, sizeof number, "%.1f", seconds_since(begin) * 1e3);
  out.key("start_ms").raw(number).end_object();
  say(text);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const std::int64_t rows = argc > 3 ? std::atoll(argv[3]) : 0;
  constexpr std::int64_t most_rows = 100'000'000;  // 25 GB
  if (what == "append" && rows > 0 && rows <= most_rows && argc > 4) {
    append({argv[2], {.url = Secret(argv[4])}}, rows);
  } else if (what == "append" && rows > 0 && rows <= most_rows) {
    append(argv[2], rows);
  } else if (what == "strict" && rows > 0 && rows <= most_rows) {
    strict(argv[2], rows);
  } else if (what == "fill" && rows > 0 && rows <= most_rows) {
    fill(argv[2], rows);
  } else if (what == "ask" && argc > 2) {
    ask(argv[2]);
  } else {
    std::cerr << "usage: bench_ledger append DIR ROWS [POSTGRES-URL] | strict|fill DIR ROWS | ask DIR\n";
    return 2;
  }
  return 0;
}
