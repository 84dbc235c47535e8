#include "gateway/admit/admit.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace sluice::gateway {
namespace {

using store::KeyState;

constexpr std::int64_t minute_ns = 60'000'000'000;
constexpr std::int64_t ns_per_ms = 1'000'000;
// One request whose answer is far above the tokens per minute shuts its key out for no longer than this.
constexpr std::int64_t longest_debt_ns = 60 * minute_ns;

std::int64_t in_ns(std::chrono::steady_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}

// Adds without wrapping: a key without a budget may have spent any sum.
void add(std::atomic<std::int64_t>& sum, std::int64_t amount) {
  std::int64_t before = sum.load(std::memory_order_relaxed);
  while (!sum.compare_exchange_weak(before, (Money::pico(before) + Money::pico(amount)).pico(),
                                    std::memory_order_relaxed)) {
  }
}

// How far `units` move a limit of `per_minute` units on, in ns. Beyond a minute it does not fit anyway.
std::int64_t step_ns(std::int64_t units, std::int64_t per_minute) {
  const __int128 step = static_cast<__int128>(units) * minute_ns / per_minute;
  return static_cast<std::int64_t>(std::min<__int128>(step, std::numeric_limits<std::int64_t>::max() / 4));
}

// GCRA (ITU-T I.371) with a burst of one minute: 0 when the step fits, else the ns after which it will.
std::int64_t take(std::atomic<std::int64_t>& tat, std::int64_t step, std::int64_t now_ns) {
  std::int64_t before = tat.load(std::memory_order_relaxed);
  while (true) {
    const std::int64_t after = std::max(before, now_ns) + step;
    if (after - now_ns > minute_ns) return after - now_ns - minute_ns;
    if (tat.compare_exchange_weak(before, after, std::memory_order_relaxed)) return 0;
  }
}

// Books what has been used without asking whether it fits: the debt is waited for, up to longest_debt_ns from now.
void owe(std::atomic<std::int64_t>& tat, std::int64_t step, std::int64_t now_ns) {
  std::int64_t before = tat.load(std::memory_order_relaxed);
  while (!tat.compare_exchange_weak(before, std::min(std::max(before, now_ns) + step, now_ns + longest_debt_ns),
                                    std::memory_order_relaxed)) {
  }
}

void give_back(std::atomic<std::int64_t>& tat, std::int64_t step) { tat.fetch_sub(step, std::memory_order_relaxed); }

// True when it fits: the budget is compared and the sum raised in one step.
bool reserve(KeyState& state, std::int64_t pico, std::int64_t budget) {
  if (pico <= 0) return true;  // what is free asks for no money, also when all of it is spent
  std::int64_t before = state.committed_pico.load(std::memory_order_relaxed);
  do {
    if (before > budget || pico > budget - before) return false;
  } while (!state.committed_pico.compare_exchange_weak(before, before + pico, std::memory_order_relaxed));
  return true;
}

// True when there was a place.
bool take_place(std::atomic<std::int32_t>& places, std::int32_t limit) {
  if (places.fetch_add(1, std::memory_order_relaxed) < limit) return true;
  places.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

std::unexpected<Error> rate_limited(const char* code, std::string message, std::string hint, std::int64_t wait_ns) {
  return std::unexpected(Error{.kind = ErrorKind::rate_limited,
                               .message = std::move(message),
                               .hint = std::move(hint),
                               .code = code,
                               .retry_after = std::chrono::milliseconds((wait_ns + ns_per_ms - 1) / ns_per_ms)});
}

std::unexpected<Error> too_many_requests(const store::Principal& principal, std::int64_t wait_ns) {
  return rate_limited("requests_per_minute",
                      "the key \"" + principal.name() + "\" has used up its " + std::to_string(*principal.key().rpm) +
                          " requests per minute",
                      "wait as long as retry-after says, or make a key with a higher --rpm", wait_ns);
}

std::unexpected<Error> too_many_tokens(const store::Principal& principal, Tokens tokens, std::int64_t wait_ns) {
  const std::int64_t tpm = *principal.key().tpm;
  if (tokens > tpm) {  // waiting does not help
    return std::unexpected(
        Error{.kind = ErrorKind::rate_limited,
              .message = "the request may need " + std::to_string(tokens) + " tokens and the key \"" +
                         principal.name() + "\" has " + std::to_string(tpm) + " per minute",
              .hint = "ask for fewer output tokens, send a shorter prompt, or make a key with a higher --tpm",
              .code = "tokens_per_minute"});
  }
  return rate_limited(
      "tokens_per_minute",
      "the key \"" + principal.name() + "\" has used up its " + std::to_string(tpm) + " tokens per minute",
      "wait as long as retry-after says, or make a key with a higher --tpm", wait_ns);
}

std::unexpected<Error> over_budget(const store::Principal& principal, Money worst) {
  const Money budget = *principal.key().budget;
  return std::unexpected(Error{
      .kind = ErrorKind::budget_exceeded,
      .message = "the request may cost up to " + worst.usd() + " USD; the key \"" + principal.name() + "\" has spent " +
                 principal.state().spent().usd() + " and reserved " + principal.state().held().usd() + " of its " +
                 budget.usd() + " USD",
      .hint = "send a lower max_tokens (without one the longest answer of the model is reserved), use a cheaper model, "
              "or make a key with a higher --budget",
      .code = "budget_exceeded"});
}

std::unexpected<Error> unpriced(const store::Principal& principal) {
  return std::unexpected(
      Error{.kind = ErrorKind::forbidden,
            .message = "the key \"" + principal.name() + "\" has a budget and the price of this model is not known",
            .hint = "add the price to the provider in the configuration (prices:), or use a key without a budget",
            .code = "unpriced_model"});
}

}  // namespace

Admission::Admission(Limits limits) : limits_(limits) {}

Result<Hold> Admission::admit(const store::Principal& principal, const Need& need,
                              std::chrono::steady_clock::time_point now, bool storage_full) {
  const store::VirtualKey& key = principal.key();
  KeyState& state = principal.state();
  if (storage_full)
    return fail(ErrorKind::overloaded, "the disk does not take the ledger's entries, so no new request is let in",
                "the operator finds the reason at /health/ready and in `sluice doctor`");
  if (key.budget && !need.worst_cost) return unpriced(principal);
  if (!take_place(in_flight_, limits_.max_in_flight))
    return std::unexpected(
        Error{.kind = ErrorKind::overloaded,
              .message = "all " + std::to_string(limits_.max_in_flight) + " places for requests are taken",
              .hint = "try again when retry-after has passed",
              .retry_after = std::chrono::milliseconds(1'000)});

  // From here on the Hold's destructor gives back what has been taken, whatever refuses the request.
  Hold hold(*this, principal);
  if (!take_place(state.in_flight, limits_.max_in_flight_per_key))
    return rate_limited(
        "concurrent_requests",
        "the key \"" + key.name + "\" has " + std::to_string(limits_.max_in_flight_per_key) + " requests under way",
        "wait until some of them have ended", minute_ns / 60);
  hold.has_key_place_ = true;

  const std::int64_t now_ns = in_ns(now);
  if (key.budget) {
    const Money worst = std::max(*need.worst_cost, Money());
    if (!reserve(state, worst.pico(), key.budget->pico())) return over_budget(principal, worst);
    hold.reserved_ = worst;
  }
  if (key.tpm && !need.inherited) {
    const Tokens tokens = std::max<Tokens>(need.tokens, 0);
    const std::int64_t wait_ns = take(state.tokens_tat_ns, step_ns(tokens, *key.tpm), now_ns);
    if (wait_ns > 0) return too_many_tokens(principal, tokens, wait_ns);
    hold.tokens_ = tokens;
  }
  // Last, because a Hold does not give this one back: a request that was let in counts, whatever becomes of it.
  if (key.rpm && !need.inherited)
    if (const std::int64_t wait_ns = take(state.requests_tat_ns, step_ns(1, *key.rpm), now_ns); wait_ns > 0)
      return too_many_requests(principal, wait_ns);
  return hold;
}

Hold::Hold(Admission& admission, store::Principal principal)
    : admission_(&admission), principal_(std::move(principal)) {}

Hold::Hold(Hold&& other) noexcept { *this = std::move(other); }

Hold& Hold::operator=(Hold&& other) noexcept {
  if (this != &other) {
    release();
    admission_ = std::exchange(other.admission_, nullptr);
    principal_ = std::move(other.principal_);
    reserved_ = std::exchange(other.reserved_, Money());
    tokens_ = std::exchange(other.tokens_, 0);
    has_key_place_ = std::exchange(other.has_key_place_, false);
  }
  return *this;
}

void Hold::charge(Money cost, Tokens tokens, std::chrono::steady_clock::time_point now) {
  if (!active()) return;
  KeyState& state = principal_->state();
  cost = std::max(cost, Money());
  tokens = std::max<Tokens>(tokens, 0);

  // What is reserved is part of the committed sum already; only what goes beyond it is new there.
  const Money from_reserve = std::min(cost, reserved_);
  reserved_ = reserved_ - from_reserve;
  if (cost > from_reserve) add(state.committed_pico, (cost - from_reserve).pico());
  add(state.spent_pico, cost.pico());

  const Tokens beyond = tokens - std::min(tokens, tokens_);
  tokens_ -= tokens - beyond;
  if (beyond > 0 && principal_->key().tpm)
    owe(state.tokens_tat_ns, std::min(step_ns(beyond, *principal_->key().tpm), longest_debt_ns), in_ns(now));
}

bool Hold::raise_to(Money worst) {
  if (!active() || !principal_->key().budget || worst <= reserved_) return true;
  if (!reserve(principal_->state(), (worst - reserved_).pico(), principal_->key().budget->pico())) return false;
  reserved_ = worst;
  return true;
}

void Hold::settle(Money cost, Tokens tokens, std::chrono::steady_clock::time_point now) {
  charge(cost, tokens, now);
  release();
}

void Hold::release() {
  if (!active()) return;
  KeyState& state = principal_->state();
  if (reserved_ > Money()) add(state.committed_pico, -reserved_.pico());
  if (tokens_ > 0 && principal_->key().tpm) give_back(state.tokens_tat_ns, step_ns(tokens_, *principal_->key().tpm));
  if (has_key_place_) state.in_flight.fetch_sub(1, std::memory_order_relaxed);
  admission_->in_flight_.fetch_sub(1, std::memory_order_relaxed);
  admission_ = nullptr;
  principal_.reset();
  reserved_ = Money();
  tokens_ = 0;
  has_key_place_ = false;
}

}  // namespace sluice::gateway
