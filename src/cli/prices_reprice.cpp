// `sluice prices reprice`: the ledger's past at the prices that are known now, as corrections.
#include <map>
#include <ostream>

#include "cli/data_store.h"
#include "cli/load_config.h"
#include "cli/prices_text.h"
#include "cli/table.h"
#include "json/json.h"
#include "store/corrections.h"

namespace sluice::cli {
namespace {

using catalog::Moment;
using catalog::PriceFact;

constexpr std::size_t reprice_batch = 5'000;  // rows; their corrections are at most 2 MB

struct RepriceFlags {
  std::string from;
  std::string to;
  bool dry_run = false;
  std::string config;
};

struct Repriced {
  std::uint64_t rows = 0;
  std::uint64_t first_prices = 0;
  std::uint64_t differences = 0;
  std::uint64_t unpriced = 0;
  MoneySum sum = 0;
  struct Model {
    std::uint64_t rows = 0;
    MoneySum sum = 0;
    std::string source;
  };
  std::map<std::string, Model> models;
};

// The row that mends another's cost; empty when it is right.
std::optional<store::LedgerEntry> mend(const store::PricedRow& row, const config::Snapshot& snapshot,
                                       std::int64_t now_us, Repriced& total) {
  const store::LedgerEntry& entry = row.entry;
  const catalog::Provider* provider = snapshot.find_provider(entry.provider.str());
  const catalog::Quote quote =
      snapshot.prices().quote(entry.provider, entry.model, Moment(std::chrono::seconds(entry.start_us / 1'000'000)),
                              provider ? std::string_view(provider->aws.region) : std::string_view());
  const auto cost = catalog::cost(quote, entry.usage);
  if (!cost) {
    total.unpriced += row.cost ? 0 : 1;
    return std::nullopt;
  }
  if (row.cost == cost) return std::nullopt;
  const PriceFact* fact = quote.fact(entry.usage.service_tier);
  store::LedgerEntry mended =
      store::correction_of(entry, row.cost ? store::Correction::difference : store::Correction::first_price,
                           *cost - row.cost.value_or(Money()), fact->source, now_us);
  ++(row.cost ? total.differences : total.first_prices);
  total.sum += mended.cost->pico();
  Repriced::Model& model = total.models[entry.provider.str() + "/" + entry.model.str()];
  ++model.rows;
  model.sum += mended.cost->pico();
  model.source = fact->source;
  return mended;
}

Result<int> reprice(const RepriceFlags& flags, Invocation& invocation) {
  if (flags.from.empty()) return usage_error("from which day on?", "sluice prices reprice --from 2026-07-01");
  TRY(const Moment from, moment_of(flags.from, "--from"));
  TRY(Moment to, moment_of(flags.to, "--to"));
  if (flags.to.empty()) to += std::chrono::seconds(1);  // with what has just begun
  TRY(const auto snapshot, load_snapshot(flags.config, invocation));
  TRY(store::Store store, open_ledger(invocation));
  TRY(const Fd lock, store::lock_corrections(invocation.data_dir));
  const auto us = [](Moment at) {
    return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
  };
  const std::int64_t now_us = store::wall_clock_us();
  Repriced total;
  std::int64_t after = 0;
  while (true) {
    TRY(const std::vector<store::PricedRow> rows, store.priced_rows(us(from), us(to), after, reprice_batch));
    if (rows.empty()) break;
    std::vector<store::LedgerEntry> corrections;
    for (const store::PricedRow& row : rows) {
      ++total.rows;
      if (auto mended = mend(row, *snapshot, now_us, total)) corrections.push_back(*std::move(mended));
    }
    after = rows.back().row;
    if (!flags.dry_run) {
      TRY(const std::uint64_t written, store.correct(corrections));
      static_cast<void>(written);
    }
  }
  Console& console = invocation.console;
  if (invocation.json()) {
    std::string text;
    json::Writer out(text);
    const auto number = [](std::uint64_t n) { return static_cast<std::int64_t>(n); };
    out.begin_object().member("dry_run", flags.dry_run).member("from", moment_text(from)).member("to", moment_text(to));
    out.member("rows", number(total.rows)).member("corrections", number(total.first_prices + total.differences));
    out.member("first_prices", number(total.first_prices)).member("differences", number(total.differences));
    out.member("still_unpriced", number(total.unpriced)).member("sum_usd", store::usd(total.sum)).key("models");
    out.begin_array();
    for (const auto& [key, model] : total.models)
      out.begin_object()
          .member("model", key)
          .member("corrections", number(model.rows))
          .member("sum_usd", store::usd(model.sum))
          .member("source", model.source)
          .end_object();
    out.end_array().end_object();
    console.out << text << '\n';
    return exit_ok;
  }
  if (!total.models.empty()) {
    using enum Column::Align;
    Table table({{"MODEL"}, {"CORRECTIONS", right}, {"SUM USD", right}, {"SOURCE"}});
    for (const auto& [key, model] : total.models)
      table.add({key, std::to_string(model.rows), store::usd(model.sum), model.source});
    table.print(console.out, console.colour());
  }
  console.out << total.rows << " rows looked at, " << total.first_prices << " priced for the first time, "
              << total.differences << " differ, " << total.unpriced << " unpriced still; " << store::usd(total.sum)
              << " USD in all" << (flags.dry_run ? " (nothing was written)" : "") << '\n';
  return exit_ok;
}

}  // namespace

void add_prices_reprice(CLI::App& group, Invocation& invocation) {
  CLI::App& repricing = add_verb(group, invocation,
                                 {"reprice", "Writes what ledger rows cost more or less by the prices known now",
                                  "sluice prices reprice --from 2026-07-01 --dry-run"});
  auto reprice_flags = std::make_shared<RepriceFlags>();
  repricing.add_option("--from", reprice_flags->from, "Requests that started at or after")->type_name("TIME");
  repricing.add_option("--to", reprice_flags->to, "Requests that started before (default: now)")->type_name("TIME");
  repricing.add_flag("--dry-run", reprice_flags->dry_run, "Shows it and writes nothing");
  add_config_flag(repricing, reprice_flags->config);
  on_selected(repricing, invocation, reprice_flags, reprice);
}

}  // namespace sluice::cli
