// `sluice keys create|list|revoke`: the virtual keys of the applications. Works on the data directory, so it needs no
// running server; a running one knows a new key at its first request and refuses a revoked one within about 100 ms.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <filesystem>
#include <ostream>

#include "base/utc.h"
#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/load_config.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "json/json.h"
#include "store/tags.h"

namespace sluice::cli {
namespace {

constexpr const char* no_limit = "none";  // 0 is refused or means that nothing may be spent

struct CreateFlags {
  std::string name;
  std::string budget_usd;  // empty = not given
  std::string requests_per_minute;
  std::string tokens_per_minute;
  std::string data_class;  // empty = not given
  std::string expires;
  std::string tenant;
  std::string team;
  std::string user;
  std::vector<std::string> tags;
  bool dry_run = false;
  std::string config;
};

// Empty for no_limit, and for what is_rate() refuses.
std::optional<std::int64_t> rate(const std::string& given) {
  std::int64_t number = 0;
  const auto [end, wrong] = std::from_chars(given.data(), given.data() + given.size(), number);
  const bool whole = wrong == std::errc() && end == given.data() + given.size();
  return whole && number > 0 ? std::optional(number) : std::nullopt;
}

// What CLI11 shows when --rpm or --tpm is wrong; empty when it is right.
std::string is_rate(const std::string& given) {
  return given == no_limit || rate(given) ? "" : fmt::format("`{}` is neither a whole number above 0 nor none", given);
}

Result<store::NewKey> new_key(const CreateFlags& flags, const Invocation& invocation, std::int64_t now_us) {
  TRY(store::NewKey key, key_by_configuration(flags.config, invocation));
  key.name = flags.name;
  if (flags.budget_usd == no_limit) {
    key.budget.reset();
  } else if (!flags.budget_usd.empty()) {
    key.budget = Money::parse_usd(flags.budget_usd);
    if (!key.budget)
      return usage_error(fmt::format("--budget: `{}` is not an amount of USD", flags.budget_usd),
                         "write a plain decimal number such as 25 or 0.50, at most 12 decimals, or `none`");
  }
  if (!flags.requests_per_minute.empty()) key.rpm = rate(flags.requests_per_minute);
  if (!flags.tokens_per_minute.empty()) key.tpm = rate(flags.tokens_per_minute);
  key.data_class = data_class_from_name(flags.data_class).value_or(key.data_class);
  key.tenant = store::TenantId(flags.tenant);
  key.team = flags.team;
  key.user = flags.user;
  key.tags = fmt::format("{}", fmt::join(flags.tags, ","));
  if (!flags.expires.empty()) {
    TRY(const std::chrono::seconds lifetime, parse_duration(flags.expires, "--expires"));
    key.expires_at_us = now_us + std::chrono::microseconds(lifetime).count();
  }
  return key;
}

std::string_view state(const store::KeyReport& report, std::int64_t now_us) {
  const store::VirtualKey& key = report.key;
  if (key.revoked_at_us) return "revoked";
  if (report.damaged) return "damaged";
  if (key.blocked_at_us) return "blocked";
  return key.expires_at_us && *key.expires_at_us <= now_us ? "expired" : "active";
}

void write_optional(json::Writer& out, std::string_view name, const std::optional<std::int64_t>& value) {
  out.key(name);
  value ? out.integer(*value) : out.null();
}

void write_optional_time(json::Writer& out, std::string_view name, const std::optional<std::int64_t>& at_us) {
  out.key(name);
  at_us ? out.string(utc_text(*at_us)) : out.null();
}

// The members that every answer about a key has.
void write_limits(json::Writer& out, const std::optional<Money>& budget, const std::optional<std::int64_t>& rpm,
                  const std::optional<std::int64_t>& tpm, DataClass data_class,
                  const std::optional<std::int64_t>& expires_at_us) {
  out.key("budget_usd");
  budget ? out.string(budget->usd()) : out.null();
  write_optional(out, "rpm", rpm);
  write_optional(out, "tpm", tpm);
  out.member("data_class", name(data_class));
  write_optional_time(out, "expires_at", expires_at_us);
}

// Whose it is, by ids, and its tags.
void write_owners(json::Writer& out, const store::VirtualKey& key) {
  for (const auto& [member, id] : {std::pair("team", &key.team), std::pair("user", &key.user)}) {
    out.key(member);
    id->empty() ? out.null() : out.string(*id);
  }
  out.key("tags").begin_array();
  for (const std::string_view tag : store::split_tags(key.tags)) out.string(tag);
  out.end_array();
}

Result<int> plan_creation(const store::NewKey& key, Invocation& invocation) {
  std::ostream& out = invocation.console.out;
  if (invocation.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object().member("dry_run", true).member("name", key.name);
    write_limits(writer, key.budget, key.rpm, key.tpm, key.data_class, key.expires_at_us);
    writer.end_object();
    out << text << '\n';
    return exit_ok;
  }
  out << "would create a key" << (key.name.empty() ? std::string() : " named " + printable_line(key.name)) << " in "
      << invocation.data_dir << "; nothing was changed\n";
  return exit_ok;
}

// Refuses in a dry run what the store would refuse: a name that is in use.
Result<void> check_name_is_free(const Invocation& invocation, const std::string& name) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(invocation.data_dir, ignored)) return {};
  TRY(store::Store store, open_store(invocation, IfMissing::refuse));
  TRY(const std::vector<store::KeyReport> keys, store.list_keys(false));
  for (const store::KeyReport& report : keys)
    if (!name.empty() && report.key.name == name)
      return fail(ErrorKind::invalid_request, fmt::format("there is a key named `{}` already", name),
                  "choose another --name, or revoke that one first");
  return {};
}

