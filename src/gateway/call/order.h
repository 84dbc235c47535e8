// Which candidate is asked next, and after which pause: failover and tries, without asking anybody.
#pragma once

#include <random>
#include <vector>

#include "gateway/call/asking.h"

namespace sluice::gateway {

class Order {
 public:
  Order(const Plan& plan, const config::RetrySettings& retry);

  const Attempt& current() const { return plan_.attempts[index_]; }

  // After a failure: false when nobody is left. `pause` is how long to wait before current() is asked.
  bool advance(const Failure& failure, std::minstd_rand& jitter, async::Duration& pause);

 private:
  const Plan& plan_;
  const config::RetrySettings& retry_;
  std::vector<bool> hopeless_;                          // the same request will not work there, or not soon enough
  std::vector<std::chrono::milliseconds> asked_pause_;  // what each has asked for; 0 = nothing
  std::size_t index_ = 0;
  int round_ = 0;
  int tries_ = 0;  // without the candidates that cannot even be asked
};

}  // namespace sluice::gateway
