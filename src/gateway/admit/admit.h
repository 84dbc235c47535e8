// Is there money and room? Reserves the worst case before the call and settles the truth after it, on every limit that
// counts for the request: all of them, or none. No burst of concurrent requests can pass a budget. It does not know
// providers or prices.
//
// Rates are GCRA with a burst of one whole minute: a key with 60 requests per minute that was quiet may send 60 at
// once, then one per second. So the first 60 in a minute pass, and over any longer time the mean is never above the
// limit (at most 2 minutes' worth fall into one minute). A refused request uses up nothing.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "base/result.h"
#include "gateway/admit/leases.h"
#include "store/key_table.h"

namespace sluice::gateway {

// Requests of one key at the same time: above what one application needs, below what exhausts the machine's sockets.
constexpr std::int32_t default_max_in_flight_per_key = 1'024;
// Requests of all keys at the same time: 10 KB of state each are 160 MB.
constexpr std::int32_t default_max_in_flight = 16'384;

// Both clocks: the monotonic one for rates, the wall's for windows.
struct Moment {
  // NOLINTNEXTLINE(google-explicit-constructor): a time alone is enough where nothing has a window
  Moment(std::chrono::steady_clock::time_point monotonic, std::int64_t wall_us = 0) : at(monotonic), unix_us(wall_us) {}
  std::chrono::steady_clock::time_point at;
  std::int64_t unix_us;
};

// A provider's model, as the patterns of limits name them. Borrows.
struct TargetName {
  std::string_view provider;
  std::string_view model;
};

// What one candidate may cost, or one attempt has cost.
struct Share {
  TargetName target;
  std::optional<Money> cost;  // empty = no price is known
};

// What a request may need at most.
struct Need {
  std::optional<Money> worst_cost;  // of all its candidates; empty = no price is known
  Tokens tokens = 0;                // expected input + the most output that was asked for: for the tokens per minute
  bool inherited = false;           // another process has let it in: its rates were counted there
  std::span<const Share> candidates = {};  // for limits of some models only
};

// What happens at a limit, for whoever tells people.
struct LimitEvent {
  enum class What : std::uint8_t {
    alert,    // a share of a budget is used up
    refused,  // a request did not fit
    lowered,  // a request goes to the model that the limit names
  };
  What what = What::alert;
  int percent = 0;  // of an alert
  store::Account::Standing standing;
};

class Admission;

// Money, rate and places, reserved for one request. Whatever happens to the request, the Hold gives back what was not
// used: settle() when the outcome is known, else the destructor. Move-only. It may be charged several times before
// that, once for each attempt that cost something. Outlived by its Admission.
class [[nodiscard]] Hold {
 public:
  Hold() = default;
  Hold(Hold&& other) noexcept;
  Hold& operator=(Hold&& other) noexcept;
  ~Hold() { release(); }

  // Books what an attempt cost, out of what is reserved or beyond it; the rest stays reserved. `now.unix_us` is when
  // the ledger says that it ended.
  void charge(Money cost, Tokens tokens, const Moment& now, TargetName target = {});
  // Reserves more, so that each limit has what these cost together, as far as they are its models'. False, and as
  // before, when one has not that much.
  bool raise_to(std::span<const Share> shares, std::int64_t unix_us);
  // Books the last attempt and gives the rest back. A second settle() does nothing.
  void settle(Money cost, Tokens tokens, const Moment& now, TargetName target = {});
  // Gives back what is still reserved: money, tokens and the places, but not the request that was counted.
  void release();
  // Limits that came into being after the request was let in: it is charged to them, too.
  void join(const store::Lines& lines);

  bool active() const { return admission_ != nullptr; }
  // False: limits that are shared with other processes have to be asked first (Admission::lease).
  bool complete() const { return missing_ == 0; }
  Money reserved() const;          // still, after charges, on the limit that has the most
  Tokens reserved_tokens() const;  // the same, of limits on any model

 private:
  friend class Admission;
  struct Part {
    std::shared_ptr<const store::Line> line;
    Money reserved;
    Tokens tokens = 0;         // reserved and not used yet
    bool has_place = false;    // of the requests at the same time
    std::int64_t missing = 0;  // to be leased
    bool counted = false;      // a request, out of what was leased
    void has(std::int64_t amount);
  };
  void take_back_requests();
  Hold(Admission& admission, store::Principal principal);
  Admission* admission_ = nullptr;
  std::optional<store::Principal> principal_;
  std::vector<Part> parts_;
  bool has_key_place_ = false;  // counted in the key's in_flight
  std::int32_t missing_ = 0;    // parts that are to be leased
};

class Admission {
 public:
  struct Limits {
    std::int32_t max_in_flight = default_max_in_flight;
    std::int32_t max_in_flight_per_key = default_max_in_flight_per_key;
  };
  using Tell = std::function<void(const store::LimitLine&, const LimitEvent&)>;
  // `tell` must not block; may be empty.
  explicit Admission(Limits limits, Tell tell = {});
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // Any thread; never blocks. `tag_lines`: the limits of tags that the request brings, beside those of its key.
  // `storage_full`: LiveStore::refuses_new_work(): the ledger could not record what this request costs.
  // Errors: overloaded (all places taken, or storage_full); rate_limited with retry_after, or without when the request
  // alone is above the tokens per minute; budget_exceeded with the amounts; forbidden when a budget counts for it and
  // the price is not known.
  Result<Hold> admit(const store::Principal& principal, const Need& need, const Moment& now, bool storage_full = false,
                     const store::Lines& tag_lines = {});

  // From here on the limits are shared with other processes. It outlives this. Before the first admit().
  void share(Leases& leases) { leases_ = &leases; }
  // What a Hold misses, from the store of shared limits: all, or none and the Hold is empty. Errors: as of admit(), and
  // unavailable with retry_after when the store cannot be asked and a limit does not go without it; client_gone.
  async::Task<Result<void>> lease(net::Reactor& reactor, Hold& hold, async::Deadline deadline, Moment now);
  // The same on a thread that may wait.
  Result<void> lease_and_wait(Hold& hold, Moment now);

  // The first limit that would not take this, without reserving anything: null when all would. For choosing among
  // candidates and going down to another model; admit() alone decides. `going_down`: only those that name another
  // model, each of which counts as full from its share on.
  const store::Line* first_full(const store::Principal& principal, const store::Lines& tag_lines, const Share& share,
                                Tokens tokens, const Moment& now, bool going_down) const;

  void tell(const store::LimitLine& line, LimitEvent::What what, int percent, store::Account::Standing standing) const;
  std::int32_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

 private:
  friend class Hold;
  Result<void> take(Hold& hold, const std::shared_ptr<const store::Line>& line, const Need& need, const Moment& now);
  Result<void> take_shared(Hold& hold, const std::shared_ptr<const store::Line>& line, std::int64_t need,
                           bool inherited);
  std::vector<Leases::Part> missing_of(const Hold& hold) const;
  Result<void> take_in(Hold& hold, const std::optional<Leases::Refused>& refused, const Moment& now);
  Leases* leases_ = nullptr;  // null: this process alone counts
  const Limits limits_;
  const Tell tell_;
  std::atomic<std::int32_t> in_flight_{0};
};

// Whether a budget counts for the request, of every model: then nothing without a price may be asked.
bool has_budget(const store::Principal& principal, const store::Lines& tag_lines);

}  // namespace sluice::gateway
