// `sluice budgets set|list|remove` (money) and `sluice limits set|list|remove` (rates, places): what organisations,
// teams, users, keys, tags and everybody together may use. One implementation; a running server follows within a
// second.
#include <fmt/format.h>

#include <charconv>
#include <ostream>

#include "base/utc.h"
#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

using store::LimitLine;
using store::LimitReport;
using store::LimitScope;
using store::LimitUnit;

struct LimitFlags {
  bool money = false;  // `budgets`, not `limits`
  bool everybody = false;
  std::string org, team, user, key, tag;
  std::string model;
  std::string usd;
  std::string window;
  std::string zone;
  std::string rpm, tpm, concurrent;
  std::string downgrade;
  std::string downgrade_at;
  std::string store_down;
  std::string id;
};

Result<std::int64_t> whole(const std::string& text, const char* flag) {
  std::int64_t number = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (wrong == std::errc() && end == text.data() + text.size() && number > 0) return number;
  return usage_error(fmt::format("{}: `{}` is no whole number above 0", flag, text), "remove the limit for none");
}

Result<void> set_scope(const LimitFlags& flags, store::NewLimit& limit) {
  struct Given {
    LimitScope scope;
    const std::string& subject;
  };
  int given = flags.everybody ? 1 : 0;
  for (const Given& one :
       {Given{LimitScope::org, flags.org}, Given{LimitScope::team, flags.team}, Given{LimitScope::user, flags.user},
        Given{LimitScope::key, flags.key}, Given{LimitScope::tag, flags.tag}}) {
    if (one.subject.empty()) continue;
    limit.scope = one.scope;
    limit.subject = one.subject;
    ++given;
  }
  if (given == 1) return {};
  return usage_error(given == 0 ? "for whom is the limit?" : "a limit is for one of these only",
                     "give one of --everybody, --org, --team, --user, --key and --tag");
}

Result<store::NewLimit> new_limit(const LimitFlags& flags) {
  store::NewLimit limit;
  CHECK_OK(set_scope(flags, limit));
  if (!flags.model.empty()) limit.model = flags.model;
  limit.downgrade_to = flags.downgrade;
  if (!flags.downgrade_at.empty()) {
    TRY(const std::int64_t percent, whole(flags.downgrade_at, "--downgrade-at"));
    limit.downgrade_percent = static_cast<int>(std::min<std::int64_t>(percent, 101));
  }
  if (!flags.store_down.empty()) {
    limit.store_down = store::read_store_down(flags.store_down);
    if (!limit.store_down)
      return usage_error(fmt::format("--store-down: `{}` is nothing that a limit can do", flags.store_down),
                         "write fail_closed, local_slice_only or fail_open");
  }
  if (flags.money) {
    limit.unit = LimitUnit::money;
    const auto amount = Money::parse_usd(flags.usd);
    if (!amount)
      return usage_error(fmt::format("--usd: `{}` is not an amount of USD", flags.usd),
                         "write a plain decimal number such as 25 or 0.50, at most 12 decimals");
    limit.amount = amount->pico();
    TRY(limit.window, store::Window::parse(flags.window, flags.zone));
    return limit;
  }
  struct Given {
    const std::string& text;
    LimitUnit unit;
    const char* flag;
  };
  int given = 0;
  for (const Given& one : {Given{flags.rpm, LimitUnit::requests, "--rpm"}, Given{flags.tpm, LimitUnit::tokens, "--tpm"},
                           Given{flags.concurrent, LimitUnit::places, "--concurrent"}}) {
    if (one.text.empty()) continue;
    limit.unit = one.unit;
    TRY(limit.amount, whole(one.text, one.flag));
    ++given;
  }
  if (given != 1)
    return usage_error(given == 0 ? "how much is the limit?" : "one limit is of one thing",
                       "give one of --rpm, --tpm and --concurrent, and set another limit for another");
  return limit;
}

std::string amount_text(const LimitLine& line) {
  return line.unit == LimitUnit::money ? line.money().usd() : std::to_string(line.amount);
}

