// A what-if as a file: other prices, and moves of calls to other places. What can do nothing is refused with its line:
// a move that no call of the traffic fits, or that stands behind one which takes all of its calls.
#pragma once

#include <optional>
#include <string>

#include "replay/reprice.h"
#include "yaml/diagnostics.h"

namespace sluice::replay {

constexpr std::size_t max_moves = 200;  // each call looks at those that its names fit
constexpr std::size_t max_what_if_prices = 1'000;

// `name`: the file's, for messages. Empty when diagnostics has errors.
std::optional<WhatIf> read_what_if(std::string name, std::string text, const Traffic& traffic,
                                   const catalog::PriceBook& book, yaml::Diagnostics& diagnostics);

}  // namespace sluice::replay
