// A limit as it is written down: for whom, of which models, how much of what, and what happens at its end. And as the
// request path sees it: with the place that counts.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "store/account.h"
#include "store/window.h"

namespace sluice::store {

enum class LimitScope : std::uint8_t { everybody, org, team, user, key, tag };
enum class LimitUnit : std::uint8_t {
  money,     // picodollars in a window
  requests,  // per minute
  tokens,    // per minute
  places,    // requests at the same time
};
inline constexpr LimitScope limit_scopes[] = {LimitScope::everybody, LimitScope::org, LimitScope::team,
                                              LimitScope::user,      LimitScope::key, LimitScope::tag};
inline constexpr LimitUnit limit_units[] = {LimitUnit::money, LimitUnit::requests, LimitUnit::tokens,
                                            LimitUnit::places};
std::string_view name(LimitScope scope);  // "everybody", "org", ...
std::string_view name(LimitUnit unit);    // "usd", "rpm", "tpm", "concurrent"

// What a limit that several processes share does while its store cannot be asked.
enum class StoreDown : std::uint8_t {
  fail_closed,       // nothing is let in
  local_slice_only,  // what was leased before is used up, nothing else is let in
  fail_open,         // everything is let in, and counted afterwards
};
inline constexpr StoreDown store_down_rules[] = {StoreDown::fail_closed, StoreDown::local_slice_only,
                                                 StoreDown::fail_open};
std::string_view name(StoreDown rule);                            // "fail_closed", ...
std::optional<StoreDown> read_store_down(std::string_view text);  // empty: no such word

constexpr std::string_view any_model = "*";

struct LimitLine {
  std::string id;  // "lim_" + 12 alphanumerics; of a key's own limit the key's id and what it is
  LimitScope scope = LimitScope::everybody;
  std::string subject;           // the id of an organisation, team, user or key; a tag; empty for everybody
  std::string subject_name;      // for people
  std::string model{any_model};  // "provider/model", with * for any characters
  LimitUnit unit = LimitUnit::money;
  std::int64_t amount = 0;      // picodollars, or a number
  Window window = {};           // of money
  std::string downgrade_to;     // the model or route that is asked instead at the limit; empty: the request is refused
  int downgrade_percent = 100;  // of the amount, from which on that happens
  std::int64_t created_at_us = 0;
  std::optional<StoreDown> store_down;  // empty: as the configuration says

  bool of_any_model() const { return model == any_model; }
  bool is_keys_own() const { return !id.starts_with("lim_"); }
  Money money() const { return Money::pico(amount); }

  friend bool operator==(const LimitLine&, const LimitLine&) = default;
};

// Whether the pattern "provider/model" names this model; * stands for any characters, also none.
bool matches(std::string_view pattern, std::string_view provider, std::string_view model);

// "the team \"red\"", "everybody together".
std::string subject_words(const LimitLine& line);

// What a line counts with, shared by all threads. It lives on from table to table, also when its amount is changed.
struct LineState {
  explicit LineState(const Window& window, bool shared = false)
      : account(window, shared), leased(shared ? std::make_unique<Leased>() : nullptr) {}
  Account account;
  std::atomic<std::int64_t> tat_ns{0};  // GCRA's theoretical arrival time, monotonic clock
  std::atomic<std::int32_t> taken{0};   // places
  std::int64_t corrected_row = 0;       // the watcher's: corrections up to this row of the ledger were counted at once

  // Requests, tokens or places of a limit that several processes share: what this one may take without asking.
  struct Leased {
    std::mutex mutex;
    std::int64_t units = 0;      // of a rate: not used yet; of places: all that this process has, with those taken
    std::int64_t taken = 0;      // places
    std::int64_t owed = 0;       // of a rate: used beyond what was leased, and not reported yet
    std::int64_t elsewhere = 0;  // places that others have
    bool looked = false;         // somebody wants to know that
  };
  const std::unique_ptr<Leased> leased;  // null: this process alone counts
};

struct Line {
  LimitLine rule;
  std::shared_ptr<LineState> state;
};
using Lines = std::vector<std::shared_ptr<const Line>>;

}  // namespace sluice::store
