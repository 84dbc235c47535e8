#include "catalog/price.h"

#include <date/tz.h>

#include <algorithm>
#include <charconv>

#include "catalog/price_book.h"

namespace sluice::catalog {
namespace {

constexpr int minutes_per_day = 24 * 60;

// It, or what it is a part of.
bool is_given(const GivenRates& given, Unit unit) {
  if (given[static_cast<std::size_t>(unit)]) return true;
  const Unit whole = whole_of(unit);
  return whole != unit && is_given(given, whole);
}

std::int64_t rate_of(const GivenRates& given, const Rates& filled, Unit unit, const Rates* base) {
  const std::size_t i = static_cast<std::size_t>(unit);
  if (given[i]) return *given[i];
  const Unit whole = whole_of(unit);
  if (whole == unit) return base ? (*base)[unit] : 0;
  // A tier that gives a new price for the whole gives it for the parts that it does not name.
  return base && !is_given(given, whole) ? (*base)[unit] : filled[whole];
}

// Order in which units stand in a prompt: what is cached comes first, which decides what lies beyond a threshold.
constexpr std::array prompt_order = {
    Unit::cache_read, Unit::cache_read_audio, Unit::cache_write_1h, Unit::cache_write_5m,
    Unit::input,      Unit::input_audio,      Unit::input_image,    Unit::input_video};

Tokens prompt_of(const Quantities& used, bool with_cached) {
  Money sum;  // saturates
  for (const Unit unit : prompt_order)
    if (with_cached || (unit != Unit::cache_read && unit != Unit::cache_read_audio))
      sum += Money::pico(used[static_cast<std::size_t>(unit)]);
  return sum.pico();
}

const Tier* highest_reached(const PriceFact& fact, const Quantities& used) {
  const Tier* highest = nullptr;
  for (const Tier& tier : fact.tiers)
    if (tier.reached(prompt_of(used, tier.counts_cached))) highest = &tier;
  return highest;
}

// Calls line(unit, quantity, rate, tier) for each part of the bill.
template <class Line>
void bill(const PriceFact& fact, const Quantities& used, const Line& line) {
  const Tier* reached = fact.tiers.empty() ? nullptr : highest_reached(fact, used);
  const Rates& rates = reached ? reached->rates : fact.rates;
  const bool marginal = reached && reached->scope == Tier::Scope::marginal;
  for (std::size_t i = 0; i < unit_count; ++i)
    if (used[i] > 0 && !(marginal && is_prompt(static_cast<Unit>(i))))
      line(static_cast<Unit>(i), used[i], rates.pico[i], reached);
  if (!marginal) return;
  // The prompt is cut at each threshold that it has passed.
  for (Tokens at = 0; const Unit unit : prompt_order) {
    Tokens left = used[static_cast<std::size_t>(unit)];
    const bool cached = unit == Unit::cache_read || unit == Unit::cache_read_audio;
    if (cached && !reached->counts_cached) {
      if (left > 0) line(unit, left, fact.rates[unit], nullptr);
      continue;
    }
    while (left > 0) {
      const Tier* here = nullptr;
      Tokens until = at + left;
      for (const Tier& tier : fact.tiers) {
        const Tokens begins =
            tier.op == Tier::Op::ge ? std::max<Tokens>(tier.prompt_tokens - 1, 0) : tier.prompt_tokens;
        if (at >= begins)
          here = &tier;
        else
          until = std::min(until, begins);
      }
      line(unit, until - at, (here ? here->rates : fact.rates)[unit], here);
      left -= until - at;
      at = until;
    }
  }
}

Money bound(const Rates& rates, Tokens input_tokens, Tokens output_tokens) {
  std::int64_t input = 0;
  for (std::size_t i = 0; i < unit_count; ++i)
    if (is_prompt(static_cast<Unit>(i))) input = std::max(input, rates.pico[i]);
  const std::int64_t output =
      std::max({rates[Unit::output], rates[Unit::reasoning], rates[Unit::output_audio], rates[Unit::output_image]});
  return cost_of(input_tokens, input) + cost_of(output_tokens, output) + Money::pico(rates[Unit::request]);
}

Money bound(const PriceFact& fact, Tokens input_tokens, Tokens output_tokens) {
  Money most = bound(fact.rates, input_tokens, output_tokens);
  for (const Tier& tier : fact.tiers)
    if (tier.reached(input_tokens)) most = std::max(most, bound(tier.rates, input_tokens, output_tokens));
  return most;
}

// "16:30" at the front of `text`, which is moved on.
std::optional<int> take_clock(std::string_view& text) {
  const auto digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  if (!digit(0) || !digit(1) || text.size() < 5 || text[2] != ':' || !digit(3) || !digit(4)) return std::nullopt;
  const int hours = (text[0] - '0') * 10 + (text[1] - '0');
  const int minutes = (text[3] - '0') * 10 + (text[4] - '0');
  if (hours > 23 || minutes > 59) return std::nullopt;
  text.remove_prefix(5);
  return hours * 60 + minutes;
}

// By its IANA name; null when this machine has none of that name.
const date::time_zone* find_zone(std::string_view name) {
  try {
    return date::locate_zone(std::string(name));
  } catch (const std::runtime_error&) {
    return nullptr;
  }
}

std::string clock_text(int minutes) {
  const auto two = [](int n) { return std::string(n < 10 ? "0" : "") + std::to_string(n); };
  return two(minutes / 60) + ":" + two(minutes % 60);
}

}  // namespace

Rates fill(const GivenRates& given, const Rates* base) {
  Rates rates;
  // Wholes first. A part of a part (cached audio, the cache for an hour) comes behind its own whole in the list.
  for (const bool parts : {false, true})
    for (std::size_t i = 0; i < unit_count; ++i) {
      const Unit unit = static_cast<Unit>(i);
      if ((whole_of(unit) != unit) == parts) rates[unit] = rate_of(given, rates, unit, base);
    }
  return rates;
}

bool TimeWindow::holds(Moment when) const {
  const auto minutes_of = [](std::chrono::seconds time) {
    return std::chrono::floor<std::chrono::minutes>(time).count();
  };
  const auto minutes =
      zone ? minutes_of(when.time_since_epoch() + zone->get_info(when).offset)  // offsets of long ago have seconds
           : minutes_of(when.time_since_epoch()) + utc_offset_minutes;
  const auto local = static_cast<int>((minutes % minutes_per_day + minutes_per_day) % minutes_per_day);
  return from_minute <= to_minute ? local >= from_minute && local < to_minute
                                  : local >= from_minute || local < to_minute;
}

std::optional<TimeWindow> parse_window(std::string_view text) {
  const auto from = take_clock(text);
  if (!from || !text.starts_with('-')) return std::nullopt;
  text.remove_prefix(1);
  const auto to = take_clock(text);
  if (!to || *from == *to) return std::nullopt;
  TimeWindow window{.from_minute = static_cast<std::int16_t>(*from), .to_minute = static_cast<std::int16_t>(*to)};
  if (text.empty() || text == "Z" || text == " UTC") return window;
  if (text.front() == ' ') {
    window.zone = find_zone(text.substr(1));
    return window.zone ? std::optional(window) : std::nullopt;
  }
  const bool west = text.front() == '-';
  if (!west && text.front() != '+') return std::nullopt;
  text.remove_prefix(1);
  const auto offset = take_clock(text);
  if (!offset || !text.empty() || *offset > 14 * 60) return std::nullopt;
  window.utc_offset_minutes = static_cast<std::int16_t>(west ? -*offset : *offset);
  return window;
}

std::string window_text(const TimeWindow& window) {
  std::string text = clock_text(window.from_minute) + "-" + clock_text(window.to_minute);
  if (window.zone) return text + " " + window.zone->name();
  if (window.utc_offset_minutes != 0)
    text += (window.utc_offset_minutes < 0 ? "-" : "+") + clock_text(std::abs(window.utc_offset_minutes));
  return text;
}

bool PriceFact::holds(Moment when, std::string_view in_region) const {
  return effective_from <= when && (!effective_to || when < *effective_to) && (region.empty() || region == in_region) &&
         (!window || window->holds(when));
}

const PriceFact* Quote::fact(ServiceTier tier) const {
  if (tier == ServiceTier::standard || !history_) return fact_;
  const PriceFact* own = history_->find(when_, region_, tier);
  return own ? own : fact_;
}

const Rates& Quote::rates(Tokens prompt_tokens) const {
  const Rates* rates = &fact_->rates;
  for (const Tier& tier : fact_->tiers)
    if (tier.reached(prompt_tokens)) rates = &tier.rates;
  return *rates;
}

Quantities quantities(const chat::Usage& usage) {
  Quantities used = {};
  const auto set = [&](Unit unit, std::int64_t count) { used[static_cast<std::size_t>(unit)] = count; };
  set(Unit::input, usage.input);
  set(Unit::cache_read, usage.cache_read);
  set(Unit::cache_write_5m, usage.cache_write_5m);
  set(Unit::cache_write_1h, usage.cache_write_1h);
  set(Unit::output, usage.output);
  set(Unit::reasoning, usage.reasoning);
  set(Unit::request, 1);
  set(Unit::input_audio, usage.input_audio);
  set(Unit::input_image, usage.input_image);
  set(Unit::input_video, usage.input_video);
  set(Unit::cache_read_audio, usage.cache_read_audio);
  set(Unit::output_audio, usage.output_audio);
  set(Unit::output_image, usage.output_image);
  set(Unit::search, usage.searches);
  return used;
}

Money cost(const PriceFact& fact, const Quantities& used) {
  Money sum;
  bill(fact, used,
       [&](Unit, std::int64_t quantity, std::int64_t rate, const Tier*) { sum += cost_of(quantity, rate); });
  return sum;
}

std::optional<Money> cost(const Quote& quote, const chat::Usage& usage) {
  const PriceFact* fact = quote.fact(usage.service_tier);
  if (!fact) return std::nullopt;
  return cost(*fact, quantities(usage));
}

std::vector<CostLine> cost_lines(const PriceFact& fact, const Quantities& used) {
  std::vector<CostLine> lines;
  bill(fact, used, [&](Unit unit, std::int64_t quantity, std::int64_t rate, const Tier* tier) {
    if (unit != Unit::request || rate != 0) lines.push_back({unit, quantity, rate, cost_of(quantity, rate), tier});
  });
  return lines;
}

std::optional<Money> upper_bound(const Quote& quote, Tokens input_tokens, Tokens max_output_tokens) {
  if (!quote.priced()) return std::nullopt;
  Money most = bound(*quote.fact(), input_tokens, max_output_tokens);
  if (quote.history_ && quote.history_->has_tiers)
    for (const PriceFact& fact : quote.history_->facts)
      if (fact.service_tier != ServiceTier::standard && fact.service_tier != ServiceTier::batch &&
          fact.service_tier != ServiceTier::provisioned && fact.holds(quote.when_, quote.region_))
        most = std::max(most, bound(fact, input_tokens, max_output_tokens));
  return most;
}

}  // namespace sluice::catalog
