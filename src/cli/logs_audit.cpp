// `sluice logs audit`: the newest records of the audit log of a data directory, of requests and of administrative acts.
// It asks nobody, and a server may be at work there. Neither prompts nor answers are in the log.
#include <fmt/format.h>

#include <deque>
#include <ostream>
#include <string>

#include "cli/verbs.h"
#include "gateway/audit/audit.h"
#include "store/data_directory.h"
#include "store/log_reader.h"

namespace sluice::cli {
namespace {

constexpr std::size_t most_records = 100'000;

struct AuditFlags {
  std::size_t last = 20;
  std::string request;
};

bool is_asked_for(const AuditFlags& flags, std::string_view bytes) {
  if (flags.request.empty()) return true;
  const std::optional<gateway::AuditRecord> record = gateway::read_record(bytes);
  return record && record->request_id == flags.request;
}

Result<int> audit(const AuditFlags& flags, Invocation& invocation) {
  TRY(store::LogReader log, store::LogReader::open(store::audit_path(invocation.data_dir), 0));
  std::deque<std::string> newest;
  for (;;) {
    TRY(const std::optional<std::string_view> bytes, log.next());
    if (!bytes) break;
    if (!is_asked_for(flags, *bytes)) continue;
    newest.emplace_back(*bytes);
    if (newest.size() > flags.last) newest.pop_front();
  }
  std::size_t unreadable = 0;
  for (const std::string& bytes : newest) {
    const Result<std::string> record = gateway::audit_json(bytes);
    if (record)
      invocation.console.out << *record << '\n';
    else
      ++unreadable;
  }
  if (unreadable + log.damaged_bytes() > 0)
    invocation.console.err << fmt::format("left out: {} records that a newer sluice has written, {} damaged bytes\n",
                                          unreadable, log.damaged_bytes());
  if (newest.empty() && !flags.request.empty())
    return fail(ErrorKind::not_found, "the audit log has no request " + flags.request,
                "`sluice logs tail` shows the ids of requests that reached a provider");
  return exit_ok;
}

}  // namespace

void add_logs_audit(CLI::App& logs, Invocation& invocation) {
  CLI::App& verb = add_verb(logs, invocation,
                            {"audit", "The audit log: who asked for what, what was decided and by which rule",
                             "sluice logs audit -n 50\nsluice logs audit --request req_01J..."});
  auto flags = std::make_shared<AuditFlags>();
  whole_number(verb.add_option("-n,--lines", flags->last, "How many"), 1, most_records);
  verb.add_option("--request", flags->request, "Only the request with this id")->type_name("ID");
  on_selected(verb, invocation, flags, audit);
}

}  // namespace sluice::cli
