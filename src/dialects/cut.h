// Puts texts into a body, or takes elements out of its arrays, and changes no other byte.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dialects/dialect.h"
#include "json/json.h"

namespace sluice::dialects {

std::string_view at(std::string_view text, json::Span span);

// Adds to `cuts` the elements that are not kept, each with one of its commas. `offset` is where the array begins in the
// body; there are as many `kept` as elements.
void cut_elements(const std::vector<json::Span>& elements, const std::vector<bool>& kept, std::size_t offset,
                  std::vector<json::Span>& cuts);

// What is to stand at a place of a body.
struct BodyChange {
  json::Span place;
  std::string text;
};

// The body with these changes, at least one, which stand in the order of their places. Where `kept` is given it gets
// the ends of the body that are long, and they are not part of what is returned.
std::string with_changes(std::string_view body, std::span<const BodyChange> changes, KeptBytes* kept = nullptr);

// The body without these places, which must not overlap.
std::string without(std::string_view body, std::vector<json::Span> cuts);

}  // namespace sluice::dialects
