// `sluice route replay --policy FILE`: the ledger's last requests, routed again by another configuration: what they
// would have cost there, how long they would have taken, and which of them went where that policy lets nobody go. Each
// request keeps its tokens, its cache hits and its time; prices are those that the other configuration has for that
// time. It calls nobody, and needs no server.
//
// The ledger has no texts and no headers, but says which workload has placed a request: what looks at texts or headers
// is taken to fit what a workload of its name has placed then, and nothing else; the output names those workloads. Who
// would have failed nobody knows, so each request goes to the first candidate.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <set>
#include <span>
#include <tuple>

#include "cli/data_store.h"
#include "cli/load_config.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "gateway/guard/guard.h"
#include "gateway/health/speeds.h"
#include "gateway/route/route.h"
#include "gateway/route/workload.h"
#include "json/json.h"
#include "store/usage_report.h"

namespace sluice::cli {
namespace {

constexpr std::size_t rows_per_read = 10'000;       // what the store gives at once
constexpr std::int64_t most_replayed = 10'000'000;  // rows; a minute and some

struct ReplayFlags {
  std::string policy;
  std::int64_t last = 10'000;
};

// Of what some requests cost and how long they took.
struct Sums {
  std::int64_t requests = 0;
  MoneySum pico = 0;
  std::int64_t unpriced = 0;
  std::int64_t total_us = 0;
  std::int64_t timed = 0;  // requests of which the time is known

  void add(const std::optional<Money>& cost, std::int64_t us) {
    ++requests;
    if (cost)
      pico += cost->pico();
    else
      ++unpriced;
    if (us < 0) return;
    total_us += us;
    ++timed;
  }
  double mean_ms() const { return timed == 0 ? 0 : static_cast<double>(total_us) / 1'000 / static_cast<double>(timed); }
};

struct Move {
  std::int64_t requests = 0;
  MoneySum pico = 0;  // what it adds; below zero: what it saves
};

struct Replayed {
  Sums actual;  // of the requests that the policy can serve
  Sums policy;
  std::map<std::pair<std::string, std::string>, Move> moved;               // from, to
  std::map<std::pair<std::string, std::string>, std::int64_t> violations;  // workload or "", rule
  std::map<std::string, std::int64_t> unserved;                            // the error's code
  std::map<std::string, std::pair<Sums, Sums>> workloads;                  // actual, policy; "" = of none
  std::set<std::string> by_name;  // workloads that look at what the ledger has not: they fit what theirs have placed
  std::int64_t left_out = 0;      // rows of calls that are about no model
};

bool is_routed(chat::DialectId dialect) {
  using chat::DialectId;
  constexpr DialectId routed[] = {DialectId::openai_chat, DialectId::anthropic_messages, DialectId::openai_responses,
                                  DialectId::gemini,      DialectId::openai_completions, DialectId::openai_embeddings};
  return std::ranges::find(routed, dialect) != std::end(routed);
}

std::string_view usual_path(chat::DialectId dialect) {
  using chat::DialectId;
  switch (dialect) {
    case DialectId::anthropic_messages: return "/v1/messages";
    case DialectId::openai_responses: return "/v1/responses";
    case DialectId::gemini: return "/v1beta/models";
    case DialectId::openai_completions: return "/v1/completions";
    case DialectId::openai_embeddings: return "/v1/embeddings";
    default: return "/v1/chat/completions";
  }
}

class Replay {
 public:
  Replay(const config::Snapshot& policy, std::vector<store::KeyReport> keys) : policy_(policy) {
    for (store::KeyReport& one : keys) keys_.emplace(one.key.id.str(), std::move(one.key));
    for (const config::Workload& workload : policy.workloads()) {
      config::Workload& said = said_.emplace_back(workload);
      if (forget_the_unsaid(said.match)) done_.by_name.insert(workload.name);
    }
  }

