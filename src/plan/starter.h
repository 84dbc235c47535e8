// The plan that `sluice plan init` writes: one of everything, with the six questions it answers as comments.
#pragma once

#include <string_view>

namespace sluice::plan {

std::string_view starter_plan();

}  // namespace sluice::plan
