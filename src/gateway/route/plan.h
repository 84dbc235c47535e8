// The outcome of routing: whom to ask, in which order and why, and whom not and why not.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/price.h"
#include "config/snapshot.h"
#include "gateway/guard/guard.h"
#include "gateway/health/health.h"
#include "gateway/route/links.h"

namespace sluice::gateway {

// How the bytes go: 1 = client and provider speak the same dialect, nothing is converted; 2 = through chat/.
enum class Lane : std::uint8_t { same_dialect = 1, translated = 2 };

// One candidate that may be asked. Borrows from the Snapshot and from its Plan.
struct Attempt {
  enum class Reason : std::uint8_t {
    asked_for,     // the client named this provider and model
    listed,        // next in the order of the route's list
    offers_model,  // offers the model that the client named
    // Of several that serve the same model:
    knows_prompt,   // has had most of the prompt's beginning before
    keeps_session,  // has the session
    least_loaded,   // nobody who has room knows it, and this one has the least to do
    // By the objective of the request's workload:
    cheapest,
    fastest,
    best,
    weighted,
    canary,  // the share of the workload's requests that goes to it
    shadow,  // asked beside the others, for nobody
  };
  const config::Candidate* candidate = nullptr;
  catalog::Quote quote;
  Lane lane = Lane::same_dialect;
  Reason reason = Reason::listed;
  std::uint32_t position = 0;  // in the route's list, from 0
  TargetState health;          // as of the plan; not well for the least bad of those that are all unwell
  // Where a workload has an objective:
  std::optional<Money> expected_cost = {};  // empty: unpriced
  std::int64_t expected_us = -1;            // until the answer's end; -1: not measured
  double error_share = 0;                   // of its calls of late

  const catalog::Provider& provider() const { return *candidate->provider; }
  const ModelName& model() const { return candidate->model_name; }
  catalog::Ground ground() const { return candidate->ground; }
};

struct Rejection {
  enum class Why : std::uint8_t {
    data_class,         // the guard's verdict does not allow its ground
    not_enabled,        // its provider has no key or is switched off
    retired,            // its provider has announced to refuse it from a day on that has come
    unpriced,           // the key has a budget and the price is not known
    over_budget,        // it does not fit a limit: its worst case costs more than is left, say
    context_too_small,  // needed > limit, both in tokens
    no_such_call,       // its API has no embeddings, or whatever the client asks for
    kept_elsewhere,     // the request names something that another provider keeps
    internal_link,      // `link` is one that it would open inside, and its provider does not allow that
    no_tools,
    no_images,
    no_audio,  // while another reads it; so for the next
    no_pdf,
    no_prefill,        // while another goes on from a last message of the assistant
    engine_not_ready,  // its engine starts, restarts or has failed
    resting,           // it has asked to be left alone for again_in
    breaker_open,      // its calls fail: it is left alone for again_in
    // Rules of the request's workload:
    workload_rule,     // `unmet` says which
    request_too_dear,  // needed > limit, both in picodollars; so for the next two, for a million tokens
    input_too_dear,
    output_too_dear,
    too_slow,         // needed > limit, both in milliseconds; while another is faster
    too_many_errors,  // needed > limit, both in percent; while another has fewer
  };
  const config::Candidate* candidate = nullptr;
  Why why = Why::data_class;
  Tokens needed = 0;
  Tokens limit = 0;
  std::chrono::milliseconds again_in{0};
  config::Unmet unmet = {};
  InternalLink link = {};
};

struct Plan {
  std::string model;  // as the client named it
  config::Target::Kind kind = config::Target::Kind::route;
  Verdict verdict;
  const config::Workload* workload = nullptr;  // that the request belongs to; null: none
  config::Objective objective = config::Objective::listed;
  std::optional<double> difficulty = {};  // of the request, where its workload or the question has asked for it
  std::optional<Attempt> shadow = {};  // of the workload, when it keeps the rules and is well; never among the attempts
  std::vector<Attempt> attempts;       // in the order in which to ask
  std::vector<Rejection> rejections;
  std::optional<Attempt> canary = {};  // of the workload, when it keeps the rules and is well; among the attempts once
                                       // it has been put there
  const config::RouteSettings* settings = nullptr;     // of the route; null: the defaults
  std::unique_ptr<config::Candidate> outside_catalog;  // the one candidate that is in no Snapshot, if there is one
};

// Puts the canary in front of the others. Only when there is one.
void put_canary_first(Plan& plan);

// For people: "listed 2nd in `auto`", "set GROQ_API_KEY".
std::string reason_text(const Attempt& attempt, const Plan& plan);
std::string reason_text(const Rejection& rejection, const Plan& plan);
std::string_view name(Rejection::Why why);               // "data_class", ...
std::string_view rule_name(const Rejection& rejection);  // the same, and of a workload its rule: "regions"
std::string_view name(Attempt::Reason reason);           // "listed", ...

}  // namespace sluice::gateway
