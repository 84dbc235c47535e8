// `sluice usage explain`: why one period costs more than another, as volume, mix, cache, tier and price, which add up
// exactly. Reads the rows of both periods in the data directory, and the prices of the configuration in use.
#include <algorithm>
#include <map>
#include <ostream>
#include <vector>

#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/load_config.h"
#include "cli/table.h"
#include "cli/usage_views.h"
#include "json/json.h"
#include "spend/difference.h"
#include "store/tags.h"

namespace sluice::cli {
namespace {

using spend::Costs;
using spend::Difference;

constexpr std::size_t most_groups = 100'000;  // of tags: each request may bring its own

struct ExplainFlags {
  std::string from;
  std::string to;
  std::string by = "all";
  std::string config;
};

struct Period {
  std::int64_t from_us = 0;
  std::int64_t to_us = 0;
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

// What the groups are called that a row belongs to.
class Grouping {
 public:
  static Result<Grouping> open(const std::string& by, store::Store& store) {
    Grouping grouping(by);
    if (by != "key" && by != "team") return grouping;
    TRY(const std::vector<store::KeyReport> keys, store.list_keys());
    std::map<std::string, std::string> teams;
    TRY(const std::vector<store::Subject> subjects, store.list_subjects(store::SubjectKind::team));
    for (const store::Subject& team : subjects) teams[team.id] = team.name;
    for (const store::KeyReport& report : keys) {
      const auto team = teams.find(report.key.team);
      grouping.labels_[report.key.id.str()] = by == "key"           ? report.key.name
                                              : team == teams.end() ? report.key.team
                                                                    : team->second;
    }
    return grouping;
  }

  std::vector<std::string> groups_of(const store::LedgerEntry& entry) const {
    if (by_ == "all") return {"all"};
    if (by_ == "model") return {entry.provider.str() + "/" + entry.model.str()};
    if (by_ == "route") return {entry.requested_model};
    if (by_ == "tag") {
      std::vector<std::string> tags;
      for (const std::string_view tag : store::split_tags(entry.tags)) tags.emplace_back(tag);
      if (tags.empty()) tags.emplace_back("(none)");
      return tags;
    }
    const std::string& key = entry.key_id.str();
    if (by_ == "key" && key.starts_with(store::temporary_id_prefix)) return {"(chat and run)"};
    const auto label = labels_.find(key);
    if (label == labels_.end() || label->second.empty()) return {by_ == "key" ? key : "(none)"};
    return {label->second};
  }

 private:
  explicit Grouping(std::string by) : by_(std::move(by)) {}
  std::string by_;
  std::map<std::string, std::string> labels_;
};

struct Sides {
  Costs before;
  Costs after;
};

struct Explained {
  std::string group;
  Difference difference;
  const Sides* sides = nullptr;
};

void write(json::Writer& out, const Explained& one) {
  const Difference& told = one.difference;
  out.member("before_usd", store::usd(told.before)).member("after_usd", store::usd(told.after));
  out.member("difference_usd", store::usd(told.sum())).member("volume_usd", store::usd(told.volume));
  out.member("mix_usd", store::usd(told.mix)).member("cache_usd", store::usd(told.cache));
  out.member("tier_usd", store::usd(told.tier)).member("price_usd", store::usd(told.price));
  const auto side = [&](const char* name, const Costs& costs) {
    out.key(name).begin_object().member("requests", costs.requests()).member("tokens", costs.tokens());
    out.member("unpriced", costs.unpriced()).end_object();
  };
  side("before", one.sides->before);
  side("after", one.sides->after);
}

Result<int> explain(const ExplainFlags& flags, Invocation& invocation) {
  TRY(const Period before, period_of(flags.from, "--from"));
  TRY(const Period after, period_of(flags.to, "--to"));
  TRY(const auto snapshot, load_snapshot(flags.config, invocation));
  TRY(store::Store store, open_ledger(invocation));
  TRY(const Grouping grouping, Grouping::open(flags.by, store));
  std::map<std::string, Sides> groups;
  Sides all;
  for (const bool later : {false, true}) {
    const Period& period = later ? after : before;
    TRY(const std::int64_t rows,
        store.each_cost({.from_us = period.from_us, .to_us = period.to_us, .provider = {}, .model = {}},
                        [&](const store::LedgerEntry& entry) -> Result<void> {
                          const auto add = [&](Sides& to) {
                            (later ? to.after : to.before).add(entry, snapshot->prices());
                          };
                          add(all);
                          for (const std::string& group : grouping.groups_of(entry)) add(groups[group]);
                          if (groups.size() > most_groups)
                            return fail(ErrorKind::invalid_request,
                                        "there are more than " + std::to_string(most_groups) + " groups",
                                        "ask for shorter periods, or by something else");
                          return {};
                        }));
    static_cast<void>(rows);
  }
  const Explained total{"total", spend::explain(all.before, all.after), &all};
  std::vector<Explained> told;
  told.reserve(groups.size());
  for (const auto& [group, sides] : groups) told.push_back({group, spend::explain(sides.before, sides.after), &sides});
  const auto size = [](const Explained& one) {
    const MoneySum sum = one.difference.sum();
    return sum < 0 ? -sum : sum;
  };
  std::ranges::sort(told, [&](const Explained& a, const Explained& b) {
    return size(a) != size(b) ? size(a) > size(b) : a.group < b.group;
  });

  Console& console = invocation.console;
  if (invocation.json()) {
    std::string text;
    json::Writer out(text);
    out.begin_object().member("by", flags.by).key("groups").begin_array();
    if (flags.by != "all")
      for (const Explained& one : told) {
        out.begin_object().member("name", one.group);
        write(out, one);
        out.end_object();
      }
    out.end_array().key("total").begin_object();
    write(out, total);
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
  const auto add = [&](const Explained& one) {
    const Difference& d = one.difference;
    table.add({one.group, store::usd(d.before), store::usd(d.after), store::usd(d.sum()), store::usd(d.volume),
               store::usd(d.mix), store::usd(d.cache), store::usd(d.tier), store::usd(d.price)});
  };
  if (flags.by != "all")
    for (const Explained& one : told) add(one);
  add(total);
  table.print(console.out, console.colour());
  if (const std::int64_t unpriced = all.before.unpriced() + all.after.unpriced(); unpriced > 0)
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
         {"all", "team", "model", "route", "key", "tag"});
  add_config_flag(verb, flags->config);
  on_selected(verb, invocation, flags, explain);
}

}  // namespace sluice::cli
