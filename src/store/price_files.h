// The files of imported prices: DATA/prices/000001-models_dev.jsonl and on. A file is written whole and never changed,
// so that every past day can be priced again as it was.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/imported_prices.h"

namespace sluice::store {

inline std::string price_files_path(const std::string& directory) { return directory + "/prices"; }

// Oldest first. None when nothing was imported. Errors: unavailable, when a file cannot be read.
Result<std::vector<catalog::ImportedFile>> read_price_files(const std::string& directory);

// Writes the next file, on disk when this returns, and gives its path. `label`: of letters, digits, _ and -.
Result<std::string> add_price_file(const std::string& directory, std::string_view label, std::string_view text);

// Another text whenever files came or went. Cheap: names alone are looked at.
std::string price_files_stamp(const std::string& directory);

}  // namespace sluice::store
