// `sluice route train`: a difficulty score, learned from what the audit log has kept of answers that were checked. It
// reads the log of a data directory, whether a server runs there or not, and asks nobody.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <fstream>
#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "cli/verbs.h"
#include "difficulty/train.h"
#include "gateway/audit/audit.h"
#include "json/json.h"
#include "store/data_directory.h"
#include "store/log_reader.h"

namespace sluice::cli {
namespace {

constexpr auto most_outcomes = static_cast<std::int64_t>(difficulty::most_outcomes);

struct TrainFlags {
  std::int64_t last = 10'000;
  std::string workload;
  std::string target;
  std::string to;
};

using Outcomes = std::vector<difficulty::Outcome>;

// The newest ones, by whose answer was checked, oldest first.
Result<std::map<std::string, Outcomes>> read_outcomes(const TrainFlags& flags, const Invocation& invocation) {
  TRY(store::LogReader log, store::LogReader::open(store::audit_path(invocation.data_dir), 0));
  std::deque<std::pair<std::string, difficulty::Outcome>> newest;
  std::int64_t records = 0;
  constexpr std::int64_t records_per_word = 1'000'000;
  for (;;) {
    TRY(const std::optional<std::string_view> bytes, log.next());
    if (!bytes) break;
    if (++records % records_per_word == 0)
      invocation.console.err << fmt::format("read {} records, {} checked answers\n", records, newest.size());
    const std::optional<gateway::AuditRecord> record = gateway::read_record(*bytes);
    if (!record || record->checked.empty() || record->features.empty()) continue;
    if (!flags.workload.empty() && record->workload != flags.workload) continue;
    if (!flags.target.empty() && record->checked != flags.target) continue;
    Result<difficulty::Features> features = difficulty::unpack(record->features);
    if (!features) continue;  // of a record that another version has written
    newest.emplace_back(record->checked, difficulty::Outcome{*std::move(features), !record->check.empty()});
    if (static_cast<std::int64_t>(newest.size()) > flags.last) newest.pop_front();
  }
  std::map<std::string, Outcomes> by_target;
  for (auto& [target, outcome] : newest) by_target[target].push_back(std::move(outcome));
  return by_target;
}

// Whole or not at all: a server may read the file at any time.
Result<void> write_whole(const std::string& path, const std::string& text) {
  const std::string part = path + ".part";
  std::ofstream out(part, std::ios::binary | std::ios::trunc);
  out << text << '\n';
  out.close();
  if (!out || std::rename(part.c_str(), path.c_str()) != 0) {
    (void)std::remove(part.c_str());
    return fail(ErrorKind::unavailable, "cannot write " + path, "check the folder and its permissions");
  }
  return {};
}

Result<int> train(const TrainFlags& flags, Invocation& invocation) {
  TRY(auto by_target, read_outcomes(flags, invocation));
  if (by_target.empty())
    return fail(ErrorKind::unavailable, "the audit log has no checked answers to learn from",
                "set `learn: true` and a `cascade` at a workload, and come back after some traffic");
  const auto most = std::ranges::max_element(by_target, {}, [](const auto& one) { return one.second.size(); });
  const Outcomes& outcomes = most->second;
  Console& console = invocation.console;
  console.err << printable_line(fmt::format("training on {} checked answers of {}", outcomes.size(), most->first))
              << '\n';
  TRY(const difficulty::Model model,
      difficulty::train(outcomes, most->first, [&](std::string_view what) { console.err << what << '\n'; }));
  if (!flags.to.empty()) CHECK_OK(write_whole(flags.to, difficulty::to_json(model)));
  const double failed = 100.0 * static_cast<double>(model.failed) / static_cast<double>(outcomes.size());
  if (invocation.json()) {
    std::string text;
    json::Writer w(text);
    w.begin_object().member("target", model.target).member("answers", static_cast<std::int64_t>(outcomes.size()));
    w.member("failed", model.failed).member("trained_on", model.rows).member("held_out", model.held_out);
    w.key("auc").number(model.auc);
    w.member("file", flags.to).end_object();
    console.out << text << '\n';
    return exit_ok;
  }
  console.out << printable_line("target     " + model.target) << '\n'
              << fmt::format("answers    {}, of which {:.1f} % have failed a check\n", outcomes.size(), failed)
              << fmt::format("trained on {}, measured on the {} newest\n", model.rows, model.held_out)
              << fmt::format("AUC        {:.3f} (0.5 is chance, 1 tells all apart)\n", model.auc);
  if (flags.to.empty())
    console.out << "nothing was written: name a file with --to FILE\n";
  else
    console.out << printable_line("written to " + flags.to +
                                  "; name it in the configuration: difficulty: { model: " + flags.to + " }")
                << '\n';
  return exit_ok;
}

}  // namespace

void add_route_train(CLI::App& group, Invocation& invocation) {
  CLI::App& verb = add_verb(group, invocation,
                            {"train", "Learn from checked answers how hard a request is; calls nobody",
                             "sluice route train --last 10000 --to difficulty.json"});
  auto flags = std::make_shared<TrainFlags>();
  whole_number(verb.add_option("--last", flags->last, "So many of the newest checked answers"), 1, most_outcomes);
  verb.add_option("--workload", flags->workload, "Only of this workload")->type_name("NAME");
  verb.add_option("--target", flags->target, "Only answers of this candidate; else of whom most are")
      ->type_name("PROVIDER/MODEL");
  verb.add_option("--to", flags->to, "Write the score to this file; else it is only measured")->type_name(file_value);
  on_selected(verb, invocation, flags, train);
}

}  // namespace sluice::cli
