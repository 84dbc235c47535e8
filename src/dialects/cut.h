// Takes elements out of arrays in a body, and changes no other byte.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace sluice::dialects {

std::string_view at(std::string_view text, json::Span span);

// Adds to `cuts` the elements that are not kept, each with one of its commas. `offset` is where the array begins in the
// body; there are as many `kept` as elements.
void cut_elements(const std::vector<json::Span>& elements, const std::vector<bool>& kept, std::size_t offset,
                  std::vector<json::Span>& cuts);

// The body without these places, which must not overlap.
std::string without(std::string_view body, std::vector<json::Span> cuts);

}  // namespace sluice::dialects
