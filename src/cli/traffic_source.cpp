#include "cli/traffic_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <ostream>
#include <set>

#include "base/utc.h"
#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/load_config.h"
#include "plan/calibration.h"
#include "plan/read_plan.h"
#include "plan/starter.h"
#include "replay/read_traffic.h"
#include "yaml/node.h"

namespace sluice::cli {
namespace {

constexpr std::size_t most_places_now = 30;
constexpr const char* usual_since = "30d";

Result<std::string> read_trace_file(const std::string& path) {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(path, failed);
  std::ifstream file(path, std::ios::binary);
  if (failed || !file)
    return fail(ErrorKind::not_found, fmt::format("the trace {} cannot be read", path), "is the name right?");
  if (size > max_trace_bytes)
    return fail(ErrorKind::request_too_large, fmt::format("{} has more than {} bytes", path, max_trace_bytes),
                "replay a part of it");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// What keys and teams are called.
struct Names {
  std::map<std::string, std::string> keys;
  std::map<std::string, std::string> team_of_key;
};
Result<Names> names_of(store::Store& store) {
  Names names;
  std::map<std::string, std::string> teams;
  TRY(const std::vector<store::Subject> subjects, store.list_subjects(store::SubjectKind::team));
  for (const store::Subject& team : subjects) teams[team.id] = team.name;
  TRY(const std::vector<store::KeyReport> keys, store.list_keys());
  for (const store::KeyReport& report : keys) {
    names.keys[report.key.id.str()] = report.key.name;
    const auto team = teams.find(report.key.team);
    names.team_of_key[report.key.id.str()] = team == teams.end() ? report.key.team : team->second;
  }
  return names;
}

Result<TrafficSource> open_ledger_traffic(const TrafficFlags& flags, Invocation& invocation) {
  TrafficSource out;
  TRY(out.snapshot, load_snapshot(flags.config, invocation));
  const std::string since = flags.since.empty() ? usual_since : flags.since;
  TRY(const auto from, parse_time_us(since, "--since"));
  TRY(const auto until, parse_time_us(flags.until, "--until"));
  const std::int64_t to = until.value_or(store::wall_clock_us() + 1);
  if (from.value_or(0) >= to) return usage_error("--since is not before --until", "the earlier time comes first");
  TRY(store::Store store, open_ledger(invocation));
  TRY(const Names names, names_of(store));
  const auto named = [](const std::map<std::string, std::string>& all, const std::string& id) {
    const auto found = all.find(id);
    return found == all.end() ? id : found->second;
  };
  TRY(const std::int64_t rows,
      store.each_cost({.from_us = *from, .to_us = to}, [&](const store::LedgerEntry& entry) -> Result<void> {
        const std::string key = entry.key_id.str();
        const auto team = names.team_of_key.find(key);
        return out.traffic.add(entry.start_us,
                               {.provider = entry.provider.str(),
                                .model = entry.model.str(),
                                .route = entry.requested_model,
                                .key = named(names.keys, key),
                                .team = team == names.team_of_key.end() ? "" : team->second,
                                .workload = entry.workload,
                                .service_tier = entry.usage.service_tier},
                               entry.usage, entry.cost, entry.correction != store::Correction::none);
      }));
  if (rows == 0 || out.traffic.requests() == 0)
    return fail(ErrorKind::not_found, fmt::format("the ledger has no calls since {}", since),
                "serve some traffic first, or ask for an earlier time: --since 90d");
  out.traffic.set_has_costs(true);
  out.traffic.sort();
  out.span = replay::span_of(out.traffic);
  out.span.to_us = std::max(out.span.to_us, to);  // from the first call in the time to its end
  out.says = fmt::format("the ledger, {} to {}", utc_text(out.span.from_us), utc_text(out.span.to_us));
  return out;
}

}  // namespace

void add_traffic_flags(CLI::App& verb, TrafficFlags& flags) {
  verb.add_option("--trace", flags.trace, "A trace: Azure's CSV, Mooncake's or our JSON lines, our CSV")
      ->type_name(file_value);
  verb.add_option("--as", flags.as, "What a trace without models was served by: provider/model")->type_name("MODEL");
  verb.add_option("--since", flags.since, "Of the ledger: calls that ended at or after (default: 30d ago)")
      ->type_name("TIME");
  verb.add_option("--until", flags.until, "Of the ledger: calls that ended before (default: now)")->type_name("TIME");
  verb.add_option("--cache-life", flags.cache_life, "Of a trace with block hashes: how long a prompt cache keeps one")
      ->type_name("TIME");
  add_config_flag(verb, flags.config);
}

void add_ledger_flag(CLI::App& verb, TrafficFlags& flags) {
  verb.add_flag("--ledger", flags.ledger, "The calls in the data directory's ledger");
}

void add_workload_flags(CLI::App& verb, TrafficFlags& flags) {
  one_of(verb.add_option("--by", flags.by,
                         "What is one workload (default: as the configuration's workloads have placed the calls, what "
                         "none of them has by model)"),
         {"workload", "model", "route", "team", "key"});
  verb.add_option("--calibration", flags.calibrations,
                  "What sluice plan calibrate wrote, for the option =NAME; not needed where only one has a pool")
      ->type_name(file_value);
}

Result<TrafficSource> open_traffic(const TrafficFlags& flags, Invocation& invocation) {
  if (flags.ledger == !flags.trace.empty())
    return usage_error("name either --ledger or --trace FILE", "sluice plan --ledger --since 30d");
  if (flags.ledger) return open_ledger_traffic(flags, invocation);
  if (!flags.since.empty() || !flags.until.empty())
    return usage_error("--since and --until are for --ledger; a trace is taken whole", "cut the file instead");
  TrafficSource out;
  TRY(out.snapshot, load_snapshot(flags.config, invocation));
  TRY(const auto life, parse_duration(flags.cache_life, "--cache-life"));
  TRY(const std::string text, read_trace_file(flags.trace));
  TRY(out.traffic, replay::read_traffic(text, {.cache_life = life}));
  if (!flags.as.empty()) {
    const std::size_t slash = flags.as.find('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == flags.as.size())
      return usage_error(fmt::format("`--as {}` is no provider/model", flags.as), "--as openai/gpt-5.4");
    if (out.traffic.has_costs())
      return usage_error("the trace names its models", "leave out --as; other places are what-ifs and options");
    out.traffic.call_it(flags.as.substr(0, slash), flags.as.substr(slash + 1));
    out.traffic.move_to_day(store::wall_clock_us());  // or it would be priced by a day on which nobody sold the model
  }
  out.span = replay::span_of(out.traffic);
  out.says = fmt::format("the trace {}", flags.trace);
  for (const replay::Fault& fault : out.traffic.faults())
    invocation.console.err << printable(fmt::format("{}:{}: {}\n", flags.trace, fault.line, fault.what));
  if (out.traffic.fault_count() > 0)
    invocation.console.err << out.traffic.fault_count() << " rows cannot be read and are not in what follows\n";
  return out;
}

replay::RegionOf region_of(const config::Snapshot& snapshot) {
  return [&snapshot](const std::string& id) {
    const catalog::Provider* provider = snapshot.find_provider(id);
    return provider ? provider->aws.region : std::string();
  };
}

std::vector<plan::Option> places_now(const TrafficSource& source, std::vector<std::string>& notes) {
  std::map<std::pair<std::string, std::string>, std::int64_t> calls;
  for (const replay::Call& call : source.traffic.calls()) {
    const replay::Stream& stream = source.traffic.streams()[call.stream];
    if (!call.correction && !stream.provider.empty()) ++calls[{stream.provider, stream.model}];
  }
  std::vector<std::pair<std::int64_t, std::pair<std::string, std::string>>> order;
  order.reserve(calls.size());
  for (const auto& [place, count] : calls) order.emplace_back(count, place);
  std::ranges::sort(order, std::greater());
  std::vector<plan::Option> options;
  for (const auto& [count, place] : order) {
    if (options.size() == most_places_now) break;
    const auto& [provider, model] = place;
    const std::string name = fmt::format("{}/{}", provider, model);
    const catalog::Moment now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const catalog::Quote quote = source.snapshot->prices().quote(ProviderId(provider), ModelName(model), now,
                                                                 region_of(*source.snapshot)(provider));
    if (!quote.priced()) {
      notes.push_back(fmt::format("{} has no known price: it is no option until you add one", name));
      continue;
    }
    plan::Option option{.name = name, .vendor = provider, .price = *quote.fact()};
    option.price_source = fmt::format("in use, {}", quote.fact()->source);
    const config::Target* target = source.snapshot->find(name);
    option.ground = target && !target->candidates.empty() ? target->candidates.front()->ground
                                                          : source.snapshot->outside_catalog(name).ground;
    if (quote.fact()->kind == catalog::PriceKind::self_hosted) {
      option.ground = catalog::Ground::self_hosted;
      option.data_class = DataClass::restricted;
      notes.push_back(
          fmt::format("{} runs on engines of your own: the ledger has no price for it, so its hardware and people are "
                      "not in what it "
                      "costs today",
                      name));
    }
    if (target && !target->candidates.empty() && target->candidates.front()->model) {
      const catalog::Model& known = *target->candidates.front()->model;
      option.context_tokens = static_cast<double>(known.context);
      if (known.tools) option.supports.emplace_back("tools");
      if (known.images) option.supports.emplace_back("images");
    }
    options.push_back(std::move(option));
  }
  return options;
}

Result<std::string> read_plan_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return fail(ErrorKind::not_found, fmt::format("{} cannot be read", path),
                "`sluice plan init` writes a plan to begin with");
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (text.size() > yaml::max_source_bytes)
    return fail(ErrorKind::request_too_large, fmt::format("{} is larger than {} bytes", path, yaml::max_source_bytes),
                "is it a plan?");
  return text;
}

namespace {

// "FILE" or "FILE=OPTION". False: the file is wrong, and the console's err has said how.
Result<bool> take_calibration(const std::string& said, plan::Plan& into, Invocation& invocation) {
  const std::size_t equals = said.find('=');
  const std::string file = said.substr(0, equals);
  TRY(std::string text, read_plan_file(file));
  yaml::Diagnostics diagnostics;
  const auto read = plan::read_calibration(file, std::move(text), diagnostics);
  invocation.console.err << printable(diagnostics.render());
  if (!read) return false;
  std::vector<plan::Option*> own;
  for (plan::Option& option : into.options)
    if (option.self_hosted() && (equals == std::string::npos || option.name == said.substr(equals + 1)))
      own.push_back(&option);
  if (own.size() != 1)
    return usage_error(equals == std::string::npos
                           ? fmt::format("{} options have a pool: which of them is the calibration of?", own.size())
                           : fmt::format("no option with a pool is called `{}`", said.substr(equals + 1)),
                       fmt::format("--calibration {}=OPTION", file));
  if (own.front()->measured_output_tokens_per_s > 0)
    return usage_error(fmt::format("`{}` has output_tokens_per_s, and a calibration", own.front()->name),
                       "both say what a node serves: remove one of them");
  own.front()->calibration = *read;
  return true;
}

}  // namespace

Result<std::optional<plan::Plan>> base_plan(const std::string& file, const std::vector<std::string>& calibrations,
                                            Invocation& invocation) {
  std::string text;
  if (file.empty()) {
    text = plan::starter_plan();
  } else {
    TRY(text, read_plan_file(file));
  }
  yaml::Diagnostics diagnostics;
  const auto beside = [&](const std::string& path) -> std::optional<std::string> {
    auto found = read_plan_file((std::filesystem::path(file).parent_path() / path).string());
    if (!found) return std::nullopt;
    return *std::move(found);
  };
  auto read = plan::read_plan(file.empty() ? "the starter plan" : file, std::move(text), catalog::embedded_catalog(),
                              catalog::today(), diagnostics, beside);
  invocation.console.err << printable(diagnostics.render());
  if (!read) return read;
  for (const std::string& one : calibrations) {
    TRY(const bool taken, take_calibration(one, *read, invocation));
    if (!taken) return std::optional<plan::Plan>();
  }
  if (!file.empty()) return read;
  read->workloads.clear();
  read->limits = {};
  for (plan::Option& option : read->options) option.quality.clear();
  read->notes.emplace_back(
      "the places compared are those of `sluice plan init`: an example. Name a plan file with your own options, pools "
      "and "
      "quality floors");
  return read;
}

Result<TrafficPlan> plan_of_traffic(const std::string& file, const TrafficFlags& flags, const TrafficSource& source,
                                    Invocation& invocation) {
  TrafficPlan out;
  TRY(out.plan, base_plan(file, flags.calibrations, invocation));
  if (!out.plan) return out;
  out.groups =
      replay::groups_of(source.traffic, replay::by_from_name(flags.by).value_or(replay::By::workload), source.span);
  out.arrivals = replay::arrivals_of(source.traffic, out.groups);
  std::vector<std::string> notes = {"the workloads are those of " + source.says};
  std::vector<plan::Option> now = places_now(source, notes);
  out.plan = replay::plan_of(*std::move(out.plan), source.traffic, source.span, out.groups, std::move(now));
  out.plan->notes.insert(out.plan->notes.begin(), notes.begin(), notes.end());
  if (file.empty()) out.plan->name = "Plan from " + source.says;
  return out;
}

}  // namespace sluice::cli
