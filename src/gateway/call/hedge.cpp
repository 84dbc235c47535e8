#include "gateway/call/hedge.h"

#include <algorithm>
#include <span>
#include <utility>

#include "async/scope.h"

namespace sluice::gateway {
namespace {

// Lives in the call's coroutine; its jobs end before it does.
class Race {
 public:
  Race(Gateway& gateway, const Plan& plan, Question& question, const config::Snapshot& snapshot,
       async::Deadline deadline)
      : gateway_(gateway),
        first_{.asking = {gateway, plan, plan.attempts[0], question, snapshot, deadline}},
        second_{.asking = {gateway, plan, plan.attempts[1], question, snapshot, deadline}} {}

  void start_first() { start(first_); }
  void start_second() { start(second_); }
  bool over() const { return first_.reply || second_.reply || (first_.is_out() && second_.is_out()); }
  // Until somebody has come to an end, or `until`.
  async::Task<> wait(async::TimePoint until) {
    async::Cancel bell;
    bell_ = &bell;
    if (!news_) co_await gateway_.reactor.scheduler().sleep({until, &bell});
    bell_ = nullptr;
    news_ = false;
  }
  // Cancels who is still under way.
  Step end() {
    Step step;
    step.waited = std::max(first_.asking.waited(), second_.asking.waited());
    for (Runner* one : {&first_, &second_}) {
      if (one->reply && !step.reply) {
        step.reply = std::move(one->reply);
        step.held = std::move(one->held);
      } else if (one->started) {
        step.failures.push_back(one->done && !one->reply ? one->asking.take_failure() : loss_of(*one));
      }
    }
    jobs_.cancel_all();
    return step;
  }

 private:
  struct Runner {
    Asking asking;
    std::string held = {};
    std::unique_ptr<Reply> reply = {};
    bool started = false;
    bool done = false;
    bool is_out() const { return done || !started; }
  };

  // Both may have begun to answer in the same moment.
  static Failure loss_of(const Runner& runner) {
    Failure lost = runner.asking.outpaced();
    if (runner.reply) {
      lost.usage = runner.reply->usage();
      lost.output_bytes = runner.reply->output_bytes();
    }
    return lost;
  }
  void start(Runner& runner) {
    runner.started = true;
    jobs_.spawn(run, this, &runner);
  }
  static async::Task<> run(Race* race, Runner* runner) {
    runner->reply = co_await runner->asking.run(runner->held);
    runner->done = true;
    race->news_ = true;
    if (race->bell_) race->bell_->fire();
  }

  Gateway& gateway_;
  Runner first_;
  Runner second_;
  async::Cancel* bell_ = nullptr;  // of the wait under way
  bool news_ = false;              // somebody has come to an end since the last wait
  async::Scope jobs_;              // last: they use all of the above
};

// Whoever wins, both must fit the key's budget: the winner's worst case and what the loser has read.
bool affords_both(const Plan& plan, const Purse& purse) {
  for (const std::size_t loser : {std::size_t{0}, std::size_t{1}}) {
    const Failure lost{.attempt = &plan.attempts[loser], .at_work = true};
    if (!purse.affords(std::span(&lost, 1), plan.attempts[1 - loser])) return false;
  }
  return true;
}

}  // namespace

bool may_ask(Health& health, const Attempt& attempt, async::TimePoint now) {
  const bool least_bad =
      attempt.health.kind == TargetState::Kind::resting || attempt.health.kind == TargetState::Kind::open;
  return least_bad || health.may_ask(attempt.candidate->name, now);
}

bool may_hedge(const Gateway& gateway, const Plan& plan, const Question& question, const Purse& purse) {
  if (!plan.settings || plan.settings->hedge_after_ms == 0 || plan.attempts.size() < 2 || question.resource())
    return false;
  // While calls fail there is failing over, and no second call to probe with.
  if (!gateway.health.quiet(gateway.reactor.now())) return false;
  const std::optional<Money> worst = purse.worst_cost(plan.attempts[1]);
  return worst && *worst <= plan.settings->hedge_most;
}

async::Task<Step> ask_two(Gateway& gateway, const Plan& plan, Question& question, const config::Snapshot& snapshot,
                          const Purse& purse, async::Deadline deadline) {
  Race race(gateway, plan, question, snapshot, deadline);
  race.start_first();
  co_await race.wait(gateway.reactor.now() + std::chrono::milliseconds(plan.settings->hedge_after_ms));
  if (!race.over() && affords_both(plan, purse)) race.start_second();
  while (!race.over()) co_await race.wait(async::TimePoint::max());
  co_return race.end();
}

}  // namespace sluice::gateway
