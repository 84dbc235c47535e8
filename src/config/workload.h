// A workload: a named class of requests, what a model must have to answer them, and which of those that have it is
// asked first. `workloads:` in the file. Requests belong to the first workload whose `match` they fit; gateway/route
// looks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/data_class.h"
#include "base/money.h"
#include "catalog/date.h"
#include "catalog/ground.h"

namespace sluice::config {

struct Candidate;

// Which requests: all of what is said must fit, and of a list one entry.
struct WorkloadMatch {
  std::vector<std::string> keys = {};   // names or ids of virtual keys
  std::vector<std::string> teams = {};  // ids
  std::vector<std::string> tags = {};
  std::vector<std::string> models = {};  // as the client names them
  std::vector<std::string> paths = {};   // or how they begin, with * at the end
  // Lower-case name; one of the values, or none: it is there.
  std::vector<std::pair<std::string, std::vector<std::string>>> headers = {};
  // Signals of the content.
  std::vector<std::string> languages = {};  // ISO 639-1
  std::optional<bool> code = {};
  std::optional<bool> pii = {};
  std::optional<bool> secrets = {};
  std::optional<bool> tools = {};
  std::optional<bool> images = {};
  std::optional<bool> audio = {};
  std::optional<bool> pdf = {};
  std::int64_t min_prompt_tokens = 0;
  std::int64_t max_prompt_tokens = 0;  // 0 = no bound
  std::int64_t min_turns = 0;
  std::int64_t max_turns = 0;  // 0 = no bound
  std::int64_t min_difficulty_percent = 0;
  std::int64_t max_difficulty_percent = 100;

  // Something of it needs a look into the texts.
  bool reads_content() const { return !languages.empty() || code || pii || secrets || min_turns > 0 || max_turns > 0; }
  bool asks_difficulty() const { return min_difficulty_percent > 0 || max_difficulty_percent < 100; }
};

// What a candidate must have. What is not known of it counts as missing.
struct WorkloadRequire {
  std::string data_class = "";  // the least; "" = as the key and the request say
  std::optional<DataClass> data_class_value = {};
  std::vector<std::string> grounds = {};
  std::vector<std::string> providers = {};      // certified vendors
  std::vector<std::string> regions = {};        // "eu" is also eu-central-1
  std::vector<std::string> licences = {};       // of the weights, by their ids
  std::vector<std::string> without_terms = {};  // of the licence, by the names of catalog/licence.h
  std::int64_t min_context = 0;
  std::int64_t days_to_retirement = 0;  // 0 = what is retired is out in any case
  std::string min_quality = "";         // of `quality`
  std::optional<double> least_quality = {};
  std::string max_usd_per_request = "";  // of its longest answer
  std::optional<Money> most_per_request = {};
  std::string max_input_usd = "";  // per million tokens
  std::optional<Money> most_input = {};
  std::string max_output_usd = "";
  std::optional<Money> most_output = {};
  // Measured; where nobody is below, the best of them is asked all the same.
  std::int64_t max_first_token_ms = 0;  // 0 = no ceiling
  std::int64_t max_error_percent = 100;
};

enum class Objective : std::uint8_t {
  listed,    // the order of the route's list
  cheapest,  // what this request will probably cost there
  fastest,   // until the answer's probable end, as measured
  best,      // the benchmark that `quality` names
  weighted,  // all of these, as `weights` say
};
inline constexpr Objective all_objectives[] = {Objective::listed, Objective::cheapest, Objective::fastest,
                                               Objective::best, Objective::weighted};
constexpr std::string_view name(Objective objective) {
  switch (objective) {
    case Objective::listed: return "listed";
    case Objective::cheapest: return "cheapest";
    case Objective::fastest: return "fastest";
    case Objective::best: return "best";
    case Objective::weighted: return "weighted";
  }
  return "listed";
}

// Of the objective `weighted`; only their proportions count.
struct WorkloadWeights {
  std::int64_t price = 0;
  std::int64_t latency = 0;
  std::int64_t quality = 0;
  std::int64_t errors = 0;
};

// A share of the requests for one more candidate, taken back when it is worse than the others.
struct Canary {
  std::string target = "";  // provider/model; "" = none
  std::int64_t percent = 5;
  std::int64_t min_requests = 50;                  // of each side, before anything is judged
  std::int64_t max_error_increase_percent = 5;     // percentage points more of failed calls
  std::int64_t max_latency_increase_percent = 50;  // of the others' time

