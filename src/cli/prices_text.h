// What the verbs of `sluice prices` share: moments and files as they are named, and a price as it is shown.
#pragma once

#include <optional>
#include <string>

#include "catalog/imported_prices.h"
#include "cli/verb.h"
#include "json/json.h"

namespace sluice::cli {

// A moment as --at and its like take it; now when `text` is empty.
Result<catalog::Moment> moment_of(const std::string& text, const char* flag);
Result<std::optional<catalog::Date>> day_of(const std::string& text, const char* flag);
std::string moment_text(catalog::Moment at);

// A whole file, or standard input for "-"; at most 64 MiB.
Result<std::string> read_prices_file(const std::string& path);

// USD as prices are written: per million for tokens.
std::string per_unit(catalog::Unit unit, std::int64_t pico);
std::string tier_text(const catalog::Tier& tier);
std::string price_text(const catalog::PriceFact& fact);
void write_fact(json::Writer& out, const catalog::PriceFact& fact);

void add_prices_import(CLI::App& group, Invocation& invocation);
void add_prices_explain(CLI::App& group, Invocation& invocation);
void add_prices_store(CLI::App& group, Invocation& invocation);  // imports, withdraw
void add_prices_reprice(CLI::App& group, Invocation& invocation);

}  // namespace sluice::cli
