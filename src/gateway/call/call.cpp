#include "gateway/call/call.h"

#include <algorithm>
#include <iterator>

#include "gateway/call/hedge.h"
#include "gateway/call/order.h"

namespace sluice::gateway {

int CallOutcome::attempts() const {
  return static_cast<int>(std::ranges::count(failures, true, &Failure::asked)) + (reply ? 1 : 0);
}

Failure& CallOutcome::last_failure() {
  if (failures.back().error.kind == ErrorKind::client_gone) return failures.back();
  const auto last = [&](const auto& counts) {
    const auto found = std::ranges::find_if(failures.rbegin(), failures.rend(), counts);
    return found == failures.rend() ? nullptr : &*found;
  };
  // A fallback's complaint about a request that another candidate has taken says nothing to the client.
  Failure* told = nullptr;
  if (std::ranges::any_of(failures, took_the_request))
    told = last([](const Failure& one) { return one.asked && !is_complaint(one.error); });
  if (!told) told = last([](const Failure& one) { return one.asked; });
  return told ? *told : failures.back();
}

namespace {

// A breaker lets one probe through; who comes after it is told so without asking.
Failure left_alone(const Attempt& attempt) {
  return {
      .attempt = &attempt,
      .error = {.kind = ErrorKind::unavailable,
                .message = "the provider '" + attempt.provider().id.str() + "' is left alone because its calls fail",
                .hint = "try again in a few seconds",
                .retry = Retry::elsewhere,
                .retry_after = std::max(attempt.health.again_in, std::chrono::milliseconds(1'000))}};
}

void report(Health& health, const Failure& failure, async::TimePoint now, const config::BreakerSettings& breaker) {
  const std::string& target = failure.attempt->candidate->name;
  if (!failure.ours && is_targets_fault(failure.error))
    health.failed(target, now, breaker, failure.error);
  else
    health.undecided(target);
}

async::Task<Step> ask_one(Gateway& gateway, const Plan& plan, const Attempt& attempt, Question& question,
                          const config::Snapshot& snapshot, async::Deadline deadline) {
  Step step;
  if (!may_ask(gateway.health, attempt, gateway.reactor.now())) {
    step.failures.push_back(left_alone(attempt));
    co_return step;
  }
  Asking asking(gateway, plan, attempt, question, snapshot, deadline);
  step.reply = co_await asking.run(step.held);
  step.waited = asking.waited();
  if (!step.reply) step.failures.push_back(asking.take_failure());
  co_return step;
}

}  // namespace

async::Task<CallOutcome> call(Gateway& gateway, const Plan& plan, Question& question, const config::Snapshot& snapshot,
                              const Purse& purse, async::Deadline deadline) {
  Health& health = gateway.health;
  CallOutcome outcome;
  Order order(plan, snapshot.retry(), health);
  bool hedge = may_hedge(gateway, plan, question, purse);
  for (;;) {
    Step step;
    if (hedge)
      step = co_await ask_two(gateway, plan, question, snapshot, purse, deadline);
    else
      step = co_await ask_one(gateway, plan, order.current(), question, snapshot, deadline);
    hedge = false;
    outcome.waited += step.waited;
    for (const Failure& failure : step.failures) report(health, failure, gateway.reactor.now(), snapshot.breaker());
    const std::size_t before = outcome.failures.size();
    std::ranges::move(step.failures, std::back_inserter(outcome.failures));
    if (step.reply) {
      health.succeeded(step.reply->attempt->candidate->name, gateway.reactor.now());
      outcome.reply = std::move(step.reply);
      outcome.held = std::move(step.held);
      co_return outcome;
    }
    async::Duration pause{};
    for (std::size_t i = before; i < outcome.failures.size(); ++i)
      if (!order.advance(outcome.failures[i], gateway.jitter, gateway.reactor.now(), pause)) co_return outcome;
    if (!purse.affords(outcome.failures, order.current())) co_return outcome;
    if (gateway.reactor.now() >= deadline.at) co_return outcome;  // an answer would come too late, and be billed
    if (pause > async::Duration(0)) {
      if (gateway.reactor.now() + pause >= deadline.at) co_return outcome;
      const async::TimePoint begin = async::Clock::now();
      co_await gateway.reactor.scheduler().sleep(deadline.earlier(gateway.reactor.now() + pause));
      outcome.waited += async::Clock::now() - begin;
      if (deadline.cancel && deadline.cancel->fired()) {
        outcome.failures.push_back(
            {.attempt = &order.current(),
             .error = {.kind = ErrorKind::client_gone, .message = "the client closed the connection"}});
        co_return outcome;
      }
    }
  }
}

}  // namespace sluice::gateway
