// Two candidates asked at the same time: the second when the first has not begun to answer after a while. Who begins
// first answers; the other is cancelled, and paid as far as it went.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/call/call.h"

namespace sluice::gateway {

// What one step of a call came to: an answer, and who has failed or lost, in the plan's order.
struct Step {
  std::unique_ptr<Reply> reply;
  std::string held;
  std::vector<Failure> failures;
  async::Duration waited{0};  // for providers
};

// Whether the breaker lets this candidate be asked now; as a probe, perhaps.
bool may_ask(Health& health, const Attempt& attempt, async::TimePoint now);

// Whether the plan's first candidate may get a second call beside it: its route must want that, and the second one must
// cost no more than the route's cap at worst.
bool may_hedge(const Gateway& gateway, const Plan& plan, const Question& question, const Purse& purse);

// Asks the plan's first candidate, and the second beside it when that is due and the key's budget has room for both.
async::Task<Step> ask_two(Gateway& gateway, const Plan& plan, Question& question, const config::Snapshot& snapshot,
                          const Purse& purse, async::Deadline deadline);

}  // namespace sluice::gateway
