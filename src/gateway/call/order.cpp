#include "gateway/call/order.h"

#include <algorithm>

namespace sluice::gateway {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_pause{5'000};  // a provider that asks for more is not waited for

}  // namespace

Order::Order(const Plan& plan, const config::RetrySettings& retry)
    : plan_(plan), retry_(retry), hopeless_(plan.attempts.size()), asked_pause_(plan.attempts.size()) {}

bool Order::advance(const Failure& failure, std::minstd_rand& jitter, async::Duration& pause) {
  const Error& error = failure.error;
  pause = {};
  if (failure.asked || error.retry == Retry::anywhere) ++tries_;
  if (error.kind == ErrorKind::client_gone || error.retry == Retry::never) return false;
  asked_pause_[index_] = error.retry_after.value_or(milliseconds(0));
  hopeless_[index_] = error.retry == Retry::elsewhere || asked_pause_[index_] > longest_pause;
  while (++index_ < plan_.attempts.size() && hopeless_[index_]) {
  }
  if (round_ > 0 && tries_ >= retry_.attempts) return false;
  if (index_ < plan_.attempts.size()) return true;  // another one is asked at once, whatever this one wants
  if (tries_ >= retry_.attempts) return false;
  const auto again = std::ranges::find(hopeless_, false);
  if (again == hopeless_.end()) return false;
  index_ = static_cast<std::size_t>(again - hopeless_.begin());
  // Exponential, with full jitter, so that many clients do not come back together.
  const auto most = milliseconds(retry_.pause_ms) * (1 << std::min(round_++, 6));
  pause = asked_pause_[index_] > milliseconds(0)
              ? asked_pause_[index_]
              : milliseconds(std::uniform_int_distribution<std::int64_t>(most.count() / 4, most.count())(jitter));
  return true;
}

}  // namespace sluice::gateway
