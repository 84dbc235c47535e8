// The JSON Schema of a plan file, for editors: docs/reference/plan.schema.json.
#pragma once

#include <string>

namespace sluice::plan {

std::string plan_schema();

}  // namespace sluice::plan
