// Is there money and room? Reserves the worst case before the call and settles the truth after it, atomically on the
// key's state, so that no burst of concurrent requests can pass a budget. It does not know providers or prices.
//
// Rates are GCRA with a burst of one whole minute: a key with 60 requests per minute that was quiet may send 60 at
// once, then one per second. So the first 60 in a minute pass, and over any longer time the mean is never above the
// limit (at most 2 minutes' worth fall into one minute). A refused request uses up nothing.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/money.h"
#include "base/result.h"
#include "store/key_table.h"

namespace sluice::gateway {

// Requests of one key at the same time: above what one application needs, below what exhausts the machine's sockets.
constexpr std::int32_t default_max_in_flight_per_key = 1'024;
// Requests of all keys at the same time: 10 KB of state each are 160 MB.
constexpr std::int32_t default_max_in_flight = 16'384;

// What a request may need at most.
struct Need {
  std::optional<Money> worst_cost;  // empty = no price is known
  Tokens tokens = 0;                // expected input + the most output that was asked for: for the tokens per minute
  bool inherited = false;           // another process has let it in: its rates were counted there
};

class Admission;

// Money, rate and a place, reserved for one request. Whatever happens to the request, the Hold gives back what was not
// used: settle() when the outcome is known, else the destructor. Move-only. It may be charged several times before
// that, once for each attempt that cost something. Outlived by its Admission.
class [[nodiscard]] Hold {
 public:
  Hold() = default;
  Hold(Hold&& other) noexcept;
  Hold& operator=(Hold&& other) noexcept;
  ~Hold() { release(); }

  // Books what an attempt cost, out of what is reserved or beyond it; the rest stays reserved.
  void charge(Money cost, Tokens tokens, std::chrono::steady_clock::time_point now);
  // Reserves more, so that it is `worst` in all. False, and as before, when the budget has not that much.
  bool raise_to(Money worst);
  // Books the last attempt and gives the rest back. A second settle() does nothing.
  void settle(Money cost, Tokens tokens, std::chrono::steady_clock::time_point now);
  // Gives back what is still reserved: money, tokens and the place, but not the request that was counted.
  void release();

  bool active() const { return admission_ != nullptr; }
  Money reserved() const { return reserved_; }  // still, after charges

 private:
  friend class Admission;
  Hold(Admission& admission, store::Principal principal);
  Admission* admission_ = nullptr;
  std::optional<store::Principal> principal_;
  Money reserved_;
  Tokens tokens_ = 0;           // reserved and not used yet
  bool has_key_place_ = false;  // counted in the key's in_flight
};

class Admission {
 public:
  struct Limits {
    std::int32_t max_in_flight = default_max_in_flight;
    std::int32_t max_in_flight_per_key = default_max_in_flight_per_key;
  };
  explicit Admission(Limits limits);
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // Any thread; never blocks. `now`: the monotonic clock. `storage_full`: LiveStore::refuses_new_work(): the ledger
  // could not record what this request costs.
  // Errors: overloaded (all places taken, or storage_full); rate_limited with retry_after, or without when the request
  // alone is above the tokens per minute; budget_exceeded with the amounts; forbidden when the key has a budget and the
  // price is not known.
  Result<Hold> admit(const store::Principal& principal, const Need& need, std::chrono::steady_clock::time_point now,
                     bool storage_full = false);

  std::int32_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

 private:
  friend class Hold;
  const Limits limits_;
  std::atomic<std::int32_t> in_flight_{0};
};

}  // namespace sluice::gateway
