// What an Exchange asks of the limits: what it may cost at worst, who of its plan still fits, and what is reserved for
// it. When each of them happens, exchange.cpp says.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "gateway/exchange.h"

namespace sluice::gateway {

// Empty when the price is not known.
std::optional<Money> Exchange::worst_cost(const Attempt& attempt) const {
  if (is_free()) return Money();
  if (request_->target.resource) return std::nullopt;
  constexpr Tokens output_without_a_limit =
      8'192;  // what a model with no known limit may write when the client sets none
  const std::int64_t choices = std::max<std::int64_t>(request_->outline.choices, 1);
  const catalog::Model* model = attempt.candidate->model;
  Tokens limit = model && model->max_output > 0 ? model->max_output : output_without_a_limit;
  // Its dialect requires a limit, so the call sends one.
  if (attempt.lane == Lane::translated && attempt.provider().dialect == dialects::DialectId::anthropic_messages)
    limit = default_output_limit(model);
  const Tokens output = request_->outline.max_output_tokens.value_or(limit) * choices;
  return catalog::upper_bound(attempt.quote, most_tokens(prompt()), output);
}

bool Exchange::asks_for_background() const {
  return dialect_.id() == dialects::DialectId::openai_responses &&
         request_->parsed.root()["background"].boolean() == true;
}

// Reserves what the dearest candidate may cost. Another request may take the money between the look at what is left and
// the reservation; then the candidates are looked at again.
Result<Hold> Exchange::admit() {
  if (in_background_ && has_budget(*principal_, tag_lines_))
    return std::unexpected(Error{.kind = ErrorKind::forbidden,
                                 .message = "background: the price of what goes on after the call is not known here, "
                                            "and this key has a budget",
                                 .hint = "leave it out, or use a key without a budget",
                                 .param = "background",
                                 .code = "unpriced_model"});
  if (has_limits()) go_down_when_full();
  for (;;) {
    leave_out_too_dear();
    const Moment now(start_, gateway_.time.unix_us());
    Result<Hold> hold =
        gateway_.admission.admit(*principal_, worst_case(), now, gateway_.store.refuses_new_work(), tag_lines_);
    if (hold && gateway_.successor)
      CHECK_OK(gateway_.successor->reserve({.request = facts_.request_id,
                                            .key = principal_->key().digest,
                                            .worst = hold->reserved(),
                                            .tokens = expected_need()}));
    if (hold || hold.error().kind != ErrorKind::budget_exceeded) return hold;
    const std::size_t before = plan_->attempts.size();
    leave_out_too_dear();
    if (plan_->attempts.size() == before) return hold;
  }
}

// What this process has not leased of limits that it shares with others. Where a budget has not that much for the
// dearest candidate, the others are looked at again.
async::Task<Result<void>> Exchange::lease(async::Deadline deadline) {
  while (!hold_.complete()) {
    const Moment now(gateway_.time.now(), gateway_.time.unix_us());
    Result<void> leased = co_await gateway_.admission.lease(gateway_.reactor, hold_, deadline, now);
    if (leased || leased.error().kind != ErrorKind::budget_exceeded) co_return leased;
    const std::size_t before = plan_->attempts.size();
    leave_out_too_dear();
    if (plan_->attempts.size() == before) co_return leased;
    CO_TRY(hold_, admit());
  }
  co_return Result<void>();
}

std::optional<Reservation> Exchange::reservation() const {
  if (!hold_.active()) return std::nullopt;
  return Reservation{.request = facts_.request_id,
                     .key = principal_->key().digest,
                     .worst = hold_.reserved(),
                     .tokens = hold_.reserved_tokens()};
}

// Where no candidate fits a limit that names another model, that one is asked, if it can be: under the same verdict,
// and within the same limits. It may have such a limit of its own.
void Exchange::go_down_when_full() {
  constexpr int most_steps = 3;
  if (request_->target.resource || counts()) return;
  const Moment now(start_, gateway_.time.unix_us());
  std::string asked = request_->outline.model;
  for (int step = 0; step < most_steps; ++step) {
    const store::Line* full = nullptr;
    for (const Attempt& attempt : plan_->attempts) {
      const store::Line* line =
          gateway_.admission.first_full(*principal_, tag_lines_, share(attempt), expected_need(), now, true);
      if (!line) return;
      if (!full) full = line;
    }
    if (!full || full->rule.downgrade_to == asked) return;
    Result<Plan> lower = plan(full->rule.downgrade_to, true);
    if (!lower) return;  // the limit itself then says what it has to say
    plan_ = *std::move(lower);
    asked = full->rule.downgrade_to;
    facts_.lowered_by = full->rule.id;
    gateway_.admission.tell(full->rule, LimitEvent::What::lowered, 0, {});
  }
}

// Whoever does not fit some limit is not asked. When that is everybody, admission says so.
void Exchange::leave_out_too_dear() {
  if (!has_limits()) return;
  const Moment now(start_, gateway_.time.unix_us());
  const Tokens tokens = expected_need();
  std::vector<bool> too_dear;
  for (const Attempt& attempt : plan_->attempts)
    too_dear.push_back(gateway_.admission.first_full(*principal_, tag_lines_, share(attempt), tokens, now, false));
  if (std::ranges::find(too_dear, false) == too_dear.end()) return;
  std::size_t at = 0;
  std::erase_if(plan_->attempts, [&](const Attempt& attempt) {
    if (!too_dear[at++]) return false;
    plan_->rejections.push_back({.candidate = attempt.candidate, .why = Rejection::Why::over_budget});
    return true;
  });
}

Share Exchange::share(const Attempt& attempt) const {
  return {.target = {.provider = attempt.provider().id.str(), .model = attempt.model().str()},
          .cost = worst_cost(attempt)};
}

// For the rate, what will probably be used: a limit nobody means to reach would block a key for minutes.
Tokens Exchange::expected_need() const {
  if (counts() || request_->target.resource) return 0;
  return expected_tokens(prompt()) + request_->outline.max_output_tokens.value_or(0);
}

// The dearest candidate decides: a failover must not pass a limit either.
Need Exchange::worst_case() {
  Need need{.worst_cost = Money(), .tokens = expected_need()};
  if (!has_limits()) return need;
  shares_.clear();
  for (const Attempt& attempt : plan_->attempts) {
    const Share& one = shares_.emplace_back(share(attempt));
    if (!one.cost)
      need.worst_cost.reset();
    else if (need.worst_cost)
      need.worst_cost = std::max(*need.worst_cost, *one.cost);
  }
  need.candidates = shares_;
  return need;
}

}  // namespace sluice::gateway
