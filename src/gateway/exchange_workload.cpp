// What an Exchange does for the workload that its request belongs to: which one that is, what is measured for it, its
// canary, and its cascade. When each of them happens, exchange.cpp says.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "difficulty/features.h"
#include "gateway/exchange.h"
#include "gateway/respond/answer_check.h"
#include "gateway/respond/stream_text.h"
#include "gateway/route/workload.h"
#include "gateway/shadow.h"

namespace sluice::gateway {

using std::chrono::duration_cast;
using std::chrono::microseconds;

namespace {

difficulty::Features features_of(json::Value body, const dialects::RequestOutline& outline, std::size_t prompt_bytes,
                                 const Signals& signals) {
  const std::string text = newest_text(body, most_signal_bytes);
  return difficulty::features_of({.text = text,
                                  .prompt_bytes = prompt_bytes,
                                  .turns = signals.turns,
                                  .language = signals.language,
                                  .max_output_tokens = outline.max_output_tokens.value_or(0),
                                  .code = signals.code,
                                  .tools = outline.has_tools,
                                  .images = outline.images > 0,
                                  .wants_schema = wants_schema(body)});
}

}  // namespace

// The class of requests that it belongs to, by the configuration; null: none.
const config::Workload* Exchange::workload() {
  if (snapshot_->workloads().empty()) return nullptr;
  std::optional<Signals> read;
  const auto signals = [&]() -> const Signals& {
    if (!read) read = read_signals(request_->parsed.root());
    return *read;
  };
  std::optional<difficulty::Features> features;
  const auto look = [&]() -> const difficulty::Features& {
    if (!features) features = features_of(request_->parsed.root(), request_->outline, prompt().text_bytes, signals());
    return *features;
  };
  const difficulty::Model* model = snapshot_->difficulty_model();
  const auto score = [&] {
    if (!difficulty_) difficulty_ = model->score(look());
    return *difficulty_;
  };
  const dialects::RequestOutline& outline = request_->outline;
  const WorkloadQuestion question{.key_id = principal_->id().str(),
                                  .key_name = principal_->name(),
                                  .team = principal_->key().team,
                                  .tags = tags_,
                                  .model = outline.model,
                                  .path = client_.head().path,
                                  .header = [&](std::string_view name) { return client_.head().get(name); },
                                  .has_tools = outline.has_tools,
                                  .has_images = outline.images > 0,
                                  .has_audio = attachments().audio,
                                  .has_pdf = attachments().pdf,
                                  .prompt_tokens = expected_tokens(prompt()),
                                  .signals = signals,
                                  .difficulty = model ? std::function<double()>(score) : nullptr};
  const config::Workload* found = workload_of(question, snapshot_->workloads());
  if (found && model && found->best_from_difficulty_percent > 0) score();
  if (found && found->learn) features_ = difficulty::pack(look());
  return found;
}

// Read while the request is there, by those for whom it makes a difference.
const Attachments& Exchange::attachments() const {
  if (!attachments_) attachments_ = read_attachments(request_->parsed.root());
  return *attachments_;
}

// Of the budget that has the least left; what requests under way may cost counts as spent.
int Exchange::budget_left_percent() const {
  int least = 100;
  const std::int64_t now_us = gateway_.time.unix_us();
  const auto look = [&](const std::shared_ptr<const store::Line>& line) {
    if (line->rule.unit != store::LimitUnit::money || !line->rule.of_any_model()) return;
    const store::Account::Standing standing = line->state->account.standing(now_us);
    const double used = static_cast<double>((standing.spent + standing.held).pico());
    const double left = line->rule.amount > 0 ? 1 - used / static_cast<double>(line->rule.amount) : 0;
    least = std::min(least, static_cast<int>(std::clamp(left, 0.0, 1.0) * 100));
  };
  std::ranges::for_each(principal_->lines(), look);
  std::ranges::for_each(tag_lines_, look);
  return least;
}

// How fast the targets are is looked at where some workload goes by it.
void Exchange::measure(const CallOutcome& outcome, async::TimePoint began) {
  if (snapshot_->workloads().empty() || request_->target.resource || counts()) return;
  const async::TimePoint now = gateway_.reactor.now();
  for (const Failure& failure : outcome.failures)
    if (!failure.ours && !failure.outpaced && is_targets_fault(failure.error))
      gateway_.speeds.failed(failure.attempt->candidate->name, now);
  if (outcome.reply && outcome.failures.empty()) asked_at_ = began;
}

// The canary of its workload is asked first by the share of the requests that it has.
void Exchange::offer_canary() {
  if (!workload_ || !plan_->canary || counts() || request_->target.resource) return;
  if (gateway_.canaries.take(*workload_)) put_canary_first(*plan_);
}

void Exchange::offer_shadow() {
  if (!workload_ || !plan_->shadow || !gateway_.background || counts() || request_->target.resource) return;
  shadowed_ = gateway_.shadows.take(*workload_);
}

void Exchange::read_for_shadow(const Reply& reply) {
  const auto parsed = json::Document::parse(reply.body);
  if (!parsed) return;
  note_said(read_answer(dialect_.id(), parsed->root()));
}

// Of the client's answer, for the report on its shadow.
void Exchange::note_said(std::optional<AnswerText> answer) {
  if (!answer) return;
  refused_ = answer->refused;
  was_cut_ = answer->cut;
  called_tool_ = answer->calls_tool;
  text_ = std::move(answer->text);
}

bool Exchange::checks_streams() const {
  return workload_ && workload_->cascade.on() && workload_->cascade.hold_streams && request_->outline.stream &&
         !request_->target.resource;
}

// The client has its answer; what the shadow costs is reserved and billed like everything else, and where there is not
// enough left for it, it is left out. It makes no failed request worse: those have none.
void Exchange::start_shadow() {
  const Attempt& attempt = *plan_->shadow;
  if (outcome_ != store::Outcome::ok || !accounted_ || facts_.attempt->candidate == attempt.candidate) return;
  if (!gateway_.shadows.begin(*workload_)) return;
  const Share most = share(attempt);
  const Need need{.worst_cost = most.cost, .inherited = true, .candidates = std::span(&most, 1)};
  const Moment now(gateway_.time.now(), gateway_.time.unix_us());
  Result<Hold> hold = fail(ErrorKind::unavailable, "another process keeps the budgets");
  if (!gateway_.successor)
    hold = gateway_.admission.admit(*principal_, need, now, gateway_.store.refuses_new_work(), tag_lines_);
  if (!hold || !hold->complete()) {
    gateway_.shadows.skipped(*workload_);
    return gateway_.shadows.end(*workload_);
  }
  auto call = std::make_unique<ShadowCall>();
  call->snapshot = snapshot_;
  call->workload = workload_;
  call->dialect = &dialect_;
  call->head = head_text(client_.head());
  call->row = entry(attempt, facts_.attempts + 1, false);
  call->row.tags = tags_;
  call->row.ttft_us = -1;
  call->hold = *std::move(hold);
  call->text_bytes = prompt().text_bytes;
  call->images = prompt().images;
  call->client = {.cost = accounted_->cost,
                  .us = duration_cast<microseconds>(waited_).count(),
                  .output = accounted_->usage.output + accounted_->usage.reasoning,
                  .refused = refused_,
                  .cut = was_cut_,
                  .calls_tool = called_tool_,
                  .text = std::move(text_)};
  call->plan.model = plan_->model;
  call->plan.kind = plan_->kind;
  call->plan.verdict = verdict_;
  call->plan.workload = workload_;
  call->plan.attempts.push_back(attempt);
  call->request = std::move(request_);
  gateway_.background->jobs.spawn(run_shadow, &gateway_, std::move(call));
}

// How who was asked first has done.
void Exchange::note_canary(const CallOutcome& outcome) {
  if (!workload_ || !workload_->canary.on() || counts() || request_->target.resource) return;
  const Attempt* first = plan_->attempts.data();
  const bool is_canary = first->reason == Attempt::Reason::canary;
  const auto failure = std::ranges::find(outcome.failures, first, &Failure::attempt);
  if (failure != outcome.failures.end()) {
    if (!failure->ours && !failure->outpaced && is_targets_fault(failure->error))
      gateway_.canaries.note(*workload_, is_canary, true, 0);
  } else if (outcome.reply && outcome.reply->attempt == first) {
    gateway_.canaries.note(*workload_, is_canary, false, duration_cast<microseconds>(outcome.waited).count());
  }
}

// Cheap first: an answer that fails a check of its workload's cascade is booked as one that failed, and those after it
// in the plan are asked. Where that costs more than there is, or nobody of them answers, the client gets what there
// was.
async::Task<> Exchange::escalate(CallOutcome& outcome, Question& asked, async::Deadline deadline) {
  if (!workload_ || !workload_->cascade.on() || counts() || request_->target.resource) co_return;
  const Plan* current = &*plan_;
  while (outcome.reply && outcome.reply->status == 200) {
    Reply& reply = *outcome.reply;
    if (reply.streaming() && !(checks_streams() && reply.complete())) co_return;
    std::optional<config::Check> failed;
    if (reply.streaming()) {
      StreamText said(dialect_, reply.json_array);
      said.feed(outcome.held);
      const std::optional<AnswerText> answer = said.done();
      if (!answer) co_return;  // its client knows what it is, we do not
      failed = failed_check(workload_->cascade, dialect_.id(), request_->parsed.root(), *answer);
    } else {
      failed = failed_check(workload_->cascade, dialect_.id(), request_->parsed.root(), reply.body);
    }
    if (checked_.empty()) {
      checked_ = reply.attempt->candidate->name;
      if (failed) check_ = config::name(*failed);
    }
    const auto after = static_cast<std::size_t>(reply.attempt - current->attempts.data()) + 1;
    if (!failed || after >= current->attempts.size()) co_return;
    Failure not_good_enough{
        .attempt = reply.attempt,
        .error = {.kind = ErrorKind::provider_unreachable,
                  .message = "the answer has failed the check " + std::string(config::name(*failed)),
                  .provider_status = reply.status},
        .asked = true,
        .reached = true,
        .at_work = true,
        .escalated = true,
        .usage = reply.usage(),
        .output_bytes = reply.output_bytes()};
    std::vector<Failure> before = outcome.failures;
    before.push_back(not_good_enough);
    const auto affords = [&](std::span<const Failure> failures, const Attempt& next) {
      std::vector<Failure> all = before;
      all.insert(all.end(), failures.begin(), failures.end());
      return is_affordable(all, next);
    };
    if (!affords({}, current->attempts[after])) co_return;
    const Purse purse{.affords = affords, .worst_cost = [&](const Attempt& attempt) { return worst_cost(attempt); }};
    Plan& rest = *rests_.emplace_back(std::make_unique<Plan>());
    rest.model = current->model;
    rest.kind = current->kind;
    rest.verdict = current->verdict;
    rest.workload = current->workload;
    rest.objective = current->objective;
    rest.settings = current->settings;
    rest.attempts.assign(current->attempts.begin() + static_cast<std::ptrdiff_t>(after), current->attempts.end());
    reply.places = {};  // it is complete, and the next one may need them
    CallOutcome next = co_await call(gateway_, rest, asked, *snapshot_, purse, deadline);
    outcome.waited += next.waited;
    if (next.reply) outcome.failures.push_back(std::move(not_good_enough));
    std::ranges::move(next.failures, std::back_inserter(outcome.failures));
    if (!next.reply) co_return;
    facts_.escalated = before.back().attempt->candidate->name + ": " + std::string(config::name(*failed));
    outcome.reply = std::move(next.reply);
    outcome.held = std::move(next.held);
    current = &rest;
  }
}

void Exchange::note_workload(AuditRecord& done) const {
  done.workload = workload_->name;
  done.canary = plan_ && !plan_->attempts.empty() && plan_->attempts.front().reason == Attempt::Reason::canary;
  done.escalated = facts_.escalated;
  done.checked = checked_;
  done.check = check_;
  if (difficulty_) done.difficulty_permille = static_cast<int>(std::lround(*difficulty_ * 1000));
  done.features = features_;
}

// What was waited for the client is in it: a moving mean of many clients says who is slow all the same.
void Exchange::measure(const Reply& reply, async::TimePoint end) {
  if (!asked_at_) return;
  const auto since = [&](async::TimePoint time) { return duration_cast<microseconds>(time - *asked_at_).count(); };
  const chat::Usage usage = usage_of(reply.usage(), reply.output_bytes());
  gateway_.speeds.answered(reply.attempt->candidate->name, first_token_ ? since(*first_token_) : -1, since(end),
                           usage.output + usage.reasoning, gateway_.reactor.now());
}

}  // namespace sluice::gateway
