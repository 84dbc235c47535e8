// What the command line says of models that their provider stops.
#pragma once

#include <chrono>
#include <string>

#include "config/snapshot.h"

namespace sluice::cli {

// Vendors announce it two to six months ahead; earlier than this nobody acts, later it is too late to test another one.
inline constexpr std::chrono::days soon{60};

// Whether its provider stops it within that time from `when` on; false when it has stopped it already.
bool retires_soon(const config::Candidate& candidate, catalog::Date when);

// "retires on 2026-12-11; its provider names gpt-5.6-sol as its successor", "retired on ...".
std::string retirement_text(const catalog::Retirement& retirement, catalog::Date when);

}  // namespace sluice::cli