void write_line(json::Writer& out, const LimitLine& line) {
  out.member("id", line.id).member("scope", name(line.scope)).key("subject");
  line.subject.empty() ? out.null() : out.string(line.subject);
  out.key("name");
  line.subject_name.empty() ? out.null() : out.string(line.subject_name);
  out.member("model", line.model).member("unit", name(line.unit));
  if (line.unit == LimitUnit::money) {
    out.member("usd", line.money().usd()).member("window", line.window.text()).key("zone");
    line.window.zone.empty() ? out.null() : out.string(line.window.zone);
  } else {
    out.member("amount", line.amount);
  }
  out.key("downgrade_to");
  line.downgrade_to.empty() ? out.null() : out.string(line.downgrade_to);
  out.member("downgrade_percent", std::int64_t{line.downgrade_percent});
  out.key("store_down");
  line.store_down ? out.string(name(*line.store_down)) : out.null();
  out.member("created_at", utc_text(line.created_at_us));
}

int print(const LimitLine& line, std::string_view done, Invocation& invocation) {
  if (invocation.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    write_line(writer, line);
    writer.end_object();
    invocation.console.out << text << '\n';
  } else {
    invocation.console.out << printable_line(fmt::format("{} {}: {} has {} {}{} for {}", done, line.id,
                                                         subject_words(line), amount_text(line), name(line.unit),
                                                         line.window.words(),
                                                         line.of_any_model() ? "all models" : line.model))
                           << '\n';
  }
  return exit_ok;
}

Result<int> set(const LimitFlags& flags, Invocation& invocation) {
  TRY(const store::NewLimit limit, new_limit(flags));
  TRY(store::Store store, open_store(invocation, limit.scope == LimitScope::everybody || limit.scope == LimitScope::tag
                                                     ? IfMissing::create
                                                     : IfMissing::refuse));
  TRY(const LimitLine line, store.set_limit(limit, store::wall_clock_us()));
  return print(line, "set", invocation);
}

Result<int> remove(const LimitFlags& flags, Invocation& invocation) {
  TRY(store::Store store, open_store(invocation, IfMissing::refuse));
  TRY(const LimitLine line, store.remove_limit(flags.id, store::wall_clock_us()));
  return print(line, "removed", invocation);
}

void print_table(const std::vector<LimitReport>& reports, bool money, Invocation& invocation) {
  using enum Column::Align;
  std::vector<Column> columns = {{"ID"}, {"FOR"}, {"NAME"}, {"MODELS"}};
  if (money)
    columns.insert(columns.end(), {{"BUDGET USD", right}, {"WINDOW"}, {"SPENT USD", right}, {"RESETS"}});
  else
    columns.insert(columns.end(), {{"UNIT"}, {"AMOUNT", right}});
  columns.push_back({"AT THE LIMIT"});
  Table table(columns);
  for (const LimitReport& report : reports) {
    const LimitLine& line = report.line;
    std::vector<std::string> row = {
        line.id, std::string(name(line.scope)),
        line.subject_name.empty() ? line.subject.empty() ? "-" : line.subject : line.subject_name, line.model};
    if (money) {
      const std::int64_t resets = report.standing.resets_at_us;
      row.insert(row.end(),
                 {amount_text(line), line.window.text() + (line.window.zone.empty() ? "" : " " + line.window.zone),
                  report.standing.spent.usd(), resets > 0 ? utc_text(resets) : "-"});
    } else {
      row.insert(row.end(), {std::string(name(line.unit)), amount_text(line)});
    }
    row.push_back(line.downgrade_to.empty() ? "refuse"
                                            : fmt::format("{} from {} %", line.downgrade_to, line.downgrade_percent));
    table.add(row);
  }
  table.print(invocation.console.out, invocation.console.colour());
}

Result<int> list(const LimitFlags& flags, Invocation& invocation) {
  TRY(store::Store store, open_ledger(invocation));
  TRY(std::vector<LimitReport> reports, store.list_limits(store::wall_clock_us()));
  std::erase_if(reports,
                [&](const LimitReport& report) { return (report.line.unit == LimitUnit::money) != flags.money; });
  const std::string verb = flags.money ? "budgets" : "limits";
  if (invocation.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object().key(verb).begin_array();
    for (const LimitReport& report : reports) {
      writer.begin_object();
      write_line(writer, report.line);
      if (flags.money) {
        writer.member("spent_usd", report.standing.spent.usd()).key("resets_at");
        report.standing.resets_at_us > 0 ? writer.string(utc_text(report.standing.resets_at_us)) : writer.null();
      }
      writer.end_object();
    }
    writer.end_array().end_object();
    invocation.console.out << text << '\n';
  } else if (reports.empty()) {
    invocation.console.out << "no " << verb << "; set one: sluice " << verb << " set --everybody "
                           << (flags.money ? "--usd 100 --window month" : "--rpm 600") << '\n';
  } else {
    print_table(reports, flags.money, invocation);
  }
  return exit_ok;
}

