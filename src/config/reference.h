// What the settings' table says, for machines and for people. Both are made from the table that the reader uses, so
// they cannot say anything else than what is accepted.
#pragma once

#include <string>

namespace sluice::config {

// JSON Schema (draft 2020-12) of sluice.yaml: `sluice config schema`.
std::string json_schema();

// docs/reference/config.md.
std::string reference_page();

}  // namespace sluice::config
