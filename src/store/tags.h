// Tags: short words that a key has, or a request brings, by which spend is told apart. A set of them is kept as one
// text: sorted, each once, with commas between.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::store {

constexpr std::size_t most_tags = 8;  // of a key, and of a request
constexpr std::size_t max_tag_bytes = 64;
constexpr std::size_t max_tags_text_bytes = 2 * most_tags * (max_tag_bytes + 1);  // of a key and a request together

// "one,two", with blanks around the commas or not. Errors: invalid_request for more than most_tags, for a tag longer
// than max_tag_bytes, and for other characters than letters, digits and . _ - : / = @
Result<std::string> read_tags(std::string_view text);
// Both sets as one.
std::string join_tags(std::string_view one, std::string_view other);
std::vector<std::string_view> split_tags(std::string_view tags);
bool has_tag(std::string_view tags, std::string_view tag);

}  // namespace sluice::store
