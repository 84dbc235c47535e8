#include "gateway/admit/admit.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/utc.h"

namespace sluice::gateway {
namespace {

constexpr std::int64_t minute_ns = 60'000'000'000;
constexpr std::int64_t ns_per_ms = 1'000'000;
// One request whose answer is far above the tokens per minute shuts its key out for no longer than this.
constexpr std::int64_t longest_debt_ns = 60 * minute_ns;

std::int64_t in_ns(std::chrono::steady_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
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

using store::LimitLine;
using store::LimitUnit;
using store::Line;
using store::LineState;

// " for openai/gpt-5*"; empty for all models.
std::string models_of(const LimitLine& rule) { return rule.of_any_model() ? "" : " for " + rule.model; }

// How the limit is raised. A key's own is as old as the key and ends with it.
std::string way_out(const LimitLine& rule, const char* key_flag) {
  if (rule.is_keys_own()) return std::string("make a key with a higher ") + key_flag;
  return "have the limit " + rule.id + " raised (`sluice " + (rule.unit == LimitUnit::money ? "budgets" : "limits") +
         " list` shows it)";
}

std::unexpected<Error> too_many_requests(const LimitLine& rule, std::int64_t wait_ns) {
  return rate_limited("requests_per_minute",
                      subject_words(rule) + " has used up its " + std::to_string(rule.amount) + " requests per minute" +
                          models_of(rule),
                      "wait as long as retry-after says, or " + way_out(rule, "--rpm"), wait_ns);
}

std::unexpected<Error> too_many_tokens(const LimitLine& rule, Tokens tokens, std::int64_t wait_ns) {
  const std::string who = subject_words(rule);
  const std::string limit = std::to_string(rule.amount);
  if (tokens > rule.amount) {  // waiting does not help
    return std::unexpected(
        Error{.kind = ErrorKind::rate_limited,
              .message = "the request may need " + std::to_string(tokens) + " tokens and " + who + " has " + limit +
                         " per minute" + models_of(rule),
              .hint = "ask for fewer output tokens, send a shorter prompt, or " + way_out(rule, "--tpm"),
              .code = "tokens_per_minute"});
  }
  return rate_limited("tokens_per_minute", who + " has used up its " + limit + " tokens per minute" + models_of(rule),
                      "wait as long as retry-after says, or " + way_out(rule, "--tpm"), wait_ns);
}

std::unexpected<Error> too_many_at_once(const LimitLine& rule) {
  constexpr std::int64_t a_moment_ns = minute_ns / 60;
  return rate_limited("concurrent_requests",
                      subject_words(rule) + " has " + std::to_string(rule.amount) + " requests under way" +
                          models_of(rule) + ", which is its limit",
                      "wait until some of them have ended, or " + way_out(rule, ""), a_moment_ns);
}

std::unexpected<Error> over_budget(const LimitLine& rule, Money worst, const store::Account::Standing& standing) {
  std::string reset;
  if (standing.resets_at_us > 0)
    reset = (rule.window.kind == store::Window::Kind::rolling ? "; the oldest of it no longer counts from "
                                                              : "; it begins anew at ") +
            utc_text(standing.resets_at_us);
  return std::unexpected(Error{
      .kind = ErrorKind::budget_exceeded,
      .message = "the request may cost up to " + worst.usd() + " USD; " + subject_words(rule) + " has spent " +
                 standing.spent.usd() + " and reserved " + standing.held.usd() + " of its " + rule.money().usd() +
                 " USD" + rule.window.words() + models_of(rule) + reset,
      .hint = "send a lower max_tokens (without one the longest answer of the model is reserved), use a cheaper model, "
              "or " +
              way_out(rule, "--budget"),
      .code = "budget_exceeded"});
}

std::unexpected<Error> unpriced(const LimitLine& rule) {
  return std::unexpected(
      Error{.kind = ErrorKind::forbidden,
            .message = subject_words(rule) + " has a budget and the price of this model is not known",
            .hint = "add the price to the provider in the configuration (prices:), or use a key without a budget",
            .code = "unpriced_model"});
}

bool concerns(const LimitLine& rule, TargetName target) {
  return rule.of_any_model() || store::matches(rule.model, target.provider, target.model);
}

// What the line must have room for: of the candidates that are its models, the dearest. Empty when none of them is;
// `worst` stays empty when its price is not known.
struct Demand {
  std::optional<Money> worst;
};
std::optional<Demand> demand_on(const LimitLine& rule, const Need& need) {
  if (rule.of_any_model()) return Demand{need.worst_cost};
  std::optional<Demand> demand;
  for (const Share& candidate : need.candidates) {
    if (!concerns(rule, candidate.target)) continue;
    if (!demand)
      demand = Demand{candidate.cost};
    else if (!candidate.cost || !demand->worst)
      demand->worst.reset();
    else
      demand->worst = std::max(*demand->worst, *candidate.cost);
  }
  return demand;
}

Money at_least_nothing(Money amount) { return std::max(amount, Money()); }

// Up to here a limit takes what asks for it: all of it, or the share from which on it goes down to another model.
std::int64_t share_of(const LimitLine& rule, bool going_down) {
  if (!going_down) return rule.amount;
  return static_cast<std::int64_t>(static_cast<MoneySum>(rule.amount) * rule.downgrade_percent / 100);
}

bool is_full(const Line& line, const Share& share, Tokens tokens, const Moment& now, bool going_down) {
  const std::int64_t limit = share_of(line.rule, going_down);
  store::LineState& state = *line.state;
  switch (line.rule.unit) {
    case LimitUnit::money: {
      if (!share.cost) return true;
      if (*share.cost <= Money()) return false;
      const store::Account::Standing standing = state.account.standing(now.unix_us);
      return standing.spent + standing.held + *share.cost > Money::pico(limit);
    }
    case LimitUnit::requests:
    case LimitUnit::tokens: {
      const std::int64_t units = line.rule.unit == LimitUnit::requests ? 1 : std::max<Tokens>(tokens, 0);
      const std::int64_t now_ns = in_ns(now.at);
      const std::int64_t used_up = minute_ns - step_ns(line.rule.amount - limit, line.rule.amount);
      const std::int64_t tat = state.tat_ns.load(std::memory_order_relaxed);
      return std::max(tat, now_ns) + step_ns(units, line.rule.amount) - now_ns > used_up;
    }
    case LimitUnit::places:
      if (state.leased) {
        const std::lock_guard count(state.leased->mutex);
        state.leased->looked = true;
        return state.leased->taken + state.leased->elsewhere >= limit;
      }
      return state.taken.load(std::memory_order_relaxed) >= limit;
  }
  return false;
}

}  // namespace

Admission::Admission(Limits limits, Tell tell) : limits_(limits), tell_(std::move(tell)) {}

void Admission::tell(const LimitLine& line, LimitEvent::What what, int percent,
                     store::Account::Standing standing) const {
  if (tell_) tell_(line, {.what = what, .percent = percent, .standing = standing});
}

bool has_budget(const store::Principal& principal, const store::Lines& tag_lines) {
  const auto is_budget = [](const auto& line) {
    return line->rule.unit == LimitUnit::money && line->rule.of_any_model();
  };
  return std::ranges::any_of(principal.lines(), is_budget) || std::ranges::any_of(tag_lines, is_budget);
}

const Line* Admission::first_full(const store::Principal& principal, const store::Lines& tag_lines, const Share& share,
                                  Tokens tokens, const Moment& now, bool going_down) const {
  const auto find = [&](std::span<const std::shared_ptr<const Line>> lines) -> const Line* {
    for (const auto& line : lines)
      if ((!going_down || !line->rule.downgrade_to.empty()) && concerns(line->rule, share.target) &&
          is_full(*line, share, tokens, now, going_down))
        return line.get();
    return nullptr;
  };
  const Line* full = find(principal.lines());
  return full ? full : find(tag_lines);
}

// Takes from one limit what the request may need. What was taken is in the Hold, which gives it back.
Result<void> Admission::take(Hold& hold, const std::shared_ptr<const Line>& line, const Need& need, const Moment& now) {
  const LimitLine& rule = line->rule;
  store::LineState& state = *line->state;
  const std::optional<Demand> demand = demand_on(rule, need);
  if (!demand) return {};
  Hold::Part& part = hold.parts_.emplace_back(Hold::Part{.line = line});
  switch (rule.unit) {
    case LimitUnit::money: {
      if (!demand->worst) return unpriced(rule);
      const Money worst = at_least_nothing(*demand->worst);
      if (state.leased) return take_shared(hold, line, worst.pico(), need.inherited);
      if (!state.account.reserve(worst, rule.money(), now.unix_us))
        return over_budget(rule, worst, state.account.standing(now.unix_us));
      part.reserved = worst;
      return {};
    }
    case LimitUnit::tokens: {
      const Tokens tokens = std::max<Tokens>(need.tokens, 0);
      if (need.inherited && !state.leased) part.tokens = tokens;  // the rate has come over with them in it
      if (need.inherited) return {};
      if (state.leased) return take_shared(hold, line, tokens, false);
      const std::int64_t wait_ns = sluice::gateway::take(state.tat_ns, step_ns(tokens, rule.amount), in_ns(now.at));
      if (wait_ns > 0) return too_many_tokens(rule, tokens, wait_ns);
      part.tokens = tokens;
      return {};
    }
    case LimitUnit::places:
      if (state.leased) return take_shared(hold, line, 1, need.inherited);
      if (!take_place(state.taken, static_cast<std::int32_t>(rule.amount))) return too_many_at_once(rule);
      part.has_place = true;
      return {};
    case LimitUnit::requests: break;  // counted at the end of admit()
  }
  return {};
}

namespace {

// 503: what this limit counts stands elsewhere, and cannot be asked.
std::unexpected<Error> store_is_down(const LimitLine& rule) {
  return std::unexpected(Error{
      .kind = ErrorKind::unavailable,
      .message = "the store of shared limits cannot be asked, and the " + std::string(name(rule.unit)) + " limit of " +
                 subject_words(rule) + models_of(rule) + " (" + rule.id + ") does not go without it",
      .hint = "try again when retry-after has passed; the operator finds the reason at /health/ready and in `sluice "
              "doctor`, and says with `store_down` what happens meanwhile",
      .code = "limit_store_down",
      .retry_after = std::chrono::milliseconds(1'000)});
}

// Takes what this process has leased; false when that is not enough.
bool take_leased(const Line& line, std::int64_t need) {
  LineState& state = *line.state;
  if (line.rule.unit == LimitUnit::money) return state.account.reserve(Money::pico(need), line.rule.money(), 0);
  const std::lock_guard count(state.leased->mutex);
  if (line.rule.unit == LimitUnit::places) {
    if (state.leased->taken + need > state.leased->units) return false;
    state.leased->taken += need;
  } else {
    if (state.leased->units < need) return false;
    state.leased->units -= need;
  }
  return true;
}

void take_anyway(const Line& line, std::int64_t need) {
  LineState& state = *line.state;
  if (line.rule.unit == LimitUnit::money) return state.account.reserve_anyway(Money::pico(need));
  const std::lock_guard count(state.leased->mutex);
  if (line.rule.unit == LimitUnit::places) {
    state.leased->taken += need;
    state.leased->units = std::max(state.leased->units, state.leased->taken);
  } else {
    state.leased->owed += need;  // it is told when the store is back
  }
}

}  // namespace

// Out of what was leased, at once; else it is missing and lease() asks for it.
Result<void> Admission::take_shared(Hold& hold, const std::shared_ptr<const Line>& line, std::int64_t need,
                                    bool inherited) {
  Hold::Part& part = *std::ranges::find(hold.parts_, line, &Hold::Part::line);
  if (need <= 0) return {};
  const bool down = leases_->down();
  const store::StoreDown rule = leases_->rule_of(line->rule);
  if (down && !inherited && rule == store::StoreDown::fail_closed) return store_is_down(line->rule);
  if (take_leased(*line, need)) return part.has(need), Result<void>();
  if (inherited || leases_->handed_over() || (down && rule == store::StoreDown::fail_open)) {
    take_anyway(*line, need);
    return part.has(need), Result<void>();
  }
  if (down) return store_is_down(line->rule);
  part.missing = need;
  ++hold.missing_;
  return {};
}

void Hold::Part::has(std::int64_t amount) {
  missing = 0;
  switch (line->rule.unit) {
    case LimitUnit::money: reserved = Money::pico(amount); return;
    case LimitUnit::tokens: tokens = amount; return;
    case LimitUnit::places: has_place = true; return;
    case LimitUnit::requests: counted = true; return;
  }
}

std::vector<Leases::Part> Admission::missing_of(const Hold& hold) const {
  std::vector<Leases::Part> parts;
  for (const Hold::Part& part : hold.parts_)
    if (part.missing > 0) parts.push_back({.line = part.line, .need = part.missing});
  return parts;
}

async::Task<Result<void>> Admission::lease(net::Reactor& reactor, Hold& hold, async::Deadline deadline, Moment now) {
  const std::optional<Leases::Refused> refused = co_await leases_->take(reactor, missing_of(hold), deadline);
  co_return take_in(hold, refused, now);
}

Result<void> Admission::lease_and_wait(Hold& hold, Moment now) {
  return take_in(hold, leases_->take_and_wait(missing_of(hold)), now);
}

Result<void> Admission::take_in(Hold& hold, const std::optional<Leases::Refused>& refused, const Moment& now) {
  using Why = Leases::Refused::Why;
  const auto give_up = [&](const Line& line, Error error) -> Result<void> {
    hold.take_back_requests();
    hold.release();
    if (error.kind != ErrorKind::client_gone) tell(line.rule, LimitEvent::What::refused, 0, {});
    return std::unexpected(std::move(error));
  };
  std::size_t number = 0;
  for (Hold::Part& part : hold.parts_) {
    if (part.missing == 0) continue;
    const Line& line = *part.line;
    const std::int64_t need = part.missing;
    const bool is_it = number++ == (refused ? refused->part : 0);
    if (!refused) {
      part.has(need);
      --hold.missing_;
      continue;
    }
    switch (refused->why) {
      case Why::client_gone:
        return give_up(line, {.kind = ErrorKind::client_gone, .message = "the client closed the connection"});
      case Why::not_yet: return give_up(line, store_is_down(line.rule).error());
      case Why::store_down:  // each limit as it says
        if (leases_->handed_over() || leases_->rule_of(line.rule) == store::StoreDown::fail_open) {
          take_anyway(line, need);
          part.has(need);
          --hold.missing_;
          continue;
        }
        return give_up(line, store_is_down(line.rule).error());
      case Why::full: break;
    }
    if (!is_it) continue;
    constexpr std::int64_t ns_per_us = 1'000;
    switch (line.rule.unit) {
      case LimitUnit::money:
        return give_up(line,
                       over_budget(line.rule, Money::pico(need), line.state->account.standing(now.unix_us)).error());
      case LimitUnit::requests:
        return give_up(line, too_many_requests(line.rule, refused->wait_us * ns_per_us).error());
      case LimitUnit::tokens:
        return give_up(line, too_many_tokens(line.rule, need, refused->wait_us * ns_per_us).error());
      case LimitUnit::places: return give_up(line, too_many_at_once(line.rule).error());
    }
  }
  return {};
}

// A request that was not let in does not count.
void Hold::take_back_requests() {
  for (Part& part : parts_) {
    if (!std::exchange(part.counted, false)) continue;
    const std::lock_guard count(part.line->state->leased->mutex);
    ++part.line->state->leased->units;
  }
}

Result<Hold> Admission::admit(const store::Principal& principal, const Need& need, const Moment& now, bool storage_full,
                              const store::Lines& tag_lines) {
  if (storage_full)
    return fail(ErrorKind::overloaded, "the disk does not take the ledger's entries, so no new request is let in",
                "the operator finds the reason at /health/ready and in `sluice doctor`");
  if (!take_place(in_flight_, limits_.max_in_flight))
    return std::unexpected(
        Error{.kind = ErrorKind::overloaded,
              .message = "all " + std::to_string(limits_.max_in_flight) + " places for requests are taken",
              .hint = "try again when retry-after has passed",
              .code = "in_flight",
              .retry_after = std::chrono::milliseconds(1'000)});

  // From here on the Hold's destructor gives back what has been taken, whatever refuses the request.
  Hold hold(*this, principal);
  if (!take_place(principal.state().in_flight, limits_.max_in_flight_per_key))
    return rate_limited("concurrent_requests",
                        "the key \"" + principal.name() + "\" has " + std::to_string(limits_.max_in_flight_per_key) +
                            " requests under way",
                        "wait until some of them have ended", minute_ns / 60);
  hold.has_key_place_ = true;

  const std::span<const std::shared_ptr<const Line>> of_key = principal.lines();
  if (of_key.empty() && tag_lines.empty()) return hold;
  hold.parts_.reserve(of_key.size() + tag_lines.size());
  const auto refused = [&](const Line& line, Error error) {
    hold.take_back_requests();
    tell(line.rule, LimitEvent::What::refused, 0, {});
    return std::unexpected(std::move(error));
  };
  for (const auto lines : {of_key, std::span(tag_lines)})
    for (const auto& line : lines)
      if (Result<void> taken = take(hold, line, need, now); !taken) return refused(*line, std::move(taken).error());
  // Last, because a Hold does not give these back: a request that was let in counts, whatever becomes of it. Only when
  // every one of them takes it: those that have are given it back here.
  const std::int64_t now_ns = in_ns(now.at);
  for (std::size_t i = 0; i < hold.parts_.size(); ++i) {
    const Line& line = *hold.parts_[i].line;
    if (line.rule.unit != LimitUnit::requests || need.inherited) continue;
    if (line.state->leased) {
      if (Result<void> taken = take_shared(hold, hold.parts_[i].line, 1, false); !taken)
        return refused(line, std::move(taken).error());
      continue;
    }
    const std::int64_t wait_ns = sluice::gateway::take(line.state->tat_ns, step_ns(1, line.rule.amount), now_ns);
    if (wait_ns == 0) continue;
    for (std::size_t before = 0; before < i; ++before)
      if (const Line& other = *hold.parts_[before].line; other.rule.unit == LimitUnit::requests)
        give_back(other.state->tat_ns, step_ns(1, other.rule.amount));
    return refused(line, too_many_requests(line.rule, wait_ns).error());
  }
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
    parts_ = std::exchange(other.parts_, {});
    has_key_place_ = std::exchange(other.has_key_place_, false);
    missing_ = std::exchange(other.missing_, 0);
  }
  return *this;
}

Money Hold::reserved() const {
  Money most;
  for (const Part& part : parts_) most = std::max(most, part.reserved);
  return most;
}

Tokens Hold::reserved_tokens() const {
  Tokens most = 0;
  for (const Part& part : parts_)
    if (part.line->rule.of_any_model()) most = std::max(most, part.tokens);
  return most;
}

void Hold::charge(Money cost, Tokens tokens, const Moment& now, TargetName target) {
  if (!active()) return;
  cost = at_least_nothing(cost);
  tokens = std::max<Tokens>(tokens, 0);
  for (Part& part : parts_) {
    const LimitLine& rule = part.line->rule;
    if (!concerns(rule, target)) continue;
    if (rule.unit == LimitUnit::money) {
      const Money from_reserve = std::min(cost, part.reserved);
      part.reserved = part.reserved - from_reserve;
      store::Account& account = part.line->state->account;
      const int percent = account.charge(cost, from_reserve, rule.money(), now.unix_us, now.unix_us);
      if (percent > 0) admission_->tell(rule, LimitEvent::What::alert, percent, account.standing(now.unix_us));
    } else if (rule.unit == LimitUnit::tokens) {
      const Tokens beyond = tokens - std::min(tokens, part.tokens);
      part.tokens -= tokens - beyond;
      if (beyond > 0 && part.line->state->leased)
        take_anyway(*part.line, beyond);
      else if (beyond > 0)
        owe(part.line->state->tat_ns, std::min(step_ns(beyond, rule.amount), longest_debt_ns), in_ns(now.at));
    }
  }
}

bool Hold::raise_to(std::span<const Share> shares, std::int64_t unix_us) {
  if (!active()) return true;
  std::vector<Money> more(parts_.size());
  const auto lower = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      if (more[i] <= Money()) continue;
      parts_[i].line->state->account.give_back(more[i]);
      parts_[i].reserved = parts_[i].reserved - more[i];
    }
    return false;
  };
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    const LimitLine& rule = part.line->rule;
    if (rule.unit != LimitUnit::money) continue;
    Money worst;
    for (const Share& share : shares) {
      if (!concerns(rule, share.target)) continue;
      if (!share.cost) return lower(i);
      worst += at_least_nothing(*share.cost);
    }
    if (worst <= part.reserved) continue;
    const Money missing = worst - part.reserved;
    if (!part.line->state->account.reserve(missing, rule.money(), unix_us)) return lower(i);
    more[i] = missing;
    part.reserved = worst;
  }
  return true;
}

void Hold::join(const store::Lines& lines) {
  if (!active()) return;
  for (const auto& line : lines)
    if (std::ranges::none_of(parts_, [&](const Part& part) { return part.line->state == line->state; }))
      parts_.push_back({.line = line});
}

void Hold::settle(Money cost, Tokens tokens, const Moment& now, TargetName target) {
  charge(cost, tokens, now, target);
  release();
}

void Hold::release() {
  if (!active()) return;
  for (const Part& part : parts_) {
    store::LineState& state = *part.line->state;
    if (part.reserved > Money()) state.account.give_back(part.reserved);
    if (state.leased) {
      if (part.tokens > 0) {
        const std::lock_guard count(state.leased->mutex);
        state.leased->units += part.tokens;
      }
      if (part.has_place) {
        {
          const std::lock_guard count(state.leased->mutex);
          --state.leased->taken;
        }
        admission_->leases_->hurry(part.line);  // others may be refused for it
      }
      continue;
    }
    if (part.tokens > 0) give_back(state.tat_ns, step_ns(part.tokens, part.line->rule.amount));
    if (part.has_place) state.taken.fetch_sub(1, std::memory_order_relaxed);
  }
  parts_.clear();
  missing_ = 0;
  if (has_key_place_) principal_->state().in_flight.fetch_sub(1, std::memory_order_relaxed);
  admission_->in_flight_.fetch_sub(1, std::memory_order_relaxed);
  admission_ = nullptr;
  principal_.reset();
  has_key_place_ = false;
}

}  // namespace sluice::gateway
