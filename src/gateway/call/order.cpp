#include "gateway/call/order.h"

#include <algorithm>

namespace sluice::gateway {

using std::chrono::milliseconds;

namespace {
// Each may have been generated, and billed, in full. One of them is that provider's fault; another one may be about the
// request.
constexpr int most_unusable = 1;
}  // namespace

Order::Order(const Plan& plan, const config::RetrySettings& retry, Health& health)
    : plan_(plan), retry_(retry), health_(health), hopeless_(plan.attempts.size()), not_before_(plan.attempts.size()) {}

// A complaint about the request is the answer, and a content filter's refusal is always. Only where another candidate
// had taken the same request, and then failed, a fallback's complaint is about the fallback.
bool Order::ends_the_call(const Failure& failure) const {
  if (failure.error.kind == ErrorKind::client_gone) return true;
  if (failure.error.retry != Retry::never) return false;
  return !(was_accepted_ && is_complaint(failure.error));
}

bool Order::advance(const Failure& failure, std::minstd_rand& jitter, async::TimePoint now, async::Duration& pause) {
  const Error& error = failure.error;
  pause = {};
  if (failure.asked || error.retry == Retry::anywhere) ++tries_;
  if (ends_the_call(failure)) return false;
  if (failure.unusable && ++unusable_ > most_unusable) return false;
  was_accepted_ = was_accepted_ || took_the_request(failure);
  const milliseconds asked_pause = error.retry_after.value_or(milliseconds(0));
  not_before_[index_] = now + asked_pause;
  hopeless_[index_] = error.retry != Retry::anywhere || asked_pause > milliseconds(retry_.longest_pause_ms);

  const std::size_t asked_last = index_;
  for (;;) {
    while (++index_ < plan_.attempts.size() && hopeless_[index_]) {
    }
    if (index_ < plan_.attempts.size() && round_ == 0) return true;  // at once, whatever this one wants
    if (tries_ >= retry_.attempts) return false;
    if (index_ == plan_.attempts.size()) {
      const auto again = std::ranges::find(hopeless_, false);
      if (again == hopeless_.end()) return false;
      index_ = static_cast<std::size_t>(again - hopeless_.begin());
      ++round_;
    }
    if (health_.take_retry(current().candidate->name, now, retry_)) break;
    hopeless_[index_] = true;  // its retries are used up, so it is spared
  }
  // Full jitter: many clients that fail together come back one by one. What a provider has asked for comes first.
  if (not_before_[index_] > now) pause = not_before_[index_] - now;
  if (index_ <= asked_last || pause > async::Duration(0)) {
    const std::int64_t most = std::min(retry_.pause_ms << std::min(round_ - 1, 6), retry_.longest_pause_ms);
    pause += milliseconds(std::uniform_int_distribution<std::int64_t>(0, std::max<std::int64_t>(most, 0))(jitter));
  }
  return true;
}

}  // namespace sluice::gateway
