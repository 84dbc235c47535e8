// Recorded traffic for the verbs that plan, replay and advise: the ledger's rows of a time, or a trace in a file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/verb.h"
#include "config/snapshot.h"
#include "plan/plan.h"
#include "replay/reprice.h"
#include "replay/workloads.h"

namespace sluice::cli {

constexpr std::uintmax_t max_trace_bytes = std::uintmax_t{2} << 30;  // read whole; five million rows are a third of it

struct TrafficFlags {
  std::string trace;
  bool ledger = false;
  std::string as;  // provider/model of a trace that names none
  std::string since;
  std::string until;
  std::string cache_life = "5m";
  std::string by;  // empty: workload
  std::string config;
  std::vector<std::string> calibrations;  // FILE or FILE=OPTION
  bool asked() const { return ledger || !trace.empty(); }
};
// --trace and what is said of it, and of which time the ledger's calls are.
void add_traffic_flags(CLI::App& verb, TrafficFlags& flags);
// --ledger, of verbs that take nothing unless it is named.
void add_ledger_flag(CLI::App& verb, TrafficFlags& flags);
// --by and --calibration, of verbs that make workloads of the calls and place them.
void add_workload_flags(CLI::App& verb, TrafficFlags& flags);

struct TrafficSource {
  std::shared_ptr<const config::Snapshot> snapshot;
  replay::Traffic traffic;
  replay::Span span;
  std::string says;  // "the ledger since 2026-11-01T00:00:00Z"
};
// Errors: neither or both are named, what the readers refuse, and a ledger without rows in that time.
Result<TrafficSource> open_traffic(const TrafficFlags& flags, Invocation& invocation);

replay::RegionOf region_of(const config::Snapshot& snapshot);

// Where the calls stand today as options, at the price that holds now; the most used first, at most as many as a plan
// takes beside its own. `notes`: what has no price.
std::vector<plan::Option> places_now(const TrafficSource& source, std::vector<std::string>& notes);

// A plan file, or without one the options that `sluice plan init` begins with, without its workloads and rules; with
// what `sluice plan calibrate` has measured in place of the roofline's efficiencies.
// Empty: the file is wrong, and the console's err has said how.
Result<std::optional<plan::Plan>> base_plan(const std::string& file, const std::vector<std::string>& calibrations,
                                            Invocation& invocation);
// The plan with the traffic for its workloads, and the groups that they are.
struct TrafficPlan {
  std::optional<plan::Plan> plan;  // empty as of base_plan()
  std::vector<replay::Group> groups;
  plan::RecordedArrivals arrivals;
};
Result<TrafficPlan> plan_of_traffic(const std::string& file, const TrafficFlags& flags, const TrafficSource& source,
                                    Invocation& invocation);
Result<std::string> read_plan_file(const std::string& path);

}  // namespace sluice::cli
