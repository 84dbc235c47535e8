// `sluice logs tail`: the last requests of the ledger, one line each, and with -f the new ones as they come. Neither
// prompts nor answers are in the ledger, so none are shown.
#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <thread>

#include "base/utc.h"
#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "json/json.h"
#include "store/tags.h"

namespace sluice::cli {
namespace {

constexpr std::size_t most_lines = 10'000;  // what the store gives at once
constexpr std::size_t rows_per_look = 500;  // while following: more come with the next look at once
constexpr auto pause_between_looks = std::chrono::milliseconds(250);

struct TailFlags {
  std::size_t lines = 20;
  bool follow = false;
  std::string workload;
};

std::string milliseconds_text(std::int64_t us) {
  return us < 0 ? "-" : fmt::format("{:.1f}", static_cast<double>(us) / 1e3);
}

Table log_table() {
  using enum Column::Align;
  return Table({{"TIME"},
                {"REQUEST"},
                {"KEY"},
                {"WORKLOAD"},
                {"MODEL"},
                {"GROUND"},
                {"STATUS", right},
                {"OUTCOME"},
                {"INPUT", right},
                {"OUTPUT", right},
                {"COST USD", right},
                {"FIRST MS", right},
                {"TOTAL MS", right}});
}

void add_row(Table& table, const store::LoggedEntry& logged) {
  const store::LedgerEntry& entry = logged.entry;
  table.add({utc_text(entry.start_us), entry.request_id.str(),
             logged.key_name.empty() ? entry.key_id.str() : logged.key_name,
             entry.workload.empty() ? "-" : entry.workload, entry.provider.str() + "/" + entry.model.str(),
             std::string(name(entry.ground)), std::to_string(entry.status),
             entry.correction == store::Correction::none ? std::string(name(entry.outcome)) : "correction",
             std::to_string(entry.usage.total_input()), std::to_string(entry.usage.total_output()),
             entry.cost ? entry.cost->usd() : "unpriced", milliseconds_text(entry.ttft_us),
             milliseconds_text(entry.total_us)});
}

void write_usage(json::Writer& out, const chat::Usage& usage) {
  out.key("usage").begin_object();
  out.member("input_tokens", usage.fresh_input()).member("cache_read_tokens", usage.cached_input());
  out.member("cache_write_tokens", usage.cache_write_5m + usage.cache_write_1h);
  out.member("output_tokens", usage.visible_output()).member("reasoning_tokens", usage.reasoning);
  for (const auto& [name, count] :
       {std::pair("input_audio_tokens", usage.input_audio + usage.cache_read_audio),
        std::pair("input_image_tokens", usage.input_image), std::pair("input_video_tokens", usage.input_video),
        std::pair("output_audio_tokens", usage.output_audio), std::pair("output_image_tokens", usage.output_image),
        std::pair("searches", usage.searches)})
    if (count > 0) out.member(name, count);
  if (usage.service_tier != chat::ServiceTier::standard) out.member("service_tier", chat::name(usage.service_tier));
  // What the provider told makes no sense: here are its own words.
  if (usage.doubts != 0) out.member("doubted", usage.raw.text());
  out.member("reported", usage.reported).end_object();
}

std::string entry_json(const store::LoggedEntry& logged) {
  const store::LedgerEntry& entry = logged.entry;
  std::string text;
  json::Writer out(text);
  out.begin_object().member("row", logged.row).member("time", utc_text(entry.start_us));
  out.member("request_id", entry.request_id.str()).member("key_id", entry.key_id.str()).member("key", logged.key_name);
  out.member("dialect", name(entry.client_dialect)).member("requested_model", entry.requested_model);
  out.member("provider", entry.provider.str()).member("model", entry.model.str()).member("ground", name(entry.ground));
  out.member("stream", entry.stream).member("status", entry.status).member("outcome", name(entry.outcome));
  out.member("attempt", static_cast<std::int64_t>(entry.attempt)).member("final", entry.final);
  write_usage(out, entry.usage);
  out.key("cost_usd");
  entry.cost ? out.string(entry.cost->usd()) : out.null();
  if (entry.correction != store::Correction::none) out.member("correction", true);
  out.key("tags").begin_array();
  for (const std::string_view tag : store::split_tags(entry.tags)) out.string(tag);
  out.end_array();
  out.member("workload", entry.workload).member("price_source", entry.price_source).key("first_token_us");
  entry.ttft_us >= 0 ? out.integer(entry.ttft_us) : out.null();
  out.member("total_us", entry.total_us).end_object();
  return text;
}

void print(const std::vector<store::LoggedEntry>& entries, Invocation& invocation) {
  Console& console = invocation.console;
  if (invocation.json()) {
    for (const store::LoggedEntry& entry : entries) console.out << entry_json(entry) << '\n';
  } else if (!entries.empty()) {
    Table table = log_table();
    for (const store::LoggedEntry& entry : entries) add_row(table, entry);
    table.print(console.out, console.colour());
  }
  console.out.flush();
}

// Until ctrl-C, or until nobody reads the output any more.
Result<int> follow(store::Store& store, store::EntryRange behind, Invocation& invocation) {
  Console& console = invocation.console;
  console.catch_interrupts();
  while (!console.interrupted && console.out.good()) {
    CHECK_OK(store.fold());
    TRY(const std::vector<store::LoggedEntry> entries, store.entries_in(behind, rows_per_look));
    print(entries, invocation);
    if (!entries.empty()) behind.after_row = entries.back().row;
    if (entries.size() < rows_per_look) std::this_thread::sleep_for(pause_between_looks);
  }
  return exit_ok;
}

Result<int> tail(const TailFlags& flags, Invocation& invocation) {
  TRY(store::Store store, open_ledger(invocation));
  TRY(const std::vector<store::LoggedEntry> newest, store.last_entries(1));
  const std::int64_t last_row = newest.empty() ? 0 : newest.back().row;
  std::vector<store::LoggedEntry> entries;
  if (flags.lines > 0) {
    TRY(entries, store.entries_in({.before_row = last_row + 1, .workload = flags.workload}, flags.lines));
    std::ranges::reverse(entries);
  }
  print(entries, invocation);
  if (flags.follow) return follow(store, {.after_row = last_row, .workload = flags.workload}, invocation);
  if (entries.empty() && !invocation.json()) invocation.console.out << "no requests recorded\n";
  return exit_ok;
}

}  // namespace

void add_logs(CLI::App& root, Invocation& invocation) {
  CLI::App& group =
      add_group(root, {"logs", "Look at the requests that were made, or take them elsewhere", "sluice logs tail -f"});
  CLI::App& verb =
      add_verb(group, invocation,
               {"tail", "The last requests: who, where, how long, what it cost", "sluice logs tail -n 50 -f"});
  auto flags = std::make_shared<TailFlags>();
  whole_number(verb.add_option("-n,--lines", flags->lines, "How many"), 0, most_lines);
  verb.add_flag("-f,--follow", flags->follow, "Go on with new ones until ctrl-C");
  verb.add_option("--workload", flags->workload, "Only what this workload's rules have placed")->type_name("NAME");
  on_selected(verb, invocation, flags, tail);
  add_logs_audit(group, invocation);
  add_logs_export(group, invocation);
}

}  // namespace sluice::cli
