#include "replay/reprice.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <map>
#include <utility>

namespace sluice::replay {
namespace {

using catalog::PriceFact;
using catalog::Unit;

constexpr std::int64_t us_per_minute = 60'000'000;

constexpr std::size_t index_of(Unit unit) {
  for (std::size_t i = 0; i < counted_units.size(); ++i)
    if (counted_units[i] == unit) return i;
  return counted_units.size();
}
constexpr std::size_t input_at = index_of(Unit::input);
constexpr std::size_t cache_read_at = index_of(Unit::cache_read);
constexpr std::size_t input_audio_at = index_of(Unit::input_audio);
constexpr std::size_t cache_audio_at = index_of(Unit::cache_read_audio);

std::int64_t floor_minute(std::int64_t us) {
  return us >= 0 ? us / us_per_minute : -((-us + us_per_minute - 1) / us_per_minute);
}

catalog::Moment moment_of(std::int64_t us) { return catalog::Moment(std::chrono::seconds(us / 1'000'000)); }

// Calls of equal rates, added up.
class Batch {
 public:
  void add(const Counts& counts) {
    for (std::size_t i = 0; i < counts.size(); ++i) sums_[i] += counts[i];
  }
  // What they cost; then it is empty. A batch of 2^32 calls would be needed to pass 64 bits.
  MoneySum take(const catalog::Rates& rates) {
    MoneySum pico = 0;
    for (std::size_t i = 0; i < sums_.size(); ++i)
      if (sums_[i] > 0) pico += static_cast<MoneySum>(sums_[i]) * rates[counted_units[i]];
    sums_ = {};
    return pico;
  }

 private:
  std::array<std::uint64_t, counted_units.size()> sums_ = {};
};

// The calls of one fact. Tiers of the whole request have a batch each; marginal ones are priced call by call.
class Pricer {
 public:
  explicit Pricer(const PriceFact& fact) : fact_(fact), by_tier_(fact.tiers.size() + 1) {
    for (const catalog::Tier& tier : fact.tiers) marginal_ = marginal_ || tier.scope == catalog::Tier::Scope::marginal;
  }
  void add(const Counts& counts) {
    if (marginal_) {
      pico_ += catalog::cost(fact_, quantities(counts)).pico();
      return;
    }
    std::size_t reached = 0;
    if (!fact_.tiers.empty()) {
      Tokens all = 0;
      for (std::size_t i = 0; i < counts.size(); ++i)
        if (catalog::is_prompt(counted_units[i])) all += counts[i];
      const Tokens fresh = all - counts[cache_read_at] - counts[cache_audio_at];
      for (std::size_t t = 0; t < fact_.tiers.size(); ++t)
        if (fact_.tiers[t].reached(fact_.tiers[t].counts_cached ? all : fresh)) reached = t + 1;
    }
    by_tier_[reached].add(counts);
  }
  MoneySum take() {
    MoneySum pico = std::exchange(pico_, 0) + by_tier_[0].take(fact_.rates);
    for (std::size_t t = 0; t < fact_.tiers.size(); ++t) pico += by_tier_[t + 1].take(fact_.tiers[t].rates);
    return pico;
  }

 private:
  const PriceFact& fact_;
  std::vector<Batch> by_tier_;
  MoneySum pico_ = 0;
  bool marginal_ = false;
};

// The price of one place at one tier over rising time. Looks it up again when the minute, by which hours of the day go,
// or the day has changed.
class Place {
 public:
  Place(const catalog::PriceHistory* history, chat::ServiceTier tier, std::string region)
      : history_(history), region_(std::move(region)), tier_(tier) {
    if (history_)
      by_minute_ = std::ranges::any_of(history_->facts, [](const PriceFact& fact) { return fact.window.has_value(); });
  }
  const PriceFact* fact(std::int64_t start_us) {
    if (!history_) return nullptr;
    const std::int64_t minute = floor_minute(start_us);
    const std::int64_t slot = by_minute_ ? minute : minute / (24 * 60) - (minute < 0 ? 1 : 0);
    if (slot != slot_) {
      slot_ = slot;
      fact_ = history_->quote(moment_of(start_us), region_).fact(tier_);
    }
    return fact_;
  }

 private:
  const catalog::PriceHistory* history_;
  std::string region_;
  chat::ServiceTier tier_;
  bool by_minute_ = false;
  std::int64_t slot_ = std::numeric_limits<std::int64_t>::min();
  const PriceFact* fact_ = nullptr;
};

// The book with a what-if's prices in front.
class Prices {
 public:
  Prices(const catalog::PriceBook& book, const std::vector<PriceFact>& first) : book_(book) {
    for (const PriceFact& fact : first) changed_[{fact.provider.str(), fact.model.str()}].facts.push_back(fact);
    for (auto& [name, history] : changed_) {
      if (const catalog::PriceHistory* known = book.find(name.first, name.second))
        history.facts.insert(history.facts.end(), known->facts.begin(), known->facts.end());
      history.has_tiers = std::ranges::any_of(
          history.facts, [](const PriceFact& fact) { return fact.service_tier != chat::ServiceTier::standard; });
    }
  }
  const catalog::PriceHistory* find(const std::string& provider, const std::string& model) const {
    const auto changed = changed_.find(std::pair(provider, model));
    return changed != changed_.end() ? &changed->second : book_.find(provider, model);
  }

