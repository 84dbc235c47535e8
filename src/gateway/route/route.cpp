#include "gateway/route/route.h"

#include <algorithm>

#include "gateway/route/objective.h"

namespace sluice::gateway {
namespace {

using config::Candidate;
using Why = Rejection::Why;

// What a model with no known limit may write when the client sets none; as admission reserves it.
constexpr Tokens output_without_a_limit = 8'192;

// Ceilings on prices: by the book, for this request.
std::optional<Rejection> price_rejection(const Candidate& candidate, const catalog::Quote& quote,
                                         const RouteQuestion& question) {
  const config::WorkloadRequire& require = question.workload->require;
  if (!require.most_per_request && !require.most_input && !require.most_output) return std::nullopt;
  if (!quote.priced()) return Rejection{.candidate = &candidate, .why = Why::unpriced};
  const auto above = [&](Why why, std::int64_t pico, Money most) {
    return pico <= most.pico()
               ? std::nullopt
               : std::optional(Rejection{.candidate = &candidate, .why = why, .needed = pico, .limit = most.pico()});
  };
  constexpr std::int64_t million = 1'000'000;
  const catalog::Rates& rates = quote.rates(question.expected_input_tokens);
  if (require.most_input)
    if (auto out = above(Why::input_too_dear, rates[catalog::Unit::input] * million, *require.most_input)) return out;
  if (require.most_output)
    if (auto out = above(Why::output_too_dear, rates[catalog::Unit::output] * million, *require.most_output))
      return out;
  if (!require.most_per_request) return std::nullopt;
  const Tokens limit =
      candidate.model && candidate.model->max_output > 0 ? candidate.model->max_output : output_without_a_limit;
  const Tokens output = (question.max_output_tokens > 0 ? question.max_output_tokens : limit) *
                        std::max<std::int64_t>(question.choices, 1);
  const std::optional<Money> worst = catalog::upper_bound(quote, question.most_input_tokens, output);
  return worst ? above(Why::request_too_dear, worst->pico(), *require.most_per_request) : std::nullopt;
}

// Ceilings on what is measured: whoever is above one is out while another is below.
std::optional<Rejection> speed_rejection(const Candidate& candidate, const TargetSpeed& speed,
                                         const config::WorkloadRequire& require) {
  const std::int64_t first_token_ms = speed.first_token_us / 1'000;
  if (require.max_first_token_ms > 0 && first_token_ms > require.max_first_token_ms)
    return Rejection{
        .candidate = &candidate, .why = Why::too_slow, .needed = first_token_ms, .limit = require.max_first_token_ms};
  const auto errors = static_cast<std::int64_t>(speed.error_share * 100 + 0.5);
  if (errors > require.max_error_percent)
    return Rejection{
        .candidate = &candidate, .why = Why::too_many_errors, .needed = errors, .limit = require.max_error_percent};
  return std::nullopt;
}

// An engine of one's own stands inside and opens what it is told to.
const InternalLink* forbidden_link(const catalog::Provider& provider, std::span<const InternalLink> links) {
  if (provider.ground != catalog::Ground::self_hosted) return nullptr;
  const auto at = std::ranges::find_if(links, [&](const InternalLink& link) {
    return std::ranges::find(provider.internal_links, link.host) == provider.internal_links.end();
  });
  return at == links.end() ? nullptr : &*at;
}

std::optional<Rejection> rejection_of(const Candidate& candidate, const catalog::Quote& quote,
                                      const RouteQuestion& question, const Verdict& verdict,
                                      const EngineStates& engines, config::About about = config::About::model) {
  const auto because = [&](Why why) { return Rejection{.candidate = &candidate, .why = why}; };
  // The guard's word comes first: nothing after it can bring a forbidden ground back.
  if (!verdict.allows(candidate.ground)) return because(Why::data_class);
  if (question.workload)
    if (const auto unmet = config::first_unmet(*question.workload, candidate,
                                               std::chrono::floor<std::chrono::days>(question.when), about))
      return Rejection{.candidate = &candidate, .why = Why::workload_rule, .unmet = *unmet};
  if (!candidate.provider->enabled) return because(Why::not_enabled);
  if (!question.kept_by.empty() && candidate.provider->id.str() != question.kept_by)
    return because(Why::kept_elsewhere);
  if (!candidate.provider->speaks(question.dialect) &&
      !chat::translates(candidate.provider->dialect, question.dialect) &&
      !chat::counts_tokens(question.dialect))  // what nobody counts is estimated
    return because(Why::no_such_call);
  if (const InternalLink* link = forbidden_link(*candidate.provider, question.internal_links))
    return Rejection{.candidate = &candidate, .why = Why::internal_link, .link = *link};
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
  if (question.workload && about == config::About::model)
    if (auto too_dear = price_rejection(candidate, quote, question)) return too_dear;
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

// Who is above a ceiling on what is measured is better than nobody.
void ask_the_slow(Plan& plan, std::vector<Attempt> slow) {
  if (slow.empty()) return;
  std::erase_if(plan.rejections, [](const Rejection& rejection) {
    return rejection.why == Why::too_slow || rejection.why == Why::too_many_errors;
  });
  plan.attempts = std::move(slow);
}

// Each candidate with the first rule that it does not keep.
Error broken_rules(const Plan& plan) {
  constexpr std::size_t most_told = 4;
  std::string each;
  std::size_t told = 0;
  for (const Rejection& rejection : plan.rejections) {
    if (told++ == most_told) break;
    each += (each.empty() ? "" : "; ") + rejection.candidate->name + ": " + std::string(rule_name(rejection)) + " (" +
            reason_text(rejection, plan) + ")";
  }
  if (plan.rejections.size() > most_told)
    each += "; and " + std::to_string(plan.rejections.size() - most_told) + " more";
  return {.kind = ErrorKind::forbidden,
          .message = "no candidate of '" + plan.model + "' keeps the rules of the workload `" + plan.workload->name +
                     "`: " + std::move(each),
          .hint = "ask for another model, or the operator for a candidate that keeps them",
          .param = "model",
          .code = "workload_rules"};
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
  if (plan.workload && std::ranges::any_of(plan.rejections, [](const Rejection& one) {
        return one.why == Why::workload_rule || one.why == Why::request_too_dear || one.why == Why::input_too_dear ||
               one.why == Why::output_too_dear;
      }))
    return broken_rules(plan);
  if (const Rejection* context = found(Why::context_too_small))
    return {.kind = ErrorKind::invalid_request,
            .message = "the request " + reason_text(*context, plan),
            .hint = "shorten the messages or lower max_tokens",
            .param = "messages",
            .code = "context_length_exceeded"};
  if (const Rejection* inside = found(Why::internal_link))
    return {.kind = ErrorKind::invalid_request,
            .message = "a link leads inside the network of the engine that would open it: " + inside->link.host,
            .hint = "send the bytes as base64, or ask the operator to list the host in `internal_links` of '" +
                    inside->candidate->provider->id.str() + "'",
            .param = inside->link.member,
            .code = "internal_link"};
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

// While a budget runs out, what is cheap comes first.
config::Objective objective_of(const config::Workload& workload, const RouteQuestion& question) {
  if (question.budget_left_percent < workload.cheapest_below_percent) return config::Objective::cheapest;
  const bool hard = workload.best_from_difficulty_percent > 0 && question.difficulty &&
                    *question.difficulty * 100 >= static_cast<double>(workload.best_from_difficulty_percent);
  return hard ? config::Objective::best : workload.objective_kind;
}

// Whoever is known not to read it is left out while another is known to: some providers read for their models, so where
// nobody is known to, they say themselves what they take.
void ask_who_reads(Plan& plan, bool catalog::Model::* kind, Why why) {
  const auto reads = [&](const Attempt& attempt) {
    return attempt.candidate->model && attempt.candidate->model->*kind;
  };
  if (std::ranges::none_of(plan.attempts, reads)) return;
  std::erase_if(plan.attempts, [&](const Attempt& attempt) {
    if (!attempt.candidate->model || reads(attempt)) return false;
    plan.rejections.push_back({.candidate = attempt.candidate, .why = why});
    return true;
  });
}

// Whether it goes on from a last message of the assistant, as far as that is known. Within one dialect the message
// means what it means there. A system message behind it is the last word where it can stay there.
bool takes_prefill(const Attempt& attempt, const RouteQuestion& question) {
  if (!question.has_prefill) return true;
  if (attempt.candidate->model && attempt.candidate->model->refuses_prefill) return false;
  const catalog::Quirks& quirks = attempt.provider().quirks;
  const chat::DialectId dialect = attempt.provider().dialect;
  return attempt.lane == Lane::same_dialect || quirks.prefill == catalog::Prefill::continued ||
         (dialect != chat::DialectId::openai_chat && dialect != chat::DialectId::openai_responses) ||
         (question.told_behind && !quirks.leading_system);
}

// Where nobody does, the word is the provider's or the translation's.
void ask_who_takes_prefill(Plan& plan, const RouteQuestion& question) {
  const auto takes = [&](const Attempt& attempt) { return takes_prefill(attempt, question); };
  if (std::ranges::none_of(plan.attempts, takes)) return;
  std::erase_if(plan.attempts, [&](const Attempt& attempt) {
    if (takes(attempt)) return false;
    plan.rejections.push_back({.candidate = attempt.candidate, .why = Why::no_prefill});
    return true;
  });
}

Expected expected_of(const config::Workload& workload, const RouteQuestion& question) {
  Tokens output = workload.expected_output_tokens;
  if (question.max_output_tokens > 0) output = std::min(output, question.max_output_tokens);
  return {.input = question.expected_input_tokens, .output = output * std::max<std::int64_t>(question.choices, 1)};
}

}  // namespace

Result<Plan> survey(const RouteQuestion& question, const Verdict& verdict, const config::Snapshot& snapshot,
                    const EngineStates& engines, const TargetStates& targets, const TargetSpeeds& speeds) {
  const config::Workload* workload = question.workload;
  const bool own_route = workload && !workload->route.empty() && !question.keeps_name;
  const std::string_view asked = own_route ? std::string_view(workload->route) : question.model;
  Plan plan{.model = std::string(asked), .verdict = verdict, .workload = workload};
  plan.difficulty = question.difficulty;
  if (workload) plan.objective = objective_of(*workload, question);
  std::vector<Attempt> unwell;
  std::vector<Attempt> slow;
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
    if (workload) {
      const TargetSpeed speed = speeds ? speeds(candidate.name) : TargetSpeed();
      estimate(attempt, expected_of(*workload, question), speed);
      if (auto rejection = speed_rejection(candidate, speed, workload->require)) {
        plan.rejections.push_back(*rejection);
        slow.push_back(std::move(attempt));
        return;
      }
    }
    plan.attempts.push_back(std::move(attempt));
  };
  // A candidate beside the list, by the same rules as everybody. In the list already, it was told there why it is out.
  const auto aside = [&](const std::string& name, Attempt::Reason reason) -> std::optional<Attempt> {
    const config::Target* target = name.empty() ? nullptr : snapshot.find(name);
    if (!target) return std::nullopt;
    const Candidate* candidate = target->candidates.front();
    const std::size_t others = plan.attempts.size();
    const auto is_it = [&](const Attempt& one) { return one.candidate == candidate; };
    const bool listed = std::ranges::any_of(plan.attempts, is_it) ||
                        std::ranges::find(plan.rejections, candidate, &Rejection::candidate) != plan.rejections.end();
    if (!listed) consider(*candidate, reason, static_cast<std::uint32_t>(others));
    const auto found = std::ranges::find_if(plan.attempts, is_it);
    if (found == plan.attempts.end()) return std::nullopt;
    Attempt attempt = *found;
    attempt.reason = reason;
    if (!listed) plan.attempts.pop_back();
    return attempt;
  };
  const auto finish = [&] {
    if (question.has_audio) ask_who_reads(plan, &catalog::Model::audio, Why::no_audio);
    if (question.has_pdf) ask_who_reads(plan, &catalog::Model::pdf, Why::no_pdf);
    if (question.has_prefill) ask_who_takes_prefill(plan, question);
    if (plan.attempts.empty()) ask_the_slow(plan, std::move(slow));
    if (plan.attempts.empty()) ask_the_unwell(plan, std::move(unwell));
    if (workload) order(plan.attempts, *workload, plan.objective);
    if (!workload) return;
    const auto reads = [&](const std::optional<Attempt>& attempt) {
      if (attempt && !takes_prefill(*attempt, question)) return false;
      const catalog::Model* model = attempt ? attempt->candidate->model : nullptr;
      return !model || ((!question.has_audio || model->audio) && (!question.has_pdf || model->pdf));
    };
    plan.canary = aside(workload->canary.target, Attempt::Reason::canary);
    if (!reads(plan.canary)) plan.canary.reset();
    plan.shadow = aside(workload->shadow.target, Attempt::Reason::shadow);
    if (!reads(plan.shadow)) plan.shadow.reset();
  };

  if (const config::Target* target = snapshot.find(asked)) {
    plan.kind = target->kind;
    plan.settings = &target->settings;
    plan.attempts.reserve(target->candidates.size());
    const auto reason = target->kind == config::Target::Kind::route    ? Attempt::Reason::listed
                        : target->kind == config::Target::Kind::direct ? Attempt::Reason::asked_for
                                                                       : Attempt::Reason::offers_model;
    for (std::uint32_t i = 0; i < target->candidates.size(); ++i) consider(*target->candidates[i], reason, i);
    finish();
    return plan;
  }
  plan.outside_catalog = std::make_unique<Candidate>(snapshot.outside_catalog(asked));
  if (!plan.outside_catalog->provider) return std::unexpected(unknown_model(asked, snapshot));
  if (!plan.outside_catalog->provider->speaks(question.dialect))
    plan.outside_catalog->takes = snapshot.takes_by_name().find(plan.outside_catalog->model_name.str());
  plan.kind = config::Target::Kind::direct;
  consider(*plan.outside_catalog, Attempt::Reason::asked_for, 0);
  finish();
  return plan;
}

Result<Plan> route_to(std::unique_ptr<Candidate> candidate, catalog::Quote quote, const RouteQuestion& question,
                      const Verdict& verdict, const EngineStates& engines) {
  Plan plan{.model = candidate->name,
            .kind = config::Target::Kind::direct,
            .verdict = verdict,
            .workload = question.workload};
  plan.outside_catalog = std::move(candidate);
  if (auto rejection = rejection_of(*plan.outside_catalog, quote, question, verdict, engines, config::About::no_model))
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
                   const EngineStates& engines, const TargetStates& targets, const TargetSpeeds& speeds) {
  TRY(Plan plan, survey(question, verdict, snapshot, engines, targets, speeds));
  if (plan.attempts.empty()) return std::unexpected(nobody(plan));
  return plan;
}

}  // namespace sluice::gateway
