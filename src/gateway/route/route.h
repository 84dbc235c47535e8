// Where a request may go and in which order. A pure function of the question, the guard's verdict, the Snapshot and the
// engines' states: it calls nobody, waits for nothing, and the same input gives the same plan. Eligibility is decided
// before any order: a candidate that the guard forbids is never compared with another.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "chat/dialect_id.h"
#include "config/snapshot.h"
#include "gateway/guard/guard.h"
#include "gateway/health/speeds.h"
#include "gateway/route/links.h"
#include "gateway/route/plan.h"

namespace sluice::gateway {

struct RouteQuestion {
  std::string_view model;  // as the client named it; must outlive the call only
  chat::DialectId dialect = chat::DialectId::openai_chat;
  bool has_tools = false;
  bool has_images = false;
  bool has_audio = false;
  bool has_pdf = false;
  bool has_prefill = false;  // the conversation ends with a message of the assistant, but for system messages behind it
  bool told_behind = false;  // there are such
  std::span<const InternalLink> internal_links = {};  // that an engine of one's own would open
  Tokens input_tokens = 0;                            // at least
  Tokens max_output_tokens = 0;                       // what the client asked for; 0 = it did not say
  bool budgeted = false;                              // the key has a budget: what has no price cannot be reserved
  catalog::Moment when = {};                          // whose prices count, and by which models are retired
  std::string_view kept_by = {};  // the provider that keeps what the request names; empty: nobody does
  // That the request belongs to; its rules are looked at after the verdict and before everything else. null: none.
  const config::Workload* workload = nullptr;
  bool keeps_name = false;  // `model` is not the client's but a limit's: the workload's route does not replace it
  Tokens expected_input_tokens = 0;
  Tokens most_input_tokens = 0;
  std::int64_t choices = 1;
  int budget_left_percent = 100;          // of the budget that has the least left
  std::optional<double> difficulty = {};  // from 0 to 1; empty: nothing says it
};

enum class EngineState : std::uint8_t { absent, starting, ready, failed };
using EngineStates = std::function<EngineState(const ProviderId&)>;
// How a target is, by its name (provider/model). Empty: every one is well.
using TargetStates = std::function<TargetState(std::string_view)>;

// The plan, also when nobody is left to ask (then attempts is empty). Whoever is left alone because its calls fail, or
// because it has asked for that, is out while there is another; where all are, they are asked all the same, the one
// that may be asked again soonest first. Errors: not_found, code "model_not_found", when the name means nothing.
Result<Plan> survey(const RouteQuestion& question, const Verdict& verdict, const config::Snapshot& snapshot,
                    const EngineStates& engines, const TargetStates& targets = {}, const TargetSpeeds& speeds = {});

// survey, or the error for the client when nobody may be asked:
//   unavailable                                an engine is not ready; another try may help
//   forbidden, "workload_rules"                nobody keeps the rules of the workload; the message has each one's first
//   invalid_request, "context_length_exceeded" the prompt is too long for every candidate
//   invalid_request, "internal_link"           only engines of one's own, and a link that leads inside
//   invalid_request, "unsupported_feature"     no candidate has tools or reads images
//   forbidden, "data_class_denied"             restricted data and no engine of the organisation's own
//   forbidden, "unpriced_model"                the key has a budget and no candidate has a price
//   not_found, "model_retired"                 its provider refuses it from a day on that has come; the hint has its
//   successor not_found, "provider_not_configured"       the model is known, its provider has no key not_found,
//   "model_not_found"               the name means nothing; the hint has the nearest names
Result<Plan> route(const RouteQuestion& question, const Verdict& verdict, const config::Snapshot& snapshot,
                   const EngineStates& engines, const TargetStates& targets = {}, const TargetSpeeds& speeds = {});

// The plan with this one candidate, which is in no Snapshot: for calls that are not about a model, so that a workload's
// rules about models say nothing. Errors as of
// route().
Result<Plan> route_to(std::unique_ptr<config::Candidate> candidate, catalog::Quote quote, const RouteQuestion& question,
                      const Verdict& verdict, const EngineStates& engines);

// Of what nobody bills.
catalog::Quote free_of_charge();

}  // namespace sluice::gateway