void add_scope(CLI::App& verb, LimitFlags& flags) {
  verb.add_flag("--everybody", flags.everybody, "For all keys together");
  verb.add_option("--org", flags.org, "For an organisation: the keys of its teams and users")->type_name("ORG");
  verb.add_option("--team", flags.team, "For a team's keys")->type_name("TEAM");
  verb.add_option("--user", flags.user, "For a user's keys")->type_name("USER");
  verb.add_option("--key", flags.key, "For one key")->type_name("ID|NAME");
  verb.add_option("--tag", flags.tag, "For what has a tag, by its key or by x-sluice-tags")->type_name("TAG");
  verb.add_option("--model", flags.model, "Only of these models: openai/gpt-5*; * = any characters")
      ->type_name("PATTERN");
}

void add_group_of(CLI::App& root, Invocation& invocation, bool money) {
  const std::string verb = money ? "budgets" : "limits";
  CLI::App& group = add_group(root, {verb,
                                     money ? "Set, list and remove what may be spent, by whom and when"
                                           : "Set, list and remove rates and requests at the same time",
                                     "sluice " + verb + " list"});
  CLI::App& set_verb =
      add_verb(group, invocation,
               {"set", "Set one, or change the amount of the same one",
                money ? "sluice budgets set --team red --usd 100 --window month --zone Europe/Berlin\n"
                        "sluice budgets set --everybody --model 'openai/*' --usd 20 --window day --downgrade fast "
                        "--downgrade-at 80"
                      : "sluice limits set --tag batch --concurrent 4\nsluice limits set --team red --tpm 200000"});
  auto set_flags = std::make_shared<LimitFlags>();
  set_flags->money = money;
  add_scope(set_verb, *set_flags);
  if (money) {
    set_verb.add_option("--usd", set_flags->usd, "Most that may be spent in the window")->type_name("USD")->required();
    set_verb
        .add_option("--window", set_flags->window,
                    "total (default); the last 24h or 30d; or the calendar's hour, day, week or month")
        ->type_name("WINDOW");
    set_verb.add_option("--zone", set_flags->zone, "Time zone of the calendar: Europe/Berlin (default: UTC)")
        ->type_name("ZONE");
  } else {
    set_verb.add_option("--rpm", set_flags->rpm, "Requests per minute")->type_name("N");
    set_verb.add_option("--tpm", set_flags->tpm, "Tokens per minute")->type_name("N");
    set_verb.add_option("--concurrent", set_flags->concurrent, "Requests at the same time")->type_name("N");
  }
  set_verb
      .add_option("--downgrade", set_flags->downgrade,
                  "Model or route that is asked instead at the limit, within it; without, requests are refused")
      ->type_name("MODEL");
  set_verb
      .add_option("--downgrade-at", set_flags->downgrade_at, "From so many per cent of the limit on (default: 100)")
      ->type_name("PERCENT");
  set_verb
      .add_option("--store-down", set_flags->store_down,
                  "While the store of shared limits is down: fail_closed, local_slice_only or fail_open")
      ->type_name("RULE");
  on_selected(set_verb, invocation, set_flags, set);

  CLI::App& list_verb = add_verb(group, invocation, {"list", "Show them", "sluice " + verb + " list"});
  auto list_flags = std::make_shared<LimitFlags>();
  list_flags->money = money;
  on_selected(list_verb, invocation, list_flags, list);

  CLI::App& remove_verb = add_verb(
      group, invocation, {"remove", "Remove one; it no longer counts", "sluice " + verb + " remove lim_4tQ0aBcDeFgH"});
  auto remove_flags = std::make_shared<LimitFlags>();
  remove_verb.add_option("id", remove_flags->id, "Its id")->type_name("ID")->required();
  on_selected(remove_verb, invocation, remove_flags, remove);
}

}  // namespace

void add_limits(CLI::App& root, Invocation& invocation) {
  add_group_of(root, invocation, true);
  add_group_of(root, invocation, false);
}

}  // namespace sluice::cli
