#include "gateway/route/plan.h"

#include <algorithm>

namespace sluice::gateway {

std::string_view name(Rejection::Why why) {
  switch (why) {
    case Rejection::Why::data_class: return "data_class";
    case Rejection::Why::not_enabled: return "not_enabled";
    case Rejection::Why::retired: return "retired";
    case Rejection::Why::unpriced: return "unpriced";
    case Rejection::Why::over_budget: return "over_budget";
    case Rejection::Why::internal_link: return "internal_link";
    case Rejection::Why::context_too_small: return "context_too_small";
    case Rejection::Why::no_such_call: return "no_such_call";
    case Rejection::Why::kept_elsewhere: return "kept_elsewhere";
    case Rejection::Why::no_tools: return "no_tools";
    case Rejection::Why::no_images: return "no_images";
    case Rejection::Why::no_audio: return "no_audio";
    case Rejection::Why::no_pdf: return "no_pdf";
    case Rejection::Why::no_prefill: return "no_prefill";
    case Rejection::Why::engine_not_ready: return "engine_not_ready";
    case Rejection::Why::resting: return "resting";
    case Rejection::Why::breaker_open: return "breaker_open";
    case Rejection::Why::workload_rule: return "workload_rule";
    case Rejection::Why::request_too_dear: return "max_usd_per_request";
    case Rejection::Why::input_too_dear: return "max_input_usd";
    case Rejection::Why::output_too_dear: return "max_output_usd";
    case Rejection::Why::too_slow: return "max_first_token_ms";
    case Rejection::Why::too_many_errors: return "max_error_percent";
  }
  return "unknown";
}

std::string_view rule_name(const Rejection& rejection) {
  return rejection.why == Rejection::Why::workload_rule ? config::name(rejection.unmet) : name(rejection.why);
}

std::string_view name(Attempt::Reason reason) {
  switch (reason) {
    case Attempt::Reason::asked_for: return "asked_for";
    case Attempt::Reason::listed: return "listed";
    case Attempt::Reason::offers_model: return "offers_model";
    case Attempt::Reason::knows_prompt: return "knows_prompt";
    case Attempt::Reason::keeps_session: return "keeps_session";
    case Attempt::Reason::least_loaded: return "least_loaded";
    case Attempt::Reason::cheapest: return "cheapest";
    case Attempt::Reason::fastest: return "fastest";
    case Attempt::Reason::best: return "best";
    case Attempt::Reason::weighted: return "weighted";
    case Attempt::Reason::canary: return "canary";
    case Attempt::Reason::shadow: return "shadow";
  }
  return "unknown";
}

namespace {

std::string usd(std::int64_t pico) { return Money::pico(pico).usd() + " USD"; }

// "4.2 s"
std::string seconds_text(std::chrono::milliseconds time) {
  const std::int64_t tenths = (time.count() + 99) / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

std::string cost_words(const Attempt& attempt) {
  return attempt.expected_cost ? "about " + attempt.expected_cost->usd() + " USD" : std::string("unpriced");
}

std::string time_words(const Attempt& attempt) {
  return attempt.expected_us < 0 ? std::string("not measured")
                                 : "about " + seconds_text(std::chrono::milliseconds(attempt.expected_us / 1'000));
}

std::string quality_words(const Attempt& attempt, const Plan& plan) {
  if (!plan.workload || plan.workload->quality.empty() || !attempt.candidate->model) return "quality not known";
  const auto& marks = attempt.candidate->model->benchmarks;
  const auto mark = std::ranges::find(marks, plan.workload->quality, &catalog::Benchmark::metric);
  return mark == marks.end() ? plan.workload->quality + " not known" : plan.workload->quality + " " + mark->value;
}

std::string choice_text(const Attempt& attempt, const Plan& plan) {
  switch (attempt.reason) {
    case Attempt::Reason::asked_for: return "asked for by name";
    case Attempt::Reason::listed: return "number " + std::to_string(attempt.position + 1) + " in `" + plan.model + "`";
    case Attempt::Reason::offers_model: return "offers " + plan.model;
    case Attempt::Reason::knows_prompt: return "has had the prompt's beginning before";
    case Attempt::Reason::keeps_session: return "has the session";
    case Attempt::Reason::least_loaded: return "has the least to do of those that serve the model";
    case Attempt::Reason::cheapest: return "by price: " + cost_words(attempt);
    case Attempt::Reason::fastest: return "by time: " + time_words(attempt);
    case Attempt::Reason::best: return "by quality: " + quality_words(attempt, plan) + ", " + cost_words(attempt);
    case Attempt::Reason::canary: return "canary of `" + plan.workload->name + "`";
    case Attempt::Reason::shadow: return "shadow of `" + plan.workload->name + "`";
    case Attempt::Reason::weighted:
      return "weighted: " + cost_words(attempt) + ", " + time_words(attempt) + ", " + quality_words(attempt, plan);
  }
  return {};
}

}  // namespace

void put_canary_first(Plan& plan) {
  std::erase_if(plan.attempts, [&](const Attempt& one) { return one.candidate == plan.canary->candidate; });
  plan.attempts.insert(plan.attempts.begin(), *plan.canary);
}

std::string reason_text(const Attempt& attempt, const Plan& plan) {
  const std::string choice = choice_text(attempt, plan);
  switch (attempt.health.kind) {
    case TargetState::Kind::well: return choice;
    case TargetState::Kind::half_open: return choice + "; its calls have failed, so the next request is the probe";
    case TargetState::Kind::resting: return choice + "; has asked to be left alone, but nobody else is left";
    case TargetState::Kind::open: return choice + "; its calls fail, but nobody else is left";
  }
  return choice;
}

std::string reason_text(const Rejection& rejection, const Plan& plan) {
  switch (rejection.why) {
    case Rejection::Why::data_class: return std::string(rule_text(plan.verdict.rule));
    case Rejection::Why::not_enabled:
      return rejection.candidate->provider->how_to_enable.empty() ? "the provider is switched off"
                                                                  : rejection.candidate->provider->how_to_enable;
    case Rejection::Why::retired: {
      const catalog::Retirement& retirement = *rejection.candidate->model->retires;
      return "the provider has retired it on " + catalog::date_text(retirement.day) +
             (retirement.successor.empty() ? "" : "; it names " + retirement.successor + " as its successor");
    }
    case Rejection::Why::unpriced: return "no price is known, and a budget or a ceiling on prices needs one";
    case Rejection::Why::over_budget: return "a limit has less left than its longest answer may cost";
    case Rejection::Why::context_too_small:
      return "needs at least " + std::to_string(rejection.needed) + " tokens, the model has " +
             std::to_string(rejection.limit);
    case Rejection::Why::no_such_call: return "its API has no such call";
    case Rejection::Why::kept_elsewhere: return "another provider keeps what the request names";
    case Rejection::Why::internal_link:
      return "it would open a link of `" + rejection.link.member + "` inside your network (" + rejection.link.host +
             ")";
    case Rejection::Why::no_tools: return "the model has no tools";
    case Rejection::Why::no_images: return "the model does not read images";
    case Rejection::Why::no_audio: return "the model does not hear sound, and another does";
    case Rejection::Why::no_pdf: return "the model does not read PDF, and another does";
    case Rejection::Why::no_prefill: return "it does not go on from a last message of the assistant, and another does";
    case Rejection::Why::engine_not_ready: return "its engine is not ready";
    case Rejection::Why::resting:
      return "it has asked to be left alone for another " + seconds_text(rejection.again_in);
    case Rejection::Why::breaker_open:
      return "its calls fail; it is left alone for another " + seconds_text(rejection.again_in);
    case Rejection::Why::workload_rule:
      return config::unmet_text(rejection.unmet, *plan.workload, *rejection.candidate);
    case Rejection::Why::request_too_dear:
      return "its longest answer may cost " + usd(rejection.needed) + ", above " + usd(rejection.limit);
    case Rejection::Why::input_too_dear:
      return "a million input tokens cost " + usd(rejection.needed) + ", above " + usd(rejection.limit);
    case Rejection::Why::output_too_dear:
      return "a million output tokens cost " + usd(rejection.needed) + ", above " + usd(rejection.limit);
    case Rejection::Why::too_slow:
      return "its first token took " + std::to_string(rejection.needed) + " ms of late, above " +
             std::to_string(rejection.limit) + " ms";
    case Rejection::Why::too_many_errors:
      return std::to_string(rejection.needed) + " % of its calls failed of late, above " +
             std::to_string(rejection.limit) + " %";
  }
  return {};
}

}  // namespace sluice::gateway