  bool on() const { return !target.empty(); }
  friend bool operator==(const Canary&, const Canary&) = default;
};

// What anybody can check of an answer.
enum class Check : std::uint8_t {
  empty,
  refusal,    // the provider says so, or a short answer sounds so
  length,     // cut by the limit on its length
  too_short,  // than `min_answer_bytes`
  schema,     // the request asked for JSON, and it is none, or not as its schema says
};
inline constexpr Check all_checks[] = {Check::empty, Check::refusal, Check::length, Check::too_short, Check::schema};
constexpr std::string_view name(Check check) {
  switch (check) {
    case Check::empty: return "empty";
    case Check::refusal: return "refusal";
    case Check::length: return "length";
    case Check::too_short: return "too_short";
    case Check::schema: return "schema";
  }
  return "unknown";
}

// Cheap first: an answer that fails a check is not passed on, and the next candidate is asked.
struct Cascade {
  std::vector<std::string> escalate_on = {};
  std::vector<Check> checks = {};  // parsed from it
  std::int64_t min_answer_bytes = 0;
  bool hold_streams = false;

  bool on() const { return !checks.empty(); }
};

// Requests that are put to one more candidate as well, whose answers nobody gets.
struct Shadow {
  std::string target = "";  // provider/model; "" = none
  std::int64_t percent = 10;
  std::int64_t max_in_flight = 4;

  bool on() const { return !target.empty(); }
  friend bool operator==(const Shadow&, const Shadow&) = default;
};

struct Workload {
  std::string name = {};
  std::string route = "";  // a name under `models`, in place of what the client named; "" = that
  std::string objective = "listed";
  Objective objective_kind = Objective::listed;
  std::string quality = "";  // the metric of the benchmark
  std::int64_t expected_output_tokens = 500;
  std::int64_t cheapest_below_percent = 0;        // of a budget; 0 = never
  std::int64_t best_from_difficulty_percent = 0;  // 0 = never
  bool learn = false;
  WorkloadMatch match = {};
  WorkloadRequire require = {};
  WorkloadWeights weights = {};
  Canary canary = {};
  Shadow shadow = {};
  Cascade cascade = {};
};

// A rule of `require` that a candidate does not keep, by what the catalogue and the configuration say of it. In the
// order in which they are looked at.
enum class Unmet : std::uint8_t {
  provider,
  ground,
  region,
  licence,
  licence_term,
  context,
  retirement,
  quality,
};
constexpr std::string_view name(Unmet rule) {
  switch (rule) {
    case Unmet::provider: return "providers";
    case Unmet::ground: return "grounds";
    case Unmet::region: return "regions";
    case Unmet::licence: return "licences";
    case Unmet::licence_term: return "without_terms";
    case Unmet::context: return "min_context";
    case Unmet::retirement: return "days_to_retirement";
    case Unmet::quality: return "min_quality";
  }
  return "unknown";
}

// Of calls that are about no model (files, batches), the rules about models say nothing.
enum class About : std::uint8_t { model, no_model };

// The first rule that the candidate does not keep on that day; empty: it keeps all.
std::optional<Unmet> first_unmet(const Workload& workload, const Candidate& candidate, catalog::Date today,
                                 About about = About::model);
// The same in words: "its region us-east-1 is not among eu".
std::string unmet_text(Unmet rule, const Workload& workload, const Candidate& candidate);

// Where the candidate works on data, as far as it is known; may be empty.
std::string_view region_of(const Candidate& candidate);
// Its result in the benchmark; empty: nobody says.
std::optional<double> quality_of(const Candidate& candidate, std::string_view metric);

// Whether each request that fits `later` fits `earlier`, too.
bool covers(const WorkloadMatch& earlier, const WorkloadMatch& later);

}  // namespace sluice::config
