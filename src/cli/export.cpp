// `sluice logs export`: the ledger for other programs, as its rows or as FOCUS charges. Reads the data directory, so it
// works with and without a running server; rows that come while it reads are not in it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <ostream>

#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/load_config.h"
#include "cli/verbs.h"
#include "exports/focus.h"
#include "exports/requests.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

constexpr std::size_t rows_per_read = 10'000;      // what the store gives at once
constexpr std::int64_t rows_per_word = 1'000'000;  // how often a long one says how far it is

struct ExportFlags {
  std::string rows = "requests";
  std::string format;
  std::string by = "day";
  std::string since;
  std::string until;
  std::string workload;
  std::string to;
  std::string config;
};

struct Done {
  std::int64_t ledger_rows = 0;
  std::int64_t rows = 0;
  MoneySum pico = 0;
  std::int64_t unpriced = 0;
  std::int64_t whole = 0;
};

// What --format says, else the file's ending, else CSV.
Result<exports::Format> format_of(const ExportFlags& flags) {
  const std::string ending = std::filesystem::path(flags.to).extension().string();
  const std::string name = !flags.format.empty() ? flags.format : ending.empty() ? "csv" : ending.substr(1);
  if (const auto format = exports::format_from_name(name)) return *format;
  return usage_error(fmt::format("a file that ends in `{}` could be anything", ending),
                     "say --format csv, jsonl or parquet, or end it so");
}

// Each row of the time, in the ledger's order, that is there now.
template <class Take>
Result<std::int64_t> read(store::Store& store, const ExportFlags& flags, Console& console, Take&& take) {
  store::EntryRange range;
  TRY(range.since_us, parse_time_us(flags.since, "--since"));
  TRY(range.until_us, parse_time_us(flags.until, "--until"));
  range.workload = flags.workload;
  TRY(const std::vector<store::LoggedEntry> newest, store.last_entries(1));
  const std::int64_t last_row = newest.empty() ? 0 : newest.back().row;
  std::int64_t count = 0;
  while (true) {
    TRY(const std::vector<store::LoggedEntry> entries, store.entries_in(range, rows_per_read));
    for (const store::LoggedEntry& logged : entries) {
      if (logged.row > last_row) return count;
      CHECK_OK(take(logged));
      if (++count % rows_per_word == 0) console.err << count << " rows read\n" << std::flush;
    }
    if (entries.size() < rows_per_read) return count;
    range.after_row = entries.back().row;
  }
}

Result<Done> write_requests(store::Store& store, const ExportFlags& flags, exports::Format format, Console& console,
                            std::ostream& out) {
  Done done;
  const auto writer = exports::write_table(format, exports::request_columns(), out);
  TRY(done.ledger_rows, read(store, flags, console, [&](const store::LoggedEntry& logged) -> Result<void> {
        writer->row(exports::request_cells(logged));
        done.pico += logged.entry.cost.value_or(Money()).pico();
        if (!out.good()) return fail(ErrorKind::unavailable, "the rows cannot be written", "is the disk full?");
        return {};
      }));
  writer->finish();
  done.rows = done.ledger_rows;
  return done;
}

Result<Done> write_focus(store::Store& store, const ExportFlags& flags, exports::Format format, Invocation& invocation,
                         std::ostream& out) {
  TRY(const auto snapshot, load_snapshot(flags.config, invocation));
  const auto version = flags.rows == "focus-1.4" ? exports::FocusVersion::v1_4 : exports::FocusVersion::v1_2;
  exports::FocusSum sum(snapshot->prices(),
                        {.version = version,
                         .period = flags.by == "hour" ? exports::FocusPeriod::hour : exports::FocusPeriod::day,
                         .display_name = [&](const std::string& id) {
                           const catalog::Provider* provider = snapshot->find_provider(id);
                           return provider && !provider->display_name.empty() ? provider->display_name : id;
                         }});
  Done done;
  TRY(done.ledger_rows,
      read(store, flags, invocation.console, [&](const store::LoggedEntry& logged) { return sum.add(logged); }));
  const auto writer = exports::write_table(format, exports::focus_columns(version), out);
  sum.write(*writer);
  writer->finish();
  done.rows = static_cast<std::int64_t>(sum.rows());
  done.pico = sum.billed_pico();
  done.unpriced = sum.unpriced();
  done.whole = sum.whole();
  return done;
}

