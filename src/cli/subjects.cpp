// `sluice orgs|teams|users create|list|remove`: whom keys belong to. One implementation for the three.
#include <fmt/format.h>

#include <ostream>

#include "base/utc.h"
#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

using store::Subject;
using store::SubjectKind;

struct SubjectFlags {
  SubjectKind kind = SubjectKind::team;
  std::string name;
  std::string org;
};

void write(json::Writer& out, const Subject& subject) {
  out.begin_object().member("id", subject.id).member("name", subject.name);
  if (subject.kind != SubjectKind::org) {
    out.key("org");
    subject.org.empty() ? out.null() : out.string(subject.org);
  }
  out.member("keys", subject.keys).member("created_at", utc_text(subject.created_at_us)).end_object();
}

int print(const Subject& subject, std::string_view done, Invocation& invocation) {
  if (invocation.json()) {
    std::string text;
    json::Writer writer(text);
    write(writer, subject);
    invocation.console.out << text << '\n';
  } else {
    invocation.console.out << done << ' ' << title(subject.kind) << ' ' << subject.id << " ("
                           << printable_line(subject.name) << ")\n";
  }
  return exit_ok;
}

Result<int> create(const SubjectFlags& flags, Invocation& invocation) {
  TRY(store::Store store, open_store(invocation, IfMissing::create));
  TRY(const Subject subject, store.create_subject(flags.kind, flags.name, flags.org, store::wall_clock_us()));
  return print(subject, "made", invocation);
}

Result<int> remove(const SubjectFlags& flags, Invocation& invocation) {
  TRY(store::Store store, open_store(invocation, IfMissing::refuse));
  TRY(const Subject subject, store.remove_subject(flags.kind, flags.name, store::wall_clock_us()));
  return print(subject, "removed", invocation);
}

Result<int> list(const SubjectFlags& flags, Invocation& invocation) {
  TRY(store::Store store, open_store(invocation, IfMissing::refuse));
  TRY(const std::vector<Subject> subjects, store.list_subjects(flags.kind));
  const std::string verb = std::string(name(flags.kind)) + "s";
  if (invocation.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object().key(verb).begin_array();
    for (const Subject& subject : subjects) write(writer, subject);
    writer.end_array().end_object();
    invocation.console.out << text << '\n';
    return exit_ok;
  }
  if (subjects.empty()) {
    invocation.console.out << "no " << verb << "; make one: sluice " << verb << " create NAME\n";
    return exit_ok;
  }
  using enum Column::Align;
  Table table({{"ID"}, {"NAME"}, {"ORG"}, {"KEYS", right}, {"CREATED"}});
  for (const Subject& subject : subjects)
    table.add({subject.id, subject.name, subject.org.empty() ? "-" : subject.org, std::to_string(subject.keys),
               utc_text(subject.created_at_us)});
  table.print(invocation.console.out, invocation.console.colour());
  return exit_ok;
}

void add_kind(CLI::App& root, Invocation& invocation, SubjectKind kind, const char* description) {
  const std::string verb = std::string(name(kind)) + "s";
  const std::string what(title(kind));
  CLI::App& group = add_group(root, {verb, description, "sluice " + verb + " list"});
  const auto flags_of = [&](CLI::App& app, const char* value, const char* meaning) {
    auto flags = std::make_shared<SubjectFlags>();
    flags->kind = kind;
    if (meaning) app.add_option("name", flags->name, meaning)->type_name(value)->required();
    return flags;
  };
  const std::string org = kind == SubjectKind::org ? "" : " --org acme";
  CLI::App& create_verb = add_verb(group, invocation, {"create", "Make one", "sluice " + verb + " create red" + org});
  auto create_flags = flags_of(create_verb, "NAME", "Its name, unique among these");
  if (kind != SubjectKind::org)
    create_verb.add_option("--org", create_flags->org, "The organisation that it belongs to, by id or name")
        ->type_name("ORG");
  on_selected(create_verb, invocation, create_flags, create);

  CLI::App& list_verb = add_verb(group, invocation, {"list", "Show them", "sluice " + verb + " list"});
  on_selected(list_verb, invocation, flags_of(list_verb, "", nullptr), list);

  CLI::App& remove_verb = add_verb(
      group, invocation, {"remove", "Remove one that has no keys and no limits", "sluice " + verb + " remove red"});
  on_selected(remove_verb, invocation, flags_of(remove_verb, "ID|NAME", "Its id or its name"), remove);
}

}  // namespace

void add_subjects(CLI::App& root, Invocation& invocation) {
  add_kind(root, invocation, SubjectKind::org, "Organisations, to which teams and users may belong");
  add_kind(root, invocation, SubjectKind::team, "Teams, to which keys may belong");
  add_kind(root, invocation, SubjectKind::user, "Users, to whom keys may belong");
}

}  // namespace sluice::cli