Result<int> create(const CreateFlags& flags, Invocation& invocation) {
  const std::int64_t now_us = store::wall_clock_us();
  TRY(const store::NewKey wanted, new_key(flags, invocation, now_us));
  if (flags.dry_run) {
    CHECK_OK(check_name_is_free(invocation, wanted.name));
    return plan_creation(wanted, invocation);
  }
  TRY(store::Store store, open_store(invocation, IfMissing::create));
  TRY(const store::CreatedKey created, store.create_key(wanted, now_us));
  const store::VirtualKey& key = created.key;
  if (invocation.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object().member("id", key.id.str()).member("name", key.name).member("key", created.secret.reveal());
    writer.member("tenant", key.tenant.str());
    write_owners(writer, key);
    write_limits(writer, key.budget, key.rpm, key.tpm, key.data_class, key.expires_at_us);
    writer.member("created_at", utc_text(key.created_at_us)).end_object();
    invocation.console.out << text << '\n';
    return exit_ok;
  }
  invocation.console.out << created.secret.reveal() << '\n';
  invocation.console.err << "key " << key.id.str() << " (" << printable_line(key.name)
                         << ") made. It is shown this once and kept nowhere: store it now.\n";
  return exit_ok;
}

struct ListFlags {
  bool all = false;
};

void print_key_table(const std::vector<store::KeyReport>& keys, std::int64_t now_us, Invocation& invocation) {
  using enum Column::Align;
  Table table({{"ID"},
               {"NAME"},
               {"STATE"},
               {"DATA CLASS"},
               {"BUDGET USD", right},
               {"SPENT USD", right},
               {"RPM", right},
               {"TPM", right},
               {"REQUESTS", right},
               {"EXPIRES"},
               {"LAST USED"}});
  const auto number = [](const std::optional<std::int64_t>& value) { return value ? std::to_string(*value) : "-"; };
  const auto time = [](const std::optional<std::int64_t>& at_us) { return at_us ? utc_text(*at_us) : "never"; };
  for (const store::KeyReport& report : keys) {
    const store::VirtualKey& key = report.key;
    table.add({key.id.str(), key.name, std::string(state(report, now_us)), std::string(name(key.data_class)),
               key.budget ? key.budget->usd() : "-", report.spent.usd(), number(key.rpm), number(key.tpm),
               std::to_string(report.requests), time(key.expires_at_us), time(report.last_used_us)});
  }
  table.print(invocation.console.out, invocation.console.colour());
}

std::string key_list_json(const std::vector<store::KeyReport>& keys, std::int64_t now_us) {
  std::string text;
  json::Writer writer(text);
  writer.begin_object().key("keys").begin_array();
  for (const store::KeyReport& report : keys) {
    const store::VirtualKey& key = report.key;
    writer.begin_object().member("id", key.id.str()).member("name", key.name).member("tenant", key.tenant.str());
    write_owners(writer, key);
    writer.member("state", state(report, now_us));
    write_limits(writer, key.budget, key.rpm, key.tpm, key.data_class, key.expires_at_us);
    writer.member("spent_usd", report.spent.usd()).member("requests", report.requests);
    writer.member("created_at", utc_text(key.created_at_us));
    write_optional_time(writer, "revoked_at", key.revoked_at_us);
    write_optional_time(writer, "last_used_at", report.last_used_us);
    writer.end_object();
  }
  writer.end_array().end_object();
  return text;
}