void tell(const Done& done, const ExportFlags& flags, const Invocation& invocation, std::ostream& to) {
  if (invocation.json()) {
    std::string text;
    json::Writer out(text);
    out.begin_object().member("rows", done.rows).member("ledger_rows", done.ledger_rows);
    out.member("cost_usd", store::usd(done.pico)).member("unpriced", done.unpriced).member("whole", done.whole);
    if (!flags.to.empty()) out.member("file", flags.to);
    out.end_object();
    to << text << '\n';
    return;
  }
  to << fmt::format("{} rows of {} calls, {} USD{}\n", done.rows, done.ledger_rows, store::usd(done.pico),
                    flags.to.empty() ? "" : " in " + flags.to);
  if (done.unpriced > 0)
    to << done.unpriced
       << " of the calls have no known price and are not in it; add their prices under `prices:` of the "
       << "provider\n";
  if (done.whole > 0)
    to << done.whole << " of the calls were charged at prices that are not known any more: each is one charge of its "
       << "whole cost\n";
}

Result<Done> write(store::Store& store, const ExportFlags& flags, Invocation& invocation, std::ostream& out) {
  TRY(const exports::Format format, format_of(flags));
  TRY(const Done done, flags.rows == "requests" ? write_requests(store, flags, format, invocation.console, out)
                                                : write_focus(store, flags, format, invocation, out));
  out.flush();
  if (!out.good()) return fail(ErrorKind::unavailable, "the rows cannot be written", "is the disk full?");
  return done;
}

// Whole or not at all: the name appears when everything is in the file.
Result<Done> write_file(store::Store& store, const ExportFlags& flags, Invocation& invocation) {
  const std::string part = flags.to + ".part";
  std::ofstream out(part, std::ios::binary | std::ios::trunc);
  if (!out) return fail(ErrorKind::unavailable, "cannot write " + part, "check the folder and its permissions");
  Result<Done> done = write(store, flags, invocation, out);
  out.close();
  std::error_code failed;
  if (done) std::filesystem::rename(part, flags.to, failed);
  if (failed)
    done = fail(ErrorKind::unavailable, "cannot write " + flags.to + ": " + failed.message(),
                "choose another name with --to");
  if (!done) std::filesystem::remove(part, failed);
  return done;
}

Result<int> export_rows(const ExportFlags& flags, Invocation& invocation) {
  Console& console = invocation.console;
  TRY(const exports::Format format, format_of(flags));
  if (flags.to.empty() && format == exports::Format::parquet && console.out_is_terminal)
    return usage_error("Parquet is not for a terminal", "name a file: --to ledger.parquet");
  TRY(store::Store store, open_ledger(invocation));
  TRY(const Done done,
      flags.to.empty() ? write(store, flags, invocation, console.out) : write_file(store, flags, invocation));
  tell(done, flags, invocation, flags.to.empty() ? console.err : console.out);
  return exit_ok;
}

}  // namespace

void add_logs_export(CLI::App& logs, Invocation& invocation) {
  CLI::App& verb = add_verb(logs, invocation,
                            {"export", "The ledger for other programs: calls, or FOCUS charges for FinOps tools",
                             "sluice logs export --since 30d --to calls.parquet\n"
                             "sluice logs export --rows focus-1.2 --since 2026-04-01 --to charges.csv"});
  auto flags = std::make_shared<ExportFlags>();
  one_of(verb.add_option("--rows", flags->rows, "What a row is: a call, or a charge of FOCUS 1.2 or 1.4"),
         {"requests", "focus-1.2", "focus-1.4"});
  one_of(verb.add_option("--format", flags->format, "Default: as the file's name ends, else csv"),
         {"csv", "jsonl", "parquet"});
  one_of(verb.add_option("--by", flags->by, "How long a charge's period is"), {"hour", "day"});
  verb.add_option("--since", flags->since, "Calls that started at or after: 2026-04-01, or 7d ago")->type_name("TIME");
  verb.add_option("--until", flags->until, "Calls that started before")->type_name("TIME");
  verb.add_option("--workload", flags->workload, "Only what this workload's rules have placed")->type_name("NAME");
  verb.add_option("--to", flags->to, "The file; default: standard output")->type_name(file_value);
  add_config_flag(verb, flags->config);
  on_selected(verb, invocation, flags, export_rows);
}

}  // namespace sluice::cli