  void take(const store::LedgerEntry& row) {
    if (row.correction != store::Correction::none || !row.final) return;
    if (!is_routed(row.client_dialect)) {
      ++done_.left_out;
      return;
    }
    route(row);
    if (row.outcome == store::Outcome::ok)
      speeds_.answered(target_of(row), row.ttft_us, row.total_us, row.usage.output + row.usage.reasoning, time_of(row));
    else if (row.outcome == store::Outcome::provider_failed)
      speeds_.failed(target_of(row), time_of(row));
  }
  const Replayed& done() const { return done_; }

 private:
  // Takes out what the ledger cannot answer; true: there was something.
  static bool forget_the_unsaid(config::WorkloadMatch& match) {
    const bool unsaid = match.code || match.pii || match.secrets || match.tools || match.images || match.audio ||
                        match.pdf || !match.languages.empty() || match.min_turns > 0 || match.max_turns > 0 ||
                        match.asks_difficulty() || !match.headers.empty();
    config::WorkloadMatch kept;
    kept.keys = std::move(match.keys);
    kept.teams = std::move(match.teams);
    kept.tags = std::move(match.tags);
    kept.models = std::move(match.models);
    kept.paths = std::move(match.paths);
    kept.min_prompt_tokens = match.min_prompt_tokens;
    kept.max_prompt_tokens = match.max_prompt_tokens;
    match = std::move(kept);
    return unsaid;
  }

  // The first whose conditions fit, as far as the ledger answers them; for the rest its name must be the row's.
  const config::Workload* workload_of(const gateway::WorkloadQuestion& asked, const std::string& placed_by) const {
    for (std::size_t i = 0; i < said_.size(); ++i)
      if (gateway::workload_of(asked, std::span(&said_[i], 1)) &&
          (!done_.by_name.contains(said_[i].name) || said_[i].name == placed_by))
        return &policy_.workloads()[i];
    return nullptr;
  }

  static std::string target_of(const store::LedgerEntry& row) { return row.provider.str() + "/" + row.model.str(); }
  static gateway::Speeds::TimePoint time_of(const store::LedgerEntry& row) {
    return gateway::Speeds::TimePoint(std::chrono::microseconds(row.start_us));
  }

  void route(const store::LedgerEntry& row) {
    const auto known = keys_.find(row.key_id.str());
    const store::VirtualKey* key = known == keys_.end() ? nullptr : &known->second;
    const Tokens prompt = row.usage.total_input();
    const gateway::Signals none;
    const gateway::WorkloadQuestion which{.key_id = row.key_id.str(),
                                          .key_name = key ? std::string_view(key->name) : std::string_view(),
                                          .team = key ? std::string_view(key->team) : std::string_view(),
                                          .tags = row.tags,
                                          .model = row.requested_model,
                                          .path = usual_path(row.client_dialect),
                                          .prompt_tokens = prompt,
                                          .signals = [&]() -> const gateway::Signals& { return none; }};
    const config::Workload* workload = workload_of(which, row.workload);
    gateway::GuardQuestion who{.key_class = key ? key->data_class : DataClass::internal};
    if (workload) who.workload_class = workload->require.data_class_value;
    const auto verdict = gateway::guard(who);
    if (!verdict) return;  // the header alone can be wrong, and there is none
    const auto when = catalog::Moment(std::chrono::seconds(row.start_us / 1'000'000));
    note_violation(row, *verdict, workload, when);

    const gateway::RouteQuestion question{.model = row.requested_model,
                                          .dialect = row.client_dialect,
                                          .input_tokens = prompt,
                                          .when = when,
                                          .workload = workload,
                                          .expected_input_tokens = prompt,
                                          .most_input_tokens = prompt};
    const auto ready = [](const ProviderId&) { return gateway::EngineState::ready; };
    const auto plan = gateway::route(question, *verdict, policy_, ready, {},
                                     [&](std::string_view target) { return speeds_.of(target, time_of(row)); });
    if (!plan) {
      ++done_.unserved[plan.error().code.empty() ? std::string(name(plan.error().kind)) : plan.error().code];
      return;
    }
    const gateway::Attempt& first = plan->attempts.front();
    const std::string from = target_of(row);
    const std::string to = first.provider().id.str() + "/" + first.model().str();
    const std::optional<Money> cost = catalog::cost(first.quote, row.usage);
    const Tokens output = row.usage.output + row.usage.reasoning;
    const std::int64_t us = to == from ? row.total_us : speeds_.of(to, time_of(row)).expected_us(output);
    auto& [workload_actual, workload_policy] = done_.workloads[workload ? workload->name : std::string()];
    for (Sums* sums : {&done_.actual, &workload_actual}) sums->add(row.cost, us < 0 ? -1 : row.total_us);
    for (Sums* sums : {&done_.policy, &workload_policy}) sums->add(cost, us);
    if (to == from) return;
    Move& move = done_.moved[{from, to}];
    ++move.requests;
    if (cost && row.cost) move.pico += cost->pico() - row.cost->pico();
  }

