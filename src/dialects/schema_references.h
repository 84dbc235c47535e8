// JSON Schemas for APIs that take no references: what `$ref` points to is put in its place.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::dialects {

// The schema without `$ref` to its own parts. Errors: invalid_request for `field` when a part refers to itself, which
// cannot be written out, when a reference leads nowhere in it, when it would become larger than 1 MB or deeper than 256
// levels, when references lead through more than 64 parts, and when a part and what stands beside its reference ask for
// different things by one keyword.
Result<std::string> without_references(std::string_view schema, const std::string& field);

}  // namespace sluice::dialects
