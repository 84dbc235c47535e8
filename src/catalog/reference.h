// The catalogue as pages for people, made of data/ so that they cannot say anything else: docs/reference/providers.md
// and docs/reference/models.md.
#pragma once

#include <string>
#include <string_view>

#include "catalog/catalog.h"

namespace sluice::catalog {

// The models that the catalogue must know wholly: what it is judged by. The page of models has a row for each.
inline constexpr std::string_view essential_models[] = {
    "gpt-5.4",         "claude-opus-4.7",   "gemini-3.1-pro", "muse-spark-1.1", "qwen3.6-35b-a3b", "llama-4-scout",
    "deepseek-v4-pro", "deepseek-v4-flash", "gemma-4-31b",    "mistral-large",  "mistral-medium",  "mistral-small"};

std::string providers_page(const Catalog& catalog);

// Prices as of `when`.
std::string models_page(const Catalog& catalog, Date when);

}  // namespace sluice::catalog