  // Where the request went, by the rules of the policy.
  void note_violation(const store::LedgerEntry& row, const gateway::Verdict& verdict, const config::Workload* workload,
                      catalog::Moment when) {
    const std::string workload_name = workload ? workload->name : std::string();
    if (!verdict.allows(row.ground)) {
      ++done_.violations[{workload_name, "data_class"}];
      return;
    }
    if (!workload) return;
    const config::Target* target = policy_.find(target_of(row));
    const config::Candidate outside = target ? config::Candidate() : policy_.outside_catalog(target_of(row));
    if (!target && !outside.provider) {
      ++done_.violations[{workload_name, "providers"}];  // the policy does not know it at all
      return;
    }
    const config::Candidate& candidate = target ? *target->candidates.front() : outside;
    if (const auto unmet = config::first_unmet(*workload, candidate, std::chrono::floor<std::chrono::days>(when)))
      ++done_.violations[{workload_name, std::string(config::name(*unmet))}];
  }

  const config::Snapshot& policy_;
  std::vector<config::Workload> said_;  // the policy's, with those conditions that the ledger can answer
  std::map<std::string, store::VirtualKey, std::less<>> keys_;
  gateway::Speeds speeds_;  // as the server would have had them at that time
  Replayed done_;
};

void write_sums(json::Writer& w, const Sums& sums) {
  w.begin_object().member("cost_usd", store::usd(sums.pico)).member("unpriced", sums.unpriced);
  w.key("mean_ms");
  sums.timed > 0 ? w.number(sums.mean_ms()) : w.null();
  w.member("timed", sums.timed).end_object();
}

std::string replay_json(const Replayed& done) {
  std::string text;
  json::Writer w(text);
  w.begin_object().member("requests", done.actual.requests);
  write_sums(w.key("actual"), done.actual);
  write_sums(w.key("policy"), done.policy);
  w.key("difference").begin_object().member("cost_usd", store::usd(done.policy.pico - done.actual.pico));
  w.key("mean_ms").number(done.policy.mean_ms() - done.actual.mean_ms()).end_object();
  w.key("moved").begin_array();
  for (const auto& [way, move] : done.moved)
    w.begin_object()
        .member("from", way.first)
        .member("to", way.second)
        .member("requests", move.requests)
        .member("cost_usd", store::usd(move.pico))
        .end_object();
  w.end_array().key("violations").begin_array();
  for (const auto& [rule, count] : done.violations)
    w.begin_object().member("workload", rule.first).member("rule", rule.second).member("requests", count).end_object();
  w.end_array().key("unserved").begin_array();
  for (const auto& [code, count] : done.unserved)
    w.begin_object().member("code", code).member("requests", count).end_object();
  w.end_array().key("workloads").begin_array();
  for (const auto& [workload, sums] : done.workloads) {
    w.begin_object().member("workload", workload).member("requests", sums.first.requests);
    write_sums(w.key("actual"), sums.first);
    write_sums(w.key("policy"), sums.second);
    w.end_object();
  }
  w.end_array().key("undecided_workloads").begin_array();
  for (const std::string& workload : done.by_name) w.string(workload);
  w.end_array().member("left_out", done.left_out).end_object();
  return text;
}

std::string ms(const Sums& sums) { return sums.timed == 0 ? "not known" : fmt::format("{:.0f}", sums.mean_ms()); }

void print(const Replayed& done, Console& console) {
  std::ostream& out = console.out;
  out << done.actual.requests << " requests routed again\n\n";
  using Align = Column::Align;
  Table table({{"WORKLOAD"},
               {"REQUESTS", Align::right},
               {"COST USD", Align::right},
               {"BY THE POLICY", Align::right},
               {"DIFFERENCE", Align::right},
               {"MEAN MS", Align::right},
               {"BY THE POLICY", Align::right}});
  const auto add = [&](const std::string& name, const Sums& actual, const Sums& policy) {
    table.add({name, std::to_string(actual.requests), store::usd(actual.pico), store::usd(policy.pico),
               store::usd(policy.pico - actual.pico), ms(actual), ms(policy)});
  };
  for (const auto& [workload, sums] : done.workloads)
    add(workload.empty() ? "(none)" : workload, sums.first, sums.second);
  add("all", done.actual, done.policy);
  table.print(out, console.colour());
  if (!done.moved.empty()) {
    out << '\n';
    Table moved({{"FROM"}, {"TO"}, {"REQUESTS", Align::right}, {"DIFFERENCE USD", Align::right}});
    for (const auto& [way, move] : done.moved)
      moved.add({way.first, way.second, std::to_string(move.requests), store::usd(move.pico)});
    moved.print(out, console.colour());
  }
  out << '\n';
  for (const auto& [rule, count] : done.violations)
    out << count << " went where the policy lets nobody go: " << rule.second
        << (rule.first.empty() ? "" : " of `" + rule.first + "`") << '\n';
  if (done.violations.empty()) out << "none went where the policy lets nobody go\n";
  for (const auto& [code, count] : done.unserved) out << count << " would be answered by nobody: " << code << '\n';
  if (done.policy.unpriced > 0) out << done.policy.unpriced << " have no price by the policy, and count as nothing\n";
  if (done.actual.timed < done.actual.requests)
    out << "times are of the " << done.actual.timed << " whose target was measured within the minutes before\n";
  if (done.left_out > 0) out << done.left_out << " calls about no model were left out\n";
  for (const std::string& workload : done.by_name)
    out << "`" << workload
        << "` looks at headers or texts, which the ledger does not have: what a workload of that name had placed is "
           "taken to fit it, and nothing else\n";
}

Result<int> replay(const ReplayFlags& flags, Invocation& invocation) {
  TRY(const auto policy, load_snapshot(flags.policy, invocation));
  TRY(store::Store store, open_ledger(invocation));
  TRY(std::vector<store::KeyReport> keys, store.list_keys());
  Replay replaying(*policy, std::move(keys));
  TRY(const std::vector<store::LoggedEntry> newest, store.last_entries(1));
  const std::int64_t last_row = newest.empty() ? 0 : newest.back().row;
  store::EntryRange range{.after_row = std::max<std::int64_t>(last_row - flags.last, 0)};
  for (;;) {
    TRY(const std::vector<store::LoggedEntry> entries, store.entries_in(range, rows_per_read));
    for (const store::LoggedEntry& logged : entries)
      if (logged.row <= last_row) replaying.take(logged.entry);
    if (entries.size() < rows_per_read || entries.back().row >= last_row) break;
    range.after_row = entries.back().row;
  }
  if (invocation.json())
    invocation.console.out << replay_json(replaying.done()) << '\n';
  else
    print(replaying.done(), invocation.console);
  return exit_ok;
}

}  // namespace

void add_route_replay(CLI::App& group, Invocation& invocation) {
  CLI::App& verb =
      add_verb(group, invocation,
               {"replay", "The ledger's last requests, routed again by another configuration; calls nobody",
                "sluice route replay --policy draft.yaml --last 10000"});
  auto flags = std::make_shared<ReplayFlags>();
  verb.add_option("--policy", flags->policy, "The configuration whose routes, workloads and prices count")
      ->type_name(file_value)
      ->required();
  whole_number(verb.add_option("--last", flags->last, "So many of the ledger's rows"), 1, most_replayed);
  on_selected(verb, invocation, flags, replay);
}

}  // namespace sluice::cli
