#include "gateway/route/route.h"

#include <algorithm>

namespace sluice::gateway {
namespace {

using config::Candidate;
using Why = Rejection::Why;

std::optional<Rejection> rejection_of(const Candidate& candidate, const catalog::Quote& quote,
                                      const RouteQuestion& question, const Verdict& verdict,
                                      const EngineStates& engines) {
  const auto because = [&](Why why) { return Rejection{.candidate = &candidate, .why = why}; };
  // The guard's word comes first: nothing after it can bring a forbidden ground back.
  if (!verdict.allows(candidate.ground)) return because(Why::data_class);
  if (!candidate.provider->enabled) return because(Why::not_enabled);
  if (!question.kept_by.empty() && candidate.provider->id.str() != question.kept_by)
    return because(Why::kept_elsewhere);
  if (!candidate.provider->speaks(question.dialect) &&
      !chat::translates(candidate.provider->dialect, question.dialect) &&
      !chat::counts_tokens(question.dialect))  // what nobody counts is estimated
    return because(Why::no_such_call);
  if (const catalog::Model* model = candidate.model) {
    if (model->retired(std::chrono::floor<std::chrono::days>(question.when))) return because(Why::retired);
    const Tokens needed = question.input_tokens + question.max_output_tokens;
    if (model->context > 0 && needed > model->context)
      return Rejection{
          .candidate = &candidate, .why = Why::context_too_small, .needed = needed, .limit = model->context};
    if (question.has_tools && !model->tools) return because(Why::no_tools);
    if (question.has_images && !model->images) return because(Why::no_images);
  }
  if (question.budgeted && !quote.priced()) return because(Why::unpriced);
  if (candidate.provider->engine && engines && engines(candidate.provider->id) != EngineState::ready)
    return because(Why::engine_not_ready);
  return std::nullopt;
}

constexpr std::size_t most_shown = 128;  // bytes of a client's model name in an error; the body may hold megabytes

Error unknown_model(std::string_view model, const config::Snapshot& snapshot) {
  Error error{.kind = ErrorKind::not_found,
              .message = "there is no model '" + std::string(model.substr(0, most_shown)) +
                         (model.size() > most_shown ? "...'" : "'"),
              .hint = "GET /v1/models or `sluice models` lists them",
              .param = "model",
              .code = "model_not_found"};
  const std::vector<std::string> near = snapshot.names_like(model);
  if (near.empty()) return error;
  error.hint = "did you mean ";
  for (std::size_t i = 0; i < near.size(); ++i) error.hint += (i ? " or '" : "'") + near[i] + "'";
  error.hint += "?";
  return error;
}

// When everybody is unwell, the least bad is better than nobody: a breaker must not close the only way there is.
void ask_the_unwell(Plan& plan, std::vector<Attempt> unwell) {
  std::ranges::sort(unwell, {},
                    [](const Attempt& attempt) { return std::pair(attempt.health.again_in, attempt.position); });
  std::erase_if(plan.rejections, [](const Rejection& rejection) {
    return rejection.why == Why::resting || rejection.why == Why::breaker_open;
  });
  plan.attempts = std::move(unwell);
}

// Why nobody may be asked: the reason that the caller, or else the operator, can do most about.
Error nobody(const Plan& plan) {
  const auto found = [&](Why why) {
    const auto at = std::ranges::find(plan.rejections, why, &Rejection::why);
    return at == plan.rejections.end() ? nullptr : &*at;
  };
  const std::string model = "'" + plan.model + "'";
  if (found(Why::kept_elsewhere))
    return {.kind = ErrorKind::invalid_request,
            .message = "the request names something that no candidate of " + model + " keeps",
            .hint = "ask for a model of the provider that keeps it",
            .param = "model",
            .code = "kept_elsewhere"};
  if (const Rejection* engine = found(Why::engine_not_ready))
    return {.kind = ErrorKind::unavailable,
            .message = "the engine of " + engine->candidate->name + " is not ready",
            .hint = "try again in a few seconds",
            .code = "engine_not_ready",
            .retry = Retry::anywhere,
            .retry_after = std::chrono::milliseconds(1'000)};
  if (const Rejection* context = found(Why::context_too_small))
    return {.kind = ErrorKind::invalid_request,
            .message = "the request " + reason_text(*context, plan),
            .hint = "shorten the messages or lower max_tokens",
            .param = "messages",
            .code = "context_length_exceeded"};
  if (found(Why::no_such_call))
    return {.kind = ErrorKind::invalid_request,
            .message = "no candidate of " + model + " can do this: the provider's API has no such call",
            .hint = "ask for a model of a provider with OpenAI's API",
            .param = "model",
            .code = "unsupported_feature"};
  for (const Why why : {Why::no_tools, Why::no_images})
    if (const Rejection* feature = found(why))
      return {.kind = ErrorKind::invalid_request,
              .message = "no candidate of " + model + " can do this: " + reason_text(*feature, plan),
              .hint = "choose another model",
              .param = why == Why::no_tools ? "tools" : "messages",
              .code = "unsupported_feature"};
  if (found(Why::data_class))
    return {.kind = ErrorKind::forbidden,
            .message = model + " is not served by a self-hosted engine; " + std::string(rule_text(plan.verdict.rule)),
            .hint = "use a model of a self-hosted engine",
            .param = "model",
            .code = "data_class_denied"};
  if (const Rejection* retired = found(Why::retired)) {
    const std::string& successor = retired->candidate->model->retires->successor;
    return {.kind = ErrorKind::not_found,
            .message = "the model " + model + " is retired: " + reason_text(*retired, plan),
            .hint = successor.empty() ? "choose another model; GET /v1/models or `sluice models` lists them"
                                      : "ask for '" + retired->candidate->provider->id.str() + "/" + successor + "'",
            .param = "model",
            .code = "model_retired"};
  }
  if (found(Why::unpriced))
    return {.kind = ErrorKind::forbidden,
            .message = "no price is known for " + model + ", and this key has a budget",
            .hint = "the operator can set `prices` for it in the configuration",
            .param = "model",
            .code = "unpriced_model"};
  constexpr std::size_t most_ways = 4;  // dozens of hosts offer some models, and each would do
  std::string ways;
  for (std::size_t n = 0; const Rejection& rejection : plan.rejections)
    if (rejection.why == Why::not_enabled && n++ < most_ways)
      ways += (ways.empty() ? "" : ", or ") + reason_text(rejection, plan);
  return {.kind = ErrorKind::not_found,
          .message = "the model " + model + " is known, but its provider is not configured",
          .hint = std::move(ways),
          .param = "model",
          .code = "provider_not_configured"};
}

}  // namespace

Result<Plan> survey(const RouteQuestion& question, const Verdict& verdict, const config::Snapshot& snapshot,
                    const EngineStates& engines, const TargetStates& targets) {
  Plan plan{.model = std::string(question.model), .verdict = verdict};
  std::vector<Attempt> unwell;
  const auto consider = [&](const Candidate& candidate, Attempt::Reason reason, std::uint32_t position) {
    const catalog::Quote quote = candidate.quote(question.when);
    if (auto rejection = rejection_of(candidate, quote, question, verdict, engines)) {
      plan.rejections.push_back(*rejection);
      return;
    }
    const Lane lane = candidate.provider->speaks(question.dialect) ? Lane::same_dialect : Lane::translated;
    Attempt attempt{.candidate = &candidate, .quote = quote, .lane = lane, .reason = reason, .position = position};
    if (targets) attempt.health = targets(candidate.name);
    if (attempt.health.kind == TargetState::Kind::resting || attempt.health.kind == TargetState::Kind::open) {
      plan.rejections.push_back(
          {.candidate = &candidate,
           .why = attempt.health.kind == TargetState::Kind::open ? Why::breaker_open : Why::resting,
           .again_in = attempt.health.again_in});
      unwell.push_back(std::move(attempt));
      return;
    }
    plan.attempts.push_back(std::move(attempt));
  };

  if (const config::Target* target = snapshot.find(question.model)) {
    plan.kind = target->kind;
    plan.settings = &target->settings;
    plan.attempts.reserve(target->candidates.size());
    const auto reason = target->kind == config::Target::Kind::route    ? Attempt::Reason::listed
                        : target->kind == config::Target::Kind::direct ? Attempt::Reason::asked_for
                                                                       : Attempt::Reason::offers_model;
    for (std::uint32_t i = 0; i < target->candidates.size(); ++i) consider(*target->candidates[i], reason, i);
    if (plan.attempts.empty()) ask_the_unwell(plan, std::move(unwell));
    return plan;
  }
  plan.outside_catalog = std::make_unique<Candidate>(snapshot.outside_catalog(question.model));
  if (!plan.outside_catalog->provider) return std::unexpected(unknown_model(question.model, snapshot));
  plan.kind = config::Target::Kind::direct;
  consider(*plan.outside_catalog, Attempt::Reason::asked_for, 0);
  if (plan.attempts.empty()) ask_the_unwell(plan, std::move(unwell));
  return plan;
}

Result<Plan> route_to(std::unique_ptr<Candidate> candidate, catalog::Quote quote, const RouteQuestion& question,
                      const Verdict& verdict, const EngineStates& engines) {
  Plan plan{.model = candidate->name, .kind = config::Target::Kind::direct, .verdict = verdict};
  plan.outside_catalog = std::move(candidate);
  if (auto rejection = rejection_of(*plan.outside_catalog, quote, question, verdict, engines))
    plan.rejections.push_back(*rejection);
  else
    plan.attempts.push_back(
        {.candidate = plan.outside_catalog.get(), .quote = quote, .reason = Attempt::Reason::asked_for});
  if (plan.attempts.empty()) return std::unexpected(nobody(plan));
  return plan;
}

catalog::Quote free_of_charge() {
  static const catalog::PriceFact fact{
      .provider = {}, .model = {}, .kind = catalog::PriceKind::free, .source = "nobody bills this"};
  return catalog::Quote(&fact);
}

Result<Plan> route(const RouteQuestion& question, const Verdict& verdict, const config::Snapshot& snapshot,
                   const EngineStates& engines, const TargetStates& targets) {
  TRY(Plan plan, survey(question, verdict, snapshot, engines, targets));
  if (plan.attempts.empty()) return std::unexpected(nobody(plan));
  return plan;
}

}  // namespace sluice::gateway
