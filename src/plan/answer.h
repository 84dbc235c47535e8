// Everything that a plan is asked for, computed once; JSON, HTML and the tables of the command line print from it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/break_even.h"
#include "plan/cash_flow.h"
#include "plan/placement.h"
#include "plan/shared_engines.h"
#include "plan/uncertainty.h"

namespace sluice::plan {

struct WorkloadCost {
  std::string workload;
  struct Line {
    std::string option;
    catalog::Ground ground = catalog::Ground::proprietary;
    std::string cost;  // USD a month, exact; of an own engine its part of the nodes it takes
    double usd_per_month = 0;
    double nodes = 0;               // of its pool in its busiest hour
    std::optional<double> quality;  // in the workload's first eval
    std::string out;                // why it may not stand there; empty = it may
    std::string capacity;           // what bounds an own engine
    std::optional<Sizing> sizing;   // of an own engine
    std::optional<PaysFrom> pays;   // against the cheapest API that the workload may stand at, `pays_against`
    std::string pays_against;
    std::optional<ReplayCheck> replay;  // with recorded arrivals
  };
  std::vector<Line> lines;
  std::string eval;
};

struct BreakEvenAnswer {
  BreakEvenTable table;
  std::vector<Bar> tornado;  // against the first, at the bills' mix
  std::vector<Band> bands;
};

struct NamedFlow {
  std::string name;
  CashFlow flow;
};

struct Answer {
  Plan plan;
  std::vector<std::string> warnings;
  std::vector<WorkloadCost> costs;
  std::vector<BreakEvenAnswer> break_even;
  std::vector<RentOrBuyTable> rent_or_buy;
  std::optional<PlacementResult> placement;  // with workloads
  std::vector<SharedEngines> shared;         // who stands together in it, where arrivals were recorded
  std::optional<Draws> draws;
  std::vector<Bar> tornado;
  std::vector<Flip> flips;
  std::vector<NamedFlow> flows;  // the plan first
  std::optional<int> payback;    // against the cheapest plan of APIs alone
};

// Flip values are looked for in plans up to this many workloads: each takes a hundred solutions.
constexpr std::size_t max_flip_workloads = 20;

// `arrivals`: as they were recorded, of workloads of the plan; sizes are tried on them before anything is chosen.
Result<Answer> answer(Plan plan, const RecordedArrivals& arrivals = {});

}  // namespace sluice::plan
