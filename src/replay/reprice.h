// The calls of a traffic under other prices and places. Arrivals, sizes, cache hits and service tiers stay as they
// were; each call's price is the one that holds at its moment for its prompt's size. Calls whose price conditions are
// equal stand together and are added up before they are multiplied, which changes nothing of the sum: all is integers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/price_book.h"
#include "replay/traffic.h"

namespace sluice::replay {

// Which calls, and what becomes of them. Empty names mean any. The first move that fits a call counts.
struct Move {
  std::string provider;
  std::string model;
  std::string route;
  std::string key;
  std::string team;
  Tokens input_at_least = 0;
  Tokens input_at_most = 0;  // 0 = any
  std::optional<catalog::TimeWindow> hours;
  std::string to_provider;  // empty: they stay where they are
  std::string to_model;
  std::optional<chat::ServiceTier> service_tier;
  bool without_cache = false;  // the new place holds no prompt cache: what was read from it is read fresh
};

struct WhatIf {
  std::string name;
  std::vector<Move> moves = {};
  std::vector<catalog::PriceFact> prices = {};  // before those of the book, whoever stands behind these
};

// Where a provider's prices may depend on its region. Empty: nowhere.
using RegionOf = std::function<std::string(const std::string& provider)>;

struct Repriced {
  MoneySum pico = 0;  // of the calls that have a price
  std::int64_t calls = 0;
  std::int64_t moved = 0;
  std::int64_t unpriced = 0;     // no price is known: they are not in the sum
  std::int64_t self_hosted = 0;  // of them, that stand on hardware, which is not in the sum either
  std::vector<MoneySum> by_stream;
};

Repriced reprice(const Traffic& traffic, const catalog::PriceBook& book, const WhatIf& what_if,
                 const RegionOf& region_of = {});

// The same calls all under one fact, whatever day it holds on: of the streams that `of` names, or of all.
MoneySum price_under(const Traffic& traffic, const catalog::PriceFact& fact, const std::vector<bool>& of = {});

// What the source itself says that they cost, corrections included, and how many calls it has no price for.
struct Recorded {
  MoneySum pico = 0;
  std::int64_t calls = 0;
  std::int64_t unpriced = 0;
  std::vector<MoneySum> by_stream;
};
Recorded recorded(const Traffic& traffic);

// A call whose price is another one now than the source has: the first of each stream. Corrections are no calls.
struct Differs {
  std::uint32_t stream = 0;
  std::int64_t start_us = 0;
  std::int64_t recorded_pico = 0;
  std::int64_t priced_pico = 0;
  std::int64_t calls = 0;  // of the stream, that differ
};
std::vector<Differs> differences(const Traffic& traffic, const catalog::PriceBook& book,
                                 const RegionOf& region_of = {});

}  // namespace sluice::replay
