#include "spend/difference.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "store/usage_report.h"

namespace sluice::spend {
namespace {

using catalog::Unit;

// The tokens among which a cache moves, named by the first of them: mix tells these groups apart, cache what is within.
Unit family(Unit unit) {
  switch (unit) {
    case Unit::cache_read:
    case Unit::cache_write_5m:
    case Unit::cache_write_1h: return Unit::input;
    case Unit::cache_read_audio: return Unit::input_audio;
    default: return unit;
  }
}

bool is_token(Unit unit) { return catalog::is_per_million(unit) && unit != Unit::cache_storage; }

// amount * times / of, rounded down, without passing 128 bits: `of` and `times` are counts below 2^62.
MoneySum scaled(MoneySum amount, MoneySum times, MoneySum of) { return amount / of * times + amount % of * times / of; }

void add(Costs::Part& to, const Costs::Part& part) {
  to.quantity += part.quantity;
  to.pico += part.pico;
}

template <class Key>
using Parts = std::map<Key, Costs::Part>;

// The earlier period's cost of what the later one has of each group. A group that the earlier one does not have costs
// what the later one says.
template <class Key>
MoneySum substituted(const Parts<Key>& before, const Parts<Key>& after) {
  MoneySum sum = 0;
  for (const auto& [key, part] : after) {
    const auto found = before.find(key);
    const bool known = found != before.end() && found->second.quantity > 0;
    sum += known ? scaled(found->second.pico, part.quantity, found->second.quantity) : part.pico;
  }
  return sum;
}

using ByFamily = std::tuple<std::string, Unit>;
using ByUnit = std::tuple<std::string, Unit>;

template <class Key, class Group>
Parts<Key> grouped(const Costs& costs, Group&& group) {
  Parts<Key> parts;
  for (const auto& [leaf, part] : costs.parts()) add(parts[group(leaf)], part);
  return parts;
}

Parts<ByFamily> by_family(const Costs& costs) {
  return grouped<ByFamily>(costs, [](const Costs::Leaf& leaf) { return ByFamily(leaf.model, family(leaf.unit)); });
}

Parts<ByUnit> by_unit(const Costs& costs) {
  return grouped<ByUnit>(costs, [](const Costs::Leaf& leaf) { return ByUnit(leaf.model, leaf.unit); });
}

}  // namespace

MoneySum Costs::pico() const {
  MoneySum sum = corrections_;
  for (const auto& [leaf, part] : parts_) sum += part.pico;
  return sum;
}

void Costs::add(const Costs& other) {
  for (const auto& [leaf, part] : other.parts_) spend::add(parts_[leaf], part);
  corrections_ += other.corrections_;
  requests_ += other.requests_;
  tokens_ += other.tokens_;
  unpriced_ += other.unpriced_;
}

void Costs::add(const store::LedgerEntry& entry, const catalog::PriceBook& book) {
  if (entry.correction != store::Correction::none) {
    corrections_ += entry.cost.value_or(Money()).pico();
    return;
  }
  requests_ += entry.final ? 1 : 0;
  const chat::Usage& usage = entry.usage;
  const bool used = usage.total_input() + usage.total_output() + usage.searches > 0;
  if (!entry.cost) {
    unpriced_ += used || entry.outcome == store::Outcome::ok ? 1 : 0;
    return;
  }
  const MoneySum cost = entry.cost->pico();
  if (!used && cost == 0) return;  // an attempt that a provider refused

  const catalog::Moment when{std::chrono::floor<std::chrono::seconds>(
      std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(entry.start_us)))};
  const catalog::Quote quote = book.quote(entry.provider, entry.model, when);
  const catalog::PriceFact* fact = quote.fact(usage.service_tier);
  std::vector<catalog::CostLine> lines;
  if (fact) lines = catalog::cost_lines(*fact, catalog::quantities(usage));
  if (lines.empty()) {  // nothing is known but how many there were
    const catalog::Quantities counts = catalog::quantities(usage);
    for (std::size_t i = 0; i < counts.size(); ++i)
      if (counts[i] > 0 && static_cast<Unit>(i) != Unit::request)
        lines.push_back({.unit = static_cast<Unit>(i), .quantity = counts[i], .pico_per_unit = 0, .amount = {}});
    if (lines.empty()) lines.push_back({.unit = Unit::request, .quantity = 1, .pico_per_unit = 0, .amount = {}});
  }
  MoneySum told = 0;
  MoneySum counted = 0;
  for (const catalog::CostLine& line : lines) {
    told += line.amount.pico();
    counted += line.quantity;
  }
  const std::string model = entry.provider.str() + "/" + entry.model.str();
  MoneySum left = cost;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const catalog::CostLine& line = lines[i];
    MoneySum share = line.amount.pico();
    if (told != cost) {
      share = told > 0 ? scaled(cost, line.amount.pico(), told)
                       : scaled(cost, line.quantity, std::max<MoneySum>(counted, 1));
      if (i + 1 == lines.size()) share = left;  // with what the rounding has left
    }
    left -= share;
    spend::add(parts_[{.model = model,
                       .unit = line.unit,
                       .service_tier = usage.service_tier,
                       .tier_from = line.tier ? line.tier->prompt_tokens : 0}],
               {.quantity = line.quantity, .pico = share});
    tokens_ += is_token(line.unit) ? line.quantity : 0;
  }
}

