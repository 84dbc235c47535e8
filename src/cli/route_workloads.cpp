// `sluice route workloads`: what each workload has asked for and cost, from the audit log of a data directory, which
// says of each request to which one it belonged. It asks nobody, and a server may be at work there. What shadows cost
// is in the ledger alone (`sluice usage`).
#include <fmt/format.h>

#include <deque>
#include <map>
#include <ostream>
#include <string>

#include "cli/table.h"
#include "cli/verbs.h"
#include "gateway/audit/audit.h"
#include "json/json.h"
#include "store/data_directory.h"
#include "store/log_reader.h"
#include "store/usage_report.h"

namespace sluice::cli {
namespace {

constexpr std::int64_t most_requests = 1'000'000;

struct WorkloadsFlags {
  std::int64_t last = 100'000;
};

// Of one request, what the sums need.
struct Asked {
  std::string workload;  // empty: of none
  std::optional<Money> cost;
  Tokens input = 0;
  Tokens output = 0;
  bool failed = false;
  bool canary = false;
  bool checked = false;
  bool failed_check = false;
  bool escalated = false;
  int difficulty_permille = -1;
};

struct Sums {
  std::int64_t requests = 0;
  std::int64_t failed = 0;
  std::int64_t canary = 0;
  std::int64_t checked = 0;
  std::int64_t failed_checks = 0;
  std::int64_t escalated = 0;
  std::int64_t unpriced = 0;
  std::int64_t scored = 0;
  std::int64_t permille = 0;  // of the scored ones
  Tokens input = 0;
  Tokens output = 0;
  MoneySum pico = 0;

  void add(const Asked& one) {
    ++requests;
    failed += one.failed ? 1 : 0;
    canary += one.canary ? 1 : 0;
    checked += one.checked ? 1 : 0;
    failed_checks += one.failed_check ? 1 : 0;
    escalated += one.escalated ? 1 : 0;
    input += one.input;
    output += one.output;
    if (one.cost)
      pico += one.cost->pico();
    else
      ++unpriced;
    if (one.difficulty_permille < 0) return;
    ++scored;
    permille += one.difficulty_permille;
  }
};

// The newest requests that were authenticated: of others no workload was looked for.
Result<std::map<std::string, Sums>> read_sums(const WorkloadsFlags& flags, const Invocation& invocation) {
  TRY(store::LogReader log, store::LogReader::open(store::audit_path(invocation.data_dir), 0));
  std::deque<Asked> newest;
  for (;;) {
    TRY(const std::optional<std::string_view> bytes, log.next());
    if (!bytes) break;
    const std::optional<gateway::AuditRecord> record = gateway::read_record(*bytes);
    if (!record || record->key_id.empty()) continue;
    newest.push_back({.workload = std::string(record->workload),
                      .cost = record->cost,
                      .input = record->usage.total_input(),
                      .output = record->usage.total_output(),
                      .failed = record->outcome != store::Outcome::ok,
                      .canary = record->canary,
                      .checked = !record->checked.empty(),
                      .failed_check = !record->check.empty(),
                      .escalated = !record->escalated.empty(),
                      .difficulty_permille = record->difficulty_permille});
    // Who has used nothing has cost nothing, and has no price either.
    if (!record->cost && record->usage.total_input() + record->usage.total_output() == 0) newest.back().cost = Money();
    if (static_cast<std::int64_t>(newest.size()) > flags.last) newest.pop_front();
  }
  std::map<std::string, Sums> sums;
  for (const Asked& one : newest) sums[one.workload].add(one);
  return sums;
}

Result<int> show(const WorkloadsFlags& flags, Invocation& invocation) {
  TRY(const auto sums, read_sums(flags, invocation));
  Console& console = invocation.console;
  const auto difficulty = [](const Sums& one) {
    return static_cast<double>(one.permille) / 1000 / static_cast<double>(one.scored);
  };
  if (invocation.json()) {
    std::string text;
    json::Writer w(text);
    w.begin_array();
    for (const auto& [workload, one] : sums) {
      w.begin_object().key("workload");
      workload.empty() ? w.null() : w.string(workload);
      w.member("requests", one.requests).member("failed", one.failed).member("canary", one.canary);
      w.member("checked", one.checked).member("failed_checks", one.failed_checks).member("escalated", one.escalated);
      w.member("input_tokens", one.input).member("output_tokens", one.output);
      w.member("cost_usd", store::usd(one.pico)).member("unpriced", one.unpriced).key("mean_difficulty");
      one.scored > 0 ? w.number(difficulty(one)) : w.null();
      w.end_object();
    }
    w.end_array();
    console.out << text << '\n';
    return exit_ok;
  }
  using enum Column::Align;
  Table table({{"WORKLOAD"},
               {"REQUESTS", right},
               {"FAILED", right},
               {"CANARY", right},
               {"CHECKED", right},
               {"ESCALATED", right},
               {"DIFFICULTY", right},
               {"INPUT", right},
               {"OUTPUT", right},
               {"COST USD", right}});
  for (const auto& [workload, one] : sums)
    table.add({workload.empty() ? "(none)" : workload, std::to_string(one.requests), std::to_string(one.failed),
               std::to_string(one.canary), std::to_string(one.checked), std::to_string(one.escalated),
               one.scored > 0 ? fmt::format("{:.2f}", difficulty(one)) : "-", std::to_string(one.input),
               std::to_string(one.output),
               store::usd(one.pico) + (one.unpriced > 0 ? fmt::format(" + {} unpriced", one.unpriced) : "")});
  table.print(console.out, console.colour());
  return exit_ok;
}

}  // namespace

void add_route_workloads(CLI::App& group, Invocation& invocation) {
  CLI::App& verb = add_verb(group, invocation,
                            {"workloads", "What each workload has asked for and cost, of the newest requests",
                             "sluice route workloads --last 10000"});
  auto flags = std::make_shared<WorkloadsFlags>();
  whole_number(verb.add_option("--last", flags->last, "So many of the newest requests"), 1, most_requests);
  on_selected(verb, invocation, flags, show);
}

}  // namespace sluice::cli
