#include "replay/traffic.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice::replay {
namespace {

constexpr std::size_t at(catalog::Unit unit) {
  for (std::size_t i = 0; i < counted_units.size(); ++i)
    if (counted_units[i] == unit) return i;
  return 0;
}

}  // namespace

catalog::Quantities quantities(const Counts& counts) {
  catalog::Quantities used = {};
  for (std::size_t i = 0; i < counted_units.size(); ++i) used[static_cast<std::size_t>(counted_units[i])] = counts[i];
  return used;
}

Tokens Call::input() const {
  Tokens sum = 0;
  for (std::size_t i = 0; i < counted_units.size(); ++i)
    if (catalog::is_prompt(counted_units[i])) sum += counts[i];
  return sum;
}

Tokens Call::cached() const {
  return Tokens{counts[at(catalog::Unit::cache_read)]} + counts[at(catalog::Unit::cache_read_audio)];
}

Tokens Call::output() const {
  return Tokens{counts[at(catalog::Unit::output)]} + counts[at(catalog::Unit::reasoning)] +
         counts[at(catalog::Unit::output_audio)] + counts[at(catalog::Unit::output_image)];
}

Result<void> Traffic::add(std::int64_t start_us, const Stream& stream, const chat::Usage& usage,
                          std::optional<Money> cost, bool correction) {
  if (calls_.size() == max_calls)
    return fail(ErrorKind::request_too_large, "there are more than " + std::to_string(max_calls) + " calls",
                "take a shorter time with --since and --until, or a part of the trace");
  Call call{.start_us = start_us,
            .cost_pico = cost.value_or(Money()).pico(),
            .priced = cost.has_value(),
            .correction = correction};
  if (!correction) {
    const catalog::Quantities used = catalog::quantities(usage);
    for (std::size_t i = 0; i < counted_units.size(); ++i) {
      const std::int64_t count = used[static_cast<std::size_t>(counted_units[i])];
      if (count < 0 || count > std::numeric_limits<std::uint32_t>::max())
        return fail(ErrorKind::invalid_request,
                    "a call with " + std::to_string(count) + " of " + std::string(catalog::name(counted_units[i])),
                    "no answer has that many");
      call.counts[i] = static_cast<std::uint32_t>(count);
    }
    call.counts[at(catalog::Unit::request)] = 0;
    call.free = cost == Money() && call.counts == Counts{};
    call.counts[at(catalog::Unit::request)] = call.free ? 0 : 1;
  }
  const auto known = ids_.find(stream);
  if (known != ids_.end()) {
    call.stream = known->second;
  } else {
    if (streams_.size() == max_streams)
      return fail(ErrorKind::request_too_large,
                  "there are more than " + std::to_string(max_streams) + " keys, models and routes together",
                  "take a shorter time with --since and --until");
    call.stream = static_cast<std::uint32_t>(streams_.size());
    streams_.push_back(stream);
    ids_.emplace(stream, call.stream);
  }
  if (!correction) {
    first_us_ = requests() == 0 ? start_us : std::min(first_us_, start_us);
    last_us_ = requests() == 0 ? start_us : std::max(last_us_, start_us);
  }
  corrections_ += correction ? 1 : 0;
  calls_.push_back(call);
  return {};
}

void Traffic::add_fault(std::size_t line, std::string what) {
  ++faults_;
  if (named_.size() < max_named_faults) named_.push_back({line, std::move(what)});
}

void Traffic::sort() {
  std::ranges::sort(calls_, {}, [](const Call& call) { return std::pair(call.stream, call.start_us); });
}

void Traffic::call_it(std::string_view provider, std::string_view model) {
  for (Stream& stream : streams_) {
    stream.provider = provider;
    stream.model = model;
  }
}

void Traffic::move_to_day(std::int64_t us) {
  constexpr std::int64_t day = 86'400'000'000;
  const std::int64_t by = us / day * day - last_us_ / day * day;
  for (Call& call : calls_) call.start_us += by;
  first_us_ += by;
  last_us_ += by;
}

}  // namespace sluice::replay