Difference explain(const Costs& before, const Costs& after) {
  Difference told{.before = before.pico(), .after = after.pico()};
  const MoneySum corrected = before.corrections_pico();
  const MoneySum charged = told.before - corrected;  // of rows
  // Where no tokens were counted (sound by the second, say), requests are the volume.
  const bool by_tokens = before.tokens() > 0 && after.tokens() > 0;
  const std::int64_t volume_before = by_tokens ? before.tokens() : before.requests();
  const std::int64_t volume_after = by_tokens ? after.tokens() : after.requests();
  std::array<MoneySum, 6> sums{};
  sums[0] = told.before;
  sums[5] = told.after;
  if (before.parts().empty()) {  // all of it is new
    sums[1] = sums[2] = sums[3] = sums[4] = corrected + told.after - after.corrections_pico();
  } else {
    sums[1] = corrected + (volume_before > 0       ? scaled(charged, volume_after, volume_before)
                           : after.parts().empty() ? 0
                                                   : charged);
    sums[2] = corrected + substituted(by_family(before), by_family(after));
    sums[3] = corrected + substituted(by_unit(before), by_unit(after));
    sums[4] = corrected + substituted(before.parts(), after.parts());
  }
  told.volume = sums[1] - sums[0];
  told.mix = sums[2] - sums[1];
  told.cache = sums[3] - sums[2];
  told.tier = sums[4] - sums[3];
  told.price = sums[5] - sums[4];
  return told;
}

std::string sentence(const Difference& difference) {
  const MoneySum sum = difference.after - difference.before;
  std::vector<std::pair<const char*, MoneySum>> effects{{"volume", difference.volume},
                                                        {"mix", difference.mix},
                                                        {"cache", difference.cache},
                                                        {"tier", difference.tier},
                                                        {"price", difference.price}};
  const auto size = [](MoneySum amount) { return amount < 0 ? -amount : amount; };
  std::ranges::sort(effects, [&](const auto& a, const auto& b) {
    return size(a.second) != size(b.second) ? size(a.second) > size(b.second) : std::string_view(a.first) > b.first;
  });
  std::string text = store::usd(size(sum)) + " USD " + (sum < 0 ? "less" : "more");
  const char* before = ": ";
  for (const auto& [name, amount] : effects) {
    if (amount == 0) continue;
    text.append(before).append(name).append(" ").append(store::usd(amount));
    before = ", ";
  }
  return text;
}

}  // namespace sluice::spend
