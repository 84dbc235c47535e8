// call: asks the plan's candidates, one after the other, until one gives an answer worth passing on. Everything here
// happens before the client has received a byte; what comes after the first token is respond's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gateway/call/asking.h"
#include "gateway/call/question.h"

namespace sluice::gateway {

struct CallOutcome {
  std::unique_ptr<Reply> reply;   // null: nobody answered, the last failure is the answer
  std::string held;               // a stream's bytes up to its first token, in the client's dialect
  std::vector<Failure> failures;  // in the order of the attempts
  async::Duration waited{0};      // for providers, until the answer or the first token, and between attempts
  int attempts() const;           // how many candidates were called
  // What the client is told when nobody answered: the last one that was called, for it has said something; else the
  // last one that could not even be called. Not a fallback's complaint about what another one had taken.
  Failure& last_failure();
};

// Tries, fails over and tries again as the Snapshot's retry settings say. `deadline` bounds it all and ends it when the
// client leaves. `plan` has at least one attempt.
// `purse` is asked before another candidate is: what has failed may have cost something.
struct Purse {
  std::function<bool(std::span<const Failure>, const Attempt& next)> affords;  // false ends the call
  std::function<std::optional<Money>(const Attempt&)> worst_cost;              // empty: the price is not known
};
async::Task<CallOutcome> call(Gateway& gateway, const Plan& plan, Question& question, const config::Snapshot& snapshot,
                              const Purse& purse, async::Deadline deadline);

}  // namespace sluice::gateway