Result<int> list(const ListFlags& flags, Invocation& invocation) {
  TRY(store::Store store, open_ledger(invocation));
  TRY(const std::vector<store::KeyReport> keys, store.list_keys(flags.all));
  const std::int64_t now_us = store::wall_clock_us();
  if (invocation.json())
    invocation.console.out << key_list_json(keys, now_us) << '\n';
  else if (keys.empty())
    invocation.console.out << "no keys; make one: sluice keys create --name my-app\n";
  else
    print_key_table(keys, now_us, invocation);
  return exit_ok;
}

struct RevokeFlags {
  std::string id_or_name;
  bool dry_run = false;
};

Result<int> revoke(const RevokeFlags& flags, Invocation& invocation) {
  TRY(store::Store store, open_store(invocation, IfMissing::refuse));
  TRY(const store::KeyReport report, find_key(store, flags.id_or_name));
  store::VirtualKey key = report.key;
  if (!flags.dry_run) {
    TRY(key, store.revoke_key(key.id.str(), store::wall_clock_us()));
  }
  if (invocation.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object().member("id", key.id.str()).member("name", key.name);
    write_optional_time(writer, "revoked_at", key.revoked_at_us);
    writer.member("dry_run", flags.dry_run).end_object();
    invocation.console.out << text << '\n';
    return exit_ok;
  }
  invocation.console.out << (flags.dry_run ? "would revoke " : "revoked ") << key.id.str() << " ("
                         << printable_line(key.name) << ")" << (flags.dry_run ? "; nothing was changed" : "") << '\n';
  return exit_ok;
}

}  // namespace

void add_keys(CLI::App& root, Invocation& invocation) {
  CLI::App& group = add_group(root, {"keys", "Create, list and revoke the applications' keys", "sluice keys list"});

  CLI::App& create_verb = add_verb(group, invocation,
                                   {"create", "Make a key; its characters are shown this once",
                                    "sluice keys create --name my-app --budget 25 --rpm 60 --expires 30d"});
  auto create_flags = std::make_shared<CreateFlags>();
  create_verb.add_option("--name", create_flags->name, "Name for lists and reports, unique")->type_name("NAME");
  create_verb
      .add_option("--budget", create_flags->budget_usd, "Most that the key may ever spend, in USD; none = no limit")
      ->type_name("USD");
  create_verb.add_option("--rpm", create_flags->requests_per_minute, "Requests per minute; none = no limit")
      ->type_name("N")
      ->check(is_rate, "");
  create_verb.add_option("--tpm", create_flags->tokens_per_minute, "Tokens per minute; none = no limit")
      ->type_name("N")
      ->check(is_rate, "");
  one_of(create_verb.add_option("--data-class", create_flags->data_class,
                                "Data that it may send; restricted = only to your own engines"),
         {"public", "internal", "restricted"});
  create_verb.add_option("--expires", create_flags->expires, "Lifetime: 12h, 30d")->type_name("DURATION");
  create_verb.add_option("--tenant", create_flags->tenant, "Whose it is: keys of one tenant share the files they keep")
      ->type_name("TENANT");
  create_verb.add_option("--team", create_flags->team, "The team that it belongs to, by id or name")->type_name("TEAM");
  create_verb.add_option("--user", create_flags->user, "The user that it belongs to, by id or name")->type_name("USER");
  create_verb.add_option("--tag", create_flags->tags, "What its requests are counted under; up to 8 times")
      ->type_name("TAG");
  create_verb.add_flag("--dry-run", create_flags->dry_run, "Check everything and change nothing");
  create_verb
      .add_option("--config", create_flags->config,
                  "Configuration whose `keys:` count for what is not given (SLUICE_CONFIG)")
      ->type_name(file_value);
  on_selected(create_verb, invocation, create_flags, create);

  CLI::App& list_verb =
      add_verb(group, invocation, {"list", "Show the keys and what they have spent", "sluice keys list"});
  auto list_flags = std::make_shared<ListFlags>();
  list_verb.add_flag("--all", list_flags->all, "Also the revoked ones");
  on_selected(list_verb, invocation, list_flags, list);

  CLI::App& revoke_verb = add_verb(
      group, invocation, {"revoke", "End a key's life; it is refused from then on", "sluice keys revoke my-app"});
  auto revoke_flags = std::make_shared<RevokeFlags>();
  revoke_verb.add_option("key", revoke_flags->id_or_name, "Its id or its name")->type_name("ID|NAME")->required();
  revoke_verb.add_flag("--dry-run", revoke_flags->dry_run, "Check everything and change nothing");
  on_selected(revoke_verb, invocation, revoke_flags, revoke);
}

}  // namespace sluice::cli
