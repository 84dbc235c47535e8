// Which candidate is asked next, and after which pause: failover, retries with full jitter and a budget, retry-after.
// It asks nobody.
#pragma once

#include <random>
#include <vector>

#include "gateway/call/asking.h"

namespace sluice::gateway {

class Order {
 public:
  Order(const Plan& plan, const config::RetrySettings& retry, Health& health);

  const Attempt& current() const { return plan_.attempts[index_]; }

  // After a failure: false when nobody is left. `pause` is how long to wait before current() is asked.
  bool advance(const Failure& failure, std::minstd_rand& jitter, async::TimePoint now, async::Duration& pause);

 private:
  bool ends_the_call(const Failure& failure) const;

  const Plan& plan_;
  const config::RetrySettings& retry_;
  Health& health_;
  std::vector<bool> hopeless_;                // the same request will not work there, or not soon enough
  std::vector<async::TimePoint> not_before_;  // what each has asked for with retry-after
  std::size_t index_ = 0;
  int round_ = 0;
  int tries_ = 0;              // without the candidates that cannot even be asked
  int unusable_ = 0;           // answers that nobody can read
  bool was_accepted_ = false;  // somebody has failed who found no fault with the request
};

}  // namespace sluice::gateway