 private:
  const catalog::PriceBook& book_;
  std::map<std::pair<std::string, std::string>, catalog::PriceHistory> changed_;
};

bool names_fit(const Move& move, const Stream& stream) {
  const auto fits = [](const std::string& wanted, const std::string& is) { return wanted.empty() || wanted == is; };
  return fits(move.provider, stream.provider) && fits(move.model, stream.model) && fits(move.route, stream.route) &&
         fits(move.key, stream.key) && fits(move.team, stream.team);
}

bool call_fits(const Move& move, const Call& call) {
  if (move.input_at_least > 0 || move.input_at_most > 0) {
    const Tokens input = call.input();
    if (input < move.input_at_least || (move.input_at_most > 0 && input > move.input_at_most)) return false;
  }
  return !move.hours || move.hours->holds(moment_of(call.start_us));
}

// A stream's calls at one place: where they stand now, or where a move puts them.
struct Lane {
  const Move* move = nullptr;
  Place place;
  const PriceFact* fact = nullptr;
  std::optional<Pricer> pricer = {};
};

}  // namespace

Repriced reprice(const Traffic& traffic, const catalog::PriceBook& book, const WhatIf& what_if,
                 const RegionOf& region_of) {
  Repriced out{.by_stream = std::vector<MoneySum>(traffic.streams().size(), 0)};
  const auto region = [&](const std::string& provider) { return region_of ? region_of(provider) : std::string(); };
  const Prices prices(book, what_if.prices);
  const std::vector<Call>& calls = traffic.calls();
  for (std::size_t at = 0; at < calls.size();) {
    const std::uint32_t id = calls[at].stream;
    const Stream& stream = traffic.streams()[id];
    std::vector<Lane> lanes;
    for (const Move& move : what_if.moves) {
      if (!names_fit(move, stream)) continue;
      const bool stays = move.to_provider.empty();
      const std::string& provider = stays ? stream.provider : move.to_provider;
      lanes.push_back({&move, Place(prices.find(provider, stays ? stream.model : move.to_model),
                                    move.service_tier.value_or(stream.service_tier), region(provider))});
    }
    lanes.push_back(
        {nullptr, Place(prices.find(stream.provider, stream.model), stream.service_tier, region(stream.provider))});
    MoneySum& sum = out.by_stream[id];
    for (; at < calls.size() && calls[at].stream == id; ++at) {
      const Call& call = calls[at];
      if (call.correction) continue;
      ++out.calls;
      if (call.free) continue;
      Lane& lane =
          *std::ranges::find_if(lanes, [&](const Lane& one) { return !one.move || call_fits(*one.move, call); });
      out.moved += lane.move ? 1 : 0;
      const PriceFact* fact = lane.place.fact(call.start_us);
      if (!fact) {
        ++out.unpriced;
        continue;
      }
      if (fact != lane.fact) {
        if (lane.pricer) sum += lane.pricer->take();
        lane.fact = fact;
        lane.pricer.emplace(*fact);
      }
      out.self_hosted += fact->kind == catalog::PriceKind::self_hosted ? 1 : 0;
      if (lane.move && lane.move->without_cache && call.cached() > 0) {
        Counts counts = call.counts;
        counts[input_at] += std::exchange(counts[cache_read_at], 0);
        counts[input_audio_at] += std::exchange(counts[cache_audio_at], 0);
        lane.pricer->add(counts);
      } else {
        lane.pricer->add(call.counts);
      }
    }
    for (Lane& lane : lanes)
      if (lane.pricer) sum += lane.pricer->take();
    out.pico += sum;
  }
  return out;
}

MoneySum price_under(const Traffic& traffic, const PriceFact& fact, const std::vector<bool>& of) {
  if (fact.kind == catalog::PriceKind::free) return 0;
  Pricer pricer(fact);
  for (const Call& call : traffic.calls())
    if (!call.correction && (of.empty() || of[call.stream])) pricer.add(call.counts);
  return pricer.take();
}

Recorded recorded(const Traffic& traffic) {
  Recorded out{.by_stream = std::vector<MoneySum>(traffic.streams().size(), 0)};
  for (const Call& call : traffic.calls()) {
    out.calls += call.correction ? 0 : 1;
    out.unpriced += !call.correction && !call.priced ? 1 : 0;
    out.by_stream[call.stream] += call.cost_pico;
    out.pico += call.cost_pico;
  }
  return out;
}

std::vector<Differs> differences(const Traffic& traffic, const catalog::PriceBook& book, const RegionOf& region_of) {
  std::map<std::uint32_t, Differs> found;
  std::optional<Place> place;
  std::uint32_t id = std::numeric_limits<std::uint32_t>::max();
  for (const Call& call : traffic.calls()) {
    if (call.correction || call.free) continue;
    if (!place || call.stream != id) {
      id = call.stream;
      const Stream& stream = traffic.streams()[id];
      place.emplace(book.find(stream.provider, stream.model), stream.service_tier,
                    region_of ? region_of(stream.provider) : std::string());
    }
    const PriceFact* fact = place->fact(call.start_us);
    if (!fact && !call.priced) continue;
    const std::int64_t now = fact ? catalog::cost(*fact, quantities(call.counts)).pico() : 0;
    if (fact && call.priced && now == call.cost_pico) continue;
    ++found.try_emplace(id, Differs{id, call.start_us, call.cost_pico, now, 0}).first->second.calls;
  }
  std::vector<Differs> all;
  all.reserve(found.size());
  for (const auto& [stream, one] : found) all.push_back(one);
  return all;
}

}  // namespace sluice::replay
