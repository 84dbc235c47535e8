// `sluice usage explain`: why one period costs more than another, as volume, mix, cache, tier and price, which add up
// exactly. Reads the rows of both periods in the data directory, and the prices of the configuration in use.
#include <ostream>
#include <vector>

#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/load_config.h"
#include "cli/table.h"
#include "cli/usage_views.h"
#include "json/json.h"
#include "spend/periods.h"

namespace sluice::cli {
namespace {

using spend::Compared;
using spend::Difference;
using spend::Period;

struct ExplainFlags {
  std::string from;
  std::string to;
  std::string by = "all";
  std::string config;
};

// "2026-04-01..2026-05-01", "14d..7d", "7d..": from the first to before the second; without the second until now.
Result<Period> period_of(const std::string& text, const char* flag) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos || dots == 0)
    return usage_error(std::string(flag) + " wants a period, and `" + text + "` is none",
                       "sluice usage explain --from 14d..7d --to 7d..");
  TRY(const std::optional<std::int64_t> from, parse_time_us(text.substr(0, dots), flag));
  TRY(const std::optional<std::int64_t> to, parse_time_us(text.substr(dots + 2), flag));
  const Period period{*from, to.value_or(store::wall_clock_us() + 1)};
  if (period.from_us >= period.to_us)
    return usage_error(std::string(flag) + " ends before it begins: `" + text + "`", "the earlier time comes first");
  return period;
}

Result<int> explain(const ExplainFlags& flags, Invocation& invocation) {
  TRY(const Period before, period_of(flags.from, "--from"));
  TRY(const Period after, period_of(flags.to, "--to"));
  TRY(const auto snapshot, load_snapshot(flags.config, invocation));
  TRY(store::Store store, open_ledger(invocation));
  TRY(const spend::Comparison told,
      spend::compare(store, snapshot->prices(), {.before = before, .after = after, .by = flags.by}));
  Console& console = invocation.console;
  if (invocation.json()) {
    std::string text;
    json::Writer out(text);
    out.begin_object().member("by", flags.by).key("groups").begin_array();
    for (const Compared& one : told.groups) {
      out.begin_object().member("name", one.group);
      write(out, one);
      out.end_object();
    }
    out.end_array().key("total").begin_object();
    write(out, told.total);
    out.end_object().end_object();
    console.out << text << '\n';
    return exit_ok;
  }
  using enum Column::Align;
  std::string title = flags.by;
  for (char& c : title) c = static_cast<char>(c - 'a' + 'A');
  Table table({{title},
               {"BEFORE USD", right},
               {"AFTER USD", right},
               {"DIFFERENCE", right},
               {"VOLUME", right},
               {"MIX", right},
               {"CACHE", right},
               {"TIER", right},
               {"PRICE", right}});
  const auto add = [&](const Compared& one) {
    const Difference& d = one.difference;
    table.add({one.group, store::usd(d.before), store::usd(d.after), store::usd(d.sum()), store::usd(d.volume),
               store::usd(d.mix), store::usd(d.cache), store::usd(d.tier), store::usd(d.price)});
  };
  for (const Compared& one : told.groups) add(one);
  add(told.total);
  table.print(console.out, console.colour());
  if (const std::int64_t unpriced = told.total.before.unpriced() + told.total.after.unpriced(); unpriced > 0)
    console.err << unpriced << " of the calls have no known price and are in no effect\n";
  return exit_ok;
}

}  // namespace

void add_usage_explain(CLI::App& usage, Invocation& invocation) {
  CLI::App& verb =
      add_verb(usage, invocation,
               {"explain", "Why one period costs more than another: volume, mix, cache, tier, price; exact",
                "sluice usage explain --from 14d..7d --to 7d.. --by model\n"
                "sluice usage explain --from 2026-04-01..2026-05-01 --to 2026-05-01..2026-06-01 --by team"});
  auto flags = std::make_shared<ExplainFlags>();
  verb.add_option("--from", flags->from, "The earlier period: A..B, from A to before B")
      ->type_name("PERIOD")
      ->required();
  verb.add_option("--to", flags->to, "The later period; without an end it lasts until now")
      ->type_name("PERIOD")
      ->required();
  one_of(verb.add_option("--by", flags->by, "Each of what is explained by itself"),
         {"all", "team", "model", "route", "key", "tag", "workload"});
  add_config_flag(verb, flags->config);
  on_selected(verb, invocation, flags, explain);
}

}  // namespace sluice::cli
