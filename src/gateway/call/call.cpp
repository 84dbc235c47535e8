#include "gateway/call/call.h"

#include <algorithm>

#include "gateway/call/order.h"

namespace sluice::gateway {

int CallOutcome::attempts() const {
  return static_cast<int>(std::ranges::count(failures, true, &Failure::asked)) + (reply ? 1 : 0);
}

Failure& CallOutcome::last_failure() {
  if (failures.back().error.kind == ErrorKind::client_gone) return failures.back();
  const auto asked = std::ranges::find(failures.rbegin(), failures.rend(), true, &Failure::asked);
  return asked == failures.rend() ? failures.back() : *asked;
}

async::Task<CallOutcome> call(Gateway& gateway, const Plan& plan, Question& question,
                              const config::RetrySettings& retry, const Affordable& affordable,
                              async::Deadline deadline) {
  CallOutcome outcome;
  Order order(plan, retry);
  for (;;) {
    Asking asking(gateway, order.current(), question, retry, deadline);
    outcome.reply = co_await asking.run(outcome.held);
    outcome.waited += asking.waited();
    if (outcome.reply) co_return outcome;
    outcome.failures.push_back(asking.take_failure());
    async::Duration pause;
    if (!order.advance(outcome.failures.back(), gateway.jitter, pause)) co_return outcome;
    if (!affordable(outcome.failures, order.current())) co_return outcome;
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
