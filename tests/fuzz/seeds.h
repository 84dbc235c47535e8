// What the fuzz targets begin with: the golden cases, and a few lines for the parsers that these do not reach.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::fuzz {

// Of the target with that name, such as "gemini_fuzz". Sorted, and the same on every machine.
std::vector<std::string> seeds(std::string_view target);

}  // namespace sluice::fuzz
