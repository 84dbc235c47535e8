// A plan as plain values: what runs (workloads), where it could run (options, on pools of hardware or at a price),
// under which limits, what is taken for granted, and which comparisons are asked for. Read from a file by read_plan.h.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/data_class.h"
#include "catalog/ground.h"
#include "catalog/price.h"
#include "plan/assumptions.h"
#include "yaml/diagnostics.h"

namespace sluice::plan {

constexpr double hours_per_month = 730;
constexpr double seconds_per_month = hours_per_month * 3600;

constexpr std::size_t max_workloads = 200;  // what the solver answers in seconds
constexpr std::size_t max_options = 100;
constexpr std::size_t max_pools = 20;
constexpr std::size_t max_studies = 50;
constexpr int max_horizon_months = 120;
constexpr double max_calibrated_slots = 4096;  // as max_batch of the roofline

// How traffic spreads over a day: the share of the mean in each hour; sums to 24.
using Profile = std::array<double, 24>;

// What a replay of recorded arrivals has shown of a workload at an own option.
struct Replayed {
  double service_scv = 1;  // of these calls there
  double raise = 1;        // servers that the replay needs over the formula's; at least 1
  double together = 1;     // nodes over its own size where it shares the option's engines, as shared_engines.h finds
  std::string impossible;  // why no number of servers did; empty = one did
};

struct Workload {
  std::string name;
  yaml::Place place;
  double requests_per_month = 0;
  double input_tokens = 0;  // per request, cached ones included
  double output_tokens = 0;
  double cached = 0;  // share of the input that a provider's prompt cache holds
  double growth_per_month = 0;
  std::map<std::string, double> quality_floor;  // eval -> least; values of different evals are never compared
  DataClass data_class = DataClass::internal;
  std::vector<std::string> residency;  // regions where the data may be worked on; empty = anywhere
  double ttft_p95_ms = 0;              // 0 = no limit
  double tpot_ms = 0;
  double context_tokens = 0;       // the longest request; 0 = input + output
  std::vector<std::string> needs;  // "tools", "images", "fine_tune"
  std::vector<std::string> only;   // options that a person has allowed; empty = all
  bool critical = false;           // must stand on two vendors
  bool split = false;              // may be divided over options
  double peak = 3;                 // the busiest moment over the busiest hour's mean
  double arrival_scv = 1;          // within that moment, squared coefficient of variation; 1 = Poisson
  double service_scv = 1;          // of the time that a request takes; 1 = exponential
  Profile profile = {};
  // Option to USD a month that the recorded calls would have cost there, each by its own size; empty: the bill of a
  // mean request counts.
  std::map<std::string, double> measured_usd = {};
  std::map<std::string, Replayed> replayed = {};  // by option; empty: no arrivals are known
  double tokens_per_month() const { return requests_per_month * (input_tokens + output_tokens); }
  double mix() const { return output_tokens > 0 ? input_tokens / output_tokens : 0; }
};

// The shape of a model, as far as throughput depends on it.
struct ModelShape {
  std::string name;
  double total = 0;   // parameters stored
  double active = 0;  // parameters used per token
  double layers = 0;
  double hidden = 0;
  double kv_elements = 0;  // per token over all layers
  double experts = 0;      // per layer; 0 = dense
  double experts_per_token = 0;
  double expert_share = 0;  // of the stored parameters
};

struct Gpu {
  std::string name;
  double bandwidth = 0;  // bytes/s
  double bf16 = 0;       // FLOPS, dense
  double fp8 = 0;        // 0 = the format is not there
  double fp4 = 0;
  double watts = 0;
  double memory_bytes = 0;
};

// Equal nodes of hardware, bought or rented.
struct Pool {
  std::string name;
  yaml::Place place;
  std::optional<Gpu> gpu;
  double gpus = 8;                          // per node
  double price_usd = 0;                     // of a node that is bought
  double rent_usd_per_hour = 0;             // of a node that is rented, every hour of the month
  std::optional<double> opex_usd_per_hour;  // instead of maintenance, power, cooling and colocation
  double power_kw = 0;                      // per node; 0 = from the GPUs
  double racks = 1;                         // per node
  double spare = 0;                         // nodes beyond the load (N+1)
  double most_nodes = 16;
  std::vector<std::string> regions;
};

// A vendor's discount on the part of a month's list bill that is above an amount.
struct VolumeDiscount {
  double above_usd = 0;
  double share = 0;
};

// At least so much a month is paid, used or not, and the list bill is less by a share for it.
struct Commitment {
  double usd_per_month = 0;
  double discount = 0;
  bool is_signed = false;  // it is paid whatever the plan says; else the plan says whether to sign
};

// How long an engine works on tokens, in seconds: a prompt of n fresh tokens takes prefill + n x per_token + n x
// (tokens before it) x per_pair; a step of b sequences takes step + b x per_sequence + (tokens in their caches) x
// per_kept.
struct EngineLaw {
  double prefill = 0;
  double prefill_per_token = 0;
  double prefill_per_pair = 0;
  double step = 0;
  double step_per_sequence = 0;
  double step_per_kept = 0;
  double slots = 1;  // sequences at once
};

// A law that was fitted to an engine's measured times, and how far it was off on calls that the fit had not seen.
struct Calibration {
  std::string name;         // what was measured: provider/model
  std::string measured_on;  // YYYY-MM-DD
  std::string source;       // of how many calls, which sizes, how long
  EngineLaw law;
  double throughput_error = 0;  // mean, as a share
  double tpot_error = 0;
  double ttft_p95_error = 0;
};

struct Option {
  std::string name;
  yaml::Place place;
  catalog::Ground ground = catalog::Ground::proprietary;
  std::string vendor;
  catalog::PriceFact price;  // of an API
  std::string price_source;
  std::string pool;  // empty for an API
  std::optional<ModelShape> model;
  double bytes_per_weight = 1;
  double bytes_per_kv = 1;
  double measured_output_tokens_per_s = 0;  // per node, at measured_mix; 0 = forecast by the roofline
  double measured_mix = 1;
  std::optional<Calibration> calibration = {};  // instead of the roofline's stated efficiencies
  std::map<std::string, double> quality;
  std::vector<std::string> regions;
  std::optional<DataClass> data_class;  // the most sensitive that it may get; unset: by its ground
  double ttft_p95_ms = 0;               // 0 = not measured
  double tpot_ms = 0;
  double context_tokens = 0;  // 0 = not limited
  std::vector<std::string> supports;
  double switching_usd = 0;                    // once, for a workload that moves here
  std::vector<VolumeDiscount> discounts = {};  // rising in both; of an API
  std::optional<Commitment> commitment = {};   // of an API; never together with the discounts in one month
  bool has_terms() const { return commitment || !discounts.empty(); }
  bool self_hosted() const { return !pool.empty(); }
};

struct Limits {
  std::optional<double> capex_usd;
  std::optional<double> monthly_usd;
  std::optional<double> vendor_share;  // of all tokens
  std::optional<double> staff_usd_per_month;
  bool self_hosting = true;
};

// Break-even of one self-hosted option against others, over mixes and volumes.
struct BreakEvenStudy {
  std::string name;
  std::string self_hosted;
  std::vector<std::string> against;
  std::vector<double> mixes;
  double cached = 0;
  std::vector<double> volumes;  // tokens per month for the table of bills
  double utilisation = 1;
  bool staff = true;
};

// Buying a pool's node against renting the same by the hour.
struct RentOrBuyStudy {
  std::string name;
  std::string pool;
  std::vector<std::pair<std::string, double>> rents;  // name, USD per hour of a node
  std::vector<double> utilisations;
  double output_tokens_per_s = 0;
  std::optional<double> api_output_usd_per_million;
  std::string api_name;
  std::vector<std::string> notes;
};

enum class Lifecycle : std::uint8_t { bottom_up, top_down };

struct Plan {
  std::string name;
  int horizon_months = 36;
  catalog::Date prices_on = {};
  Lifecycle lifecycle = Lifecycle::bottom_up;
  Assumptions assumptions = Assumptions::defaults();
  std::vector<Workload> workloads;
  std::vector<Option> options;
  std::vector<Pool> pools;
  Limits limits;
  std::vector<BreakEvenStudy> break_even;
  std::vector<RentOrBuyStudy> rent_or_buy;
  std::vector<std::string> notes;  // contradictions and errors of sources that the author of the plan points out
  std::uint64_t seed = 1;
  int draws = 10'000;

  const Pool* pool(std::string_view name) const;
  const Option* option(std::string_view name) const;
};

}  // namespace sluice::plan
