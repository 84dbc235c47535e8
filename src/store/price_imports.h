// Imported prices where several processes share a database: there, so that all price alike. What an import took is
// never changed; it may be withdrawn as a whole, and stays told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/imported_prices.h"
#include "store/database.h"

namespace sluice::store {

struct PriceImport {
  std::int64_t number = 0;  // from 1, in the order in which they count
  std::string name;         // "000001-models_dev.jsonl"
  std::string sha256;
  std::int64_t made_at_us = 0;
  std::string made_by;
  bool withdrawn = false;
};

constexpr std::size_t max_price_import_bytes = 64u << 20;  // a catalogue of all vendors is 5 MB

// Rises with each change.
Result<std::int64_t> prices_version(const Database& database);
// Errors: invalid_request for a text that is too long.
Result<PriceImport> add_price_import(Database& database, std::string_view label, std::string_view text,
                                     std::int64_t now_us);
// Those that count, oldest first.
Result<std::vector<catalog::ImportedFile>> read_price_imports(const Database& database);
// All, oldest first.
Result<std::vector<PriceImport>> list_price_imports(const Database& database);
// It counts no more, from now on; what was priced with it stays. Errors: not_found, and invalid_request for one that
// was withdrawn already.
Result<PriceImport> withdraw_price_import(Database& database, std::int64_t number, std::int64_t now_us);
// Takes in what a data directory has of before it shared its prices, each text once; returns how many came.
Result<std::size_t> adopt_price_files(Database& database, const std::string& directory, std::int64_t now_us);

}  // namespace sluice::store
