// `sluice sessions list|end`: who is signed in to the administration, and an end to it.
#include <ostream>

#include "base/utc.h"
#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

struct SessionFlags {
  std::string who;
};

void print(const std::vector<store::Session>& sessions, Invocation& invocation) {
  if (invocation.json()) {
    std::string text;
    json::Writer out(text);
    out.begin_object().key("sessions").begin_array();
    for (const store::Session& one : sessions) {
      out.begin_object().member("id", one.id).member("issuer", one.issuer).member("subject", one.subject);
      out.member("email", one.email).member("since", utc_text(one.created_at_us));
      out.member("until", utc_text(one.expires_at_us)).end_object();
    }
    out.end_array().end_object();
    invocation.console.out << text << '\n';
    return;
  }
  Table table({{"ID"}, {"SUBJECT"}, {"E-MAIL"}, {"SINCE"}, {"UNTIL"}});
  for (const store::Session& one : sessions)
    table.add({one.id, printable_line(one.subject), one.email.empty() ? "-" : printable_line(one.email),
               utc_text(one.created_at_us), utc_text(one.expires_at_us)});
  table.print(invocation.console.out, invocation.console.colour());
}

Result<int> list(const SessionFlags&, Invocation& invocation) {
  TRY(store::Store store, open_store(invocation, IfMissing::refuse));
  TRY(const std::vector<store::Session> sessions, store.list_sessions(store::wall_clock_us()));
  if (sessions.empty() && !invocation.json())
    invocation.console.out << "nobody is signed in; /admin/v1/auth/login begins a sign-in\n";
  else
    print(sessions, invocation);
  return exit_ok;
}

Result<int> end(const SessionFlags& flags, Invocation& invocation) {
  TRY(store::Store store, open_store(invocation, IfMissing::refuse));
  TRY(const std::vector<store::Session> ended, store.end_sessions_of(flags.who, store::wall_clock_us()));
  if (!invocation.json()) invocation.console.out << "ended:\n";
  print(ended, invocation);
  return exit_ok;
}

}  // namespace

void add_sessions(CLI::App& root, Invocation& invocation) {
  CLI::App& group =
      add_group(root, {"sessions", "Who is signed in to the administration, and an end to it", "sluice sessions list"});
  auto list_flags = std::make_shared<SessionFlags>();
  on_selected(add_verb(group, invocation, {"list", "Show who is signed in", "sluice sessions list"}), invocation,
              list_flags, list);
  CLI::App& end_verb =
      add_verb(group, invocation, {"end", "End somebody's sessions at once", "sluice sessions end ada@example.com"});
  auto end_flags = std::make_shared<SessionFlags>();
  end_verb.add_option("who", end_flags->who, "A session's id, or a person's e-mail address or subject")
      ->type_name("ID|EMAIL|SUBJECT")
      ->required();
  on_selected(end_verb, invocation, end_flags, end);
}

}  // namespace sluice::cli
