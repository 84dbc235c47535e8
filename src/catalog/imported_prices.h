// Price facts that were imported, as they are kept: one file for each import, one JSON object on each line, every value
// a text. A file is never changed; what a later one says of the same model counts from its own days on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/price_book.h"
#include "json/json.h"

namespace sluice::catalog {

// The price of a model ends without another one: its imported facts hold no longer from that day on.
struct PriceEnd {
  std::string key;  // price_key()
  SourceKind source_kind = SourceKind::community;
  Date on = {};
};

// What an import brings.
struct PriceImport {
  std::string source;       // "models.dev, file api.json"
  std::string recorded_at;  // YYYY-MM-DD
  PriceFacts prices;
  std::vector<PriceEnd> ends;
};

// What a price is for, apart from its days and its source: "openai/gpt-5.4", and with conditions
// "openai/gpt-5.4#flex", "deepseek/deepseek-chat#16:30-00:30", "bedrock/x#region=eu-west-1".
std::string price_key(const PriceFact& fact);

// USD as the files write it: per million for tokens.
std::string usd_text(Unit unit, std::int64_t pico);
// Members of an open object, name(unit): usd_text. Left out is what follows from the others: a unit that costs nothing,
// or as much as the one that it is a part of.
void write_rates(json::Writer& out, const Rates& rates);

std::string write_import(const PriceImport& import);
// `name`: of the file, for the error. Errors: invalid_request, with the line.
Result<PriceImport> read_import(std::string_view text, const std::string& name);

// One file's bytes, and what to call it.
struct ImportedFile {
  std::string name;
  std::string text;
};
// All of them, oldest first, as one. `known_on`: only what had been recorded by that day.
Result<PriceFacts> read_imports(const std::vector<ImportedFile>& files, std::optional<Date> known_on = std::nullopt);

}  // namespace sluice::catalog
