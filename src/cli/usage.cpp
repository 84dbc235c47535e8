// `sluice usage`: what the ledger adds up to, by key, team, model, day and the like. Reads the data directory, so it
// works with and without a running server.
#include <ostream>

#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/table.h"
#include "cli/usage_views.h"
#include "cli/verbs.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

struct UsageFlags {
  std::string by;  // empty: the keys as a table, every view as JSON
  std::string since;
  std::string until;
  std::string key;
  std::string workload;
};

Result<store::UsageQuery> usage_query(const UsageFlags& flags, store::Store& store) {
  store::UsageQuery query;
  query.by = store::group_by_from_name(flags.by).value_or(store::GroupBy::key);  // one_of has checked it
  TRY(query.since_us, parse_time_us(flags.since, "--since"));
  TRY(query.until_us, parse_time_us(flags.until, "--until"));
  if (!flags.key.empty()) {
    TRY(const store::KeyReport report, find_key(store, flags.key));
    query.key = report.key.id;
  }
  query.workload = flags.workload;
  return query;
}

void add_row(Table& table, const std::string& group, const store::UsageRow& row) {
  const auto text = [](std::int64_t number) { return std::to_string(number); };
  table.add({group, text(row.requests), text(row.failed), text(row.input), text(row.cache_read), text(row.cache_write),
             text(row.output), row.cost_usd(), text(row.unpriced)});
}

void print_usage_table(const store::UsageReport& report, const std::string& by, Console& console) {
  using enum Column::Align;
  std::string title = by;
  for (char& c : title) c = static_cast<char>(c - 'a' + 'A');
  Table table({{title},
               {"REQUESTS", right},
               {"FAILED", right},
               {"INPUT", right},
               {"CACHE READ", right},
               {"CACHE WRITE", right},
               {"OUTPUT", right},
               {"COST USD", right},
               {"UNPRICED", right}});
  for (const store::UsageRow& row : report.rows) add_row(table, row.group, row);
  add_row(table, "total", report.total);
  table.print(console.out, console.colour());
  if (report.total.unpriced > 0)
    console.err << report.total.unpriced << " of the calls have no known price and are not in the cost; "
                << "add their prices under `prices:` of the provider or import them, then `sluice prices reprice`\n";
  if (report.total.corrections > 0)
    console.err << report.total.corrections
                << " corrections of prices are in the cost: " << store::usd(report.total.corrected_pico) << " USD\n";
}

void write_row(json::Writer& out, const store::UsageRow& row) {
  out.member("requests", row.requests).member("failed", row.failed).member("extra_attempts", row.extra_attempts);
  out.member("input_tokens", row.input).member("cache_read_tokens", row.cache_read);
  out.member("cache_write_tokens", row.cache_write).member("output_tokens", row.output);
  out.member("estimated", row.estimated).member("unpriced", row.unpriced).member("cost_usd", row.cost_usd());
  out.member("corrections", row.corrections).member("corrected_usd", store::usd(row.corrected_pico));
}

void write_view(json::Writer& out, const store::UsageReport& report) {
  out.begin_array();
  for (const store::UsageRow& row : report.rows) {
    out.begin_object().member("name", row.group);
    if (!row.key_id.empty()) out.member("key_id", row.key_id);
    write_row(out, row);
    out.end_object();
  }
  out.end_array();
}

struct View {
  const char* by;
  const char* title;
};
constexpr View views[] = {{"key", "keys"}, {"model", "models"},      {"provider", "providers"}, {"ground", "grounds"},
                          {"day", "days"}, {"team", "teams"},        {"user", "users"},         {"org", "orgs"},
                          {"tag", "tags"}, {"workload", "workloads"}};

// Every view, or the one that was asked for, and the total.
Result<std::string> usage_json(const UsageFlags& flags, store::UsageQuery query, store::Store& store) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  store::UsageRow total;
  for (const View& view : views) {
    if (!flags.by.empty() && flags.by != view.by) continue;
    query.by = store::group_by_from_name(view.by).value_or(store::GroupBy::key);
    TRY(const store::UsageReport report, store.usage(query));
    out.key(view.title);
    write_view(out, report);
    total = report.total;
  }
  out.key("total").begin_object();
  write_row(out, total);
  out.end_object().end_object();
  return text;
}

Result<int> usage(const UsageFlags& flags, Invocation& invocation) {
  TRY(store::Store store, open_ledger(invocation));
  TRY(const store::UsageQuery query, usage_query(flags, store));
  if (invocation.json()) {
    TRY(const std::string text, usage_json(flags, query, store));
    invocation.console.out << text << '\n';
    return exit_ok;
  }
  TRY(const store::UsageReport report, store.usage(query));
  if (report.rows.empty())
    invocation.console.out << "no requests recorded" << (flags.since.empty() ? "" : " in that time") << '\n';
  else
    print_usage_table(report, flags.by.empty() ? "key" : flags.by, invocation.console);
  return exit_ok;
}

}  // namespace

void add_usage(CLI::App& root, Invocation& invocation) {
  CLI::App& verb = add_verb(
      root, invocation, {"usage", "Requests, tokens and cost, from the ledger", "sluice usage --by model --since 7d"});
  auto flags = std::make_shared<UsageFlags>();
  one_of(verb.add_option("--by", flags->by, "What to sum by (default: key; as JSON: each)"),
         {"key", "model", "provider", "ground", "day", "team", "user", "org", "tag", "workload"});
  verb.add_option("--since", flags->since, "Requests that ended at or after: 2026-04-01, or 7d ago")->type_name("TIME");
  verb.add_option("--until", flags->until, "Requests that ended before")->type_name("TIME");
  verb.add_option("--key", flags->key, "Only this key")->type_name("ID|NAME");
  verb.add_option("--workload", flags->workload, "Only what this workload's rules have placed")->type_name("NAME");
  verb.require_subcommand(0, 1);
  add_usage_explain(verb, invocation);
  add_usage_anomalies(verb, invocation);
  verb.callback([&verb, &invocation, flags] {
    if (verb.get_subcommands().empty()) invocation.action = [&invocation, flags] { return usage(*flags, invocation); };
  });
}

}  // namespace sluice::cli
